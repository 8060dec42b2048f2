import { type ExpressionBuilder, sql } from 'kysely'
import type { Reader, Tx } from '../database/database.ts'
import { isPostgres } from '../database/dialect.ts'
import { prepared } from '../database/prepared.ts'
import type { ListingsTable, ProducersTable } from '../database/sharing-tables.ts'
import type { ImagesTable, Tables } from '../database/tables.ts'
import { type SearchableListing, termsOf } from './terms.ts'

export type ProducerRow = ProducersTable
export type ListingRow = ListingsTable

/** What of the image and the producer a listing is shown with. */
type Facts = Pick<
  ImagesTable,
  | 'owner'
  | 'visibility'
  | 'status'
  | 'size_bytes'
  | 'disk_format'
  | 'container_format'
  | 'min_disk'
  | 'min_ram'
  | 'checksum'
  | 'os_hash_algo'
  | 'os_hash_value'
> & {
  handle: string
  producer_name: string
  image_created_at: number
  image_updated_at: number
  /** When the image will be deleted, if that was announced. */
  deletion_at: number | null
}

/** A listing with everything that its page shows, but the long texts. */
export type ShortListing = Omit<ListingRow, 'description' | 'terms'> & Facts
export type FullListing = ListingRow & Facts

const shortColumns = [
  'listings.id',
  'listings.project_id',
  'listings.image_id',
  'listings.slug',
  'listings.title',
  'listings.title_skeleton',
  'listings.summary',
  'listings.os_name',
  'listings.os_version',
  'listings.architecture',
  'listings.licence',
  'listings.documentation',
  'listings.contact',
  'listings.icon',
  'listings.shown',
  'listings.published_at',
  'listings.updated_at',
  'producers.handle',
  'producers.name as producer_name',
  'images.owner',
  'images.visibility',
  'images.status',
  'images.size_bytes',
  'images.disk_format',
  'images.container_format',
  'images.min_disk',
  'images.min_ram',
  'images.checksum',
  'images.os_hash_algo',
  'images.os_hash_value',
  'images.created_at as image_created_at',
  'images.updated_at as image_updated_at',
  'withdrawals.at as deletion_at',
] as const

const joinedListings = (db: Reader) =>
  db
    .selectFrom('listings')
    .innerJoin('producers', 'producers.project_id', 'listings.project_id')
    .innerJoin('images', 'images.id', 'listings.image_id')
    .leftJoin('withdrawals', (join) =>
      join.onRef('withdrawals.image_id', '=', 'images.id').on('withdrawals.delete_image', '=', 1),
    )

/**
 * Whether the world sees a listing: its producer still owns the image and has not made it private. Else it is as if it
 * did not exist, for everyone but its producer.
 */
const isAnnounced = (where: ExpressionBuilder<Pick<Tables, 'listings' | 'images'>, 'listings' | 'images'>) =>
  where.and([
    where('images.visibility', '<>', 'private'),
    // As a value: or else a planner may look for the image among all of its owner's.
    where(where.fn.coalesce('images.owner', where.val('')), '=', where.ref('listings.project_id')),
  ])

/** The listing at an address of the catalogue, as everyone may see it. */
export const findAnnounced = (db: Reader, handle: string, slug: string): Promise<FullListing | undefined> =>
  joinedListings(db)
    .select(shortColumns)
    .select(['listings.description', 'listings.terms'])
    .where('producers.handle', '=', handle)
    .where('listings.slug', '=', slug)
    .where(isAnnounced)
    .executeTakeFirst()

/** Whether access to the image of a listing can be asked for. */
export const isRequestable = (facts: Pick<Facts, 'status' | 'visibility' | 'deletion_at'>): boolean =>
  facts.status === 'active' && facts.visibility === 'shared' && facts.deletion_at === null

const announcedById = prepared<{ ids: string | readonly string[] }, ShortListing>((db, value) =>
  joinedListings(db)
    .select(shortColumns)
    .where(
      isPostgres(db)
        ? sql<boolean>`listings.id = any(${value('ids')}::text[])`
        : sql<boolean>`listings.id in (select value from json_each(${value('ids')}))`,
    )
    .where(isAnnounced),
)

/** The listings of these ids that the world sees, in no order. */
export const announcedByIds = (db: Reader, ids: readonly string[]): Promise<ShortListing[]> =>
  announcedById(db, { ids: isPostgres(db) ? ids : JSON.stringify(ids) })

/** A listing with all of its facts, whoever may see it: callers decide by its project. */
export const findListing = (db: Reader, id: string): Promise<FullListing | undefined> =>
  joinedListings(db)
    .select(shortColumns)
    .select(['listings.description', 'listings.terms'])
    .where('listings.id', '=', id)
    .executeTakeFirst()

/** Where a page of listings goes on: after this one, in the order of the list. */
export interface Position {
  readonly publishedAt: number
  readonly id: string
}

export const positionOf = ({ published_at, id }: Pick<ListingRow, 'published_at' | 'id'>): Position => ({
  publishedAt: published_at,
  id,
})

