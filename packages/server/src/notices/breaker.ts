import type { Outcome } from './outcome.ts'

const pausesMs = [1000, 2000, 5000, 10_000]
/** After so many refusals in a row, the fault is most likely not that of the mails. */
const strikesMax = 5

/** Keeps the mails back while the server takes none, and lets one through now and then to see. */
export interface Breaker {
  /** How many mails may be tried now. */
  room(free: number): number
  note(result: Outcome['result']): void
}

export const createBreaker = (now: () => number): Breaker => {
  let failures = 0
  let strikes = 0
  let retryAt = 0
  return {
    room: (free) => {
      if (failures === 0) return free
      return now() >= retryAt ? Math.min(free, 1) : 0
    },
    note: (result) => {
      if (result === 'sent' || result === 'refused') {
        failures = 0
        strikes = 0
        return
      }
      strikes += 1
      if (result === 'retry' && strikes < strikesMax) return
      retryAt = now() + (pausesMs[Math.min(failures, pausesMs.length - 1)] ?? 0)
      failures += 1
    },
  }
}
