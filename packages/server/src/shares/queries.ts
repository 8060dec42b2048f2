import type { UsageDisclosure } from '@vitrine/contract'
import { listingPath } from '../catalogue/documents.ts'
import type { Reader, Tx } from '../database/database.ts'
import type { ShareColumns } from '../database/sharing-tables.ts'
import type { MembersTable } from '../database/tables.ts'

/** What a producer may know of the use of one share. */
export interface ShareUsage {
  readonly downloads: number
  /** Monday of the week of the last download, milliseconds since 1970. */
  readonly lastUsedWeek: number
}

export interface ShareWithUsage {
  readonly row: MembersTable
  readonly usage: ShareUsage | null
}

/** The shares of an image that count, oldest first, with the use by consumers that agreed to be named. */
export const listShares = async (db: Reader, imageId: string, now: number): Promise<ShareWithUsage[]> => {
  const rows = await db
    .selectFrom('members')
    .leftJoin('project_settings', (join) =>
      join.onRef('project_settings.project_id', '=', 'members.member_id').on('project_settings.usage', '=', 'named'),
    )
    .leftJoin('share_usage', (join) =>
      join
        .onRef('share_usage.image_id', '=', 'members.image_id')
        .onRef('share_usage.project_id', '=', 'project_settings.project_id'),
    )
    .selectAll('members')
    .select(['project_settings.usage as disclosed', 'share_usage.downloads', 'share_usage.last_used_week'])
    .where('members.image_id', '=', imageId)
    .where(({ or, eb }) => or([eb('members.ends_at', 'is', null), eb('members.ends_at', '>', now)]))
    .orderBy('members.created_at')
    .orderBy('members.member_id')
    .execute()
  return rows.map(({ disclosed, downloads, last_used_week, ...row }) => ({
    row,
    usage:
      disclosed === null || downloads === null || last_used_week === null
        ? null
        : { downloads, lastUsedWeek: last_used_week },
  }))
}

/** Stores message and end of a share. */
export const updateTerms = async (
  tx: Tx,
  { image_id, member_id }: Pick<MembersTable, 'image_id' | 'member_id'>,
  terms: Pick<ShareColumns, 'message' | 'ends_at' | 'own_ends_at' | 'withdrawn' | 'remind_at'>,
): Promise<void> => {
  const { message, ends_at, own_ends_at, withdrawn, remind_at } = terms
  await tx
    .updateTable('members')
    .set({ message, ends_at, own_ends_at, withdrawn, remind_at })
    .where('image_id', '=', image_id)
    .where('member_id', '=', member_id)
    .execute()
}

/** Shares of an image by status, and the use of those whose consumers let it be counted. */
export interface ShareCounts {
  readonly accepted: number
  readonly waiting: number
  readonly rejected: number
  readonly downloads: number
  readonly lastUsedWeek: number | null
}

const nothing: UsageDisclosure = 'nothing'
const named: UsageDisclosure = 'named'

/**
 * Counts the shares of an image. A sum over chosen projects would tell of each of them, so it is over those that agreed to be
 * named.
 * @param only only of these projects, if given; or of those that asked through this listing
 */
export const countShares = async (
  db: Reader,
  imageId: string,
  now: number,
  only: { readonly projects?: readonly string[] | undefined; readonly listingId?: string } = {},
): Promise<ShareCounts> => {
  const { projects, listingId } = only
  const all = db
    .selectFrom('members')
    .leftJoin('project_settings', 'project_settings.project_id', 'members.member_id')
    .leftJoin('share_usage', (join) =>
      join
        .onRef('share_usage.image_id', '=', 'members.image_id')
        .onRef('share_usage.project_id', '=', 'members.member_id')
        .on(({ or, eb }) =>
          projects === undefined
            ? or([eb('project_settings.usage', 'is', null), eb('project_settings.usage', '<>', nothing)])
            : eb('project_settings.usage', '=', named),
        ),
    )
    .select(({ fn }) => [
      'members.status',
      fn.countAll<number>().as('count'),
      fn.sum<number | null>('share_usage.downloads').as('downloads'),
      fn.max('share_usage.last_used_week').as('week'),
    ])
    .where('members.image_id', '=', imageId)
    .where(({ or, eb }) => or([eb('members.ends_at', 'is', null), eb('members.ends_at', '>', now)]))
    .groupBy('members.status')
  const some = projects === undefined ? all : all.where('members.member_id', 'in', projects)
  const rows = await (listingId === undefined ? some : some.where('members.listing_id', '=', listingId)).execute()
  const count = (status: string) => Number(rows.find((row) => row.status === status)?.count ?? 0)
  const weeks = rows.flatMap(({ week }) => (week === null ? [] : [Number(week)]))
  return {
    accepted: count('accepted'),
    waiting: count('pending'),
    rejected: count('rejected'),
    downloads: rows.reduce((sum, { downloads }) => sum + Number(downloads ?? 0), 0),
    lastUsedWeek: weeks.length === 0 ? null : Math.max(...weeks),
  }
}

/** Where the image stands in the catalogue. */
export const findListingPath = async (
  db: Reader,
  imageId: string,
): Promise<{ readonly id: string; readonly path: string } | undefined> => {
  const row = await db
    .selectFrom('listings')
    .innerJoin('producers', 'producers.project_id', 'listings.project_id')
    .select(['listings.id', 'listings.slug', 'producers.handle'])
    .where('listings.image_id', '=', imageId)
    .executeTakeFirst()
  return row === undefined ? undefined : { id: row.id, path: listingPath(row) }
}

/** Requests for an image that wait for an answer. */
export const countWaitingRequests = async (db: Reader, imageId: string): Promise<number> => {
  const { count } = await db
    .selectFrom('access_requests')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('image_id', '=', imageId)
    .where('state', '=', 'waiting')
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** Requests that came through a listing and were confirmed. */
export const countListingRequests = async (db: Reader, listingId: string): Promise<number> => {
  const { count } = await db
    .selectFrom('access_requests')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('listing_id', '=', listingId)
    .where('confirmed_at', 'is not', null)
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** Invitations to an image that can still be claimed. */
export const countOpenInvitations = async (db: Reader, imageId: string, now: number): Promise<number> => {
  const { count } = await db
    .selectFrom('invitations')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('image_id', '=', imageId)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .whereRef('used', '<', 'uses')
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** Bytes that the images of a project take up, with those that are being written or removed. */
export const usedBytes = async (db: Reader, projectId: string): Promise<number> => {
  const { used } = await db
    .selectFrom('blobs')
    .select(({ fn }) => fn.sum<number | null>('reserved_bytes').as('used'))
    .where('project_id', '=', projectId)
    .executeTakeFirstOrThrow()
  return Number(used ?? 0)
}
