import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { OutboundError } from './error.ts'

/** A body, and where in the content it begins. */
export interface Part {
  readonly body: Readable
  readonly offsetBytes: number
}

export interface ResumeOptions {
  /** How often in a row it may break off without a byte more. */
  readonly attempts: number
  /** Gets the rest of the same content; of content that has changed, something that begins elsewhere. */
  readonly rest: (offsetBytes: number, signal: AbortSignal) => Promise<Part>
}

const firstPauseMs = 500

const isInterruption = (error: unknown): boolean =>
  error instanceof OutboundError &&
  (error.reason === 'cut' || error.reason === 'timeout' || error.reason === 'unreachable')

/** The body of an answer that goes on where it broke off. */
export const resumed = (first: Part, { attempts, rest }: ResumeOptions): Readable => {
  const closed = new AbortController()
  let current = first.body
  let receivedBytes = first.offsetBytes
  let failures = 0

  const body = new Readable({
    read: () => {
      current.resume()
    },
    destroy: (error, done) => {
      closed.abort()
      current.destroy()
      done(error)
    },
  })

  const goOn = async (cause: Error): Promise<void> => {
    if (!isInterruption(cause) || failures >= attempts) throw cause
    failures += 1
    await delay(firstPauseMs * 2 ** (failures - 1), undefined, { signal: closed.signal })
    const part = await rest(receivedBytes, closed.signal)
    if (part.offsetBytes === receivedBytes && !body.destroyed) return listen(part.body)
    part.body.on('error', () => undefined).destroy()
    throw cause
  }

  const recover = async (error: Error): Promise<void> => {
    try {
      await goOn(error)
    } catch (next) {
      if (body.destroyed) return
      const nextError = next instanceof Error ? next : error
      if (nextError === error || !isInterruption(nextError)) body.destroy(nextError)
      else await recover(nextError)
    }
  }

  const listen = (source: Readable): void => {
    current = source
    source.on('data', (bytes: Buffer) => {
      failures = 0
      receivedBytes += bytes.length
      if (!body.push(bytes)) source.pause()
    })
    source.on('end', () => body.push(null))
    source.on('error', (error: Error) => {
      if (!body.destroyed) void recover(error)
    })
  }

  listen(first.body)
  return body
}
