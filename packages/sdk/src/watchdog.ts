import { TimeoutError } from './errors.ts'

/**
 * Ends one request when the caller says so or when it stands still. The time limit is armed and disarmed as work goes
 * on, so that a stream has no limit on its length, only on silence.
 */
export class Watchdog {
  readonly #controller = new AbortController()
  readonly #caller: AbortSignal | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #over = false
  readonly #onCallerAbort = () => this.stop(this.#caller?.reason)

  constructor(caller?: AbortSignal) {
    this.#caller = caller
    if (caller?.aborted === true) this.stop(caller.reason)
    else caller?.addEventListener('abort', this.#onCallerAbort, { once: true })
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Starts the limit anew. @param what completes the sentence "... within 60 s" */
  arm(limitMs: number, what: string): void {
    clearTimeout(this.#timer)
    // A source may end after its request did; a limit armed then would outlive it.
    if (this.#over || limitMs === Number.POSITIVE_INFINITY) return
    this.#timer = setTimeout(() => this.stop(new TimeoutError(`${what} within ${limitMs / 1000} s.`)), limitMs)
  }

  disarm(): void {
    clearTimeout(this.#timer)
  }

  stop(reason: unknown): void {
    this.end()
    this.#controller.abort(reason)
  }

  /** Lets go of the caller's signal and of the timer; the request is over. */
  end(): void {
    this.#over = true
    clearTimeout(this.#timer)
    this.#caller?.removeEventListener('abort', this.#onCallerAbort)
  }
}