/** The listings of a project, newest first, whether or not the world sees them. */
export const listingsOf = (
  db: Reader,
  projectId: string,
  after: Position | undefined,
  limit: number,
): Promise<ShortListing[]> => {
  const all = joinedListings(db)
    .select(shortColumns)
    .where('listings.project_id', '=', projectId)
    .orderBy('listings.published_at', 'desc')
    .orderBy('listings.id', 'desc')
    .limit(limit)
  return (
    after === undefined
      ? all
      : all.where(({ eb, refTuple, tuple }) =>
          eb(refTuple('listings.published_at', 'listings.id'), '<', tuple(after.publishedAt, after.id)),
        )
  ).execute()
}

/** Titles of other producers that look like this one. */
export const lookAlikeTitles = (
  db: Reader,
  listing: Pick<ListingRow, 'project_id' | 'title_skeleton'>,
): Promise<{ title: string; handle: string }[]> =>
  joinedListings(db)
    .select(['listings.title', 'producers.handle'])
    .where('listings.title_skeleton', '=', listing.title_skeleton)
    .where('listings.title_skeleton', '<>', '')
    .where('listings.project_id', '<>', listing.project_id)
    .where(isAnnounced)
    .limit(warningsMax)
    .execute()

/** Look-alikes told of at most. */
const warningsMax = 5

export const countListings = async (db: Reader, projectId: string): Promise<number> => {
  const { count } = await db
    .selectFrom('listings')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('project_id', '=', projectId)
    .executeTakeFirstOrThrow()
  return Number(count)
}

export const findProducer = (db: Reader, projectId: string): Promise<ProducerRow | undefined> =>
  db.selectFrom('producers').selectAll().where('project_id', '=', projectId).executeTakeFirst()

export const findProducerByHandle = (db: Reader, handle: string): Promise<ProducerRow | undefined> =>
  db.selectFrom('producers').selectAll().where('handle', '=', handle).executeTakeFirst()

/** Other producers whose names look like this one. */
export const lookAlikeProducers = (
  db: Reader,
  producer: Pick<ProducerRow, 'project_id' | 'name_skeleton'>,
): Promise<{ handle: string; name: string }[]> =>
  db
    .selectFrom('producers')
    .select(['handle', 'name'])
    .where('name_skeleton', '=', producer.name_skeleton)
    .where('name_skeleton', '<>', '')
    .where('project_id', '<>', producer.project_id)
    .limit(warningsMax)
    .execute()

/** Stores a new listing, and what it is found by. */
export const insertListing = async (
  tx: Tx,
  listing: ListingRow,
  producer: Pick<ProducerRow, 'handle' | 'name'>,
): Promise<void> => {
  await tx.insertInto('listings').values(listing).execute()
  await insertTerms(tx, listing, termsOf(listing, producer))
}

const insertTerms = async (
  tx: Tx,
  { id, published_at }: Pick<ListingRow, 'id' | 'published_at'>,
  terms: Iterable<string>,
): Promise<void> => {
  const rows = [...terms].map((term) => ({ term, published_at, listing_id: id }))
  if (rows.length > 0) await tx.insertInto('listing_terms').values(rows).execute()
}

/** Makes the index tell what the listing tells now. */
export const updateTerms = async (
  tx: Tx,
  listing: SearchableListing & Pick<ListingRow, 'id' | 'published_at'>,
  producer: Pick<ProducerRow, 'handle' | 'name'>,
): Promise<void> => {
  const rows = await tx.selectFrom('listing_terms').select('term').where('listing_id', '=', listing.id).execute()
  const old = new Set(rows.map(({ term }) => term))
  const wanted = termsOf(listing, producer)
  const gone = [...old.difference(wanted)]
  if (gone.length > 0) {
    await tx.deleteFrom('listing_terms').where('listing_id', '=', listing.id).where('term', 'in', gone).execute()
  }
  await insertTerms(tx, listing, wanted.difference(old))
}

/** Stores a changed listing. */
export const updateListing = async (
  tx: Tx,
  { id, project_id, image_id, slug, published_at, ...columns }: ListingRow,
  producer: Pick<ProducerRow, 'handle' | 'name'>,
): Promise<void> => {
  await tx.updateTable('listings').set(columns).where('id', '=', id).execute()
  await updateTerms(tx, { id, published_at, ...columns }, producer)
}

/** Removes a listing; its terms go with it. */
export const deleteListing = async (tx: Tx, id: string): Promise<void> => {
  await tx.deleteFrom('listings').where('id', '=', id).execute()
}

/** Makes the index find the listings of a producer by its new name. */
export const reindexProducer = async (tx: Tx, producer: ProducerRow): Promise<void> => {
  const rows = await tx
    .selectFrom('listings')
    .select(['id', 'published_at', 'title', 'summary', 'description', 'os_name', 'os_version', 'architecture'])
    .where('project_id', '=', producer.project_id)
    .execute()
  for (const row of rows) await updateTerms(tx, row, producer)
}
