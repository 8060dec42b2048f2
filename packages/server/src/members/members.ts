import type { Actor } from '../access/actor.ts'
import { relationOf } from '../access/decide.ts'
import { entitle } from '../access/entitle.ts'
import { apiError } from '../api-error.ts'
import type { Tx } from '../database/database.ts'
import type { MembersTable } from '../database/tables.ts'
import { type Cause, recordEvent } from '../events/events.ts'
import { changeImage, findImage, memberCopies } from '../images/queries.ts'
import type { Service } from '../service.ts'
import { countMembers, deleteMember, findMember, insertMember, listMembers, setMemberStatus } from './queries.ts'
import { checkMemberQuota, checkMemberStatus } from './rules.ts'

/** The members that the actor may read: all of them for owner and administrator, its own row for a member. */
export const readMembers = async ({ database }: Service, actor: Actor, imageId: string): Promise<MembersTable[]> => {
  const found = await findImage(database.read, imageId, actor.projectId)
  if (found === undefined) throw apiError('image_not_found', { image: imageId })
  const membership = { actorIsMember: found.isMember }
  entitle(actor, 'member.list', found.row, membership, { image: imageId })
  const own = relationOf(actor, found.row, membership) === 'member'
  return listMembers(database.read, imageId, own && actor.projectId !== null ? actor.projectId : undefined)
}

const rowFacts = (actor: Actor, isMember: boolean, row: MembersTable | undefined) => ({
  actorIsMember: isMember,
  row: row === undefined ? null : row.member_id === actor.projectId ? ('own' as const) : ('other' as const),
})

export const readMember = async (
  { database }: Service,
  actor: Actor,
  imageId: string,
  memberId: string,
): Promise<MembersTable> => {
  const names = { image: imageId, member: memberId }
  const found = await findImage(database.read, imageId, actor.projectId)
  if (found === undefined) throw apiError('image_not_found', names)
  const row = await findMember(database.read, imageId, memberId)
  entitle(actor, 'member.show', found.row, rowFacts(actor, found.isMember, row), names)
  if (row === undefined) throw apiError('member_not_found', names)
  return row
}

/** Shares an image with a project. The quota is checked before the duplicate, both inside the transaction. */
export const addMember = (
  { database, limits }: Service,
  actor: Actor,
  cause: Cause,
  imageId: string,
  memberId: string,
): Promise<MembersTable> =>
  changeImage(database, imageId, actor.projectId, async (tx, found) => {
    if (found === undefined) throw apiError('image_not_found', { image: imageId })
    entitle(actor, 'member.create', found.row, { actorIsMember: found.isMember }, { image: imageId })
    checkMemberQuota(await countMembers(tx, imageId), limits)
    if ((await findMember(tx, imageId, memberId)) !== undefined) throw apiError('member_exists', { member: memberId })

    const row: MembersTable = {
      image_id: imageId,
      member_id: memberId,
      status: 'pending',
      created_at: cause.at,
      updated_at: cause.at,
      ...memberCopies(found.image, memberId),
    }
    await insertMember(tx, row)
    await recordEvent(tx, cause, { type: 'member.create', imageId, memberId, detail: { status: row.status } })
    return row
  })

/** Runs a change of one membership that the actor is entitled to. */
const changeMember = (
  { database }: Service,
  actor: Actor,
  action: 'member.update' | 'member.delete',
  imageId: string,
  memberId: string,
  change: (tx: Tx, row: MembersTable) => Promise<MembersTable>,
): Promise<MembersTable> =>
  changeImage(database, imageId, actor.projectId, async (tx, found) => {
    const names = { image: imageId, member: memberId }
    if (found === undefined) throw apiError('image_not_found', names)
    const row = await findMember(tx, imageId, memberId)
    entitle(actor, action, found.row, rowFacts(actor, found.isMember, row), names)
    if (row === undefined) throw apiError('member_not_found', names)
    return change(tx, row)
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
