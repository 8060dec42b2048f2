import { InvalidArgumentError } from './errors.ts'
import type { CallOptions } from './image-api.ts'
import { isObject } from './json.ts'
import { pageUpload } from './page-upload.ts'
import type { OnProgress } from './progress.ts'
import type { FetchInit, Transport, WireRequest } from './transport.ts'
import type { Watchdog } from './watchdog.ts'

/** Bytes that can be read more than once, such as a file. A `Blob` is one. */
export interface StreamSource {
  /** Length in bytes. */
  readonly size: number
  /** The bytes from the start. */
  stream(): ReadableStream<Uint8Array>
  /** The bytes from a place on. With it, an upload that broke off can be gone on with. */
  from?(start: number): ReadableStream<Uint8Array>
}

export type UploadSource = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | Blob | StreamSource | Uint8Array

export interface UploadOptions extends CallOptions {
  /** The length, where the source does not tell it; the service can then refuse at once what does not fit. */
  sizeBytes?: number | undefined
  onProgress?: OnProgress | undefined
  /** Store to put the bytes in, on clouds that have several (`X-Image-Meta-Store`). */
  store?: string | undefined
  /**
   * Whether the upload goes on by itself after the connection broke off. By default it does when the source is large and can
   * be read from any place (a Blob, a Uint8Array, a file), and the service offers it: an extension. False: in one request.
   */
  resumable?: boolean | undefined
  /** An upload that an earlier call had begun (`onUpload`). It is gone on with, if it is still there. */
  uploadId?: string | undefined
  /** Told the upload that is gone on with, for a later call with `uploadId`. */
  onUpload?: ((uploadId: string) => void | Promise<void>) | undefined
}

interface ChunkReader {
  next(): Promise<Uint8Array | undefined>
  cancel(reason: unknown): Promise<unknown>
}

const sliceBytes = 1_048_576

const isStreamSource = (source: unknown): source is StreamSource =>
  isObject(source) &&
  'stream' in source &&
  typeof source.stream === 'function' &&
  'size' in source &&
  typeof source.size === 'number'

const readSlices = (bytes: Uint8Array): ChunkReader => {
  let offset = 0
  return {
    async next() {
      if (offset >= bytes.byteLength) return undefined
      const slice = bytes.subarray(offset, offset + sliceBytes)
      offset += slice.byteLength
      return slice
    },
    cancel: async () => {},
  }
}

const readStream = (stream: ReadableStream<Uint8Array>): ChunkReader => {
  const reader = stream.getReader()
  return {
    async next() {
      const { done, value } = await reader.read()
      return done ? undefined : value
    },
    cancel: (reason) => reader.cancel(reason),
  }
}

const readIterable = (iterable: AsyncIterable<Uint8Array>): ChunkReader => {
  const iterator = iterable[Symbol.asyncIterator]()
  return {
    async next() {
      const { done, value } = await iterator.next()
      return done === true ? undefined : value
    },
    cancel: async () => iterator.return?.(),
  }
}

const openSource = (source: UploadSource): ChunkReader => {
  if (source instanceof Uint8Array) return readSlices(source)
  if (source instanceof ReadableStream) return readStream(source)
  if (isStreamSource(source)) return readStream(source.stream())
  if (isObject(source) && Symbol.asyncIterator in source) return readIterable(source)
  throw new InvalidArgumentError('Bytes come from a ReadableStream, an async iterable, a Blob or a Uint8Array.')
}

/** What is left of a source from a place on; undefined when it can only be read from its start. */
export const sourceFrom = (source: UploadSource, start: number): UploadSource | undefined => {
  if (source instanceof Uint8Array) return source.subarray(start)
  if (source instanceof Blob) return source.slice(start)
  if (source instanceof ReadableStream || !isStreamSource(source) || source.from === undefined) return undefined
  const from = source.from.bind(source)
  return { size: source.size - start, stream: () => from(start) }
}

/** The length that the source itself tells. */
export const ownSize = (source: UploadSource): number | undefined => {
  if (source instanceof Uint8Array) return source.byteLength
  return !(source instanceof ReadableStream) && isStreamSource(source) ? source.size : undefined
}

export const announcedSize = (source: UploadSource, sizeBytes: number | undefined): number | undefined => {
  if (sizeBytes !== undefined && !(Number.isSafeInteger(sizeBytes) && sizeBytes >= 0)) {
    throw new InvalidArgumentError('sizeBytes must be an integer of at least 0.')
  }
  const size = ownSize(source)
  if (sizeBytes !== undefined && size !== undefined && size !== sizeBytes) {
    throw new InvalidArgumentError(`sizeBytes says ${sizeBytes}, and the source holds ${size} bytes.`)
  }
  return sizeBytes ?? size
}

const noFurtherByte = 'The service took no further byte'
const notConfirmed = 'All bytes were sent, but the service did not confirm them'

interface Limits {
  idleTimeoutMs: number
  finishTimeoutMs: number
}

