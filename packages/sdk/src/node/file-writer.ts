import type { FileHandle } from 'node:fs/promises'

const batchBytes = 1_048_576

/**
 * Writes small chunks to a file in large pieces, one of them on its way to the disk while the next one gathers. Chunks
 * must not be changed after they were given.
 */
export class FileWriter {
  readonly #file: FileHandle
  #gathered: Uint8Array[] = []
  #gatheredBytes = 0
  #position: number
  #underWay: Promise<void> = Promise.resolve()

  /** @param position where the first byte goes */
  constructor(file: FileHandle, position = 0) {
    this.#file = file
    this.#position = position
  }

  /** Resolves when the next chunk may come. Rejects with the error of an earlier write. */
  async write(chunk: Uint8Array): Promise<void> {
    this.#gathered.push(chunk)
    this.#gatheredBytes += chunk.byteLength
    if (this.#gatheredBytes < batchBytes) return
    await this.#underWay
    this.#start()
  }

  /** Resolves when everything is written (not yet on disk: that takes a sync). */
  async flush(): Promise<void> {
    await this.#underWay
    this.#start()
    await this.#underWay
  }

  #start(): void {
    this.#underWay = writeAll(this.#file, this.#gathered, this.#position)
    this.#position += this.#gatheredBytes
    // Whoever comes next gets the error; until then it is nobody's.
    this.#underWay.catch(() => {})
    this.#gathered = []
    this.#gatheredBytes = 0
  }
}

const writeAll = async (file: FileHandle, chunks: Uint8Array[], position: number): Promise<void> => {
  let rest = chunks
  let at = position
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest, at)
    at += bytesWritten
    rest = after(rest, bytesWritten)
  }
}

/** What is left of the chunks behind so many bytes: a disk may take less than it was given. */
const after = (chunks: Uint8Array[], bytes: number): Uint8Array[] => {
  let skip = bytes
  return chunks.flatMap((chunk) => {
    const skipped = Math.min(skip, chunk.byteLength)
    skip -= skipped
    return skipped === chunk.byteLength ? [] : [chunk.subarray(skipped)]
  })
}
