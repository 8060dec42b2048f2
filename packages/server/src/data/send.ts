import type { ServerResponse } from 'node:http'
import type { ByteReader } from '../storage/port.ts'
import type { ByteRange } from './ranges.ts'

export interface SendOptions {
  readonly buffers: SendBuffers
  readonly signal: AbortSignal
  /** The longest that the client may take nothing while we have bytes for it. */
  readonly idleTimeoutMs: number
}

/** The memory that downloads pass through, one for the process. */
export interface SendBuffers {
  take(): Uint8Array | undefined
  give(buffer: Uint8Array): void
}

export const createSendBuffers = (): SendBuffers => {
  throw new Error('being written')
}

/**
 * `sent`: all bytes are with the operating system. Else the connection was destroyed before the end of the body:
 * the client went away, took nothing for too long, or the signal fired.
 */
export interface Sent {
  readonly outcome: 'sent' | 'client_gone' | 'timeout' | 'aborted'
  readonly sentBytes: number
}

/**
 * Sends a range of an object as the body of a response whose status and headers, with `Content-Length`, are set.
 * Does not close the reader; no read is under way when the promise settles.
 *
 * @throws StoreError when the reader fails. Before the first byte, nothing has been written and the response is still
 * the caller's to answer with; later, the connection has been destroyed, so that a short body never looks complete.
 */
export const send = async (
  _reader: ByteReader,
  _range: ByteRange,
  _response: ServerResponse,
  _options: SendOptions,
): Promise<Sent> => {
  throw new Error('being written')
}
