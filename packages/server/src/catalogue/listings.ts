import { randomUUID } from 'node:crypto'
import { type ListingChange, type ListingCreate, shownFacts } from '@vitrine/contract'
import type { Actor } from '../access/actor.ts'
import { entitled } from '../access/entitle.ts'
import { apiError } from '../api-error.ts'
import type { Limits } from '../config.ts'
import type { Reader, Tx } from '../database/database.ts'
import { lockName } from '../database/dialect.ts'
import type { ImagesTable } from '../database/tables.ts'
import { type Cause, recordEvent } from '../events/events.ts'
import { findImageForChange } from '../images/queries.ts'
import type { Service } from '../service.ts'
import { listingPath } from './documents.ts'
import { dropIcon, iconDigest, iconMediaType, keepIcon } from './icons.ts'
import { skeletonOf } from './look-alikes.ts'
import { checkMarkdown } from './markdown.ts'
import { checkReadable, projectOf } from './producers.ts'
import {
  countListings,
  deleteListing,
  type FullListing,
  findListing,
  findProducer,
  findProducerByHandle,
  insertListing,
  type ListingRow,
  listingsOf,
  lookAlikeTitles,
  type ProducerRow,
  positionOf,
  type ShortListing,
  updateListing,
} from './queries.ts'
import { freeSlug } from './slugs.ts'

/** A listing, and what its producer should know of others. */
export interface ListingAndWarnings {
  readonly row: FullListing
  readonly warnings: readonly string[]
}

const notFound = (id: string) => apiError('resource_not_found', { kind: 'listing', id })

const warned = async (db: Reader, id: string): Promise<ListingAndWarnings> => {
  const row = await findListing(db, id)
  if (row === undefined) throw notFound(id)
  const others = await lookAlikeTitles(db, row)
  return { row, warnings: others.map(({ title, handle }) => `The title looks like that of ${handle}: ${title}`) }
}

/** Whether the caller may see and withdraw a listing: its producer, also of an image that it gave away, and administrators. */
const isTheirs = (actor: Actor, listing: ListingRow): boolean =>
  actor.roles.has('admin') || listing.project_id === actor.projectId

/** One listing of the caller's project. */
export const readListing = async ({ database }: Service, actor: Actor, id: string): Promise<ListingAndWarnings> => {
  projectOf(actor, 'reader')
  const found = await warned(database.read, id)
  if (!isTheirs(actor, found.row)) throw notFound(id)
  return found
}

/**
 * A page of the listings of the caller's project, newest first.
 * @param of for administrators: the handle of another producer
 */
export const readListings = async (
  { database }: Service,
  actor: Actor,
  page: { of: string | undefined; marker: string | undefined; limit: number },
): Promise<ShortListing[]> => {
  const own = projectOf(actor, 'reader')
  const other = page.of === undefined ? undefined : await findProducerByHandle(database.read, page.of)
  const projectId = page.of === undefined ? own : other?.project_id
  if (projectId === undefined || (projectId !== own && !actor.roles.has('admin'))) {
    throw apiError('resource_not_found', { kind: 'producer', id: page.of ?? '' })
  }
  const after = page.marker === undefined ? undefined : await findListing(database.read, page.marker)
  if (page.marker !== undefined && after?.project_id !== projectId) {
    throw apiError('invalid_parameter', { name: 'marker', why: 'it is no listing of this list' })
  }
  return listingsOf(database.read, projectId, after === undefined ? undefined : positionOf(after), page.limit)
}

const tell = (
  tx: Tx,
  cause: Cause,
  type: 'listing.publish' | 'listing.update' | 'listing.withdraw',
  listing: Pick<FullListing, 'id' | 'image_id' | 'title' | 'handle' | 'slug' | 'project_id'>,
  detail: Readonly<Record<string, unknown>> = {},
): Promise<string> =>
  recordEvent(tx, cause, {
    type,
    imageId: listing.image_id,
    ownerId: listing.project_id,
    audience: 'owner',
    detail: { listing_id: listing.id, title: listing.title, path: listingPath(listing), ...detail },
  })

