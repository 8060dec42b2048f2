import type { Clock } from './clock.ts'
import { isPassing } from './passing.ts'

const firstDelayMs = 250
const maxDelayMs = 5000
/** How often in a row there may be no answer: somewhat more than a minute, for a service that is started anew. */
const failuresMax = 12

/**
 * Asks again and again, with growing waits, until it is so. There is no limit but the signal. A service that has answered
 * once is waited for while it is away, as long as a restart may take.
 */
export const waitUntil = async (
  isSo: () => Promise<boolean>,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<void> => {
  let failuresLeft = 0
  const ask = async (): Promise<boolean> => {
    try {
      const answer = await isSo()
      failuresLeft = failuresMax
      return answer
    } catch (error) {
      if (!isPassing(error) || failuresLeft === 0) throw error
      failuresLeft -= 1
      return false
    }
  }
  for (let delayMs = firstDelayMs; !(await ask()); delayMs = Math.min(delayMs * 2, maxDelayMs)) {
    await clock.sleep(delayMs, signal)
  }
}
