import { Readable } from 'node:stream'
import { GetObjectCommand } from '@aws-sdk/client-s3'
import { type ByteReader, StoreError } from './port.ts'
import type { S3Calls } from './s3-client.ts'

const mebibyte = 1024 * 1024
/**
 * How far an answer reaches: no further than the first read wants, so that reads here and there cost no more than they
 * need; then ever further, until one answer brings all the rest.
 */
const spansBytes = [0, mebibyte, 8 * mebibyte, 64 * mebibyte, Number.POSITIVE_INFINITY]
/** Broken answers in a row that are asked for again. */
const retries = 2

/** One answer of the store, read as far as `position`. */
interface Run {
  readonly body: Readable
  readonly chunks: AsyncIterator<unknown>
  readonly end: number
  readonly span: number
  position: number
  rest: Uint8Array | undefined
}

export interface S3Object {
  readonly key: string
  readonly sizeBytes: number
  /** Makes sure that every answer is of one object. */
  readonly eTag: string | undefined
}

/** The store broke an answer off, or answered too little. */
class BrokenAnswer extends Error {
  override readonly name = 'BrokenAnswer'
}

const nextChunk = async (run: Run): Promise<Uint8Array> => {
  if (run.rest !== undefined) return run.rest
  try {
    const { done, value } = await run.chunks.next()
    if (done !== true && value instanceof Uint8Array) return value
  } catch (error) {
    if (error instanceof StoreError) throw error
  }
  throw new BrokenAnswer()
}

/** Takes note of the end of an answer, so that its connection serves again. */
const finish = async (run: Run): Promise<void> => {
  const isDone = await run.chunks.next().then(
    ({ done }) => done === true,
    () => false,
  )
  if (!isDone) run.body.destroy()
}

export class S3Reader implements ByteReader {
  readonly sizeBytes: number
  readonly #calls: S3Calls
  readonly #object: S3Object
  // Free to take: of two reads at once, one gets an answer of its own.
  #run: Run | undefined
  /** Where the last answer ended, and how far it reached. */
  #last = { end: -1, span: 0 }
  #closed = false

  constructor(calls: S3Calls, object: S3Object) {
    this.#calls = calls
    this.#object = object
    this.sizeBytes = object.sizeBytes
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    const wanted = into.subarray(0, Math.max(0, Math.min(into.byteLength, this.sizeBytes - position)))
    let filled = 0
    let failures = 0
    while (filled < wanted.byteLength) {
      try {
        const got = await this.#readSome(wanted.subarray(filled), position + filled)
        filled += got
        failures = 0
      } catch (error) {
        if (!(error instanceof BrokenAnswer)) throw error
        failures += 1
        if (failures > retries) {
          throw new StoreError(
            'unavailable',
            `The store ${this.#calls.name} could not read an object (broken answers).`,
          )
        }
      }
    }
    return filled
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#run?.body.destroy()
    this.#run = undefined
  }

  /** @returns at least one byte */
  async #readSome(into: Uint8Array, position: number): Promise<number> {
    const run = await this.#runAt(position, into.byteLength)
    const stalled = setTimeout(() => {
      run.body.destroy(
        new StoreError('unavailable', `The store ${this.#calls.name} stopped in the midst of an object.`),
      )
    }, this.#calls.patienceMs)
    try {
      let filled = 0
      while (filled < into.byteLength && run.position < run.end) {
        const chunk = await nextChunk(run)
        const piece = chunk.subarray(0, into.byteLength - filled)
        into.set(piece, filled)
        filled += piece.byteLength
        run.position += piece.byteLength
        run.rest = piece.byteLength < chunk.byteLength ? chunk.subarray(piece.byteLength) : undefined
        stalled.refresh()
      }
      if (run.position === run.end) await finish(run)
      else this.#keep(run)
      return filled
    } catch (error) {
      run.body.destroy()
      throw error
    } finally {
      clearTimeout(stalled)
    }
  }

  #keep(run: Run): void {
    if (this.#closed || this.#run !== undefined) run.body.destroy()
    else this.#run = run
  }

  /** The answer that goes on at `position`; a new one where none does. */
  async #runAt(position: number, wantedBytes: number): Promise<Run> {
    const before = this.#run
    this.#run = undefined
    if (before?.position === position) return before
    before?.body.destroy()
    const { end, span } = this.#last
    return this.#ask(position, wantedBytes, position === end ? Math.min(span + 1, spansBytes.length - 1) : 0)
  }

  async #ask(position: number, wantedBytes: number, span: number): Promise<Run> {
    const end = Math.min(this.sizeBytes, position + Math.max(wantedBytes, spansBytes[span] ?? 0))
    this.#last = { end, span }
    const { client, bucket, attempt } = this.#calls
    const { key, eTag } = this.#object
    const { Body: body, ContentRange: range } = await attempt('read an object', (abortSignal) =>
      client.send(
        new GetObjectCommand({ Bucket: bucket, Key: key, Range: `bytes=${position}-${end - 1}`, IfMatch: eTag }),
        { abortSignal },
      ),
    )
    if (!(body instanceof Readable)) throw new BrokenAnswer()
    if (range !== `bytes ${position}-${end - 1}/${this.sizeBytes}`) {
      body.destroy()
      throw new StoreError(
        'unavailable',
        `The store ${this.#calls.name} answered with other bytes than those asked for.`,
      )
    }
    return { body, chunks: body[Symbol.asyncIterator](), end, span, position, rest: undefined }
  }
}
