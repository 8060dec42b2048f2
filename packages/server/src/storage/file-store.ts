import { mkdir, open, opendir, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isMissing, storeErrorOf } from './file-errors.ts'
import { openFileReader } from './file-reader.ts'
import { type FileWriterPlace, resumeFileWriter, startFileWriter } from './file-writer.ts'
import { syncFolder } from './folder.ts'
import { type ByteStore, isStoreKey, type StoredKey, StoreError, type StoreFacts, type StoreKey } from './port.ts'
import { createTurns } from './turns.ts'

/** What stands in one folder under the name of a key; files that go during the walk are left out. */
async function* keysIn(folder: string, state: StoredKey['state']): AsyncIterable<StoredKey> {
  for await (const entry of await opendir(folder)) {
    if (!isStoreKey(entry.name)) continue
    try {
      const { mtime } = await stat(join(folder, entry.name))
      yield { key: entry.name, state, modifiedAt: mtime }
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  }
}

// A sync may take seconds and holds one of the few threads (four, unless UV_THREADPOOL_SIZE says otherwise) that also
// read and write; two at a time leave threads for the others.
const syncsAtOnce = 2

/** What is read and written at once. */
const chunkBytes = 512 * 1024

/**
 * Bytes in a folder: `DIR/ab/KEY` for the key `ab...`, unfinished writes in `DIR/incoming/KEY`. Both must be on one
 * file system, for a write is finished by a rename. Several processes may use one folder.
 *
 * The folder `incoming` is made here, when the service starts, and never later: where a volume has gone from under a
 * running service, calls fail as `unavailable` instead of writing into the mount point.
 *
 * @param name as it stands in the configuration
 */
export const openFileStore = async (
  name: string,
  directory: string,
  { description, weight = 0 }: Partial<Pick<StoreFacts, 'description' | 'weight'>> = {},
): Promise<ByteStore> => {
  const incoming = join(directory, 'incoming')
  const syncs = createTurns(syncsAtOnce)

  const attempt = async <T>(doing: string, call: () => Promise<T>): Promise<T> => {
    try {
      return await call()
    } catch (error) {
      throw storeErrorOf(error, name, doing)
    }
  }

  const place = (key: StoreKey): FileWriterPlace => {
    if (!isStoreKey(key)) throw new TypeError('A store key is 32 lower-case hex digits.')
    const shard = join(directory, key.slice(0, 2))
    return { directory, incoming, shard, unfinishedPath: join(incoming, key), storedPath: join(shard, key) }
  }

  /** A missing file means nothing as long as the store itself is there. */
  const isPresent = async (): Promise<void> => {
    await attempt('be found', () => stat(incoming))
  }

  const removeFrom = async (folder: string, path: string): Promise<void> => {
    try {
      await unlink(path)
    } catch (error) {
      if (!isMissing(error)) throw error
    }
    // Also when the file was gone: an earlier removal may have been cut short before its sync.
    try {
      await syncs.run(() => syncFolder(folder))
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  }

  await attempt('be created', async () => {
    await mkdir(incoming, { recursive: true, mode: 0o700 })
    await syncFolder(directory)
  })

  return {
    name,
    type: 'file',
    description,
    weight,
    isRemote: false,
    properties: { data_dir: directory, chunk_size: chunkBytes, thin_provisioning: false },
    urlOf: (key) => pathToFileURL(place(key).storedPath).href,

    write: async (key) => {
      const where = place(key)
      return attempt('start a write', () => startFileWriter(where, { syncs, attempt }))
    },

    resume: async (key, sizeBytes) => {
      const where = place(key)
      return attempt('go on with a write', () => resumeFileWriter(where, sizeBytes, { syncs, attempt }))
    },

    open: async (key) => {
      const { storedPath } = place(key)
      try {
        const handle = await open(storedPath, 'r')
        return await openFileReader(handle, attempt)
      } catch (error) {
        if (!isMissing(error)) throw storeErrorOf(error, name, 'open an object')
      }
      await isPresent()
      return undefined
    },

    remove: async (key) => {
      const { shard, storedPath, unfinishedPath } = place(key)
      await isPresent()
      await attempt('remove an object', async () => {
        await removeFrom(incoming, unfinishedPath)
        await removeFrom(shard, storedPath)
      })
    },

    keys: async function* () {
      await isPresent()
      try {
        yield* keysIn(incoming, 'unfinished')
        for await (const entry of await opendir(directory)) {
          if (entry.isDirectory() && /^[0-9a-f]{2}$/.test(entry.name))
            yield* keysIn(join(directory, entry.name), 'stored')
        }
      } catch (error) {
        throw storeErrorOf(error, name, 'list its objects')
      }
    },

    check: () =>
      attempt('write and read a probe', async () => {
        // A probe for each process; one that a crash leaves behind is no key, and is overwritten some day.
        const probe = join(incoming, `.probe-${process.pid}`)
        try {
          await writeFile(probe, name, { mode: 0o600 })
          const found = await readFile(probe, 'utf8')
          if (found !== name) throw new StoreError('unavailable', `The store ${name} lost a probe that it had taken.`)
        } finally {
          await rm(probe, { force: true })
        }
      }),
  }
}
