import type { RequestState } from '@vitrine/contract'
import { sql } from 'kysely'
import type { Reader, Tx } from '../database/database.ts'
import { locked } from '../database/dialect.ts'
import type { AccessRequestsTable } from '../database/sharing-tables.ts'

export type RequestRow = AccessRequestsTable

export const insertRequest = async (tx: Tx, row: RequestRow): Promise<void> => {
  await tx.insertInto('access_requests').values(row).execute()
}

/** What the requests that are counted have in common: a value, or the beginning of one that ends with a colon. */
export interface Counted {
  readonly column: 'mailbox' | 'network' | 'listing_id'
  readonly value: string
  readonly isBeginning?: boolean
}

/** How many requests share this value since then, and when the first of them was made. */
export const countSince = async (
  tx: Tx,
  { column, value, isBeginning = false }: Counted,
  since: number,
): Promise<{ count: number; first: number }> => {
  const all = tx
    .selectFrom('access_requests')
    .select(({ fn }) => [fn.countAll<number>().as('count'), fn.min('created_at').as('first')])
    .where('created_at', '>', since)
  // The semicolon is what comes after the colon.
  const counted = isBeginning
    ? all.where(column, '>=', value).where(column, '<', value.replace(/:$/, ';'))
    : all.where(column, '=', value)
  const row = await counted.executeTakeFirstOrThrow()
  return { count: Number(row.count), first: Number(row.first ?? since) }
}

type Wish = Pick<RequestRow, 'email' | 'project_id' | 'listing_id'>

const openAlike = (tx: Tx, { email, project_id, listing_id }: Wish) =>
  tx
    .selectFrom('access_requests')
    .selectAll()
    .where('email', '=', email)
    .where('project_id', '=', project_id)
    .where('listing_id', '=', listing_id)
    .where('state', 'in', ['unconfirmed', 'waiting'])

/** Whether an open request for the same had its mail since then. */
export const wasMailedSince = async (tx: Tx, wish: Wish, since: number): Promise<boolean> =>
  (await openAlike(tx, wish).where('mailed_at', '>', since).limit(1).executeTakeFirst()) !== undefined

/** The request for the same that waits for the producer already. */
export const findWaitingAlike = (tx: Tx, wish: Wish): Promise<RequestRow | undefined> =>
  openAlike(tx, wish).where('state', '=', 'waiting').limit(1).executeTakeFirst()

export const findByConfirm = (db: Reader, digest: string): Promise<RequestRow | undefined> =>
  db.selectFrom('access_requests').selectAll().where('confirm_digest', '=', digest).executeTakeFirst()

export const findByTrack = (db: Reader, digest: string): Promise<RequestRow | undefined> =>
  db.selectFrom('access_requests').selectAll().where('track_digest', '=', digest).executeTakeFirst()

export const findRequest = (db: Reader, id: string): Promise<RequestRow | undefined> =>
  db.selectFrom('access_requests').selectAll().where('id', '=', id).executeTakeFirst()

/** The same, and nobody else changes it before the transaction ends. */
export const lockRequest = (tx: Tx, id: string): Promise<RequestRow | undefined> =>
  locked(tx, tx.selectFrom('access_requests').selectAll().where('id', '=', id)).executeTakeFirst()

export const updateRequest = async (tx: Tx, id: string, changes: Partial<Omit<RequestRow, 'id'>>): Promise<void> => {
  await tx.updateTable('access_requests').set(changes).where('id', '=', id).execute()
}

/** What the producer may see: confirmed requests, each once. */
const seenBy = (db: Reader, ownerId: string) =>
  db
    .selectFrom('access_requests')
    .selectAll()
    .where('owner_id', '=', ownerId)
    .where('confirmed_at', 'is not', null)
    .where('same_as', 'is', null)

/** A request for an image of this producer. */
export const findSeenBy = (db: Reader, ownerId: string, id: string): Promise<RequestRow | undefined> =>
  seenBy(db, ownerId).where('id', '=', id).executeTakeFirst()

export interface QueueQuery {
  readonly state: RequestState
  readonly image: string | undefined
  readonly limit: number
}

/** A page of the requests for images of this producer, oldest first. */
export const listQueue = (
  db: Reader,
  ownerId: string,
  { state, image, limit }: QueueQuery,
  after: RequestRow | undefined,
): Promise<RequestRow[]> => {
  let rows = seenBy(db, ownerId).where('state', '=', state)
  if (image !== undefined) rows = rows.where('image_id', '=', image)
  if (after !== undefined) {
    rows = rows.where(({ eb, refTuple, tuple }) =>
      eb(refTuple('created_at', 'id'), '>', tuple(after.created_at, after.id)),
    )
  }
  return rows.orderBy('created_at').orderBy('id').limit(limit).execute()
}

/** How long a link to confirm a request works. */
export const confirmWithinMs = 48 * 60 * 60 * 1000

/** Rows removed by one call, so that no transaction is long. */
const dropMax = 1000

/** How long a decided request, with its mailbox, is kept. */
export const keptMs = 180 * 24 * 60 * 60 * 1000

/** Removes requests that were decided long ago: nobody needs the mailboxes any more. */
export const dropDecided = async (tx: Tx, now: number): Promise<void> => {
  await tx
    .deleteFrom('access_requests')
    .where('id', 'in', (rows) =>
      rows
        .selectFrom('access_requests')
        .select('id')
        .where('decided_at', '<=', now - keptMs)
        .orderBy('decided_at')
        .limit(dropMax),
    )
    .execute()
}

/** Removes requests that nobody confirmed in time. */
export const dropUnconfirmed = async (tx: Tx, now: number): Promise<void> => {
  await tx
    .deleteFrom('access_requests')
    .where('id', 'in', (rows) =>
      rows
        .selectFrom('access_requests')
        .select('id')
        // Written out, so that the index of unconfirmed requests is known to fit.
        .where(sql<boolean>`state = 'unconfirmed'`)
        .where('created_at', '<=', now - confirmWithinMs)
        .orderBy('created_at')
        .limit(dropMax),
    )
    .execute()
}
