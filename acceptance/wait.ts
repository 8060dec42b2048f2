import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Waits until a look-up finds something.
 * @throws Error that says what was waited for
 */
export const waitFor = async <Found>(
  what: string,
  look: () => Found | undefined | Promise<Found | undefined>,
  timeoutMs = 20_000,
): Promise<Found> => {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > deadline) throw new Error(`${what} did not come in ${timeoutMs / 1000} s`)
    await sleep(50)
  }
}
