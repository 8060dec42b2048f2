import { randomBytes } from 'node:crypto'
import { appendFile, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isMissing, storeErrorOf } from '../storage/file-errors.ts'
import { openFileReader } from '../storage/file-reader.ts'
import { type ByteReader, isStoreKey, type StoreKey } from '../storage/port.ts'
import { createTurns } from '../storage/turns.ts'

/** An object that is kept whole. */
export interface Kept {
  readonly key: StoreKey
  readonly sizeBytes: number
  readonly keptAt: Date
  readonly usedAt: Date
  readonly hits: number
}

/** A copy under way. Only a whole one is ever found; calls follow each other. */
export interface Filling {
  write(bytes: Uint8Array): Promise<void>
  commit(): Promise<void>
  /** After `commit` it does nothing. */
  abort(): Promise<void>
}

/** What was removed. */
export interface Freed {
  readonly files: number
  readonly bytes: number
}

/**
 * Copies of objects in a folder of this machine: `kept/KEY`, copies under way in `incoming`, and for each use of a copy one byte in
 * `hits/KEY`, whose time is that of the last use. There is no other record, so that nothing can disagree with the files, and several
 * processes can use one folder.
 */
export interface CacheFolder {
  readonly limitBytes: number
  open(key: StoreKey): Promise<ByteReader | undefined>
  /** @returns undefined when it is kept or under way already, or there cannot be room for it */
  fill(key: StoreKey, sizeBytes: number): Promise<Filling | undefined>
  has(key: StoreKey): Promise<boolean>
  /** @returns whether there was a copy */
  evict(key: StoreKey): Promise<boolean>
  list(): Promise<Kept[]>
  /** Removes what was used longest ago, until there is `roomBytes` left. */
  prune(roomBytes?: number): Promise<Freed>
  /** Removes copies that nobody finishes. @param idleMs how long nothing was written to them */
  removeStalled(idleMs: number): Promise<void>
}

/** What `stat` says of a file; undefined when it is not there. */
const statOf = async (path: string) => {
  try {
    return await stat(path)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

export const openCacheFolder = async (directory: string, limitBytes: number): Promise<CacheFolder> => {
  const kept = join(directory, 'kept')
  const incoming = join(directory, 'incoming')
  const hits = join(directory, 'hits')
  for (const folder of [kept, incoming, hits]) await mkdir(folder, { recursive: true, mode: 0o700 })
  const underWay = new Map<StoreKey, { readonly name: string; readonly sizeBytes: number }>()
  // Whoever makes room must not count on the same room as another.
  const turns = createTurns(1)

  const attempt = async <T>(doing: string, call: () => Promise<T>): Promise<T> => {
    try {
      return await call()
    } catch (error) {
      throw storeErrorOf(error, 'cache', doing)
    }
  }

  const describe = async (key: StoreKey): Promise<Kept | undefined> => {
    const [file, uses] = await Promise.all([statOf(join(kept, key)), statOf(join(hits, key))])
    if (file === undefined) return undefined
    return { key, sizeBytes: file.size, keptAt: file.mtime, usedAt: uses?.mtime ?? file.mtime, hits: uses?.size ?? 0 }
  }

  const list = async (): Promise<Kept[]> => {
    const keys = (await readdir(kept)).filter(isStoreKey)
    return (await Promise.all(keys.map(describe))).filter((one) => one !== undefined)
  }

  const evict = async (key: StoreKey): Promise<boolean> => {
    const wasThere = (await statOf(join(kept, key))) !== undefined
    await rm(join(kept, key), { force: true })
    await rm(join(hits, key), { force: true })
    return wasThere
  }

  const prune = async (roomBytes: number): Promise<Freed> => {
    const all = (await list()).toSorted((one, other) => one.usedAt.getTime() - other.usedAt.getTime())
    let usedBytes = roomBytes
    for (const { sizeBytes } of [...all, ...underWay.values()]) usedBytes += sizeBytes
    let [files, bytes] = [0, 0]
    for (const { key, sizeBytes } of all) {
      if (usedBytes - bytes <= limitBytes) break
      await evict(key)
      files += 1
      bytes += sizeBytes
    }
    return { files, bytes }
  }

  const startFilling = async (key: StoreKey, sizeBytes: number): Promise<Filling | undefined> => {
    let promisedBytes = sizeBytes
    for (const other of underWay.values()) promisedBytes += other.sizeBytes
    if (promisedBytes > limitBytes || underWay.has(key) || (await statOf(join(kept, key))) !== undefined)
      return undefined
    await prune(sizeBytes)
    const name = `${key}.${randomBytes(4).toString('hex')}`
    const path = join(incoming, name)
    const handle = await open(path, 'wx', 0o600)
    underWay.set(key, { name, sizeBytes })
    let written = 0
    let isOver = false

    const leave = async (finish: () => Promise<void>): Promise<void> => {
      if (isOver) return
      isOver = true
      underWay.delete(key)
      await finish()
    }
    return {
      write: (bytes) =>
        attempt('copy an object', async () => {
          let taken = 0
          while (taken < bytes.byteLength) {
            const { bytesWritten } = await handle.write(bytes, taken, bytes.byteLength - taken, written)
            taken += bytesWritten
            written += bytesWritten
          }
        }),
      commit: () =>
        attempt('keep an object', () =>
          leave(async () => {
            try {
              // A file that a loss of power left empty would be taken for the object.
              await handle.sync()
            } finally {
              await handle.close()
            }
            if (written === sizeBytes) await rename(path, join(kept, key))
            else await rm(path, { force: true })
          }),
        ),
      abort: () =>
        attempt('give up a copy', () =>
          leave(async () => {
            await handle.close()
            await rm(path, { force: true })
          }),
        ),
    }
  }

  const removeStalled = async (idleMs: number): Promise<void> => {
    const alive = new Set([...underWay.values()].map(({ name }) => name))
    for (const name of await readdir(incoming)) {
      const found = await statOf(join(incoming, name))
      if (alive.has(name) || found === undefined || Date.now() - found.mtimeMs < idleMs) continue
      await rm(join(incoming, name), { force: true })
    }
    for (const name of await readdir(hits)) {
      if ((await statOf(join(kept, name))) === undefined) await rm(join(hits, name), { force: true })
    }
  }

  return {
    limitBytes,
    open: (key) =>
      attempt('open a copy', async () => {
        try {
          const reader = await openFileReader(await open(join(kept, key), 'r'), attempt)
          // A use that is not counted is no reason to fail.
          appendFile(join(hits, key), '.', { mode: 0o600 }).catch(() => undefined)
          return reader
        } catch (error) {
          if (isMissing(error)) return undefined
          throw error
        }
      }),
    fill: (key, sizeBytes) => attempt('start a copy', () => turns.run(() => startFilling(key, sizeBytes))),
    has: (key) => attempt('be read', async () => (await statOf(join(kept, key))) !== undefined),
    evict: (key) => attempt('remove a copy', () => evict(key)),
    list: () => attempt('be read', list),
    prune: (roomBytes = 0) => attempt('make room', () => turns.run(() => prune(roomBytes))),
    removeStalled: (idleMs) => attempt('be cleaned', () => removeStalled(idleMs)),
  }
}
