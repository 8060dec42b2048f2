import { integer, record, text } from './fields.ts'
import type { CallOptions, ImageApi } from './image-api.ts'
import type { JsonValue } from './json.ts'

const readCached = record('cached image', {
  image_id: text,
  /** How often it was read. */
  hits: integer,
  /** Bytes of the copy. */
  size: integer,
})
/** A copy of an image on the machine that answers. */
export type CachedImage = ReturnType<typeof readCached> & {
  readonly lastAccessed: Date
  readonly lastModified: Date
}

/** What the machine that answers has cached, and what waits. */
export interface CacheContent {
  readonly cached: readonly CachedImage[]
  /** Ids of images. */
  readonly queued: readonly string[]
}

const secondsAt = (value: JsonValue, name: string): Date => {
  const found = typeof value === 'object' && value !== null && !Array.isArray(value) ? value[name] : undefined
  return new Date((typeof found === 'number' ? found : 0) * 1000)
}

const listIn = (value: JsonValue | undefined): readonly JsonValue[] => (Array.isArray(value) ? value : [])

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
    const answer = await api.callForObject('GET', path, options)
    return {
      cached: listIn(answer.cached_images).map((value) => ({
        ...readCached(value),
        lastAccessed: secondsAt(value, 'last_accessed'),
        lastModified: secondsAt(value, 'last_modified'),
      })),
      queued: listIn(answer.queued_images).map((id) => String(id)),
    }
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
