import type { EndReason, MemberStatus } from '@vitrine/contract'
import { apiError } from '../api-error.ts'
import type { Limits } from '../config.ts'
import type { Tx } from '../database/database.ts'
import type { ImagesTable, MembersTable } from '../database/tables.ts'
import { type Cause, recordEvent } from '../events/events.ts'
import { wireDate } from '../http/json.ts'
import { fromRow } from '../images/image.ts'
import { memberCopies } from '../images/queries.ts'
import { type Clearances, checkCleared } from '../keys/clearance.ts'
import { lockGrants, markGrantsDue } from '../keys/queries.ts'
import { countRule, ruleEffect } from '../rules/matching.ts'
import { endUnder, findPlan, isOver } from '../shares/plan.ts'
import { countMembers, deleteMember, findMember, insertMember, listMembers, setMemberStatus } from './queries.ts'
import { checkMemberQuota, reminderBefore } from './rules.ts'

/**
 * The only ways by which a share begins, is answered and ends, each within the transaction of whoever causes it: the calls
 * on members, an approved request, a claimed invitation, a batch, a date. Who may do it has been decided before.
 */

/** What a share carries beyond the membership. */
export interface ShareTerms {
  /** Plain text of the producer for the consumer. */
  readonly message: string | null
  /** When the share ends by itself (milliseconds since 1970). */
  readonly endsAt: number | null
  /** The listing through which it was asked for. */
  readonly listingId: string | null
  /** User of the producer who shares. */
  readonly sharedByUser: string | null
}

export const plainTerms = (cause: Cause): ShareTerms => ({
  message: null,
  endsAt: null,
  listingId: null,
  sharedByUser: cause.userId,
})

/** What an event tells of the terms of a share. */
const termsDetail = ({ message, endsAt, listingId }: ShareTerms) => ({
  ...(message === null ? {} : { message }),
  ...(endsAt === null ? {} : { ends_at: wireDate(endsAt) }),
  ...(listingId === null ? {} : { listing_id: listingId }),
})

/** Who may read of a share: its consumer not, if it blocks the producer. Its activity, feed and stream stay silent. */
export const shareAudience = ({ blocked }: Pick<MembersTable, 'blocked'>): 'owner' | 'members' =>
  blocked === 1 ? 'owner' : 'members'

/** Whether a share that is not accepted is kept out of sight from now on. */
const isBlocked = async (tx: Tx, image: ImagesTable, row: MembersTable): Promise<boolean> =>
  (await ruleEffect(tx, row.member_id, image.owner, row.listing_id)).enforced?.kind === 'block'

/**
 * Sets the consumer's answer; the same again changes nothing. An accepted share is shown, whatever the consumer blocks; one
 * that it accepts no longer is not.
 */
export const answerShare = async (
  tx: Tx,
  cause: Cause,
  image: ImagesTable,
  row: MembersTable,
  status: MemberStatus,
): Promise<MembersTable> => {
  if (status === row.status && !(status === 'accepted' && row.blocked === 1)) return row
  const blocks = row.status === 'accepted' && (await isBlocked(tx, image, row))
  const stored = await setMemberStatus(tx, row, status, cause.at)
  const unblocks = status === 'accepted' && stored.blocked === 1
  const blocked: 0 | 1 = blocks ? 1 : 0
  const copies = blocks || unblocks ? { ...memberCopies(fromRow(image), row.member_id, blocks), blocked } : stored
  if (blocks || unblocks) {
    await tx
      .updateTable('members')
      .set(copies)
      .where('image_id', '=', row.image_id)
      .where('member_id', '=', row.member_id)
      .execute()
  }
  await recordEvent(tx, cause, {
    type: 'member.update',
    imageId: row.image_id,
    ownerId: image.owner,
    memberId: row.member_id,
    detail: { from: row.status, to: status },
  })
  return { ...row, ...copies, status, updated_at: cause.at }
}

/**
 * Ends one share.
 * @param message what the producer says about it
 */
export const endShare = async (
  tx: Tx,
  cause: Cause,
  image: Pick<ImagesTable, 'id' | 'name' | 'owner' | 'key_id'>,
  row: MembersTable,
  reason: EndReason,
  message: string | null = null,
): Promise<void> => {
  await markGrantsDue(tx, image.key_id, row.member_id)
  await deleteMember(tx, row)
  await recordEvent(tx, cause, {
    type: 'member.delete',
    imageId: image.id,
    ownerId: image.owner,
    memberId: row.member_id,
    audience: shareAudience(row),
    detail: { status: row.status, reason, name: image.name, ...(message === null ? {} : { message }) },
  })
}

