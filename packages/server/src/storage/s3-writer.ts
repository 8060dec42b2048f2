import { bytesOfParts, type PartBuffers, partBytesOf } from './part-buffers.ts'
import { type ByteReader, type ByteWriter, type ResumableWriter, StoreError } from './port.ts'
import type { S3Calls } from './s3-client.ts'
import { type S3Multipart, startMultipart } from './s3-multipart.ts'
import { findObject } from './s3-objects.ts'
import { S3Reader } from './s3-reader.ts'
import { removeTails, writeTail } from './s3-tails.ts'

const partsAtOnce = 3

interface Buffer {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly kind: 'first' | 'spare'
}

interface Parts {
  readonly calls: S3Calls
  readonly object: string
  readonly buffers: PartBuffers
  readonly multipart: S3Multipart
}

/** Starts an upload in parts, which is seen as unfinished from now on. @throws StoreError */
export const startS3Writer = async (calls: S3Calls, object: string, buffers: PartBuffers): Promise<ByteWriter> =>
  new S3Writer({ calls, object, buffers, multipart: await startMultipart(calls, object) })

export class S3Writer implements ResumableWriter {
  readonly #parts: Parts
  readonly #isResumed: boolean
  readonly #leaving = new AbortController()
  readonly #sending = new Set<Promise<void>>()
  #filling: Buffer | undefined
  #filledBytes = 0
  /** How many of the bytes that are filled in are in a tail. */
  #tailBytes = 0
  #free: Buffer[] = []
  #hasFirst = false
  #nextPart: number
  #sizeBytes: number
  #failure: { readonly error: unknown } | undefined
  #state: 'open' | 'finishing' | 'finished' | 'committed' | 'aborted' | 'released' = 'open'
  #reader: ByteReader | undefined

  /** @param from the whole parts that the upload has already; undefined: it is a fresh one */
  constructor(parts: Parts, from?: { readonly parts: number; readonly bytes: number }) {
    this.#parts = parts
    this.#isResumed = from !== undefined
    this.#nextPart = from?.parts ?? 0
    this.#sizeBytes = from?.bytes ?? 0
  }

