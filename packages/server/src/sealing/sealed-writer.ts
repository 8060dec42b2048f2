import type { ByteWriter } from '../storage/port.ts'
import { chunkBytes, type DataKey, dataKeyOf, sealChunk, sealedChunkBytes, tagBytes } from './chunks.ts'

// Enough for a write that is worth its call, and sealed in far less than a millisecond.
const chunksAtOnce = 4

/** Where a sealed write stands: whole chunks that were sealed and handed on, and what waits for more bytes. */
export interface SealedProgress {
  /** How many bytes the sealed chunks hold. */
  readonly sealedBytes: number
  /** At most one chunk, not sealed yet. The writer's own memory, to be copied before the next write. */
  readonly held: Uint8Array
}

/** A sealed write that can be stopped before its end, and gone on with. */
export interface SealedWriter extends ByteWriter {
  progress(): SealedProgress
  /** Seals and hands on what is left, without committing it. No write may follow. */
  finish(): Promise<void>
}

/**
 * Encrypts what is written on its way to `writer`, in the form told in `chunks.ts`. Its memory is some 320 KiB at most, and
 * none that was not needed.
 *
 * @param dataKey seals this one object and must never seal another. It is copied.
 * @param from where an earlier write with this key stood, which this one goes on with
 */
export const sealedWriter = (writer: ByteWriter, dataKey: Uint8Array, from?: SealedProgress): SealedWriter =>
  new SealingWriter(writer, dataKeyOf(dataKey), from)

class SealingWriter implements SealedWriter {
  readonly #writer: ByteWriter
  readonly #key: DataKey
  #index = 0
  #isFinished = false
  // What is not sealed yet: whether a chunk is the last is known only at the end or from the next byte.
  #held: Uint8Array | undefined
  #heldBytes = 0
  // What is sealed and not handed on yet.
  #sealed: Uint8Array | undefined
  #sealedBytes = 0

  constructor(writer: ByteWriter, key: DataKey, from: SealedProgress | undefined) {
    this.#writer = writer
    this.#key = key
    if (from === undefined) return
    this.#index = from.sealedBytes / chunkBytes
    if (!Number.isInteger(this.#index) || this.#hold(from.held) < from.held.byteLength) {
      throw new RangeError('A sealed write goes on after whole chunks.')
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let taken = 0; taken < bytes.byteLength; ) {
      if (this.#heldBytes === chunkBytes) await this.#sealHeld(false)
      const isWholeAndNotLast = this.#heldBytes === 0 && bytes.byteLength - taken > chunkBytes
      if (isWholeAndNotLast) {
        await this.#seal(bytes.subarray(taken, taken + chunkBytes), false)
        taken += chunkBytes
      } else {
        taken += this.#hold(bytes.subarray(taken))
      }
    }
    await this.#handOn()
  }

  progress(): SealedProgress {
    const held = this.#held?.subarray(0, this.#heldBytes) ?? new Uint8Array()
    return { sealedBytes: this.#index * chunkBytes, held }
  }

  async finish(): Promise<void> {
    if (this.#isFinished) return
    this.#isFinished = true
    await this.#sealHeld(true)
    await this.#handOn()
  }

  async commit(): Promise<void> {
    await this.finish()
    await this.#writer.commit()
  }

  abort(): Promise<void> {
    return this.#writer.abort()
  }

  /** @returns how many of the bytes found room */
  #hold(bytes: Uint8Array): number {
    this.#held ??= Buffer.allocUnsafeSlow(chunkBytes)
    const piece = bytes.subarray(0, chunkBytes - this.#heldBytes)
    this.#held.set(piece, this.#heldBytes)
    this.#heldBytes += piece.byteLength
    return piece.byteLength
  }

  async #sealHeld(isLast: boolean): Promise<void> {
    const held = this.#held?.subarray(0, this.#heldBytes) ?? new Uint8Array()
    this.#heldBytes = 0
    await this.#seal(held, isLast)
  }

  async #seal(plain: Uint8Array, isLast: boolean): Promise<void> {
    this.#sealed ??= Buffer.allocUnsafeSlow(chunksAtOnce * sealedChunkBytes)
    if (this.#sealed.byteLength - this.#sealedBytes < plain.byteLength + tagBytes) await this.#handOn()
    const place = { index: this.#index, isLast }
    this.#sealedBytes += sealChunk(this.#key, place, plain, this.#sealed.subarray(this.#sealedBytes))
    this.#index += 1
  }

  async #handOn(): Promise<void> {
    if (this.#sealed === undefined || this.#sealedBytes === 0) return
    await this.#writer.write(this.#sealed.subarray(0, this.#sealedBytes))
    this.#sealedBytes = 0
  }
}
