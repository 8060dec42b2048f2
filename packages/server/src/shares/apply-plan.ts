import type { Tx } from '../database/database.ts'
import type { ImagesTable, MembersTable } from '../database/tables.ts'
import { type Cause, recordEvent } from '../events/events.ts'
import { wireDate } from '../http/json.ts'
import { listMembers } from '../members/queries.ts'
import { reminderBefore } from '../members/rules.ts'
import { shareAudience } from '../members/share.ts'
import { dropPlan, endUnder, findPlan, isOver, ownEnd, type Plan } from './plan.ts'
import { updateTerms } from './queries.ts'

/**
 * Gives the shares of an image the ends that they have under a plan, or without any, and tells of every change.
 * @param said whether the producer says something that the consumers have not been told yet
 */
export const applyPlan = async (
  tx: Tx,
  cause: Cause,
  image: Pick<ImagesTable, 'id' | 'owner'>,
  shares: readonly MembersTable[],
  plan: Plan | undefined,
  said: boolean,
): Promise<void> => {
  for (const row of shares) {
    const end = endUnder(plan, row.member_id, ownEnd(row))
    const { ends_at, withdrawn } = end
    const moved = ends_at !== row.ends_at
    if (!moved && withdrawn === row.withdrawn && !(withdrawn === 1 && said)) continue
    const remind_at = moved ? (ends_at === null ? null : reminderBefore(ends_at, cause.at)) : row.remind_at
    await updateTerms(tx, row, { message: row.message, ...end, remind_at })
    const { message = null, deleteImage = false } = withdrawn === 1 && plan !== undefined ? plan : {}
    await recordEvent(tx, cause, {
      type: withdrawn === 1 ? 'member.withdraw' : 'member.keep',
      imageId: image.id,
      ownerId: image.owner,
      memberId: row.member_id,
      audience: shareAudience(row),
      detail: {
        status: row.status,
        ends_at: ends_at === null ? null : wireDate(ends_at),
        ...(withdrawn === 1 ? { delete_image: deleteImage } : {}),
        ...(message === null ? {} : { message }),
      },
    })
  }
}

/** Takes an announced withdrawal back, if there is one: every share has its own end again. */
export const takeBackPlan = async (tx: Tx, cause: Cause, image: Pick<ImagesTable, 'id' | 'owner'>): Promise<void> => {
  if ((await findPlan(tx, image.id)) === undefined) return
  await dropPlan(tx, image.id)
  const shares = (await listMembers(tx, image.id)).filter((row) => !isOver(row, cause.at))
  await applyPlan(tx, cause, image, shares, undefined, false)
}
