import type { Actor } from '../access/actor.ts'
import { entitled } from '../access/entitle.ts'
import { ApiError, apiError } from '../api-error.ts'
import { withdrawListingOf } from '../catalogue/listings.ts'
import { doomBlobs } from '../data/blobs.ts'
import type { Tx } from '../database/database.ts'
import { lockName } from '../database/dialect.ts'
import type { ImagesTable } from '../database/tables.ts'
import { type Cause, recordEvent } from '../events/events.ts'
import { keepOwnKey } from '../keys/key-rows.ts'
import { requestKeyDeletion } from '../keys/queries.ts'
import { endAllShares } from '../members/share.ts'
import { closeRequests } from '../requests/close.ts'
import type { Service } from '../service.ts'
import { takeBackPlan } from '../shares/apply-plan.ts'
import { checkTagQuota } from './attributes.ts'
import { changesBetween } from './changes.ts'
import { checkCreate } from './create.ts'
import { deletesKey } from './encryption.ts'
import { fromRow, type Image, imageDocument, sortedTags } from './image.ts'
import { type ListedImage, listImages } from './list.ts'
import type { ListQuery } from './list-query.ts'
import type { Patch } from './patch.ts'
import {
  countImages,
  deleteImage,
  findImage,
  findImageForChange,
  findShownImage,
  insertImage,
  type ShownImage,
  updateImage,
} from './queries.ts'
import { switched } from './status.ts'
import { updated } from './update.ts'

/** What is shown of an image that the actor may see. */
export const showImage = async ({ database, now }: Service, actor: Actor, image: string): Promise<ShownImage> =>
  entitled(actor, 'image.show', { image }, await findShownImage(database.read, image, actor.projectId, now())).row

/** The whole record of an image that the actor may see. */
const readImage = async ({ database, now }: Service, actor: Actor, image: string): Promise<ImagesTable> =>
  entitled(actor, 'image.show', { image }, await findImage(database.read, image, actor.projectId, now())).row

/** Images that are read at once; a longer page is read in pieces. */
const pieceLength = 100
/** A page is cut where its documents are longer than this together. */
const pageCharactersMax = 8 * 1024 * 1024

export interface ImagePage {
  readonly images: readonly ListedImage[]
  /** Whether the page ended before the list did, as far as that is known. */
  readonly full: boolean
}

/** @throws ApiError `invalid_marker` */
const startOf = (service: Service, actor: Actor, marker: string | undefined): Promise<ImagesTable | undefined> =>
  marker === undefined
    ? Promise.resolve(undefined)
    : readImage(service, actor, marker).catch((error: unknown) => {
        throw error instanceof ApiError ? apiError('invalid_marker', { marker }) : error
      })

/** One page of the images that the actor sees. */
export const readImages = async (service: Service, actor: Actor, query: ListQuery): Promise<ImagePage> => {
  if (!actor.roles.has('reader')) {
    throw actor.projectId === null ? apiError('scope_required', {}) : apiError('role_required', { role: 'reader' })
  }
  const { read } = service.database
  let after = await startOf(service, actor, query.marker)
  const images: ListedImage[] = []
  let characters = 0
  while (images.length < query.limit && characters < pageCharactersMax) {
    const limit = Math.min(pieceLength, query.limit - images.length)
    const piece = await listImages(read, actor, { ...query, limit }, after, service.now())
    images.push(...piece)
    if (piece.length < limit) return { images, full: false }
    for (const { document } of piece) characters += document.length
    if (images.length === query.limit) break
    const last = await findImage(read, piece.at(-1)?.id ?? '', actor.projectId, service.now())
    if (last === undefined) {
      // Deleted while the page was read: the page ends before it.
      images.pop()
      break
    }
    after = last.row
  }
  return { images, full: images.length > 0 }
}

const storeNew = async (tx: Tx, { limits }: Service, cause: Cause, image: Image): Promise<void> => {
  const limit = limits.images_per_project
  if (limit >= 0 && image.owner !== null) {
    await lockName(tx, `images of ${image.owner}`)
    if ((await countImages(tx, image.owner)) >= limit) throw apiError('image_quota', { limit })
  }
  if (image.sealedUnder !== null) await keepOwnKey(tx, image.owner ?? '', image.sealedUnder)
  await insertImage(tx, image)
  const { name, visibility, owner } = image
  const detail = { name, visibility, owner }
  await recordEvent(tx, cause, { type: 'image.create', imageId: image.id, ownerId: owner, detail })
}

/**
 * Creates an image without bytes.
 * @param also what belongs to its creation, in the same transaction
 */
