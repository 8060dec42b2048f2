import { createHash, getHashes, type Hash } from 'node:crypto'
import { type FileHandle, rm } from 'node:fs/promises'
import { systemClock } from '../clock.ts'
import type { ImageChecksum, ImageDownload } from '../download.ts'
import { ChecksumMismatchError } from '../errors.ts'
import type { Image } from '../image.ts'
import type { CallOptions } from '../image-api.ts'
import { isPassing } from '../passing.ts'
import type { OnProgress } from '../progress.ts'
import { FileWriter } from './file-writer.ts'
import { type KeptDownload, openPart } from './part-file.ts'

export interface DownloadFileOptions extends CallOptions {
  onProgress?: OnProgress | undefined
  /** How often a transfer that broke off is taken up again where it stopped. Default 5. */
  maxResumes?: number | undefined
  /**
   * Keeps what arrived when the download ends early, however it ends, in a file beside the target, and goes on from there
   * the next time, if the image still has the same digest. Default false.
   */
  resume?: boolean | undefined
  /** Told with `resume`: how many bytes an earlier attempt has left, before any more are asked for. */
  onTakenUp?: ((sizeBytes: number) => void) | undefined
  /** Told with `resume`: what is kept of a download that ends early, and where. */
  onKept?: ((kept: KeptDownload) => void) | undefined
}

export interface DownloadedFile {
  path: string
  sizeBytes: number
  /** Algorithm and digest that the bytes were checked with; undefined when the cloud knows no digest. */
  verified: { algorithm: string; digest: string } | undefined
}

interface Expected {
  algorithm: string
  digest: string
}

const knows = (algorithm: string): boolean => getHashes().includes(algorithm.toLowerCase())

/** The strongest digest that both sides know: the image's own algorithm, else MD5. */
const expectedDigest = ({ algorithm, value, md5 }: ImageChecksum): Expected | undefined => {
  if (algorithm !== undefined && value !== undefined && knows(algorithm)) {
    return { algorithm: algorithm.toLowerCase(), digest: value }
  }
  return md5 !== undefined && knows('md5') ? { algorithm: 'md5', digest: md5.toLowerCase() } : undefined
}

/** Bytes on their way to a file; outlives the connections that bring them. */
interface Transfer {
  writer: FileWriter
  receivedBytes: number
  totalBytes: number | undefined
  expected: Expected | undefined
  hash: Hash | undefined
}

const begin = (transfer: Transfer, download: ImageDownload): void => {
  transfer.totalBytes = download.imageSizeBytes
  transfer.expected = expectedDigest(download.checksum)
  if (transfer.expected !== undefined) transfer.hash = createHash(transfer.expected.algorithm)
}

/** One connection's worth. */
const receive = async (image: Image, transfer: Transfer, options: DownloadFileOptions): Promise<void> => {
  const range = transfer.receivedBytes === 0 ? undefined : { start: transfer.receivedBytes }
  const download = await image.downloadData({ signal: options.signal, range })
  if (range === undefined) begin(transfer, download)
  for await (const chunk of download) {
    await transfer.writer.write(chunk)
    transfer.hash?.update(chunk)
    transfer.receivedBytes += chunk.byteLength
    options.onProgress?.({ transferredBytes: transfer.receivedBytes, totalBytes: transfer.totalBytes })
  }
}

/** How often in a row nothing may come of it: more than a minute altogether. */
const failuresMax = 10
const longestDelayMs = 10_000
const baseDelayMs = 250

const receiveWhole = async (image: Image, transfer: Transfer, options: DownloadFileOptions): Promise<void> => {
  const begunAt = transfer.receivedBytes
  let resumesLeft = options.maxResumes ?? 5
  let failures = 0
  for (;;) {
    const before = transfer.receivedBytes
    try {
      return await receive(image, transfer, options)
    } catch (error) {
      // Before the first byte there is nothing to take up; the transport has repeated the request already.
      const worthIt = isPassing(error) && transfer.receivedBytes > begunAt && resumesLeft-- > 0
      if (!worthIt) throw error
      if (transfer.receivedBytes === transfer.totalBytes) return
      failures = transfer.receivedBytes > before ? 0 : failures + 1
      if (failures > failuresMax) throw error
      // A service that is started anew takes its time; half of the wait is chance, so that not all come back at once.
      const ceiling = Math.min(longestDelayMs, baseDelayMs * 2 ** failures)
      if (failures > 0) await systemClock.sleep(ceiling * (0.5 + Math.random() / 2), options.signal)
    }
  }
}

