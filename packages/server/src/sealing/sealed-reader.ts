import { type ByteReader, StoreError } from '../storage/port.ts'
import {
  type ChunkPlace,
  chunkBytes,
  type DataKey,
  dataKeyOf,
  openChunk,
  release,
  sealedChunkBytes,
  sealedSizeOf,
} from './chunks.ts'

// As many as one read of a download spans; what is decrypted in one go takes far less than a millisecond.
const chunksAtOnce = 5

/**
 * Reads what `sealedWriter` wrote. Every chunk is authenticated before a byte of it is given out: reads give the bytes that
 * were sealed with this key at this place of an object of this size, or fail as `damaged`.
 *
 * @param reader of the stored bytes. It is taken over, and closed if this rejects.
 * @param dataKey is copied
 * @param sizeBytes of the object before it was sealed
 * @throws StoreError `damaged` when the stored bytes are too few or too many, or an object without bytes is not one
 */
export const openSealed = async (reader: ByteReader, dataKey: Uint8Array, sizeBytes: number): Promise<ByteReader> => {
  try {
    const opened = new SealedReader(reader, dataKeyOf(dataKey), sizeBytes)
    // No read will ever ask for the one chunk of an object without bytes.
    if (sizeBytes === 0) await opened.check()
    return opened
  } catch (error) {
    await reader.close()
    throw error
  }
}

class SealedReader implements ByteReader {
  readonly sizeBytes: number
  readonly #reader: ByteReader
  readonly #key: DataKey
  readonly #lastIndex: number
  // Free to take: of two reads at once, one makes its own.
  #scratch: Uint8Array | undefined
  // The chunk in whose midst a read ended. Whoever reads on from there, or about there, finds it opened.
  #kept: { readonly index: number; readonly plain: Uint8Array } | undefined

  constructor(reader: ByteReader, key: DataKey, sizeBytes: number) {
    const sealedBytes = sealedSizeOf(sizeBytes)
    if (reader.sizeBytes !== sealedBytes) {
      throw new StoreError('damaged', `${reader.sizeBytes} bytes of a sealed object are stored, not ${sealedBytes}.`)
    }
    this.#reader = reader
    this.#key = key
    this.sizeBytes = sizeBytes
    this.#lastIndex = Math.max(0, Math.ceil(sizeBytes / chunkBytes) - 1)
  }

  async check(): Promise<void> {
    await this.#openRun(0, 0, release)
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    const end = Math.min(position + into.byteLength, this.sizeBytes)
    let at = position

    /** Copies what the read wants of the chunk at `at`. */
    const take = (index: number, plain: Uint8Array): void => {
      const from = at - index * chunkBytes
      const piece = plain.subarray(from, from + end - at)
      into.set(piece, at - position)
      at += piece.byteLength
      if (from + piece.byteLength === plain.byteLength) this.#drop(index, plain)
      else this.#keep(index, plain)
    }

    while (at < end) {
      const index = Math.floor(at / chunkBytes)
      if (this.#kept?.index === index) take(index, this.#kept.plain)
      else await this.#openRun(index, Math.floor((end - 1) / chunkBytes), (plain, place) => take(place.index, plain))
    }
    return Math.max(0, at - position)
  }

  async close(): Promise<void> {
    this.#kept = undefined
    this.#scratch = undefined
    await this.#reader.close()
  }

  /** Opens the chunks from `first` up to `last`, or as many as are read at once, in their order. */
  async #openRun(first: number, last: number, take: (plain: Uint8Array, place: ChunkPlace) => void): Promise<void> {
    const until = Math.min(last, first + chunksAtOnce - 1)
    const start = first * sealedChunkBytes
    const end = Math.min((until + 1) * sealedChunkBytes, this.#reader.sizeBytes)
    const scratch = this.#takeScratch(end - start)
    const sealed = scratch.subarray(0, end - start)
    const got = await this.#reader.read(sealed, start)
    if (got !== sealed.byteLength) throw new StoreError('damaged', 'A sealed object is shorter than it was.')
    for (let index = first; index <= until; index += 1) {
      const from = (index - first) * sealedChunkBytes
      const place = { index, isLast: index === this.#lastIndex }
      take(openChunk(this.#key, place, sealed.subarray(from, from + sealedChunkBytes)), place)
    }
    this.#scratch = scratch
  }

  #takeScratch(lengthBytes: number): Uint8Array {
    const free = this.#scratch
    this.#scratch = undefined
    return free !== undefined && free.byteLength >= lengthBytes ? free : Buffer.allocUnsafeSlow(lengthBytes)
  }

  #keep(index: number, plain: Uint8Array): void {
    if (this.#kept !== undefined && this.#kept.plain !== plain) release(this.#kept.plain)
    this.#kept = { index, plain }
  }

  #drop(index: number, plain: Uint8Array): void {
    if (this.#kept?.index === index) this.#kept = undefined
    release(plain)
  }
}
