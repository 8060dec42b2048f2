import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { OutboundError } from './error.ts'

export interface BodyLimits {
  /** Longest pause of the sender. */
  readonly idleTimeoutMs: number
  /** Ends the body, with its reason. */
  readonly signal: AbortSignal
  /** How many bytes must come, if that is known. */
  readonly expectedBytes: number | undefined
  readonly bytesMax: number
}

/** Who sends less than this on average, after the first `idleTimeoutMs` of waiting, holds the service up. */
const bytesPerSecondMin = 1024

/**
 * The body of an answer, within limits. Only time in which the sender is waited for counts: a reader may be as slow as
 * it likes.
 */
export const limitBody = (response: IncomingMessage, limits: BodyLimits): Readable => {
  const { idleTimeoutMs, signal, expectedBytes, bytesMax } = limits
  let received = 0
  let waitedMs = 0
  let waitingSince: number | undefined

  const body = new Readable({
    read: () => {
      waitingSince ??= performance.now()
      idle.refresh()
      response.resume()
    },
    destroy: (error, done) => {
      clearTimeout(idle)
      signal.removeEventListener('abort', abort)
      response.destroy()
      done(error)
    },
  })
  const end = (reason: 'cut' | 'timeout'): void => {
    body.destroy(new OutboundError(reason))
  }
  const abort = (): void => {
    body.destroy(signal.reason instanceof Error ? signal.reason : new OutboundError('cut'))
  }
  const idle = setTimeout(() => {
    if (waitingSince !== undefined) end('timeout')
  }, idleTimeoutMs)

  response.pause()
  response.on('data', (bytes: Buffer) => {
    idle.refresh()
    const now = performance.now()
    waitedMs += now - (waitingSince ?? now)
    received += bytes.length
    if (received > bytesMax) body.destroy(new OutboundError('too_large', bytesMax))
    else if (waitedMs > idleTimeoutMs && received < (waitedMs / 1000) * bytesPerSecondMin) end('timeout')
    else if (body.push(bytes)) waitingSince = now
    else {
      waitingSince = undefined
      response.pause()
    }
  })
  response.on('end', () => {
    clearTimeout(idle)
    if (expectedBytes !== undefined && received !== expectedBytes) end('cut')
    else body.push(null)
  })
  response.on('error', () => end('cut'))
  response.on('close', () => {
    if (!response.complete) end('cut')
  })
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  return body
}
