import type { Actor } from '../access/actor.ts'
import type { ImageFacts } from '../access/decide.ts'
import { entitle } from '../access/entitle.ts'
import { ApiError, apiError } from '../api-error.ts'
import { doomBlobs } from '../data/blobs.ts'
import { lockName } from '../database/dialect.ts'
import type { ImagesTable } from '../database/tables.ts'
import { type Cause, recordEvent } from '../events/events.ts'
import type { Service } from '../service.ts'
import { checkTagQuota } from './attributes.ts'
import { checkCreate } from './create.ts'
import { fromRow, type Image, sortedTags } from './image.ts'
import { type ListedImage, listImages } from './list.ts'
import type { ListQuery } from './list-query.ts'
import type { Patch } from './patch.ts'
import {
  changeImage,
  countImages,
  deleteImage,
  findImage,
  findShownImage,
  insertImage,
  type ShownImage,
  updateImage,
} from './queries.ts'
import { switched } from './status.ts'
import { updated } from './update.ts'

/** @throws ApiError `image_not_found` unless the image is there and the actor may see it */
const seen = <Found extends { row: ImageFacts; isMember: boolean }>(
  actor: Actor,
  imageId: string,
  found: Found | undefined,
): Found => {
  if (found === undefined) throw apiError('image_not_found', { image: imageId })
  entitle(actor, 'image.show', found.row, { actorIsMember: found.isMember }, { image: imageId })
  return found
}

/** What is shown of an image that the actor may see. */
export const showImage = async ({ database }: Service, actor: Actor, imageId: string): Promise<ShownImage> =>
  seen(actor, imageId, await findShownImage(database.read, imageId, actor.projectId)).row

/** The whole record of an image that the actor may see. */
const readImage = async ({ database }: Service, actor: Actor, imageId: string): Promise<ImagesTable> =>
  seen(actor, imageId, await findImage(database.read, imageId, actor.projectId)).row

/** One page of the images that the actor sees. */
export const readImages = async (service: Service, actor: Actor, query: ListQuery): Promise<ListedImage[]> => {
  if (!actor.roles.has('reader')) {
    throw actor.projectId === null ? apiError('scope_required', {}) : apiError('role_required', { role: 'reader' })
  }
  const { read } = service.database
  const { marker } = query
  if (marker === undefined) return listImages(read, actor, query, undefined)
  const after = await readImage(service, actor, marker).catch((error: unknown) => {
    throw error instanceof ApiError ? apiError('invalid_marker', { marker }) : error
  })
  return listImages(read, actor, query, after)
}

/** Creates an image without bytes. */
export const createImage = async (
  { database, limits }: Service,
  actor: Actor,
  cause: Cause,
  image: Image,
): Promise<void> => {
  checkCreate(image, actor, limits)
  const limit = limits.images_per_project
  try {
    await database.write(async (tx) => {
      if (limit >= 0 && image.owner !== null) {
        await lockName(tx, `images of ${image.owner}`)
        if ((await countImages(tx, image.owner)) >= limit) throw apiError('image_quota', { limit })
      }
      await insertImage(tx, image)
      const { name, visibility, owner } = image
      await recordEvent(tx, cause, { type: 'image.create', imageId: image.id, detail: { name, visibility, owner } })
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
  changeImage(database, imageId, actor.projectId, async (tx, found) => {
    if (found === undefined) throw apiError('image_not_found', { image: imageId })
    entitle(actor, 'image.change', found.row, { actorIsMember: found.isMember }, { image: imageId })
    const before = found.image
    const after = next(before)
    if (after === before) return before
    await updateImage(tx, before, after)
    const type =
      before.status === after.status
        ? 'image.update'
        : after.status === 'deactivated'
          ? 'image.deactivate'
          : 'image.reactivate'
    await recordEvent(tx, cause, { type, imageId, detail: changesBetween(before, after) })
    return after
  })

const shown = (value: unknown): unknown => (value instanceof Map ? Object.fromEntries(value) : value)

/** The attributes that differ, as `name: { from, to }`. */
const changesBetween = (before: Image, after: Image): Record<string, unknown> => {
  const watched = {
    name: 'name',
    visibility: 'visibility',
    owner: 'owner',
    protected: 'protected',
    hidden: 'os_hidden',
    diskFormat: 'disk_format',
    containerFormat: 'container_format',
    minDisk: 'min_disk',
    minRam: 'min_ram',
    tags: 'tags',
    properties: 'properties',
  } as const
  const keys = Object.keys(watched) as (keyof typeof watched)[]
  return Object.fromEntries(
    keys
      .filter((key) => before[key] !== after[key])
      .map((key) => [watched[key], { from: shown(before[key]), to: shown(after[key]) }]),
  )
}

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

/** Deletes an image with its memberships. Its bytes follow once the change is durable; its id is never used again. */
export const removeImage = async (
  { database, uploads, sweeper }: Service,
  actor: Actor,
  cause: Cause,
  imageId: string,
): Promise<void> => {
  await changeImage(database, imageId, actor.projectId, async (tx, found) => {
    if (found === undefined) throw apiError('image_not_found', { image: imageId })
    entitle(actor, 'image.change', found.row, { actorIsMember: found.isMember }, { image: imageId })
    if (found.image.protected) throw apiError('image_protected', {})
    await doomBlobs(tx, imageId)
    await deleteImage(tx, imageId)
    const { name, status, owner } = found.image
    await recordEvent(tx, cause, { type: 'image.delete', imageId, detail: { name, status, owner } })
  })
  uploads.abort(imageId)
  sweeper.kick()
}
