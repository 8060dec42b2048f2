import type { LinkDocument } from '@vitrine/contract'
import { type Actor, expandRoles } from '../access/actor.ts'
import { type FoundImage, onlyOf } from '../access/entitle.ts'
import { apiError } from '../api-error.ts'
import type { Limits } from '../config.ts'
import type { ImagesTable, LinksTable } from '../database/tables.ts'
import { wireDate } from '../http/json.ts'
import type { FoundLink } from './queries.ts'

const defaultSeconds = 3600

/**
 * When a link that is made or renewed now ends.
 * @throws ApiError `invalid_attribute`
 */
export const linkEndsAt = (
  seconds: number | undefined,
  { link_seconds_max: max }: Pick<Limits, 'link_seconds_max'>,
  now: number,
): number => {
  const chosen = seconds ?? Math.min(defaultSeconds, max)
  if (chosen > max) {
    throw apiError('invalid_attribute', { name: 'expires_in_seconds', why: `a link works for ${max} seconds at most` })
  }
  return now + chosen * 1000
}

/** In whose name a link reads: with the roles of then, and no more. */
export const actorOfLink = ({ user_id, project_id, roles }: LinksTable): Actor => {
  const names: unknown = JSON.parse(roles)
  return {
    userId: user_id,
    userName: null,
    projectId: project_id,
    projectNames: [],
    roles: expandRoles(Array.isArray(names) ? names.map(String) : []),
  }
}

/** A link through a share ends with that share for good: one that is made later is another. */
export const isOfThisShare = (actor: Actor, found: FoundImage, link: FoundLink): boolean =>
  onlyOf(actor, found) === undefined || link.shared_at === link.share_began_at

const nameMax = 100

/** A name for the file that needs no quoting anywhere; programs read the format from its end. */
export const linkedFileName = ({ id, name, disk_format: format }: ImagesTable): string => {
  const plain = (name ?? '')
    .normalize('NFKD')
    .replace(/[^\w.-]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, nameMax)
  const base = plain === '' ? id : plain
  return format === null || base.toLowerCase().endsWith(`.${format}`) ? base : `${base}.${format}`
}

/** @param url only for whoever makes it: the service does not know it any more afterwards */
export const linkDocument = (row: LinksTable, url?: string): LinkDocument => ({
  id: row.id,
  image_id: row.image_id,
  ...(url === undefined ? {} : { url }),
  user_id: row.user_id,
  created_at: wireDate(row.created_at),
  expires_at: wireDate(row.expires_at),
})
