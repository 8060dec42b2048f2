import { sql } from 'kysely'
import type { Reader, Tx } from '../database/database.ts'
import { prepared } from '../database/prepared.ts'
import type { LinksTable } from '../database/tables.ts'

/** A link, and when the share began through which its project sees the image now, if it is one. */
export type FoundLink = LinksTable & { readonly share_began_at: number | null }

const byDigest = prepared<{ digest: string; now: number }, FoundLink>((db, value) =>
  db
    .selectFrom('links')
    .leftJoin('members', (join) =>
      join
        .onRef('members.image_id', '=', 'links.image_id')
        .onRef('members.member_id', '=', 'links.project_id')
        .on(sql<boolean>`(members.ends_at is null or members.ends_at > ${value('now')})`),
    )
    .selectAll('links')
    .select('members.created_at as share_began_at')
    .where('links.secret_digest', '=', value('digest'))
    .where('links.expires_at', '>', value('now')),
)

/** The link with this secret, unless its time is over. */
export const findBySecret = async (db: Reader, digest: string, now: number): Promise<FoundLink | undefined> =>
  (await byDigest(db, { digest, now }))[0]

/** When the share of a project in an image began. */
export const shareBeganAt = async (tx: Tx, imageId: string, projectId: string): Promise<number | null> => {
  const row = await tx
    .selectFrom('members')
    .select('created_at')
    .where('image_id', '=', imageId)
    .where('member_id', '=', projectId)
    .executeTakeFirst()
  return row?.created_at ?? null
}

export const insertLink = async (tx: Tx, row: LinksTable): Promise<void> => {
  await tx.insertInto('links').values(row).execute()
}

/** How many links of a project work. */
export const countLinks = async (tx: Tx, projectId: string, now: number): Promise<number> => {
  const row = await tx
    .selectFrom('links')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('project_id', '=', projectId)
    .where('expires_at', '>', now)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

/** Links of one project to one image that work. */
export interface LinkView {
  readonly imageId: string
  readonly projectId: string
  readonly now: number
}

const linksOf = (db: Reader, { imageId, projectId, now }: LinkView) =>
  db
    .selectFrom('links')
    .selectAll()
    .where('image_id', '=', imageId)
    .where('project_id', '=', projectId)
    .where('expires_at', '>', now)

export const findLink = (db: Reader, view: LinkView, id: string): Promise<LinksTable | undefined> =>
  linksOf(db, view).where('id', '=', id).executeTakeFirst()

/** A page of links, newest first. */
export const listLinks = (
  db: Reader,
  view: LinkView,
  limit: number,
  after: LinksTable | undefined,
): Promise<LinksTable[]> => {
  let links = linksOf(db, view)
  if (after !== undefined) {
    links = links.where(({ eb, refTuple, tuple }) =>
      eb(refTuple('created_at', 'id'), '<', tuple(after.created_at, after.id)),
    )
  }
  return links.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(limit).execute()
}

/** @returns whether there was still such a link that works */
export const updateLink = async (
  tx: Tx,
  id: string,
  now: number,
  change: Pick<LinksTable, 'user_id' | 'roles' | 'shared_at' | 'expires_at'>,
): Promise<boolean> => {
  const { numUpdatedRows } = await tx
    .updateTable('links')
    .set(change)
    .where('id', '=', id)
    .where('expires_at', '>', now)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** @returns whether there was such a link */
export const deleteLink = async (tx: Tx, { imageId, projectId }: LinkView, id: string): Promise<boolean> => {
  const { numDeletedRows } = await tx
    .deleteFrom('links')
    .where('id', '=', id)
    .where('image_id', '=', imageId)
    .where('project_id', '=', projectId)
    .executeTakeFirst()
  return numDeletedRows > 0n
}

const dropMax = 1000

/** Removes links whose time is over. */
export const dropEndedLinks = async (tx: Tx, now: number): Promise<void> => {
  await tx
    .deleteFrom('links')
    .where('id', 'in', (rows) =>
      rows.selectFrom('links').select('id').where('expires_at', '<=', now).orderBy('expires_at').limit(dropMax),
    )
    .execute()
}
