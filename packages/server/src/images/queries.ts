import { type RawBuilder, sql } from 'kysely'
import { moveBlobs } from '../data/blobs.ts'
import type { Reader, Tx } from '../database/database.ts'
import { locked } from '../database/dialect.ts'
import { fragment, runFragment } from '../database/fragment.ts'
import { prepared } from '../database/prepared.ts'
import type { ImagesTable } from '../database/tables.ts'
import { revokeAllInvitations } from '../invitations/queries.ts'
import { markGrantsDue } from '../keys/queries.ts'
import { moveRequests } from '../requests/close.ts'
import { blockAnew } from '../rules/blocking.ts'
import { encryptionOf } from './encryption.ts'
import { type Image, toRow } from './image.ts'
import {
  type Membership,
  type MembershipColumns,
  membershipColumns,
  membershipJoins,
  membershipOf,
} from './membership.ts'
import { termsOf } from './terms.ts'

/** An image together with whether a project is a member of it. */
export interface ImageAndMembership {
  readonly row: ImagesTable
  readonly isMember: boolean
}

/** What a look-up asks: an image, whether this project is a member of it, at this time (milliseconds since 1970). */
type Lookup = { readonly id: string; readonly project: string | null; readonly now: number }

/** A share that has ended is none, also before it is cleared away. */
const stillShared = (now: RawBuilder<number>) => sql<boolean>`(members.ends_at is null or members.ends_at > ${now})`

const byId = prepared<Lookup, ImagesTable & { membership: string | null }>((db, value) =>
  db
    .selectFrom('images')
    .leftJoin('members', (join) =>
      join
        .onRef('members.image_id', '=', 'images.id')
        .on('members.member_id', '=', value('project'))
        .on(stillShared(value('now'))),
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
  now: number,
): Promise<ImageAndMembership | undefined> => {
  const [row] = await byId(db, { id, project, now })
  return row === undefined ? undefined : { row, isMember: row.membership !== null }
}

/** What an image is shown from: the stored document and what decides who may see it. */
export type ShownImage = Pick<ImagesTable, 'owner' | 'visibility' | 'status' | 'stores' | 'document'>

const shownById = prepared<Lookup, ShownImage & { membership: string | null }>((db, value) =>
  db
    .selectFrom('images')
    .leftJoin('members', (join) =>
      join
        .onRef('members.image_id', '=', 'images.id')
        .on('members.member_id', '=', value('project'))
        .on(stillShared(value('now'))),
    )
    .select([
      'images.owner',
      'images.visibility',
      'images.status',
      'images.stores',
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
  now: number,
): Promise<{ row: ShownImage; isMember: boolean } | undefined> => {
  const [row] = await shownById(db, { id, project, now })
  return row === undefined ? undefined : { row, isMember: row.membership !== null }
}

/** The share of a project in one image, if there is one that counts. */
export const findMembership = async (
  db: Reader,
  id: string,
  project: string | null,
  now: number,
): Promise<Membership | undefined> => {
  const joins = membershipJoins(project, now)
  const [row] = await runFragment<MembershipColumns>(
    db,
    fragment`select ${membershipColumns} from images d ${joins} where d.id = ${id}`,
  )
  return row === undefined ? undefined : membershipOf(row)
}

const forChange = prepared<{ id: string }, ImagesTable>((db, value) =>
  locked(db, db.selectFrom('images').selectAll().where('id', '=', value('id'))),
)

const isMemberOf = prepared<Lookup, { member_id: string }>((db, value) =>
  db
    .selectFrom('members')
    .select('member_id')
    .where('image_id', '=', value('id'))
    .where('member_id', '=', value('project'))
    .where(stillShared(value('now'))),
)

/** Like `findImage`, and nobody else changes the image before the transaction ends. */
export const findImageForChange = async (
  tx: Tx,
  id: string,
  project: string | null,
  now: number,
): Promise<ImageAndMembership | undefined> => {
  const [row] = await forChange(tx, { id })
  if (row === undefined) return undefined
  const members = project === null ? [] : await isMemberOf(tx, { id, project, now })
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

/**
 * What a membership row copies from its image. The owner's own list never needs a membership, and what a consumer has
 * blocked is in none of its lists.
 */
export const memberCopies = (image: Image, memberId: string, blocked: boolean) => ({
  image_created_at: image.createdAt,
  image_hidden: image.hidden ? (1 as const) : (0 as const),
  key_id: encryptionOf(image)?.keyId ?? null,
  live: image.visibility === 'shared' && image.owner !== memberId && !blocked ? (1 as const) : (0 as const),
})

const updateMembers = async (tx: Tx, image: Image): Promise<void> => {
  const { live, ...copies } = memberCopies(image, '', false)
  const members = tx.updateTable('members').where('image_id', '=', image.id)
  await members.set({ ...copies, live: 0 }).execute()
  if (live === 0) return
  const shown = members.set({ live }).where('blocked', '=', 0)
  await (image.owner === null ? shown : shown.where('member_id', '<>', image.owner)).execute()
}

/** Stores a changed image, with everything that copies from it. The only writer of an existing row. */
export const updateImage = async (tx: Tx, before: Image, after: Image): Promise<void> => {
  const old = toRow(before)
  const { id, ...columns } = toRow(after)
  await tx.updateTable('images').set(columns).where('id', '=', id).execute()
  if (old.name !== columns.name || old.tags !== columns.tags || old.properties !== columns.properties) {
    await updateTerms(tx, before, after)
  }
  // Only images of the project that has the key keep its grants.
  if (old.key_id !== columns.key_id || before.owner !== after.owner) await markGrantsDue(tx, old.key_id)
  if (before.owner !== after.owner) await blockAnew(tx, id, after.owner)
  if (
    before.visibility !== after.visibility ||
    before.hidden !== after.hidden ||
    before.owner !== after.owner ||
    old.key_id !== columns.key_id
  ) {
    await updateMembers(tx, after)
  }
  if (before.owner !== after.owner) {
    await moveBlobs(tx, id, after.owner)
    await moveRequests(tx, id, after.owner)
    await revokeAllInvitations(tx, id, after.updatedAt)
  }
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

/** Images of a project that bytes arrive for, or that such bytes are imported for. */
export const countFilling = async (db: Reader, owner: string): Promise<number> => {
  const row = await db
    .selectFrom('images')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('owner', '=', owner)
    .where('status', 'in', ['saving', 'uploading', 'importing'])
    .executeTakeFirstOrThrow()
  return Number(row.count)
}
