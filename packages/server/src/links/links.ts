import { randomUUID } from 'node:crypto'
import type { Actor } from '../access/actor.ts'
import { entitled } from '../access/entitle.ts'
import { type ApiError, apiError } from '../api-error.ts'
import { hasBytes } from '../data/download.ts'
import type { Reader, Tx } from '../database/database.ts'
import { lockName } from '../database/dialect.ts'
import type { ImagesTable, LinksTable } from '../database/tables.ts'
import type { Cause } from '../events/events.ts'
import { digestOf, newSecret } from '../http/secret.ts'
import { findImage, findImageForChange, type ImageAndMembership } from '../images/queries.ts'
import type { KeyHolder } from '../keys/port.ts'
import { openImageKey } from '../keys/use.ts'
import type { Service } from '../service.ts'
import {
  countLinks,
  deleteLink,
  findLink,
  insertLink,
  type LinkView,
  listLinks,
  shareBeganAt,
  updateLink,
} from './queries.ts'
import { linkEndsAt } from './rules.ts'

interface Linkable {
  readonly image: ImagesTable
  readonly projectId: string
}

/** @throws ApiError as for a download; `conflict` while the image has no bytes */
const linkable = (actor: Actor, imageId: string, found: ImageAndMembership | undefined): Linkable => {
  const { row: image } = entitled(actor, 'image.link', { image: imageId }, found)
  if (actor.projectId === null) throw apiError('scope_required', {})
  if (image.status === 'deactivated' && !actor.roles.has('admin')) throw apiError('image_deactivated', {})
  if (!hasBytes(image)) throw apiError('conflict', { why: 'The image has no bytes yet' })
  return { image, projectId: actor.projectId }
}

/**
 * Shows that the caller can open a sealed image with its own token, and that its project can without: so it is opened when
 * the link is used.
 * @throws ApiError those of `openImageKey`
 */
const proveKeyOf = async (service: Service, holder: KeyHolder, cause: Cause, image: ImagesTable): Promise<void> => {
  if (image.encryption !== 'sealed') return
  for (const one of [holder, { ...holder, token: null }]) (await openImageKey(service, one, cause, image)).fill(0)
}

const checkQuota = async (tx: Tx, limit: number, projectId: string, now: number): Promise<void> => {
  if (limit < 0) return
  await lockName(tx, `links of ${projectId}`)
  if ((await countLinks(tx, projectId, now)) >= limit) throw apiError('resource_quota', { limit, kind: 'links' })
}

/** What a caller asks for. */
export interface LinkRequest {
  readonly imageId: string
  readonly expiresInSeconds: number | undefined
}

/** Looks at the image as it is now, once more under its lock, so that the end of a share comes before a link or after. */
const withLinkable = async <Result>(
  service: Service,
  { actor, holder, cause }: { actor: Actor; holder: KeyHolder; cause: Cause },
  imageId: string,
  work: (tx: Tx, linkable: Linkable) => Promise<Result>,
): Promise<Result> => {
  const { database } = service
  const found = await findImage(database.read, imageId, actor.projectId, cause.at)
  await proveKeyOf(service, holder, cause, linkable(actor, imageId, found).image)
  return database.write(async (tx) =>
    work(tx, linkable(actor, imageId, await findImageForChange(tx, imageId, actor.projectId, cause.at))),
  )
}

/** Who makes or renews a link. */
export interface LinkMaker {
  readonly actor: Actor
  readonly holder: KeyHolder
  readonly cause: Cause
}

const rolesOf = ({ roles }: Actor): string => JSON.stringify([...roles])

/**
 * Makes a link that reads the bytes of an image as the caller may read them.
 * @returns the secret, too, which nobody can find out later
 * @throws ApiError `image_not_found`, `forbidden`, `role_required`, `image_deactivated`, `conflict`, `invalid_attribute`,
 *   `resource_quota`, and those of `openImageKey`
 */
export const createLink = async (
  service: Service,
  maker: LinkMaker,
  { imageId, expiresInSeconds }: LinkRequest,
): Promise<{ readonly row: LinksTable; readonly image: ImagesTable; readonly secret: string }> => {
  const { actor, cause } = maker
  const { limits } = service
  const expiresAt = linkEndsAt(expiresInSeconds, limits, cause.at)
  return withLinkable(service, maker, imageId, async (tx, { image, projectId }) => {
    await checkQuota(tx, limits.links_per_project, projectId, cause.at)
    const secret = newSecret()
    const row: LinksTable = {
      id: randomUUID(),
      secret_digest: digestOf(secret),
      image_id: imageId,
      project_id: projectId,
      user_id: actor.userId,
      roles: rolesOf(actor),
      shared_at: await shareBeganAt(tx, imageId, projectId),
      created_at: cause.at,
      expires_at: expiresAt,
    }
    await insertLink(tx, row)
    return { row, image, secret }
  })
}

const noLink = (id: string): ApiError => apiError('resource_not_found', { kind: 'link', id })

/** The links of the caller's project to an image. @throws ApiError as for `createLink` */
const viewOf = async (db: Reader, actor: Actor, imageId: string, now: number): Promise<LinkView> => {
  entitled(actor, 'image.link', { image: imageId }, await findImage(db, imageId, actor.projectId, now))
  if (actor.projectId === null) throw apiError('scope_required', {})
  return { imageId, projectId: actor.projectId, now }
}

/**
 * Makes a link work for longer, from now on as the caller, who must be able to make it anew.
 * @throws ApiError `resource_not_found` also for one whose time is over; those of `createLink`
 */
export const renewLink = async (
  service: Service,
  maker: LinkMaker,
  id: string,
  { imageId, expiresInSeconds }: LinkRequest,
): Promise<LinksTable> => {
  const { actor, cause } = maker
  const expiresAt = linkEndsAt(expiresInSeconds, service.limits, cause.at)
  return withLinkable(service, maker, imageId, async (tx, { projectId }) => {
    const row = await findLink(tx, { imageId, projectId, now: cause.at }, id)
    if (row === undefined) throw noLink(id)
    const change = {
      user_id: actor.userId,
      roles: rolesOf(actor),
      shared_at: await shareBeganAt(tx, imageId, projectId),
      expires_at: expiresAt,
    }
    if (!(await updateLink(tx, id, cause.at, change))) throw noLink(id)
    return { ...row, ...change }
  })
}

/** A page of the links of the caller's project to an image, newest first. */
export const readLinks = async (
  { database, now }: Service,
  actor: Actor,
  imageId: string,
  page: { readonly limit: number; readonly marker: string | undefined },
): Promise<LinksTable[]> => {
  const view = await viewOf(database.read, actor, imageId, now())
  const { limit, marker } = page
  const after = marker === undefined ? undefined : await findLink(database.read, view, marker)
  if (marker !== undefined && after === undefined) throw apiError('invalid_marker', { marker })
  return listLinks(database.read, view, limit, after)
}

/** Ends a link. @throws ApiError `resource_not_found`, and as for `createLink` */
export const revokeLink = async (
  { database, now }: Service,
  actor: Actor,
  imageId: string,
  id: string,
): Promise<void> => {
  const view = await viewOf(database.read, actor, imageId, now())
  await database.write(async (tx) => {
    if (!(await deleteLink(tx, view, id))) throw noLink(id)
  })
}
