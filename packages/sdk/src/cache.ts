import type { CacheDocument } from '@vitrine/contract'
import { UnexpectedResponseError } from './errors.ts'
import { integer, listOf, type Parse, record, type Shape, text } from './fields.ts'
import type { CallOptions, ImageApi } from './image-api.ts'

/** Seconds since 1970, perhaps with a fraction: this part of the API writes instants so. */
const secondsSince1970: Parse<Date> = (value, what) => {
  const date = new Date(typeof value === 'number' ? value * 1000 : Number.NaN)
  if (!Number.isNaN(date.getTime())) return date
  throw new UnexpectedResponseError(`The service sent no proper ${what}.`)
}

const readCached = record('cached image', {
  image_id: text,
  /** How often it was read. */
  hits: integer,
  /** Bytes of the copy. */
  size: integer,
  last_accessed: secondsSince1970,
  /** When it was copied. */
  last_modified: secondsSince1970,
})
/** A copy of an image on the machine that answers. */
export type CachedImage = ReturnType<typeof readCached>

const readContent = record('cache', {
  cached_images: listOf((value) => readCached(value)),
  /** Ids of images that wait to be copied. */
  queued_images: listOf(text),
} satisfies Shape<CacheDocument>)

/** What the machine that answers has cached, and what waits. */
export interface CacheContent {
  readonly cached: readonly CachedImage[]
  /** Ids of images. */
  readonly queued: readonly string[]
}

/** The copies of images that a service keeps near; for administrators. Every machine of a service has its own. */
export interface ImageCache {
  list(options?: CallOptions): Promise<CacheContent>
  /** Has an image copied soon. */
  add(imageId: string, options?: CallOptions): Promise<void>
  remove(imageId: string, options?: CallOptions): Promise<void>
  /** @param target what is emptied; left out: both */
  clear(target?: 'cache' | 'queue', options?: CallOptions): Promise<void>
  /** Removes what is of no use any more. */
  clean(options?: CallOptions): Promise<void>
  /** Brings it down to its size. */
  prune(options?: CallOptions): Promise<void>
}

const path = ['cache']

export const imageCache = (api: ImageApi): ImageCache => ({
  list: async (options = {}) => {
    const { cachedImages, queuedImages } = readContent(await api.call('GET', path, options))
    return { cached: cachedImages, queued: queuedImages }
  },
  add: async (imageId, options = {}) => {
    await api.call('PUT', [...path, imageId], options)
  },
  remove: async (imageId, options = {}) => {
    await api.call('DELETE', [...path, imageId], options)
  },
  clear: async (target, options = {}) => {
    const headers = target === undefined ? {} : { 'x-image-cache-clear-target': target }
    await api.call('DELETE', path, { ...options, headers })
  },
  clean: async (options = {}) => {
    await api.call('POST', [...path, 'clean'], options)
  },
  prune: async (options = {}) => {
    await api.call('POST', [...path, 'prune'], options)
  },
})
