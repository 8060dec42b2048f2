import { type FileHandle, open, rename, stat, unlink } from 'node:fs/promises'
import { isMissing } from './file-errors.ts'
import type { Attempt } from './file-reader.ts'
import { ensureFolder, syncFolder } from './folder.ts'
import { type ByteWriter, StoreError } from './port.ts'
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
  return new FileWriter(handle, place, parts)
}

class FileWriter implements ByteWriter {
  readonly #handle: FileHandle
  readonly #place: FileWriterPlace
  readonly #syncs: Turns
  readonly #attempt: Attempt
  #sizeBytes = 0
  #syncedBytes = 0
  #earlySync: Promise<void> | undefined
  // The kernel tells of a failed write-back to one sync only; it must be kept until the commit.
  #earlySyncFailure: { readonly error: unknown } | undefined
  #state: 'open' | 'renamed' | 'committed' | 'aborted' = 'open'
  #closing: Promise<void> | undefined

  constructor(handle: FileHandle, place: FileWriterPlace, { syncs, attempt }: FileWriterParts) {
    this.#handle = handle
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

  commit(): Promise<void> {
    return this.#attempt('finish a write', async () => {
      await this.#earlySync
      if (this.#earlySyncFailure !== undefined) throw this.#earlySyncFailure.error
      await this.#syncs.run(() => this.#handle.sync())
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
    if (this.#state === 'committed' || this.#state === 'aborted') return
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