export const createImage = async (
  service: Service,
  actor: Actor,
  cause: Cause,
  image: Image,
  also?: (tx: Tx) => Promise<void>,
): Promise<void> => {
  const { database, limits } = service
  checkCreate(image, actor, limits)
  try {
    await database.write(async (tx) => {
      await storeNew(tx, service, cause, image)
      await also?.(tx)
    })
  } catch (error) {
    if (database.isDuplicate(error)) throw apiError('image_exists', { image: image.id })
    throw error
  }
}

/** Changes an image that the actor may change, and writes down what changed. */
const change = (
  { database }: Service,
  actor: Actor,
  cause: Cause,
  imageId: string,
  next: (image: Image) => Image,
): Promise<Image> =>
  database.write(async (tx) => {
    const found = await findImageForChange(tx, imageId, actor.projectId, cause.at)
    const before = fromRow(entitled(actor, 'image.change', { image: imageId }, found).row)
    const after = next(before)
    if (after === before) return before
    await updateImage(tx, before, after)
    // What a former owner announced is not done to the image of another.
    if (before.owner !== after.owner) await takeBackPlan(tx, cause, { id: imageId, owner: after.owner })
    const type =
      before.status === after.status
        ? 'image.update'
        : after.status === 'deactivated'
          ? 'image.deactivate'
          : 'image.reactivate'
    const detail = changesBetween(imageDocument(before), imageDocument(after))
    await recordEvent(tx, cause, { type, imageId, ownerId: after.owner, detail })
    return after
  })

/** Applies a patch. An empty one is answered for everyone who sees the image. */
export const patchImage = async (
  service: Service,
  actor: Actor,
  cause: Cause,
  imageId: string,
  patch: Patch,
): Promise<Image> => {
  if (patch.operations.length === 0) return fromRow(await readImage(service, actor, imageId))
  const { limits, allowOwnerTransfer } = service
  return change(service, actor, cause, imageId, (image) =>
    updated(image, patch, { actor, limits, allowOwnerTransfer }, cause.at),
  )
}

/** Adds a tag; one that is there stays. */
export const addTag = (service: Service, actor: Actor, cause: Cause, imageId: string, tag: string): Promise<Image> =>
  change(service, actor, cause, imageId, (image) => {
    if (image.tags.includes(tag)) return image
    const tags = sortedTags([...image.tags, tag])
    checkTagQuota(tags, service.limits)
    return { ...image, tags, updatedAt: cause.at }
  })

export const removeTag = (service: Service, actor: Actor, cause: Cause, imageId: string, tag: string): Promise<Image> =>
  change(service, actor, cause, imageId, (image) => {
    if (!image.tags.includes(tag)) throw apiError('tag_not_found', { tag })
    return { ...image, tags: image.tags.filter((one) => one !== tag), updatedAt: cause.at }
  })

/** Locks or unlocks the bytes of an image for everyone but administrators. */
export const switchImage = (
  service: Service,
  actor: Actor,
  cause: Cause,
  imageId: string,
  to: 'active' | 'deactivated',
): Promise<Image> =>
  change(service, actor, cause, imageId, (image) => {
    const status = switched(image.status, to)
    return status === image.status ? image : { ...image, status, updatedAt: cause.at }
  })

/**
 * Removes an image with all that hangs on it, and writes down what ended. Its bytes are doomed, its id stays reserved.
 * @param message what the producer says to the consumers about it
 */
export const removeWithShares = async (
  tx: Tx,
  cause: Cause,
  image: ImagesTable,
  message: string | null = null,
): Promise<void> => {
  const { id, name, status, owner } = image
  await endAllShares(tx, cause, image, 'image_deleted', message)
  await closeRequests(tx, id, cause.at)
  await withdrawListingOf(tx, cause, id)
  await doomBlobs(tx, id)
  await deleteImage(tx, id)
  if (owner !== null && deletesKey(fromRow(image))) await requestKeyDeletion(tx, image, owner, cause.at)
  await recordEvent(tx, cause, { type: 'image.delete', imageId: id, ownerId: owner, detail: { name, status, owner } })
}

/** Deletes an image with its memberships. Its bytes follow once the change is durable; its id is never used again. */
export const removeImage = async (
  { database, uploads, sweeper }: Service,
  actor: Actor,
  cause: Cause,
  imageId: string,
): Promise<void> => {
  await database.write(async (tx) => {
    const found = await findImageForChange(tx, imageId, actor.projectId, cause.at)
    const { row } = entitled(actor, 'image.change', { image: imageId }, found)
    if (row.protected === 1) throw apiError('image_protected', {})
    await removeWithShares(tx, cause, row)
  })
  uploads.abort(imageId)
  sweeper.kick()
}