const withdraw = async (tx: Tx, cause: Cause, listing: FullListing): Promise<void> => {
  await deleteListing(tx, listing.id)
  if (listing.icon !== null) await dropIcon(tx, listing.icon)
  await tell(tx, cause, 'listing.withdraw', listing)
}

const listingOf = async (tx: Tx, imageId: string): Promise<FullListing | undefined> => {
  const present = await tx.selectFrom('listings').select('id').where('image_id', '=', imageId).executeTakeFirst()
  return present === undefined ? undefined : findListing(tx, present.id)
}

/** Takes the listing of an image that goes out of the catalogue, if there is one. The row of the image is locked. */
export const withdrawListingOf = async (tx: Tx, cause: Cause, imageId: string): Promise<void> => {
  const listing = await listingOf(tx, imageId)
  if (listing !== undefined) await withdraw(tx, cause, listing)
}

/** Makes room for a listing of this image, whose row is locked. One that a former owner left goes. */
const checkUnlisted = async (tx: Tx, cause: Cause, image: ImagesTable): Promise<void> => {
  const listing = await listingOf(tx, image.id)
  if (listing === undefined) return
  if (listing.project_id === image.owner) throw apiError('image_listed', {})
  await withdraw(tx, cause, listing)
}

const checkAnnounceable = ({ visibility }: Pick<ImagesTable, 'visibility'>): void => {
  if (visibility === 'private') {
    throw apiError('conflict', { why: 'The image is private; make it shared before it is announced' })
  }
}

const checkQuota = async (tx: Tx, producer: ProducerRow, { listings_per_project: limit }: Limits): Promise<void> => {
  if (limit >= 0 && (await countListings(tx, producer.project_id)) >= limit) {
    throw apiError('resource_quota', { limit, kind: 'listings' })
  }
}

/** What a listing does not say unless its producer does. */
const silent = {
  summary: null,
  description: null,
  os_name: null,
  os_version: null,
  architecture: null,
  licence: null,
  terms: null,
  documentation: null,
  contact: null,
  icon: null,
} as const

const checkTexts = ({ title, description, terms }: ListingChange): void => {
  if (title !== undefined) checkReadable('title', title)
  checkMarkdown('description', description)
  checkMarkdown('terms', terms)
}

/** Announces an image in the catalogue. */
export const publishListing = (
  { database, limits }: Service,
  actor: Actor,
  cause: Cause,
  { image_id: imageId, slug, shown, ...texts }: ListingCreate,
): Promise<ListingAndWarnings> => {
  checkTexts(texts)
  return database.write(async (tx) => {
    const found = await findImageForChange(tx, imageId, actor.projectId, cause.at)
    const { row: image } = entitled(actor, 'image.publish', { image: imageId }, found)
    const producer = image.owner === null ? undefined : await findProducer(tx, image.owner)
    if (producer === undefined) throw apiError('producer_required', {})
    checkAnnounceable(image)
    await checkUnlisted(tx, cause, image)
    await lockName(tx, `producer ${producer.project_id}`)
    await checkQuota(tx, producer, limits)
    const listing: ListingRow = {
      id: randomUUID(),
      project_id: producer.project_id,
      image_id: imageId,
      ...silent,
      ...texts,
      slug: await freeSlug(tx, producer.project_id, slug, texts.title),
      title_skeleton: skeletonOf(texts.title),
      shown: JSON.stringify(shown ?? shownFacts),
      published_at: cause.at,
      updated_at: cause.at,
    }
    await insertListing(tx, listing, producer)
    await tell(tx, cause, 'listing.publish', { ...listing, handle: producer.handle })
    return warned(tx, listing.id)
  })
}

