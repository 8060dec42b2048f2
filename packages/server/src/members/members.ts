import type { Actor } from '../access/actor.ts'
import { entitled, onlyOf } from '../access/entitle.ts'
import { apiError } from '../api-error.ts'
import type { Reader, Tx } from '../database/database.ts'
import type { MembersTable } from '../database/tables.ts'
import { type Cause, recordEvent } from '../events/events.ts'
import { fromRow } from '../images/image.ts'
import { findImage, findImageForChange, type ImageAndMembership, memberCopies } from '../images/queries.ts'
import type { Service } from '../service.ts'
import { countMembers, deleteMember, findMember, insertMember, listMembers, setMemberStatus } from './queries.ts'
import { checkMemberQuota, checkMemberStatus } from './rules.ts'

/** The members that the actor may read: all of them for owner and administrator, its own row for a member. */
export const readMembers = async ({ database }: Service, actor: Actor, image: string): Promise<MembersTable[]> => {
  const found = await findImage(database.read, image, actor.projectId)
  return listMembers(database.read, image, onlyOf(actor, entitled(actor, 'member.list', { image }, found)))
}

type RowAction = 'member.show' | 'member.update' | 'member.delete'

/** One member of an image, if the actor may do this to it. */
const entitledMember = async (
  db: Reader,
  actor: Actor,
  action: RowAction,
  names: { image: string; member: string },
  found: ImageAndMembership | undefined,
): Promise<MembersTable> => {
  const row = found === undefined ? undefined : await findMember(db, names.image, names.member)
  const whose = row === undefined ? null : row.member_id === actor.projectId ? 'own' : 'other'
  entitled(actor, action, names, found, whose)
  if (row === undefined) throw apiError('member_not_found', names)
  return row
}

export const readMember = async (
  { database }: Service,
  actor: Actor,
  image: string,
  member: string,
): Promise<MembersTable> => {
  const found = await findImage(database.read, image, actor.projectId)
  return entitledMember(database.read, actor, 'member.show', { image, member }, found)
}

/** Shares an image with a project. The quota is checked before the duplicate, both inside the transaction. */
export const addMember = (
  { database, limits }: Service,
  actor: Actor,
  cause: Cause,
  imageId: string,
  memberId: string,
): Promise<MembersTable> =>
  database.write(async (tx) => {
    const found = await findImageForChange(tx, imageId, actor.projectId)
    const image = fromRow(entitled(actor, 'member.create', { image: imageId }, found).row)
    checkMemberQuota(await countMembers(tx, imageId), limits)
    if ((await findMember(tx, imageId, memberId)) !== undefined) throw apiError('member_exists', { member: memberId })

    const row: MembersTable = {
      image_id: imageId,
      member_id: memberId,
      status: 'pending',
      created_at: cause.at,
      updated_at: cause.at,
      ...memberCopies(image, memberId),
    }
    await insertMember(tx, row)
    await recordEvent(tx, cause, { type: 'member.create', imageId, memberId, detail: { status: row.status } })
    return row
  })

/** Runs a change of one membership that the actor is entitled to. */
const changeMember = (
  { database }: Service,
  actor: Actor,
  action: RowAction,
  image: string,
  member: string,
  change: (tx: Tx, row: MembersTable) => Promise<MembersTable>,
): Promise<MembersTable> =>
  database.write(async (tx) => {
    const found = await findImageForChange(tx, image, actor.projectId)
    return change(tx, await entitledMember(tx, actor, action, { image, member }, found))
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
  changeMember(service, actor, 'member.update', imageId, memberId, async (tx, row) => {
    const status = checkMemberStatus(wanted)
    if (status === row.status) return row
    await setMemberStatus(tx, row, status, cause.at)
    const detail = { from: row.status, to: status }
    await recordEvent(tx, cause, { type: 'member.update', imageId, memberId, detail })
    return { ...row, status, updated_at: cause.at }
  })

/** Ends a share; the consumer loses the image at once. */
export const removeMember = (
  service: Service,
  actor: Actor,
  cause: Cause,
  imageId: string,
  memberId: string,
): Promise<MembersTable> =>
  changeMember(service, actor, 'member.delete', imageId, memberId, async (tx, row) => {
    await deleteMember(tx, row)
    await recordEvent(tx, cause, { type: 'member.delete', imageId, memberId, detail: { status: row.status } })
    return row
  })
