import { InterruptedError } from './command-error.ts'
import { ExitCode } from './exit-codes.ts'

/**
 * One Ctrl-C can arrive more than once: from the terminal, and again from a parent (npm, or the starter of this command)
 * that passes signals on. Only a later one is a second Ctrl-C.
 */
const oneKeyMs = 300

/**
 * Turns signals into the abort of what runs, so that it can clean up. A second signal ends the process at once.
 * @param exit ends the process
 */
export const watchSignals = (
  now: () => number = Date.now,
  exit: (code: number) => void = (code) => process.exit(code),
): AbortSignal => {
  const controller = new AbortController()
  let firstAt: number | undefined
  const stop = (signal: 'SIGINT' | 'SIGTERM') => {
    if (firstAt === undefined) {
      firstAt = now()
      controller.abort(new InterruptedError(signal))
    } else if (now() - firstAt > oneKeyMs) {
      exit(signal === 'SIGINT' ? ExitCode.interrupted : ExitCode.terminated)
    }
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  return controller.signal
}

/** For what cannot be aborted: stops waiting when the user stops the command. */
export const untilAborted = <T>(promise: Promise<T>, signal: AbortSignal): Promise<T> =>
  new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
