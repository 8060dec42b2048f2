import type { MemberStatus } from '@vitrine/contract'
import type { Reader, Tx } from '../database/database.ts'
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

export const findMember = (db: Reader, imageId: string, memberId: string): Promise<MembersTable | undefined> =>
  db
    .selectFrom('members')
    .selectAll()
    .where('image_id', '=', imageId)
    .where('member_id', '=', memberId)
    .executeTakeFirst()

export const countMembers = async (db: Reader, imageId: string): Promise<number> => {
  const { count } = await db
    .selectFrom('members')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('image_id', '=', imageId)
    .executeTakeFirstOrThrow()
  return Number(count)
}

export const insertMember = async (tx: Tx, row: MembersTable): Promise<void> => {
  await tx.insertInto('members').values(row).execute()
}

export const setMemberStatus = async (tx: Tx, row: MembersTable, status: MemberStatus, now: number): Promise<void> => {
  await tx
    .updateTable('members')
    .set({ status, updated_at: now })
    .where('image_id', '=', row.image_id)
    .where('member_id', '=', row.member_id)
    .execute()
}

export const deleteMember = async (tx: Tx, row: MembersTable): Promise<void> => {
  await tx.deleteFrom('members').where('image_id', '=', row.image_id).where('member_id', '=', row.member_id).execute()
}
