import type { MemberStatus } from '@vitrine/contract'
import type { Reader } from '../database/database.ts'
import { type Fragment, fragment, joined, parameters, runFragment } from '../database/fragment.ts'
import type { ImagesTable } from '../database/tables.ts'
import { type MembershipColumns, membershipColumns, membershipJoins } from '../images/membership.ts'

/** What the inbox of a project is asked for. */
export interface InboxView {
  readonly projectId: string
  /** What people call the project. */
  readonly projectNames: readonly string[]
  /** Milliseconds since 1970. */
  readonly now: number
}

/** Where a page goes on: after what is this old and has this id. */
export interface Position {
  readonly createdAt: number
  readonly id: string
}

export type WaitingShare = Pick<
  ImagesTable,
  | 'id'
  | 'document'
  | 'status'
  | 'stores'
  | 'disk_format'
  | 'container_format'
  | 'min_disk'
  | 'min_ram'
  | 'size_bytes'
  | 'virtual_size_bytes'
  | 'encrypted_content'
> &
  MembershipColumns

/** A page of the shares of one status, newest first: one walk along the index of inboxes. */
const ofStatus = (
  { projectId, now }: InboxView,
  status: MemberStatus,
  after: Position | undefined,
  limit: number,
): Fragment => {
  const past =
    after === undefined ? fragment`` : fragment` and (m.created_at, m.image_id) < (${after.createdAt}, ${after.id})`
  return fragment`select * from (select m.created_at, m.image_id from members m where m.member_id = ${projectId} and m.live = 1 and m.status = ${status} and (m.ends_at is null or m.ends_at > ${now})${past} order by m.created_at desc, m.image_id desc limit ${limit}) a`
}

/**
 * A page of the shares of a project, newest first, as one query that reads about a page for each status. Shares that have
 * ended, that do not count or that a rule blocks are not among them.
 */
export const listShares = (
  db: Reader,
  view: InboxView,
  statuses: readonly MemberStatus[],
  after: Position | undefined,
  limit: number,
): Promise<WaitingShare[]> => {
  const arms = joined(
    statuses.map((status) => ofStatus(view, status, after, limit)),
    ' union all ',
  )
  return runFragment(
    db,
    fragment`select d.id, d.document, d.status, d.stores, d.disk_format, d.container_format, d.min_disk, d.min_ram, d.size_bytes, d.virtual_size_bytes, d.encrypted_content, ${membershipColumns} from (select * from (${arms}) u order by u.created_at desc, u.image_id desc limit ${limit}) p cross join images d ${membershipJoins(view.projectId, view.now)} where d.id = p.image_id order by p.created_at desc, p.image_id desc`,
  )
}

/** The ids of shares of a project that wait for an answer, oldest first. */
export const listPendingIds = async (db: Reader, { projectId, now }: InboxView, limit: number): Promise<string[]> => {
  const rows = await runFragment<{ image_id: string }>(
    db,
    fragment`select m.image_id from members m where m.member_id = ${projectId} and m.live = 1 and m.status = 'pending' and (m.ends_at is null or m.ends_at > ${now}) order by m.created_at, m.image_id limit ${limit}`,
  )
  return rows.map(({ image_id }) => image_id)
}

/** Where a share of the project stands in its inbox, whatever its status. */
export const positionOfShare = async (
  db: Reader,
  projectId: string,
  imageId: string,
): Promise<Position | undefined> => {
  const row = await db
    .selectFrom('members')
    .select(['created_at', 'image_id'])
    .where('image_id', '=', imageId)
    .where('member_id', '=', projectId)
    .executeTakeFirst()
  return row === undefined ? undefined : { createdAt: row.created_at, id: row.image_id }
}

/** An open invitation, with what may be told of its image before it is claimed. */
export type WaitingInvitation = Pick<ImagesTable, 'name' | 'disk_format' | 'os_hash_algo' | 'os_hash_value'> & {
  readonly id: string
  readonly created_at: number
  readonly owner_id: string
  readonly handle: string | null
  readonly message: string | null
  readonly ends_at: number | null
  readonly expires_at: number
  readonly size_bytes: number | null
}

/**
 * A page of the open invitations to a project by its name, newest first; not those of producers that it blocks, nor to
 * images that it is a member of. The cross join keeps SQLite from beginning with the images.
 */
export const listAddressed = async (
  db: Reader,
  { projectId, projectNames, now }: InboxView,
  after: Position | undefined,
  limit: number,
): Promise<WaitingInvitation[]> => {
  if (projectNames.length === 0) return []
  const past =
    after === undefined ? fragment`` : fragment` and (v.created_at, v.id) < (${after.createdAt}, ${after.id})`
  return runFragment(
    db,
    fragment`select v.id, v.created_at, v.owner_id, v.message, v.ends_at, v.expires_at, d.name, d.size_bytes, d.disk_format, d.os_hash_algo, d.os_hash_value, o.handle from invitations v cross join images d left join producers o on o.project_id = v.owner_id where v.addressee in (${parameters(projectNames)}) and d.id = v.image_id and d.owner = v.owner_id and d.visibility = 'shared' and v.owner_id <> ${projectId} and v.revoked_at is null and v.expires_at > ${now} and v.used < v.uses and (v.ends_at is null or v.ends_at > ${now}) and not exists (select 1 from rules r where r.project_id = ${projectId} and r.producer_id = v.owner_id and r.kind = 'block' and r.mode = 'enforce') and not exists (select 1 from members m where m.image_id = v.image_id and m.member_id = ${projectId})${past} order by v.created_at desc, v.id desc limit ${limit}`,
  )
}

/** Where an invitation to one of these names stands in an inbox, open or not. */
export const positionOfInvitation = async (
  db: Reader,
  projectNames: readonly string[],
  id: string,
): Promise<Position | undefined> => {
  if (projectNames.length === 0) return undefined
  const row = await db
    .selectFrom('invitations')
    .select(['created_at', 'id'])
    .where('id', '=', id)
    .where('addressee', 'in', projectNames)
    .executeTakeFirst()
  return row === undefined ? undefined : { createdAt: row.created_at, id: row.id }
}
