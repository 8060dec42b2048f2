import { moveBlobs } from '../data/blobs.ts'
import type { Reader, Tx } from '../database/database.ts'
import { locked } from '../database/dialect.ts'
import { prepared } from '../database/prepared.ts'
import type { ImagesTable } from '../database/tables.ts'
import { type Image, toRow } from './image.ts'
import { termsOf } from './terms.ts'

/** An image together with whether a project is a member of it. */
export interface ImageAndMembership {
  readonly row: ImagesTable
  readonly isMember: boolean
}

const byId = prepared<{ id: string; project: string | null }, ImagesTable & { membership: string | null }>(
  (db, value) =>
    db
      .selectFrom('images')
      .leftJoin('members', (join) =>
        join.onRef('members.image_id', '=', 'images.id').on('members.member_id', '=', value('project')),
      )
      .selectAll('images')
      .select('members.member_id as membership')
      .where('images.id', '=', value('id')),
)

/** The image of this id, whoever may see it: callers decide with `access/`. */
export const findImage = async (
  db: Reader,
  id: string,
  project: string | null,
): Promise<ImageAndMembership | undefined> => {
  const [row] = await byId(db, { id, project })
  return row === undefined ? undefined : { row, isMember: row.membership !== null }
}

/** What an image is shown from: the stored document and what decides who may see it. */
export type ShownImage = Pick<ImagesTable, 'owner' | 'visibility' | 'status' | 'store' | 'document'>

const shownById = prepared<{ id: string; project: string | null }, ShownImage & { membership: string | null }>(
  (db, value) =>
    db
      .selectFrom('images')
      .leftJoin('members', (join) =>
        join.onRef('members.image_id', '=', 'images.id').on('members.member_id', '=', value('project')),
      )
      .select([
        'images.owner',
        'images.visibility',
        'images.status',
        'images.store',
        'images.document',
        'members.member_id as membership',
      ])
      .where('images.id', '=', value('id')),
)

/** Like `findImage`, with as little as an answer needs: showing an image is the call that a cloud makes most. */
export const findShownImage = async (
  db: Reader,
  id: string,
  project: string | null,
): Promise<{ row: ShownImage; isMember: boolean } | undefined> => {
  const [row] = await shownById(db, { id, project })
  return row === undefined ? undefined : { row, isMember: row.membership !== null }
}

const forChange = prepared<{ id: string }, ImagesTable>((db, value) =>
  locked(db, db.selectFrom('images').selectAll().where('id', '=', value('id'))),
)

const isMemberOf = prepared<{ id: string; project: string }, { member_id: string }>((db, value) =>
  db
    .selectFrom('members')
    .select('member_id')
    .where('image_id', '=', value('id'))
    .where('member_id', '=', value('project')),
)

/** Like `findImage`, and nobody else changes the image before the transaction ends. */
export const findImageForChange = async (
  tx: Tx,
  id: string,
  project: string | null,
): Promise<ImageAndMembership | undefined> => {
  const [row] = await forChange(tx, { id })
  if (row === undefined) return undefined
  const members = project === null ? [] : await isMemberOf(tx, { id, project })
  return { row, isMember: members.length > 0 }
}

const insertTerms = async (tx: Tx, image: Image, terms: Iterable<string>): Promise<void> => {
  const rows = [...terms].map((term) => ({ term, created_at: image.createdAt, image_id: image.id }))
  if (rows.length > 0) await tx.insertInto('image_terms').values(rows).execute()
}

/** Stores a new image. Fails with a duplicate if the id was ever used. */
export const insertImage = async (tx: Tx, image: Image): Promise<void> => {
  await tx.insertInto('image_ids').values({ id: image.id }).execute()
  await tx.insertInto('images').values(toRow(image)).execute()
  await insertTerms(tx, image, termsOf(image))
}

const updateTerms = async (tx: Tx, before: Image, after: Image): Promise<void> => {
  const old = termsOf(before)
  const wanted = termsOf(after)
  const gone = [...old.difference(wanted)]
  if (gone.length > 0) {
    await tx.deleteFrom('image_terms').where('image_id', '=', after.id).where('term', 'in', gone).execute()
  }
  await insertTerms(tx, after, wanted.difference(old))
}

/** What a membership row copies from its image. The owner's own list never needs a membership. */
export const memberCopies = (image: Image, memberId: string) => ({
  image_created_at: image.createdAt,
  image_hidden: image.hidden ? (1 as const) : (0 as const),
  live: image.visibility === 'shared' && image.owner !== memberId ? (1 as const) : (0 as const),
})

const updateMembers = async (tx: Tx, image: Image): Promise<void> => {
  const { live: _live, ...copies } = memberCopies(image, '')
  const shared = image.visibility === 'shared'
  await tx
    .updateTable('members')
    .set({ ...copies, live: shared ? 1 : 0 })
    .where('image_id', '=', image.id)
    .execute()
  if (shared && image.owner !== null) {
    await tx
      .updateTable('members')
      .set({ live: 0 })
      .where('image_id', '=', image.id)
      .where('member_id', '=', image.owner)
      .execute()
  }
}

/** Stores a changed image, with everything that copies from it. The only writer of an existing row. */
export const updateImage = async (tx: Tx, before: Image, after: Image): Promise<void> => {
  const old = toRow(before)
  const { id, ...columns } = toRow(after)
  await tx.updateTable('images').set(columns).where('id', '=', id).execute()
  if (old.name !== columns.name || old.tags !== columns.tags || old.properties !== columns.properties) {
    await updateTerms(tx, before, after)
  }
  if (before.visibility !== after.visibility || before.hidden !== after.hidden || before.owner !== after.owner) {
    await updateMembers(tx, after)
  }
  if (before.owner !== after.owner) await moveBlobs(tx, id, after.owner)
}

/** Removes an image and its memberships. Its id stays reserved; its bytes are doomed by the caller. */
export const deleteImage = async (tx: Tx, id: string): Promise<void> => {
  await tx.deleteFrom('image_terms').where('image_id', '=', id).execute()
  await tx.deleteFrom('members').where('image_id', '=', id).execute()
  await tx.deleteFrom('images').where('id', '=', id).execute()
}

export const countImages = async (db: Reader, owner: string): Promise<number> => {
  const row = await db
    .selectFrom('images')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('owner', '=', owner)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}
