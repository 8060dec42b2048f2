import type { Clock } from './clock.ts'

const firstDelayMs = 250
const maxDelayMs = 5000

/** Asks again and again, with growing waits, until it is so. There is no limit but the signal. */
export const waitUntil = async (
  isSo: () => Promise<boolean>,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<void> => {
  for (let delayMs = firstDelayMs; !(await isSo()); delayMs = Math.min(delayMs * 2, maxDelayMs)) {
    await clock.sleep(delayMs, signal)
  }
}
