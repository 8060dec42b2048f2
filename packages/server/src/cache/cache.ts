import { join } from 'node:path'
import type { CachedImage } from '@vitrine/contract'
import type { Database } from '../database/database.ts'
import type { ByteReader, ByteStore } from '../storage/port.ts'
import type { Stores } from '../storage/stores.ts'
import { cachedStore } from './cached-store.ts'
import { type CacheFolder, type Filling, type Freed, openCacheFolder } from './folder.ts'
import { activeLocations, imagesOfKeys } from './queries.ts'
import { type CacheQueue, openCacheQueue } from './queue.ts'

const periodMs = 60_000
const copyBytes = 1024 * 1024
/** How long nothing comes to a copy before it counts as one that nobody finishes. */
const stalledMs = 10 * 60_000

/** Copies of images on this machine. Whoever reads through it has been found entitled before. */
export interface Cache {
  /** The stores, read through the cache. */
  readonly stores: Stores
  list(): Promise<{ cached: CachedImage[]; queued: string[] }>
  /** Has an image copied here soon; returns at once. */
  enqueue(imageId: string): Promise<void>
  /** @returns whether it was cached, or waited to be */
  evict(imageId: string): Promise<boolean>
  clear(target: 'cache' | 'queue' | 'both'): Promise<void>
  /** Removes what is of no use: copies that nobody finishes, and those of bytes that are gone. */
  clean(): Promise<void>
  /** Removes what was used longest ago, down to the size that the cache may have. */
  prune(): Promise<Freed>
  stop(): Promise<void>
}

interface Parts {
  readonly folder: CacheFolder
  readonly queue: CacheQueue
  readonly database: Database
  /** The stores themselves. */
  readonly origin: Stores
  readonly onError: (error: unknown) => void
  readonly stopping: AbortSignal
}

const copyAll = async (reader: ByteReader, filling: Filling, stopping: AbortSignal): Promise<void> => {
  const buffer = Buffer.allocUnsafeSlow(copyBytes)
  for (let at = 0; at < reader.sizeBytes; ) {
    stopping.throwIfAborted()
    const got = await reader.read(buffer, at)
    await filling.write(buffer.subarray(0, got))
    at += got
  }
  await filling.commit()
}

/** @returns false when the store has no such object, or there is no room for it now */
const copyObject = async ({ folder, stopping }: Parts, store: ByteStore, key: string): Promise<boolean> => {
  if (await folder.has(key)) return true
  const reader = await store.open(key)
  if (reader === undefined) return false
  try {
    const filling = await folder.fill(key, reader.sizeBytes)
    if (filling === undefined) return folder.has(key)
    try {
      await copyAll(reader, filling, stopping)
    } finally {
      await filling.abort()
    }
    return true
  } finally {
    await reader.close()
  }
}

/** Copies one image, from the store that is read first. An image that there is no copy of any more waits no longer. */
const copyImage = async (parts: Parts, imageId: string): Promise<void> => {
  const { database, origin, queue, onError } = parts
  const locations = (await activeLocations(database.read, imageId)) ?? []
  const weight = (store: string): number => origin.byName(store)?.weight ?? 0
  let isUnreachable = false
  for (const { store: name, key } of locations.toSorted((one, other) => weight(other.store) - weight(one.store))) {
    const store = origin.byName(name)
    try {
      if (store !== undefined && (await copyObject(parts, store, key))) break
    } catch (error) {
      isUnreachable = true
      if (!parts.stopping.aborted) onError(error)
    }
  }
  // Gone meanwhile: the copy must not outlive the image.
  const still = await activeLocations(database.read, imageId)
  for (const { key } of still === undefined ? locations : []) await parts.folder.evict(key)
  if (still === undefined || !isUnreachable) await queue.remove(imageId)
}

