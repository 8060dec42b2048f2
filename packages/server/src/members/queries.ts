import type { MemberStatus } from '@vitrine/contract'
import type { Reader, Tx } from '../database/database.ts'
import { prepared } from '../database/prepared.ts'
import type { ShareColumns } from '../database/sharing-tables.ts'
import type { MembersTable } from '../database/tables.ts'

/** The members of an image, oldest first; only one project's own row if `only` is given. */
export const listMembers = (db: Reader, imageId: string, only?: string): Promise<MembersTable[]> => {
  const members = db
    .selectFrom('members')
    .selectAll()
    .where('image_id', '=', imageId)
    .orderBy('created_at')
    .orderBy('member_id')
  return (only === undefined ? members : members.where('member_id', '=', only)).execute()
}

const byKey = prepared<{ image: string; member: string }, MembersTable>((db, value) =>
  db.selectFrom('members').selectAll().where('image_id', '=', value('image')).where('member_id', '=', value('member')),
)

export const findMember = async (db: Reader, image: string, member: string): Promise<MembersTable | undefined> => {
  const [row] = await byKey(db, { image, member })
  return row
}

const count = prepared<{ image: string }, { count: number }>((db, value) =>
  db
    .selectFrom('members')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('image_id', '=', value('image')),
)

export const countMembers = async (db: Reader, image: string): Promise<number> => {
  const [row] = await count(db, { image })
  return Number(row?.count ?? 0)
}

/** What a share carries that is shared without more. */
export const plainShare = {
  message: null,
  shared_by_user: null,
  listing_id: null,
  ends_at: null,
  own_ends_at: null,
  withdrawn: 0,
  remind_at: null,
  blocked: 0,
} as const satisfies ShareColumns

const insert = prepared<{ [Column in keyof MembersTable]: MembersTable[Column] }, never>((db, value) =>
  db.insertInto('members').values({
    image_id: value('image_id'),
    member_id: value('member_id'),
    status: value('status'),
    created_at: value('created_at'),
    updated_at: value('updated_at'),
    image_created_at: value('image_created_at'),
    image_hidden: value('image_hidden'),
    key_id: value('key_id'),
    live: value('live'),
    message: value('message'),
    shared_by_user: value('shared_by_user'),
    listing_id: value('listing_id'),
    ends_at: value('ends_at'),
    own_ends_at: value('own_ends_at'),
    withdrawn: value('withdrawn'),
    remind_at: value('remind_at'),
    blocked: value('blocked'),
  }),
)

export const insertMember = async (tx: Tx, row: MembersTable): Promise<void> => {
  await insert(tx, { ...row })
}

const update = prepared<
  { image: string; member: string; status: MemberStatus; now: number },
  Pick<MembersTable, 'blocked' | 'live'>
>((db, value) =>
  db
    .updateTable('members')
    .set({ status: value('status'), updated_at: value('now') })
    .where('image_id', '=', value('image'))
    .where('member_id', '=', value('member'))
    .returning(['blocked', 'live']),
)

/** @returns what a rule of the consumer may have changed since the row was read, under the lock of the image alone */
export const setMemberStatus = async (
  tx: Tx,
  row: MembersTable,
  status: MemberStatus,
  now: number,
): Promise<Pick<MembersTable, 'blocked' | 'live'>> => {
  const [stored] = await update(tx, { image: row.image_id, member: row.member_id, status, now })
  return stored ?? row
}

const remove = prepared<{ image: string; member: string }, never>((db, value) =>
  db.deleteFrom('members').where('image_id', '=', value('image')).where('member_id', '=', value('member')),
)

export const deleteMember = async (tx: Tx, row: MembersTable): Promise<void> => {
  await remove(tx, { image: row.image_id, member: row.member_id })
}