/** A listing of the caller and its image, locked until the transaction ends. */
const forChange = async (tx: Tx, actor: Actor, cause: Cause, id: string) => {
  projectOf(actor, 'member')
  const seen = await findListing(tx, id)
  if (seen === undefined || !isTheirs(actor, seen)) throw notFound(id)
  const image = await findImageForChange(tx, seen.image_id, actor.projectId, cause.at)
  // The lock was waited for: what was read before it may be gone.
  const listing = await findListing(tx, id)
  if (listing === undefined) throw notFound(id)
  return { listing, image }
}

/** Runs a change of a listing whose image still is its producer's. */
const changeListing = (
  { database }: Service,
  actor: Actor,
  cause: Cause,
  id: string,
  change: (tx: Tx, listing: FullListing) => Promise<ListingRow>,
): Promise<ListingAndWarnings> =>
  database.write(async (tx) => {
    const { listing, image } = await forChange(tx, actor, cause, id)
    if (listing.owner !== listing.project_id) {
      throw apiError('conflict', { why: 'The image was given to another project; its listing can only be withdrawn' })
    }
    entitled(actor, 'image.publish', { image: listing.image_id }, image)
    const before = storedPart(listing)
    const after = { ...(await change(tx, listing)), updated_at: cause.at }
    await updateListing(tx, after, { handle: listing.handle, name: listing.producer_name })
    if (before.icon !== null && before.icon !== after.icon) await dropIcon(tx, before.icon)
    await tell(
      tx,
      cause,
      'listing.update',
      { ...after, handle: listing.handle },
      { changed: changedKeys(before, after) },
    )
    return warned(tx, id)
  })

/** What of a listing is stored with itself, without what it was joined with. */
const storedPart = ({
  handle: _handle,
  producer_name: _name,
  owner: _owner,
  visibility: _visibility,
  status: _status,
  size_bytes: _size,
  disk_format: _disk,
  container_format: _container,
  min_disk: _minDisk,
  min_ram: _minRam,
  checksum: _checksum,
  os_hash_algo: _algorithm,
  os_hash_value: _hash,
  image_created_at: _created,
  image_updated_at: _updated,
  deletion_at: _deletion,
  ...listing
}: FullListing): ListingRow => listing

/** The names of what changed, as the API writes them. */
const changedKeys = (before: ListingRow, after: ListingRow): string[] => {
  const { title_skeleton: _skeleton, updated_at: _updated, ...told } = after
  const old = new Map<string, unknown>(Object.entries(before))
  return Object.entries(told).flatMap(([key, value]) => (old.get(key) === value ? [] : [key]))
}

/** Changes what a listing says. */
export const editListing = (
  service: Service,
  actor: Actor,
  cause: Cause,
  id: string,
  { shown, ...texts }: ListingChange,
): Promise<ListingAndWarnings> => {
  checkTexts(texts)
  return changeListing(service, actor, cause, id, async (_tx, listing) => {
    const title = texts.title ?? listing.title
    return {
      ...storedPart(listing),
      ...texts,
      title,
      title_skeleton: skeletonOf(title),
      shown: shown === undefined ? listing.shown : JSON.stringify(shown),
    }
  })
}

/** Gives a listing a picture. */
export const setIcon = (
  service: Service,
  actor: Actor,
  cause: Cause,
  id: string,
  body: unknown,
): Promise<ListingAndWarnings> => {
  const { bytes, mediaType } = iconMediaType(body)
  const digest = iconDigest(bytes)
  return changeListing(service, actor, cause, id, async (tx, listing) => {
    await keepIcon(tx, digest, mediaType, bytes)
    return { ...storedPart(listing), icon: digest }
  })
}

export const removeIcon = (service: Service, actor: Actor, cause: Cause, id: string): Promise<ListingAndWarnings> =>
  changeListing(service, actor, cause, id, async (_tx, listing) => ({ ...storedPart(listing), icon: null }))

/** Takes a listing out of the catalogue. The image and its shares stay as they are. */
export const withdrawListing = ({ database }: Service, actor: Actor, cause: Cause, id: string): Promise<void> =>
  database.write(async (tx) => {
    const { listing } = await forChange(tx, actor, cause, id)
    await withdraw(tx, cause, listing)
  })
