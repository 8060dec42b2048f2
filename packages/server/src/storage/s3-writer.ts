import { randomBytes } from 'node:crypto'
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { type PartBuffers, partBytesOf } from './part-buffers.ts'
import { type ByteWriter, StoreError } from './port.ts'
import type { S3Calls } from './s3-client.ts'
import { isMissing, isUploadGone } from './s3-errors.ts'

const partsAtOnce = 3
/** The slowest that a part may travel before it counts as stuck. */
const leastBytesPerSecond = 512 * 1024
/** Some stores put the parts of a large object together only now. */
const finishPatience = 10
const mark = 'vitrine-write'

interface Buffer {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly kind: 'first' | 'spare'
}

/** Starts an upload in parts, which is seen as unfinished from now on. @throws StoreError */
export const startS3Writer = async (calls: S3Calls, object: string, buffers: PartBuffers): Promise<ByteWriter> => {
  const writeId = randomBytes(16).toString('hex')
  const { UploadId: uploadId } = await calls.attempt('start a write', (abortSignal) =>
    calls.client.send(
      new CreateMultipartUploadCommand({
        Bucket: calls.bucket,
        Key: object,
        ContentType: 'application/octet-stream',
        Metadata: { [mark]: writeId },
      }),
      { abortSignal },
    ),
  )
  if (uploadId === undefined) throw new StoreError('unavailable', 'A store started a write without an id.')
  return new S3Writer({ calls, object, buffers, uploadId, writeId })
}

interface Parts {
  readonly calls: S3Calls
  readonly object: string
  readonly buffers: PartBuffers
  readonly uploadId: string
  /** Tells the object of this write from one that another wrote under its key. */
  readonly writeId: string
}

class S3Writer implements ByteWriter {
  readonly #parts: Parts
  readonly #target: { readonly Bucket: string; readonly Key: string }
  readonly #leaving = new AbortController()
  readonly #sent: CompletedPart[] = []
  readonly #sending = new Set<Promise<void>>()
  #filling: Buffer | undefined
  #filledBytes = 0
  #free: Buffer[] = []
  #hasFirst = false
  #nextPart = 0
  #sizeBytes = 0
  #failure: { readonly error: unknown } | undefined
  #state: 'open' | 'finishing' | 'committed' | 'aborted' = 'open'

  constructor(parts: Parts) {
    this.#parts = parts
    this.#target = { Bucket: parts.calls.bucket, Key: parts.object }
  }

  async write(bytes: Uint8Array): Promise<void> {
    let taken = 0
    while (taken < bytes.byteLength) {
      if (this.#failure !== undefined) throw this.#failure.error
      this.#filling ??= await this.#takeBuffer()
      const piece = bytes.subarray(taken, taken + this.#filling.bytes.byteLength - this.#filledBytes)
      this.#filling.bytes.set(piece, this.#filledBytes)
      this.#filledBytes += piece.byteLength
      taken += piece.byteLength
      if (this.#filledBytes === this.#filling.bytes.byteLength) this.#send()
    }
    this.#sizeBytes += bytes.byteLength
  }

  async commit(): Promise<void> {
    // An object without bytes has one part without bytes.
    if (this.#filledBytes > 0 || this.#nextPart === 0) {
      this.#filling ??= await this.#takeBuffer()
      this.#send()
    }
    await Promise.all(this.#sending)
    if (this.#failure !== undefined) throw this.#failure.error
    this.#giveBuffers()
    this.#state = 'finishing'
    await this.#finish()
    this.#state = 'committed'
  }

  async abort(): Promise<void> {
    if (this.#state === 'committed' || this.#state === 'aborted') return
    this.#leaving.abort()
    await Promise.all(this.#sending)
    this.#giveBuffers()
    const { calls, uploadId } = this.#parts
    await calls.attempt('take back a write', async (abortSignal) => {
      try {
        await calls.client.send(new AbortMultipartUploadCommand({ ...this.#target, UploadId: uploadId }), {
          abortSignal,
        })
      } catch (error) {
        if (!isUploadGone(error)) throw error
      }
      // A finish that failed may have finished all the same.
      if (this.#state === 'finishing' && (await this.#isStored(abortSignal))) {
        await calls.client.send(new DeleteObjectCommand(this.#target), { abortSignal })
      }
    })
    this.#state = 'aborted'
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
    this.#nextPart += 1
    const sending = this.#sendPart(this.#nextPart, bytes)
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .then(() => {
        this.#free.push(buffer)
        this.#sending.delete(sending)
      })
    this.#sending.add(sending)
    this.#filling = undefined
    this.#filledBytes = 0
  }

  async #sendPart(partNumber: number, bytes: Uint8Array): Promise<void> {
    const { calls, uploadId } = this.#parts
    const { ETag } = await calls.attempt(
      'write',
      (late) =>
        calls.client.send(
          new UploadPartCommand({
            ...this.#target,
            UploadId: uploadId,
            PartNumber: partNumber,
            Body: bytes,
            ContentLength: bytes.byteLength,
          }),
          { abortSignal: AbortSignal.any([late, this.#leaving.signal]) },
        ),
      calls.patienceMs + (bytes.byteLength / leastBytesPerSecond) * 1000,
    )
    if (ETag === undefined) throw new StoreError('unavailable', 'A store took a part and did not name it.')
    this.#sent.push({ PartNumber: partNumber, ETag })
  }

  async #finish(): Promise<void> {
    const { calls, uploadId } = this.#parts
    await calls.attempt(
      'finish a write',
      async (abortSignal) => {
        // Not every store knows the condition of the call below.
        if ((await this.#find(abortSignal)) !== undefined) {
          throw new StoreError('unavailable', 'The key is stored already.')
        }
        const Parts = this.#sent.toSorted((one, other) => (one.PartNumber ?? 0) - (other.PartNumber ?? 0))
        try {
          await calls.client.send(
            new CompleteMultipartUploadCommand({
              ...this.#target,
              UploadId: uploadId,
              MultipartUpload: { Parts },
              IfNoneMatch: '*',
            }),
            { abortSignal },
          )
        } catch (error) {
          // The client repeats a call that got no answer; the first may have done it.
          if (!(await this.#isStored(abortSignal))) throw error
        }
      },
      calls.patienceMs * finishPatience,
    )
  }

  async #find(abortSignal: AbortSignal) {
    try {
      return await this.#parts.calls.client.send(new HeadObjectCommand(this.#target), { abortSignal })
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  /** Whether the whole object of this write is there. */
  async #isStored(abortSignal: AbortSignal): Promise<boolean> {
    const found = await this.#find(abortSignal)
    return found?.Metadata?.[mark] === this.#parts.writeId && found.ContentLength === this.#sizeBytes
  }
}