const cleanUp = async ({ folder, queue, database }: Parts, idleMs: number): Promise<void> => {
  await folder.removeStalled(idleMs)
  const keys = (await folder.list()).map(({ key }) => key)
  const known = await imagesOfKeys(database.read, keys)
  for (const key of keys) if (!known.has(key)) await folder.evict(key)
  for (const imageId of await queue.list()) {
    if ((await activeLocations(database.read, imageId)) === undefined) await queue.remove(imageId)
  }
}

const list = async ({ folder, queue, database }: Parts): ReturnType<Cache['list']> => {
  const kept = await folder.list()
  const images = await imagesOfKeys(
    database.read,
    kept.map(({ key }) => key),
  )
  const cached = kept.flatMap(({ key, hits, usedAt, keptAt, sizeBytes }): CachedImage[] => {
    const imageId = images.get(key)
    if (imageId === undefined) return []
    return [
      {
        image_id: imageId,
        hits,
        last_accessed: usedAt.getTime() / 1000,
        last_modified: keptAt.getTime() / 1000,
        size: sizeBytes,
      },
    ]
  })
  return {
    cached: cached.toSorted((one, other) => (one.image_id < other.image_id ? -1 : 1)),
    queued: await queue.list(),
  }
}

const readThrough = (origin: Stores, folder: CacheFolder, onError: Parts['onError']): Stores => {
  const over = new Map(origin.all.map((store) => [store.name, cachedStore(store, folder, onError)]))
  const find = (store: ByteStore): ByteStore => over.get(store.name) ?? store
  return {
    byDefault: find(origin.byDefault),
    all: origin.all.map(find),
    names: origin.names,
    byName: (name) => over.get(name),
  }
}

/**
 * Opens the cache of this machine: what a crash left unfinished is removed, and what waits is copied.
 * @param limitBytes that all copies together may have
 */
export const openCache = async (
  directory: string,
  limitBytes: number,
  given: Pick<Parts, 'database' | 'origin' | 'onError'>,
): Promise<Cache> => {
  const leaving = new AbortController()
  const folder = await openCacheFolder(directory, limitBytes)
  const queue = await openCacheQueue(join(directory, 'queue'))
  const parts: Parts = { ...given, folder, queue, stopping: leaving.signal }
  const { database, onError } = given
  await folder.removeStalled(0)
  await folder.prune()

  let running: Promise<void> | undefined
  let again = false
  const run = async (): Promise<void> => {
    do {
      again = false
      for (const imageId of await queue.list()) {
        if (leaving.signal.aborted) return
        await copyImage(parts, imageId).catch(onError)
      }
    } while (again)
  }
  const kick = (): void => {
    again = true
    running ??= run()
      .catch(onError)
      .finally(() => {
        running = undefined
      })
  }
  const timer = setInterval(() => {
    kick()
    cleanUp(parts, stalledMs).catch(onError)
  }, periodMs)
  timer.unref()
  kick()

  const evictAll = async (): Promise<void> => {
    for (const { key } of await folder.list()) await folder.evict(key)
  }
  return {
    stores: readThrough(given.origin, folder, onError),
    list: () => list(parts),
    enqueue: async (imageId) => {
      const locations = (await activeLocations(database.read, imageId)) ?? []
      const kept = await Promise.all(locations.map(({ key }) => folder.has(key)))
      if (kept.includes(true)) return
      await queue.add(imageId)
      kick()
    },
    evict: async (imageId) => {
      let wasThere = await queue.remove(imageId)
      const keys = (await folder.list()).map(({ key }) => key)
      for (const [key, of] of await imagesOfKeys(database.read, keys)) {
        if (of === imageId && (await folder.evict(key))) wasThere = true
      }
      return wasThere
    },
    clear: async (target) => {
      if (target !== 'cache') for (const imageId of await queue.list()) await queue.remove(imageId)
      if (target !== 'queue') await evictAll()
    },
    clean: () => cleanUp(parts, stalledMs),
    prune: () => folder.prune(),
    stop: async () => {
      clearInterval(timer)
      leaving.abort()
      await running
    },
  }
}
