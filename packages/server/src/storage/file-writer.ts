import { type FileHandle, open, rename, stat, unlink } from 'node:fs/promises'
import { isMissing } from './file-errors.ts'
import { type Attempt, readFully } from './file-reader.ts'
import { ensureFolder, syncFolder } from './folder.ts'
import { type ByteWriter, type ResumableWriter, StoreError } from './port.ts'
import type { Turns } from './turns.ts'

export interface FileWriterPlace {
  readonly directory: string
  readonly incoming: string
  readonly shard: string
  readonly unfinishedPath: string
  readonly storedPath: string
}

interface FileWriterParts {
  readonly syncs: Turns
  readonly attempt: Attempt
}

// Left alone, the kernel keeps gigabytes of a new file in memory and writes them out only at the final sync, which
// then takes as long as the whole upload. Syncing along the way lets the disk work while bytes arrive.
const syncEveryBytes = 32 * 1024 * 1024

const unlinkIfThere = async (path: string): Promise<void> => {
  try {
    await unlink(path)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

const exists = async (path: string): Promise<boolean> => {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

/** Fails when the key is being written or is stored already. */
export const startFileWriter = async (place: FileWriterPlace, parts: FileWriterParts): Promise<ByteWriter> => {
  const handle = await open(place.unfinishedPath, 'wx', 0o600)
  try {
    // Looked for after the exclusive open: whoever held that name before has either finished, and is seen here, or left.
    if (await exists(place.storedPath)) throw new StoreError('unavailable', 'The key is stored already.')
  } catch (error) {
    await handle.close()
    await unlinkIfThere(place.unfinishedPath)
    throw error
  }
  return new FileWriter(handle, place, parts, 0)
}

/** A committed file that nobody has used yet is unfinished again. */
const takeBack = async ({ directory, shard, storedPath, unfinishedPath }: FileWriterPlace): Promise<void> => {
  try {
    await rename(storedPath, unfinishedPath)
  } catch (error) {
    if (!isMissing(error)) throw error
    return
  }
  await syncFolder(shard)
  await syncFolder(directory)
}

const openUnfinished = async (place: FileWriterPlace, sizeBytes: number): Promise<FileHandle> => {
  await takeBack(place)
  try {
    return await open(place.unfinishedPath, 'r+')
  } catch (error) {
    if (!isMissing(error)) throw error
  }
  if (sizeBytes > 0) {
    // A missing file means nothing as long as the store itself is gone.
    await stat(place.incoming)
    throw new StoreError('damaged', 'An unfinished write is gone.')
  }
  const handle = await open(place.unfinishedPath, 'wx+', 0o600)
  await syncFolder(place.incoming)
  return handle
}

/** Fails when less than `sizeBytes` is there. */
export const resumeFileWriter = async (
  place: FileWriterPlace,
  sizeBytes: number,
  parts: FileWriterParts,
): Promise<ResumableWriter> => {
  const handle = await openUnfinished(place, sizeBytes)
  try {
    const { size } = await handle.stat()
    if (size < sizeBytes)
      throw new StoreError('damaged', `${size} bytes of an unfinished write are there, not ${sizeBytes}.`)
    if (size > sizeBytes) {
      await handle.truncate(sizeBytes)
      await handle.sync()
    }
  } catch (error) {
    await handle.close()
    throw error
  }
  return new FileWriter(handle, place, parts, sizeBytes)
}

class FileWriter implements ResumableWriter {
  readonly #handle: FileHandle
  readonly #place: FileWriterPlace
  readonly #syncs: Turns
  readonly #attempt: Attempt
  #sizeBytes: number
  #syncedBytes: number
  #earlySync: Promise<void> | undefined
  // The kernel tells of a failed write-back to one sync only; it must be kept until the commit.
  #earlySyncFailure: { readonly error: unknown } | undefined
  #state: 'open' | 'renamed' | 'committed' | 'aborted' | 'released' = 'open'
  #closing: Promise<void> | undefined

  constructor(handle: FileHandle, place: FileWriterPlace, { syncs, attempt }: FileWriterParts, sizeBytes: number) {
    this.#handle = handle
    this.#sizeBytes = sizeBytes
    this.#syncedBytes = sizeBytes
    this.#place = place
    this.#syncs = syncs
    this.#attempt = attempt
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#attempt('write', async () => {
      let written = 0
      while (written < bytes.byteLength) {
        const { bytesWritten } = await this.#handle.write(bytes, written, bytes.byteLength - written, this.#sizeBytes)
        written += bytesWritten
        this.#sizeBytes += bytesWritten
      }
      this.#syncAlongTheWay()
    })
  }

  sync(): Promise<void> {
    return this.#attempt('sync a write', async () => {
      await this.#earlySync
      if (this.#earlySyncFailure !== undefined) throw this.#earlySyncFailure.error
      const sizeBytes = this.#sizeBytes
      await this.#syncs.run(() => this.#handle.sync())
      this.#syncedBytes = sizeBytes
    })
  }

  async syncSome(): Promise<number> {
    const sizeBytes = this.#sizeBytes
    await this.sync()
    return sizeBytes
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#attempt('read a write', () => readFully(this.#handle, into, position))
  }

  async release(): Promise<void> {
    if (this.#state === 'open') this.#state = 'released'
    await this.#attempt('leave a write', async () => {
      await this.#earlySync
      await this.#close()
    })
  }

  async commit(): Promise<void> {
    await this.sync()
    await this.#attempt('finish a write', async () => {
      await this.#close()
      const { directory, incoming, shard, unfinishedPath, storedPath } = this.#place
      if (await ensureFolder(shard)) await this.#syncs.run(() => syncFolder(directory))
      await rename(unfinishedPath, storedPath)
      this.#state = 'renamed'
      await this.#syncs.run(() => syncFolder(shard))
      await this.#syncs.run(() => syncFolder(incoming))
      this.#state = 'committed'
    })
  }

  async abort(): Promise<void> {
    if (this.#state === 'committed' || this.#state === 'aborted' || this.#state === 'released') return
    const { storedPath, unfinishedPath } = this.#place
    await this.#attempt('take back a write', async () => {
      await this.#earlySync
      await this.#close()
      await unlinkIfThere(this.#state === 'renamed' ? storedPath : unfinishedPath)
      this.#state = 'aborted'
    })
  }

  #close(): Promise<void> {
    this.#closing ??= this.#handle.close()
    return this.#closing
  }

  #syncAlongTheWay(): void {
    if (this.#earlySync !== undefined || this.#sizeBytes - this.#syncedBytes < syncEveryBytes) return
    const sizeBytes = this.#sizeBytes
    this.#earlySync = this.#syncs
      .runIfFree(() => this.#handle.datasync())
      ?.then(
        () => {
          this.#syncedBytes = sizeBytes
        },
        (error: unknown) => {
          this.#earlySyncFailure ??= { error }
        },
      )
      .then(() => {
        this.#earlySync = undefined
      })
  }
}
