import type { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { ByteReader } from '../storage/port.ts'
import { StoreError } from '../storage/port.ts'
import type { ByteRange } from './ranges.ts'
import type { SendBuffers } from './send-buffers.ts'

export { createSendBuffers, type SendBuffers } from './send-buffers.ts'

export interface SendOptions {
  readonly buffers: SendBuffers
  readonly signal: AbortSignal
  /** The longest that the client may take nothing while we have bytes for it. */
  readonly idleTimeoutMs: number
}

/**
 * `sent`: all bytes are with the operating system. Else the connection was destroyed before the end of the body: the
 * client went away, took nothing for too long, or the signal fired.
 */
export interface Sent {
  readonly outcome: 'sent' | 'client_gone' | 'timeout' | 'aborted'
  readonly sentBytes: number
}

/** Why a body ended early without a fault of ours. */
type Broken = Exclude<Sent['outcome'], 'sent'>

/** Watches the client's end of a response. */
interface Client {
  readonly broken: () => Broken | undefined
  /** Settles when the operating system has taken the bytes, or the client is lost; the memory is free again. */
  readonly write: (bytes: Uint8Array) => Promise<void>
  readonly end: () => Promise<void>
  readonly leave: () => void
}

const watch = (response: ServerResponse, { signal, idleTimeoutMs }: SendOptions): Client => {
  const { socket } = response
  let broken: Broken | undefined
  let wake: (() => void) | undefined

  const breakOff = (why: Broken): void => {
    broken ??= why
    response.destroy()
    wake?.()
  }
  const onClose = (): void => {
    if (!response.writableFinished) breakOff('client_gone')
  }
  const onAbort = (): void => breakOff('aborted')
  // The socket's own timer knows of bytes that the client took out of a write that is not done yet; ours could not.
  const onTimeout = (): void => breakOff('timeout')
  const timeoutBefore = socket instanceof Socket ? (socket.timeout ?? 0) : 0

  const restoreTimeout = (): void => {
    if (socket instanceof Socket) socket.off('timeout', onTimeout).setTimeout(timeoutBefore)
  }

  response.on('close', onClose).on('error', onClose)
  signal.addEventListener('abort', onAbort, { once: true })
  if (socket instanceof Socket) socket.setTimeout(idleTimeoutMs).on('timeout', onTimeout)
  if (signal.aborted) onAbort()
  else if (response.destroyed || socket?.destroyed) onClose()

  const untilDone = (start: (done: () => void) => void): Promise<void> =>
    new Promise((resolve) => {
      if (broken !== undefined) {
        resolve()
        return
      }
      wake = () => {
        wake = undefined
        resolve()
      }
      start(() => wake?.())
    })

  return {
    broken: () => broken,
    write: (bytes) => untilDone((done) => response.write(bytes, done)),
    end: () => {
      // Before the end, for at the end the server sets the time that the connection may stay open unused.
      restoreTimeout()
      return untilDone((done) => response.end(done))
    },
    leave: () => {
      signal.removeEventListener('abort', onAbort)
      response.off('close', onClose)
      if (!response.writableFinished) restoreTimeout()
    },
  }
}

const readExactly = async (reader: ByteReader, into: Uint8Array, position: number): Promise<Uint8Array> => {
  const got = await reader.read(into, position)
  if (got === into.byteLength) return into
  throw new StoreError('unavailable', 'An object is shorter than it was.')
}

/**
 * Sends a range of an object as the body of a response whose status and headers, with `Content-Length`, are set, and
 * ends the response. Reads the next bytes while the ones before are on their way. Does not close the reader; no read is
 * under way when the promise settles.
 *
 * @throws StoreError when the reader fails. Before the first byte nothing has been written, and the response is the
 * caller's to answer with; later, the connection has been destroyed, so that a short body never looks complete.
 */
export const send = async (
  reader: ByteReader,
  { start, end }: ByteRange,
  response: ServerResponse,
  options: SendOptions,
): Promise<Sent> => {
  const { buffers } = options
  const pair = buffers.take()
  const client = watch(response, options)
  let position = start
  let turn = 0
  let sentBytes = 0

  const readNext = (): Promise<Uint8Array> | undefined => {
    if (position >= end) return undefined
    const buffer = turn === 0 ? pair.first : pair.second
    turn = 1 - turn
    const at = position
    const into = buffer.subarray(0, Math.min(buffer.byteLength, end - at))
    position += into.byteLength
    return readExactly(reader, into, at)
  }

  let reading: Promise<Uint8Array> | undefined
  try {
    reading = readNext()
    while (reading !== undefined && client.broken() === undefined) {
      const bytes = await reading
      reading = readNext()
      // A failure of the read ahead is told when its turn comes.
      reading?.catch(() => {})
      await client.write(bytes)
      if (client.broken() === undefined) sentBytes += bytes.byteLength
    }
    if (client.broken() === undefined) await client.end()
    return { outcome: client.broken() ?? 'sent', sentBytes }
  } catch (error) {
    if (response.headersSent) response.destroy()
    throw error
  } finally {
    await reading?.catch(() => {})
    client.leave()
    buffers.give(pair)
  }
}