  /** Begins with what there is already of the first part. @param read fills the memory that it is given */
  async load(tailBytes: number, read: (into: Uint8Array) => Promise<void>): Promise<void> {
    this.#filling = await this.#takeBuffer()
    await read(this.#filling.bytes.subarray(0, tailBytes))
    this.#filledBytes = tailBytes
    this.#tailBytes = tailBytes
    this.#sizeBytes += tailBytes
  }

  async write(bytes: Uint8Array): Promise<void> {
    let taken = 0
    while (taken < bytes.byteLength) {
      if (this.#failure !== undefined) throw this.#failure.error
      // Only now, for of an upload that is left the last byte may have to be forgotten, and parts cannot be read.
      if (this.#isFull()) this.#send()
      this.#filling ??= await this.#takeBuffer()
      const piece = bytes.subarray(taken, taken + this.#filling.bytes.byteLength - this.#filledBytes)
      this.#filling.bytes.set(piece, this.#filledBytes)
      this.#filledBytes += piece.byteLength
      taken += piece.byteLength
    }
    this.#sizeBytes += bytes.byteLength
  }

  async sync(): Promise<void> {
    await this.#allSent()
    if (this.#filling === undefined || (this.#filledBytes === this.#tailBytes && !this.#isFull())) return
    const { calls, object } = this.#parts
    await writeTail(calls, object, this.#nextPart, this.#filling.bytes.subarray(0, this.#filledBytes))
    this.#tailBytes = this.#filledBytes
    if (!this.#isFull()) return
    // Another try may have left other bytes in the place of this part, which counts as whole from now on.
    this.#send()
    await this.#allSent()
  }

  async syncSome(): Promise<number> {
    return bytesOfParts(this.#parts.multipart.arrived())
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    this.#reader ??= await this.#openFinished()
    return this.#reader.read(into, position)
  }

  async commit(): Promise<void> {
    await this.#finish()
    this.#state = 'committed'
    const { calls, object } = this.#parts
    // The object is whole; a tail that stays behind goes with it.
    if (this.#isResumed) await removeTails(calls, object).catch(() => undefined)
  }

  async abort(): Promise<void> {
    if (this.#state === 'committed' || this.#state === 'aborted' || this.#state === 'released') return
    this.#leaving.abort()
    await Promise.all(this.#sending)
    this.#giveBuffers()
    await this.#reader?.close()
    const { calls, object, multipart } = this.#parts
    // A finish that failed may have finished all the same.
    await multipart.abort(this.#state === 'open' ? undefined : this.#sizeBytes)
    if (this.#isResumed) await removeTails(calls, object)
    this.#state = 'aborted'
  }

  async release(): Promise<void> {
    if (this.#state !== 'committed' && this.#state !== 'aborted') this.#state = 'released'
    // Not broken off: a part that arrives late would take the place of what is sent there next.
    await Promise.all(this.#sending)
    this.#giveBuffers()
    await this.#reader?.close()
  }

  #isFull(): boolean {
    return this.#filledBytes === this.#filling?.bytes.byteLength
  }

  async #allSent(): Promise<void> {
    await Promise.all(this.#sending)
    if (this.#failure !== undefined) throw this.#failure.error
  }

  async #finish(): Promise<void> {
    if (this.#state === 'finished') return
    // An object without bytes has one part without bytes.
    if (this.#filledBytes > 0 || this.#nextPart === 0) {
      this.#filling ??= await this.#takeBuffer()
      this.#send()
    }
    await this.#allSent()
    this.#giveBuffers()
    this.#state = 'finishing'
    await this.#parts.multipart.finish(this.#sizeBytes)
    this.#state = 'finished'
  }

  async #openFinished(): Promise<ByteReader> {
    await this.#finish()
    const { calls, object } = this.#parts
    const found = await findObject(calls, object)
    if (found?.ContentLength !== this.#sizeBytes) throw new StoreError('unavailable', 'A store lost an object.')
    return new S3Reader(calls, { key: object, sizeBytes: this.#sizeBytes, eTag: found.ETag })
  }

  /** Waits for a part to arrive only when this write, or all writes together, have filled as many buffers as they may. */
  async #takeBuffer(): Promise<Buffer> {
    const sizeBytes = partBytesOf(this.#nextPart)
    if (sizeBytes === undefined) throw new StoreError('full', 'An object has more parts than a store takes.')
    for (;;) {
      const free = this.#free.pop()
      if (free?.bytes.byteLength === sizeBytes) return free
      if (free !== undefined) this.#give(free)
      const { buffers } = this.#parts
      if (!this.#hasFirst) {
        this.#hasFirst = true
        return { bytes: buffers.take(sizeBytes), kind: 'first' }
      }
      const spare = this.#sending.size < partsAtOnce ? buffers.takeSpare(sizeBytes) : undefined
      if (spare !== undefined) return { bytes: spare, kind: 'spare' }
      await Promise.race(this.#sending)
      if (this.#failure !== undefined) throw this.#failure.error
    }
  }

  #give(buffer: Buffer): void {
    if (buffer.kind === 'first') this.#hasFirst = false
    this.#parts.buffers.give(buffer.bytes, buffer.kind)
  }

  #giveBuffers(): void {
    for (const buffer of this.#free) this.#give(buffer)
    if (this.#filling !== undefined) this.#give(this.#filling)
    this.#free = []
    this.#filling = undefined
    this.#filledBytes = 0
  }

  /** Sends what is filled, behind the back of whoever writes; a failure is told by the next call. */
  #send(): void {
    const buffer = this.#filling
    if (buffer === undefined) return
    const bytes = buffer.bytes.subarray(0, this.#filledBytes)
    const sending = this.#parts.multipart
      .send(this.#nextPart, bytes, this.#leaving.signal)
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .then(() => {
        this.#free.push(buffer)
        this.#sending.delete(sending)
      })
    this.#sending.add(sending)
    this.#nextPart += 1
    this.#filling = undefined
    this.#filledBytes = 0
    this.#tailBytes = 0
  }
}
