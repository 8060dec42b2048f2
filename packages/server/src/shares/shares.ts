import type { KeyState, ShareDocument } from '@vitrine/contract'
import type { Actor } from '../access/actor.ts'
import { entitled } from '../access/entitle.ts'
import { apiError } from '../api-error.ts'
import { type Cause, recordEvent } from '../events/events.ts'
import { wireDate } from '../http/json.ts'
import { findImage, findImageForChange } from '../images/queries.ts'
import { type KeyedImage, keyStatesOf } from '../keys/states.ts'
import { findMember } from '../members/queries.ts'
import { parseEndsAt, reminderBefore } from '../members/rules.ts'
import { shareAudience } from '../members/share.ts'
import type { Service } from '../service.ts'
import { wireWeek } from './dates.ts'
import { concerns, endUnder, findPlan, isOver, ownEnd } from './plan.ts'
import { listShares, type ShareWithUsage, updateTerms } from './queries.ts'

/** One share as its producer sees it. The answer of a consumer is known by its date: nothing else moves it. */
const shareDocument = ({ row, usage }: ShareWithUsage, keyState: KeyState): ShareDocument => ({
  image_id: row.image_id,
  project_id: row.member_id,
  status: row.status,
  shared_at: wireDate(row.created_at),
  answered_at: row.status === 'pending' && row.updated_at === row.created_at ? null : wireDate(row.updated_at),
  shared_by_user: row.shared_by_user,
  message: row.message,
  ends_at: row.ends_at === null ? null : wireDate(row.ends_at),
  withdrawn: row.withdrawn === 1,
  key_state: keyState,
  usage: usage === null ? null : { downloads: usage.downloads, last_used_week: wireWeek(usage.lastUsedWeek) },
})

/** With the states of the keys that the consumers need. */
const shareDocuments = async (
  service: Service,
  image: KeyedImage,
  shares: readonly ShareWithUsage[],
): Promise<ShareDocument[]> => {
  const questions = shares.map(({ row }) => ({ image, projectId: row.member_id }))
  const states = await keyStatesOf(service, questions)
  return shares.map((share, index) => shareDocument(share, states[index] ?? 'unknown'))
}

/** All shares of an image, for its owner. */
export const readShares = async (service: Service, actor: Actor, image: string): Promise<ShareDocument[]> => {
  const { database, now } = service
  const at = now()
  const found = await findImage(database.read, image, actor.projectId, at)
  const { row } = entitled(actor, 'share.list', { image }, found)
  return shareDocuments(service, row, await listShares(database.read, image, at))
}

/** What a producer changes of a share; what is left out stays, null takes it away. */
export interface TermsChange {
  readonly message?: string | null
  readonly ends_at?: string | null
}

/**
 * Changes message and end of a share.
 * @throws ApiError `conflict` for an end after the date of an announced withdrawal
 */
export const changeShare = async (
  service: Service,
  actor: Actor,
  cause: Cause,
  names: { readonly image: string; readonly member: string },
  change: TermsChange,
): Promise<ShareDocument> => {
  const wantedEnd = change.ends_at === undefined ? undefined : parseEndsAt(change.ends_at, cause.at)
  const changed = await service.database.write(async (tx) => {
    const found = await findImageForChange(tx, names.image, actor.projectId, cause.at)
    const stored = found === undefined ? undefined : await findMember(tx, names.image, names.member)
    const row = stored === undefined || isOver(stored, cause.at) ? undefined : stored
    const whose = row === undefined ? null : row.member_id === actor.projectId ? 'own' : 'other'
    const { row: image } = entitled(actor, 'member.delete', names, found, whose)
    if (row === undefined) throw apiError('member_not_found', names)

    const plan = await findPlan(tx, image.id)
    if (wantedEnd !== undefined && plan !== undefined && concerns(plan, row.member_id)) {
      if (wantedEnd === null || wantedEnd > plan.at) {
        const why = `The image is withdrawn on ${wireDate(plan.at)}; cancel the withdrawal to let the share last longer`
        throw apiError('conflict', { why })
      }
    }
    const message = change.message === undefined ? row.message : change.message
    const end = wantedEnd === undefined ? row : endUnder(plan, row.member_id, wantedEnd)
    const { ends_at, own_ends_at, withdrawn } = end
    const endMoved = ends_at !== row.ends_at
    const remind_at = endMoved ? (ends_at === null ? null : reminderBefore(ends_at, cause.at)) : row.remind_at
    const next = { ...row, message, ends_at, own_ends_at, withdrawn, remind_at }
    const changes = [
      ...(message === row.message ? [] : ['message']),
      ...(endMoved || ownEnd(next) !== ownEnd(row) ? ['ends_at'] : []),
    ]
    if (changes.length > 0) {
      await updateTerms(tx, row, next)
      await recordEvent(tx, cause, {
        type: 'member.change',
        imageId: image.id,
        ownerId: image.owner,
        memberId: row.member_id,
        audience: shareAudience(row),
        detail: {
          changed: changes,
          status: row.status,
          ...(message === row.message ? {} : { message }),
          ...(endMoved ? { ends_at: ends_at === null ? null : wireDate(ends_at) } : {}),
        },
      })
    }
    const [share] = (await listShares(tx, image.id, cause.at)).filter((one) => one.row.member_id === row.member_id)
    return { image, share: share ?? { row: next, usage: null } }
  })
  const [state = 'unknown'] = await keyStatesOf(service, [{ image: changed.image, projectId: names.member }])
  return shareDocument(changed.share, state)
}
