import { apiError } from '../api-error.ts'
import type { Reader } from '../database/database.ts'

const slugMaxCharacters = 60
const slugMinCharacters = 3

/** The part of an address that a title becomes. */
export const slugOf = (title: string): string => {
  const slug = title
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, slugMaxCharacters - 5)
    .replace(/^-+|-+$/g, '')
  return slug.length >= slugMinCharacters ? slug : `image${slug === '' ? '' : `-${slug}`}`
}

const isTaken = async (db: Reader, projectId: string, slug: string): Promise<boolean> => {
  const row = await db
    .selectFrom('listings')
    .select('id')
    .where('project_id', '=', projectId)
    .where('slug', '=', slug)
    .executeTakeFirst()
  return row !== undefined
}

/**
 * The address of a new listing among those of its producer: as wanted, or from the title with a number where needed. The
 * caller sees to it that nobody else takes it at the same time.
 * @throws ApiError `conflict` when the one that is wanted is taken
 */
export const freeSlug = async (
  db: Reader,
  projectId: string,
  wanted: string | undefined,
  title: string,
): Promise<string> => {
  if (wanted !== undefined) {
    if (await isTaken(db, projectId, wanted)) {
      throw apiError('conflict', { why: `You have another listing with the slug ${wanted}` })
    }
    return wanted
  }
  const base = slugOf(title)
  let slug = base
  for (let number = 2; await isTaken(db, projectId, slug); number += 1) slug = `${base}-${number}`
  return slug
}