/** Takes up what an earlier attempt has left: it is hashed anew, as if it had just come. */
const takeUp = async (file: FileHandle, transfer: Transfer, image: Image, signal: AbortSignal | undefined) => {
  const { size } = await file.stat()
  if (size === 0 || image.size === null || size > image.size) {
    await file.truncate(0)
    return
  }
  transfer.totalBytes = image.size
  transfer.expected = expectedDigest({
    algorithm: image.osHashAlgo ?? undefined,
    value: image.osHashValue?.toLowerCase(),
    md5: image.checksum ?? undefined,
  })
  if (transfer.expected !== undefined) transfer.hash = createHash(transfer.expected.algorithm)
  const buffer = new Uint8Array(1_048_576)
  while (transfer.receivedBytes < size) {
    signal?.throwIfAborted()
    const { bytesRead } = await file.read(buffer, 0, buffer.length, transfer.receivedBytes)
    if (bytesRead === 0) break
    transfer.hash?.update(buffer.subarray(0, bytesRead))
    transfer.receivedBytes += bytesRead
  }
}

const verify = ({ hash, expected }: Transfer, image: Image): void => {
  const digest = hash?.digest('hex')
  if (digest === undefined || expected === undefined || digest === expected.digest) return
  throw new ChecksumMismatchError(
    `The bytes of image ${image.id} are not the ones the service knows: their ${expected.algorithm} is ${digest}, ` +
      `expected ${expected.digest}. Nothing was kept; download again.`,
  )
}

/**
 * Downloads an image into a file and checks the bytes on the way. They go to a temporary name beside the target, which
 * takes the target's name (replacing a file there) only when everything is right and on disk; else it is removed, or kept for
 * the next time (`resume`). A broken connection is taken up where it stopped. Of several downloads to the same target at once,
 * each writes to a file of its own.
 * @throws ChecksumMismatchError when the bytes are wrong
 */
export const downloadFile = async (
  image: Image,
  path: string,
  options: DownloadFileOptions = {},
): Promise<DownloadedFile> => {
  // An image that was fetched before its upload has no digests yet.
  if (image.osHashValue === null && image.checksum === null) await image.refresh({ signal: options.signal })
  const part = await openPart(image, path, options.resume === true)
  const { file } = part
  const transfer: Transfer = {
    writer: new FileWriter(file),
    receivedBytes: 0,
    totalBytes: undefined,
    expected: undefined,
    hash: undefined,
  }
  try {
    if (options.resume === true) {
      await takeUp(file, transfer, image, options.signal)
      transfer.writer = new FileWriter(file, transfer.receivedBytes)
      if (transfer.receivedBytes > 0) options.onTakenUp?.(transfer.receivedBytes)
    }
    if (transfer.receivedBytes === 0 || transfer.receivedBytes !== transfer.totalBytes) {
      await receiveWhole(image, transfer, options)
    }
    verify(transfer, image)
    await transfer.writer.flush()
    await file.sync()
    await file.close()
    await part.finish()
  } catch (error) {
    await transfer.writer.flush().catch(() => {})
    await file.close().catch(() => {})
    // Wrong bytes are of no use to the next attempt.
    if (error instanceof ChecksumMismatchError) await rm(part.path, { force: true })
    else {
      const kept = await part.keep().catch(() => undefined)
      if (kept !== undefined) options.onKept?.(kept)
    }
    throw error
  }
  return { path, sizeBytes: transfer.receivedBytes, verified: transfer.expected }
}
