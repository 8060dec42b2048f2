/** What happened to one attempt of a request. */
export interface Outcome {
  /** Attempts made so far, this one included. */
  attempt: number
  /** Doing it twice is the same as doing it once, and its body (if any) can be sent again. */
  repeatable: boolean
  /** The answer's status, or undefined when no answer came. */
  status: number | undefined
  /** The answer's `Retry-After`. */
  retryAfter?: string | null | undefined
}

export interface RetryPolicy {
  /** Attempts after the first one; 0 switches repeating off. */
  maxRetries: number
  /** Longest single wait, also when the service asks for more. */
  maxDelayMs: number
}

export const defaultRetryPolicy: RetryPolicy = { maxRetries: 3, maxDelayMs: 20_000 }

const baseDelayMs = 250

/** Answers of something that is busy or in between, not of the API saying no. */
const passing = new Set([429, 502, 503, 504])

/** `Retry-After` as milliseconds from now: seconds or an HTTP date; undefined when absent or nonsense. */
export const retryAfterMs = (header: string | null | undefined, now: number): number | undefined => {
  if (header === null || header === undefined) return undefined
  if (/^\d{1,9}$/.test(header.trim())) return Number(header.trim()) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}

/**
 * Whether to try again, and after how many milliseconds; undefined means no.
 *
 * A request that is not repeatable (creating, patching, an upload) is never sent twice: even a 503 may come from a proxy
 * after the service has done the work. For a repeated DELETE the same is harmless, but its answer may be a 404 because
 * the first one went through; the caller sees that 404.
 *
 * @param random a number in [0, 1): half of each delay is chance, so that many clients do not return in step
 */
export const retryDelayMs = (
  outcome: Outcome,
  policy: RetryPolicy,
  now: number,
  random: number,
): number | undefined => {
  if (!outcome.repeatable || outcome.attempt > policy.maxRetries) return undefined
  if (outcome.status !== undefined && !passing.has(outcome.status)) return undefined
  const asked = retryAfterMs(outcome.retryAfter, now)
  // Coming back earlier than asked would be rude and useless; waiting longer than the caller expects is worse than an
  // error that says what the matter is.
  if (asked !== undefined && asked > policy.maxDelayMs) return undefined
  const ceiling = Math.min(policy.maxDelayMs, baseDelayMs * 2 ** (outcome.attempt - 1))
  return Math.max(asked ?? 0, ceiling * (0.5 + random / 2))
}
