import { dayMs } from './counts.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs

/** Pauses after the first, second, ... failure; the last repeats. */
const pausesMs = [10_000, minuteMs, 5 * minuteMs, 30 * minuteMs, 2 * hourMs, 6 * hourMs]

/**
 * How long to wait after a failure.
 * @param failures how many there were, this one included
 */
export const pauseAfter = (failures: number): number =>
  pausesMs[Math.min(Math.max(failures, 1), pausesMs.length) - 1] ?? 6 * hourMs

/** Webhooks that fail for this long are switched off. */
export const webhookPatienceMs = 5 * dayMs

const digestHour = 8

/** When the next digest goes out: 08:00 UTC. */
export const nextDigest = (now: number): number => {
  const today = now - (now % dayMs) + digestHour * hourMs
  return today > now ? today : today + dayMs
}
