import type { Readable } from 'node:stream'
import type { ByteWriter } from '../storage/port.ts'
import type { ContentCheck } from './content-check.ts'
import type { HashAlgorithm, Hashing } from './hashing.ts'

export interface IngestOptions {
  readonly writer: ByteWriter
  readonly hashing: Hashing
  readonly hashAlgorithm: HashAlgorithm
  /** The largest number of bytes taken. */
  readonly limitBytes: number
  /** What the client said it would send; a different number of bytes is a failure. */
  readonly announcedBytes?: number
  /**
   * Asked before bytes are stored, with the total that the upload needs from now on (it only ever grows: the announced
   * size at once, else in steps). When it rejects, the upload fails with that same error.
   */
  readonly reserve?: (totalBytes: number) => Promise<void>
  readonly inspector?: ContentCheck
  readonly signal: AbortSignal
  /** The longest that the client may send nothing while we wait for it. */
  readonly idleTimeoutMs: number
}

export interface Ingested {
  readonly sizeBytes: number
  /** MD5 in hex. */
  readonly checksum: string
  readonly hashAlgorithm: HashAlgorithm
  /** Hex. */
  readonly hashValue: string
  readonly virtualSizeBytes: number | null
  /** Set when the bytes do not match the image and the service was told to take them all the same. */
  readonly contentWarning: string | null
}

/**
 * Takes the bytes of an upload into a store, hashing and inspecting them on the way.
 *
 * On success they are committed. On failure the writer is aborted and nothing is left; the source is paused and not
 * destroyed, so that an answer can still be sent on its connection.
 *
 * @throws IngestError, or whatever `reserve` rejected with
 */
export const ingest = async (
  _source: AsyncIterable<Uint8Array> | Readable,
  _options: IngestOptions,
): Promise<Ingested> => {
  throw new Error('being written')
}