/** Locks what ending these shares of an image needs, so that no two who end many wait for each other. */
export const lockToEnd = (
  tx: Tx,
  image: Pick<ImagesTable, 'key_id'>,
  rows: readonly Pick<MembersTable, 'member_id'>[],
): Promise<void> =>
  lockGrants(
    tx,
    [image.key_id],
    rows.map(({ member_id }) => member_id),
  )

/** Ends every share of an image. */
export const endAllShares = async (
  tx: Tx,
  cause: Cause,
  image: Pick<ImagesTable, 'id' | 'name' | 'owner' | 'key_id'>,
  reason: EndReason,
  message: string | null = null,
): Promise<void> => {
  const rows = await listMembers(tx, image.id)
  await lockToEnd(tx, image, rows)
  for (const row of rows) await endShare(tx, cause, image, row, reason, message)
}

/** What the rules of the consumer do to a share that was just made. */
const applyRules = async (
  tx: Tx,
  cause: Cause,
  image: ImagesTable,
  row: MembersTable,
  { enforced, audited }: Awaited<ReturnType<typeof ruleEffect>>,
): Promise<MembersTable> => {
  // The producer sees an answer, and not that a rule gave it.
  const byRule: Cause = { projectId: row.member_id, userId: null, requestId: null, at: cause.at }
  for (const rule of audited) {
    await countRule(tx, rule.id)
    await recordEvent(tx, byRule, {
      type: 'rule.report',
      imageId: image.id,
      ownerId: image.owner,
      memberId: row.member_id,
      audience: 'consumer',
      detail: { rule_id: rule.id, kind: rule.kind },
    })
  }
  if (enforced === undefined) return row
  await countRule(tx, enforced.id)
  return enforced.kind === 'accept' ? answerShare(tx, byRule, image, row, 'accepted') : row
}

/**
 * Shares an image with a project. The quota is checked before the duplicate, as Glance does. A share that has ended and
 * was not cleared away yet makes room. While a withdrawal is announced, the share ends with it at the latest.
 * @param clearances what the key manager says of it, if the image is encrypted (`keys/clearance.ts`)
 * @returns the share as it began, which is always pending; a rule of the consumer may have answered it since (`now`)
 * @throws ApiError `key_not_granted` and the others of `checkCleared`, `member_quota`, `member_exists`, `conflict`
 */
export const beginShare = async (
  tx: Tx,
  limits: Limits,
  cause: Cause,
  image: ImagesTable,
  memberId: string,
  terms: ShareTerms,
  clearances: Clearances,
): Promise<{ begun: MembersTable; now: MembersTable; eventId: string }> => {
  await checkCleared(tx, clearances, image, memberId)
  // Before any row of a member is touched: whoever changes these rules may wait for it.
  const effect = await ruleEffect(tx, memberId, image.owner, terms.listingId)
  const present = await findMember(tx, image.id, memberId)
  const isGone = present !== undefined && isOver(present, cause.at)
  if (isGone) await endShare(tx, cause, image, present, present.withdrawn === 1 ? 'withdrawn' : 'expired')
  checkMemberQuota(await countMembers(tx, image.id), limits)
  if (present !== undefined && !isGone) throw apiError('member_exists', { member: memberId })

  const end = endUnder(await findPlan(tx, image.id), memberId, terms.endsAt)
  if (isOver(end, cause.at)) {
    throw apiError('conflict', { why: 'The share would end at once: its end, or a withdrawal of the image, is due' })
  }
  const blocked = effect.enforced?.kind === 'block'
  const begun: MembersTable = {
    image_id: image.id,
    member_id: memberId,
    status: 'pending',
    created_at: cause.at,
    updated_at: cause.at,
    ...memberCopies(fromRow(image), memberId, blocked),
    message: terms.message,
    shared_by_user: terms.sharedByUser,
    listing_id: terms.listingId,
    ...end,
    remind_at: end.ends_at === null ? null : reminderBefore(end.ends_at, cause.at),
    blocked: blocked ? 1 : 0,
  }
  await insertMember(tx, begun)
  const eventId = await recordEvent(tx, cause, {
    type: 'member.create',
    imageId: image.id,
    ownerId: image.owner,
    memberId,
    audience: shareAudience(begun),
    detail: { status: begun.status, ...termsDetail({ ...terms, endsAt: end.ends_at }) },
  })
  return { begun, now: await applyRules(tx, cause, image, begun, effect), eventId }
}
