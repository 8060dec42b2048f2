import type { Actor } from '../access/actor.ts'
import { entitled, onlyOf } from '../access/entitle.ts'
import { apiError } from '../api-error.ts'
import type { Reader, Tx } from '../database/database.ts'
import type { ImagesTable, MembersTable } from '../database/tables.ts'
import type { Cause } from '../events/events.ts'
import { findImage, findImageForChange, type ImageAndMembership } from '../images/queries.ts'
import { type SharePair, withClearances } from '../keys/clearance.ts'
import type { Service } from '../service.ts'
import { isOver } from '../shares/plan.ts'
import { findMember, listMembers } from './queries.ts'
import { checkMemberStatus } from './rules.ts'
import { answerShare, beginShare, endShare, plainTerms } from './share.ts'

/** The members that the actor may read: all of them for owner and administrator, its own row for a member. */
export const readMembers = async ({ database, now }: Service, actor: Actor, image: string): Promise<MembersTable[]> => {
  const at = now()
  const found = await findImage(database.read, image, actor.projectId, at)
  const rows = await listMembers(database.read, image, onlyOf(actor, entitled(actor, 'member.list', { image }, found)))
  return rows.filter((row) => !isOver(row, at))
}

type RowAction = 'member.show' | 'member.update' | 'member.delete'

/** One member of an image, if the actor may do this to it. */
const entitledMember = async (
  db: Reader,
  actor: Actor,
  action: RowAction,
  names: { image: string; member: string },
  found: ImageAndMembership | undefined,
  at: number,
): Promise<MembersTable> => {
  const stored = found === undefined ? undefined : await findMember(db, names.image, names.member)
  // From its end on a share is none, whether or not it was cleared away.
  const row = stored === undefined || isOver(stored, at) ? undefined : stored
  const whose = row === undefined ? null : row.member_id === actor.projectId ? 'own' : 'other'
  entitled(actor, action, names, found, whose)
  if (row === undefined) throw apiError('member_not_found', names)
  return row
}

export const readMember = async (
  { database, now }: Service,
  actor: Actor,
  image: string,
  member: string,
): Promise<MembersTable> => {
  const at = now()
  const found = await findImage(database.read, image, actor.projectId, at)
  return entitledMember(database.read, actor, 'member.show', { image, member }, found, at)
}

/** Shares an image with a project. The quota is checked before the duplicate, both inside the transaction. */
export const addMember = (
  service: Service,
  actor: Actor,
  cause: Cause,
  imageId: string,
  memberId: string,
): Promise<MembersTable> => {
  const { database, limits } = service
  const shareable = (found: ImageAndMembership | undefined): ImagesTable =>
    entitled(actor, 'member.create', { image: imageId }, found).row
  const pairs = async (): Promise<SharePair[]> => {
    const image = shareable(await findImage(database.read, imageId, actor.projectId, cause.at))
    return [{ image, memberId, grant: 'check', authority: null }]
  }
  return withClearances(service, cause, pairs, (clearances) =>
    database.write(async (tx) => {
      const image = shareable(await findImageForChange(tx, imageId, actor.projectId, cause.at))
      const { begun } = await beginShare(tx, limits, cause, image, memberId, plainTerms(cause), clearances)
      return begun
    }),
  )
}

/** Runs a change of one membership that the actor is entitled to. */
const changeMember = (
  { database }: Service,
  actor: Actor,
  cause: Cause,
  action: RowAction,
  names: { image: string; member: string },
  change: (tx: Tx, row: MembersTable, image: ImagesTable) => Promise<MembersTable>,
): Promise<MembersTable> =>
  database.write(async (tx) => {
    const found = await findImageForChange(tx, names.image, actor.projectId, cause.at)
    const row = await entitledMember(tx, actor, action, names, found, cause.at)
    if (found === undefined) throw apiError('image_not_found', names)
    return change(tx, row, found.row)
  })

/** Sets the answer of a consumer. The same answer again changes nothing. */
export const updateMember = (
  service: Service,
  actor: Actor,
  cause: Cause,
  imageId: string,
  memberId: string,
  wanted: unknown,
): Promise<MembersTable> =>
  changeMember(service, actor, cause, 'member.update', { image: imageId, member: memberId }, (tx, row, image) =>
    answerShare(tx, cause, image, row, checkMemberStatus(wanted)),
  )

/** Ends a share; the consumer loses the image at once. */
export const removeMember = (
  service: Service,
  actor: Actor,
  cause: Cause,
  imageId: string,
  memberId: string,
): Promise<MembersTable> =>
  changeMember(service, actor, cause, 'member.delete', { image: imageId, member: memberId }, async (tx, row, image) => {
    await endShare(tx, cause, image, row, 'unshared')
    return row
  })