/**
 * The source as a body that counts, keeps the time limit and never reads ahead. A `ReadableStream` on purpose: given an
 * async iterable, Node's `fetch` reads all of it into memory when the network is slower than the source.
 */
const countedBody = (
  reader: ChunkReader,
  totalBytes: number | undefined,
  watchdog: Watchdog,
  limits: Limits,
  onProgress: OnProgress | undefined,
): ReadableStream<Uint8Array> => {
  let transferredBytes = 0
  // Nothing else tells the source that its bytes are not wanted any more: fetch does not cancel a body when aborted.
  const release = () => void reader.cancel(watchdog.signal.reason).catch(() => {})
  watchdog.signal.addEventListener('abort', release, { once: true })

  const nextChunk = async (): Promise<Uint8Array | undefined> => {
    let chunk = await reader.next()
    while (chunk?.byteLength === 0) chunk = await reader.next()
    if (chunk !== undefined && !(chunk instanceof Uint8Array)) {
      throw new InvalidArgumentError('The source gave something other than bytes (Uint8Array).')
    }
    transferredBytes += chunk?.byteLength ?? 0
    const wrong = chunk === undefined ? transferredBytes !== totalBytes : transferredBytes > (totalBytes ?? Infinity)
    if (wrong && totalBytes !== undefined) {
      const count = chunk === undefined ? `only ${transferredBytes}` : 'more'
      throw new InvalidArgumentError(`The size was given as ${totalBytes} bytes, and the source holds ${count}.`)
    }
    return chunk
  }

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        watchdog.disarm()
        try {
          const chunk = await nextChunk()
          if (chunk === undefined) {
            watchdog.signal.removeEventListener('abort', release)
            watchdog.arm(limits.finishTimeoutMs, notConfirmed)
            controller.close()
            return
          }
          watchdog.arm(limits.idleTimeoutMs, noFurtherByte)
          controller.enqueue(chunk)
          onProgress?.({ transferredBytes, totalBytes })
        } catch (error) {
          // Stopping with the source's own error hands that to the caller, not fetch's words about it.
          watchdog.stop(error)
          throw error
        }
      },
      cancel: (reason) => reader.cancel(reason).then(() => {}),
    },
    { highWaterMark: 0 },
  )
}

/** In a page, `fetch` has neither streams upwards (mostly) nor progress, and a Blob is best left to the browser. */
const inPage = (): boolean => typeof XMLHttpRequest === 'function'

const pageBody = (source: Blob | Uint8Array, limits: Limits, onProgress: OnProgress | undefined) => {
  const blob = source instanceof Blob ? source : new Blob([new Uint8Array(source)])
  let watchdog: Watchdog | undefined
  const onSent: OnProgress = (progress) => {
    if (progress.transferredBytes < blob.size) watchdog?.arm(limits.idleTimeoutMs, noFurtherByte)
    else watchdog?.arm(limits.finishTimeoutMs, notConfirmed)
    onProgress?.(progress)
  }
  const body = (current: Watchdog) => {
    watchdog = current
    return blob
  }
  return { body, fetch: pageUpload(onSent) }
}

/** The bytes of a source as the body of a request. */
export const uploadBody = (
  source: UploadSource,
  totalBytes: number | undefined,
  transport: Transport,
  onProgress: OnProgress | undefined,
): Pick<WireRequest, 'body' | 'fetch'> => {
  if (inPage() && transport.usesPlatformFetch && (source instanceof Blob || source instanceof Uint8Array)) {
    return pageBody(source, transport, onProgress)
  }
  return {
    body: (watchdog): FetchInit['body'] => {
      if (totalBytes === 0 && ownSize(source) !== undefined) return new Uint8Array(0)
      return countedBody(openSource(source), totalBytes, watchdog, transport, onProgress)
    },
  }
}

type UploadRequest = Pick<WireRequest, 'method' | 'headers' | 'body' | 'repeatable' | 'resendable' | 'signal' | 'fetch'>

/** The request that sends the bytes of a source, without its address. */
export const uploadRequest = (source: UploadSource, options: UploadOptions, transport: Transport): UploadRequest => {
  const totalBytes = announcedSize(source, options.sizeBytes)
  const headers: Record<string, string> = { 'Content-Type': 'application/octet-stream' }
  if (options.store !== undefined) headers['X-Image-Meta-Store'] = options.store
  if (totalBytes !== undefined) {
    headers['X-OpenStack-Image-Size'] = String(totalBytes)
    // Browsers set it themselves; elsewhere it spares the chunked encoding, which some clouds' proxies cannot read.
    headers['Content-Length'] = String(totalBytes)
  }
  return {
    method: 'PUT',
    headers,
    // A broken upload may still hold the image for a moment; whether to send it all again is the caller's choice.
    repeatable: false,
    resendable: ownSize(source) !== undefined,
    signal: options.signal,
    ...uploadBody(source, totalBytes, transport, options.onProgress),
  }
}
