import { InvalidArgumentError, NetworkError, NoDataError, UnexpectedResponseError } from './errors.ts'
import type { CallOptions } from './image-api.ts'
import type { OnProgress } from './progress.ts'
import { asNetworkError, type Read, type Transport } from './transport.ts'
import type { Watchdog } from './watchdog.ts'

/** Some of the bytes: from `start` to `end` (both included, counted from 0; `end` may be left out), or the last ones. */
export type ByteRange = { start: number; end?: number | undefined } | { last: number }

export interface DownloadOptions extends CallOptions {
  range?: ByteRange | undefined
  onProgress?: OnProgress | undefined
}

/** Digests of the whole image, in lower-case hex, also when only a range is downloaded. */
export interface ImageChecksum {
  md5: string | undefined
  /** Name of the algorithm of `value`, mostly `sha512`. */
  algorithm: string | undefined
  value: string | undefined
}

interface DownloadDetails {
  stream: ReadableStream<Uint8Array>
  sizeBytes: number | undefined
  imageSizeBytes: number | undefined
  range: { start: number; end: number } | undefined
  checksum: ImageChecksum
}

/** Bytes on their way. Read the stream to its end or cancel it: an open one holds its connection. */
export class ImageDownload implements AsyncIterable<Uint8Array> {
  /** Fails when the bytes end before they are whole. */
  readonly stream: ReadableStream<Uint8Array>
  /** Bytes that the stream will give. */
  readonly sizeBytes: number | undefined
  /** Bytes of the whole image. */
  readonly imageSizeBytes: number | undefined
  /** Which bytes these are, when a range was asked for and the service says so. */
  readonly range: { start: number; end: number } | undefined
  readonly checksum: ImageChecksum

  constructor(details: DownloadDetails) {
    this.stream = details.stream
    this.sizeBytes = details.sizeBytes
    this.imageSizeBytes = details.imageSizeBytes
    this.range = details.range
    this.checksum = details.checksum
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    const reader = this.stream.getReader()
    let ended = false
    try {
      for (;;) {
        const { done, value } = await reader.read()
        ended = done
        if (done) return
        yield value
      }
    } finally {
      if (!ended) await reader.cancel()
    }
  }

  /** All the bytes at once; for images that fit into memory. */
  async bytes(): Promise<Uint8Array> {
    const chunks: Uint8Array[] = []
    for await (const chunk of this) chunks.push(chunk)
    const bytes = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.byteLength, 0))
    let offset = 0
    for (const chunk of chunks) {
      bytes.set(chunk, offset)
      offset += chunk.byteLength
    }
    return bytes
  }
}

const isPosition = (value: number): boolean => Number.isSafeInteger(value) && value >= 0

/** The `Range` header. @throws InvalidArgumentError */
export const rangeHeader = (range: ByteRange): string => {
  if ('last' in range) {
    if (isPosition(range.last) && range.last > 0) return `bytes=-${range.last}`
    throw new InvalidArgumentError('The range { last } must be an integer of at least 1.')
  }
  const { start, end } = range
  if (!isPosition(start) || (end !== undefined && !(isPosition(end) && end >= start))) {
    throw new InvalidArgumentError('The range needs integers with 0 <= start <= end.')
  }
  return `bytes=${start}-${end ?? ''}`
}

/** `bytes 3-9/10` or `bytes 3-9/*` */
const parseContentRange = (header: string | null) => {
  const match = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)$/.exec(header ?? '')
  if (match === null) return undefined
  const [, start, end, size] = match
  return { start: Number(start), end: Number(end), size: size === '*' ? undefined : Number(size) }
}

const contentLength = (response: Response): number | undefined => {
  const header = response.headers.get('content-length')
  // With a content encoding the length is that of other bytes than the ones that will be read.
  if (header === null || !/^\d{1,16}$/.test(header) || response.headers.has('content-encoding')) return undefined
  return Number(header)
}

const countedStream = (
  body: ReadableStream<Uint8Array>,
  totalBytes: number | undefined,
  watchdog: Watchdog,
  transport: Transport,
  options: DownloadOptions,
  url: URL,
): ReadableStream<Uint8Array> => {
  const reader = body.getReader()
  let transferredBytes = 0
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        // The limit runs only while the network is waited for; the reader of the stream may be as slow as it likes.
        watchdog.arm(transport.idleTimeoutMs, 'The service sent no further byte')
        try {
          const { done, value } = await reader.read()
          watchdog.disarm()
          transferredBytes += value?.byteLength ?? 0
          const wrong = done ? transferredBytes !== totalBytes : transferredBytes > (totalBytes ?? Infinity)
          if (wrong && totalBytes !== undefined) {
            throw new NetworkError(`The bytes ended after ${transferredBytes} of ${totalBytes}. Download them again.`)
          }
          if (done) {
            watchdog.end()
            controller.close()
            return
          }
          controller.enqueue(value)
          options.onProgress?.({ transferredBytes, totalBytes })
        } catch (error) {
          const reason = watchdog.signal.aborted ? watchdog.signal.reason : asNetworkError(error, url)
          watchdog.stop(reason)
          throw reason
        }
      },
      cancel(reason) {
        watchdog.stop(reason)
      },
    },
    { highWaterMark: 0 },
  )
}

const emptyStream = (): ReadableStream<Uint8Array> => new ReadableStream({ start: (controller) => controller.close() })

/** Turns the answer of `GET file` into a download. @param known what the image's document says */
export const readDownload =
  (
    transport: Transport,
    known: ImageChecksum & { sizeBytes: number | undefined },
    options: DownloadOptions,
  ): Read<ImageDownload> =>
  async (response, watchdog, url) => {
    if (response.status === 204) {
      throw new NoDataError('The image has no bytes yet. Its owner uploads them; then its status is active.')
    }
    if (options.range !== undefined && response.status !== 206) {
      throw new UnexpectedResponseError('The service does not know ranges and sent the whole image. Download it whole.')
    }
    watchdog.disarm()
    const contentRange = response.status === 206 ? parseContentRange(response.headers.get('content-range')) : undefined
    const { range } = options
    if (range !== undefined && 'start' in range && contentRange !== undefined && contentRange.start !== range.start) {
      throw new UnexpectedResponseError(
        `Byte ${range.start} was asked for first; the service sent ${contentRange.start}.`,
      )
    }
    const sizeBytes = contentLength(response) ?? (contentRange && contentRange.end - contentRange.start + 1)
    const md5 = response.headers.get('content-md5')?.toLowerCase() ?? ''
    return new ImageDownload({
      stream:
        response.body === null
          ? emptyStream()
          : countedStream(response.body, sizeBytes, watchdog, transport, options, url),
      sizeBytes,
      imageSizeBytes: contentRange?.size ?? known.sizeBytes ?? (response.status === 200 ? sizeBytes : undefined),
      range: contentRange && { start: contentRange.start, end: contentRange.end },
      // Some services put the header in base64; only hex can be compared with what the image says.
      checksum: {
        md5: /^[0-9a-f]{32}$/.test(md5) ? md5 : known.md5,
        algorithm: known.algorithm,
        value: known.value,
      },
    })
  }
