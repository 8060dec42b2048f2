import { apiError } from '../api-error.ts'

const wrongMax = 20
const windowMs = 10 * 60 * 1000
/** Counters kept at most; the ones that began first go first. */
const countersMax = 20_000

/** Slows down guessing of codes. */
export interface Guesses {
  /** @throws ApiError `too_many_requests` after too many wrong ones by any of these */
  admit(keys: readonly string[]): void
  wrong(keys: readonly string[]): void
}

/**
 * Counts wrong codes of each project and each user in this process. A code has 130 bits: what this keeps out is noise, so
 * that a count of each process by itself is enough.
 */
export const createGuesses = (now: () => number): Guesses => {
  const counters = new Map<string, { count: number; since: number }>()
  const current = (key: string) => {
    const counter = counters.get(key)
    return counter !== undefined && now() - counter.since < windowMs ? counter : undefined
  }
  return {
    admit: (keys) => {
      for (const key of keys) {
        const counter = current(key)
        if (counter === undefined || counter.count < wrongMax) continue
        const seconds = Math.ceil((counter.since + windowMs - now()) / 1000)
        throw apiError('too_many_requests', { what: 'wrong codes', seconds }, { 'retry-after': String(seconds) })
      }
    },
    wrong: (keys) => {
      for (const key of keys) {
        const counter = current(key)
        counters.delete(key)
        if (counters.size >= countersMax) {
          const [oldest] = counters.keys()
          if (oldest !== undefined) counters.delete(oldest)
        }
        counters.set(key, { count: (counter?.count ?? 0) + 1, since: counter?.since ?? now() })
      }
    },
  }
}
