import { ApiError } from '../api-error.ts'

/** How often the right to read is asked for anew while bytes are on their way. */
export const askEveryMs = 2000
/** How long a transfer goes on while nobody can tell. */
const patienceMs = 30_000

export interface Watch {
  /** Fires when the right is gone, or nobody could tell for long. */
  readonly signal: AbortSignal
  stop(): void
}

/**
 * Watches whether a transfer may go on.
 * @param ask rejects with an ApiError below 500 when it may not; with anything else when that cannot be found out
 * @param clockMs of the machine's own clock, which nobody sets
 */
export const watchRight = (
  ask: () => Promise<unknown>,
  clockMs: () => number = () => performance.now(),
  everyMs: number = askEveryMs,
): Watch => {
  const broken = new AbortController()
  let toldAt = clockMs()
  let isAsking = false

  const askOnce = async (): Promise<void> => {
    isAsking = true
    const askedAt = clockMs()
    try {
      await ask()
      toldAt = askedAt
    } catch (error) {
      if (error instanceof ApiError && error.status < 500) broken.abort()
    } finally {
      isAsking = false
    }
  }
  const timer = setInterval(() => {
    if (clockMs() - toldAt > patienceMs) broken.abort()
    else if (!isAsking) void askOnce()
  }, everyMs)
  timer.unref()

  return { signal: broken.signal, stop: () => clearInterval(timer) }
}
