import type { Readable } from 'node:stream'

/** How the arrival of bytes can end other than well. */
export type IntakeFailure = 'incomplete' | 'timeout'

/** What arrived: bytes, the end, or nothing for as long as one was willing to wait. */
export type Arrival = Uint8Array | 'end' | 'quiet'

/** The receiving end of a stream: bytes are asked for, and the sender is held back while nobody asks. */
export interface Intake {
  /**
   * Waits for bytes, at most `patienceMs` if that is given.
   *
   * @throws what `fail` was called with, the signal's reason, or the error that `failureOf` made
   */
  next(patienceMs?: number): Promise<Arrival>
  /** Leaves the stream, paused and not destroyed. */
  release(): void
}

export interface IntakeOptions {
  readonly signal: AbortSignal
  /** The longest that nothing may arrive while it is waited for. */
  readonly idleTimeoutMs: number
  readonly failureOf: (failure: IntakeFailure, cause?: Error) => Error
}

// Enough to go on while the next bytes are on their way, and little enough for many uploads at once.
const holdBytes = 256 * 1024

const ignore = (): void => {}

/**
 * Listens to `data` rather than iterating: an iterator joins what has piled up into one buffer, which copies every byte
 * once more.
 */
export const openIntake = (source: Readable, { signal, idleTimeoutMs, failureOf }: IntakeOptions): Intake => {
  const held: Uint8Array[] = []
  let heldBytes = 0
  let ended = source.readableEnded
  let failure: { readonly error: unknown } | undefined
  let wake: (() => void) | undefined

  const arrive = (): void => {
    wake?.()
  }
  const fail = (error: unknown): void => {
    failure ??= { error }
    arrive()
  }
  const onData = (chunk: Uint8Array): void => {
    held.push(chunk)
    heldBytes += chunk.byteLength
    if (heldBytes >= holdBytes) source.pause()
    arrive()
  }
  const onEnd = (): void => {
    ended = true
    arrive()
  }
  const onError = (cause: Error): void => fail(failureOf('incomplete', cause))
  const onClose = (): void => {
    if (!ended) fail(failureOf('incomplete'))
  }
  const onAbort = (): void => fail(signal.reason)

  const idle = setTimeout(() => {
    if (wake !== undefined) fail(failureOf('timeout'))
  }, idleTimeoutMs)

  if (source.destroyed && !ended) fail(failureOf('incomplete', source.errored ?? undefined))
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  source.on('end', onEnd).on('error', onError).on('close', onClose).on('data', onData).resume()

  const takeHeld = (): Uint8Array | undefined => {
    const chunk = held.shift()
    if (chunk === undefined) return undefined
    heldBytes -= chunk.byteLength
    if (heldBytes < holdBytes && source.isPaused()) source.resume()
    return chunk
  }

  const waitForNews = (patienceMs: number | undefined): Promise<'news' | 'quiet'> =>
    new Promise((resolve) => {
      const patience =
        patienceMs === undefined
          ? undefined
          : setTimeout(() => {
              wake = undefined
              resolve('quiet')
            }, patienceMs)
      wake = () => {
        wake = undefined
        clearTimeout(patience)
        resolve('news')
      }
    })

  return {
    next: async (patienceMs) => {
      let waiting = false
      for (;;) {
        if (failure !== undefined) throw failure.error
        const chunk = takeHeld()
        if (chunk !== undefined) return chunk
        if (ended) return 'end'
        if (!waiting) idle.refresh()
        waiting = true
        if ((await waitForNews(patienceMs)) === 'quiet') return 'quiet'
      }
    },
    release: () => {
      clearTimeout(idle)
      signal.removeEventListener('abort', onAbort)
      source.pause()
      source.off('end', onEnd).off('error', onError).off('close', onClose).off('data', onData)
      // The stream may still break; that is no news to us, and must not end the process.
      source.on('error', ignore)
    },
  }
}
