/** One request of an upload at work. */
export interface UploadTurn {
  /** Fires when a newer request is there: this one is to stop where it is. */
  readonly signal: AbortSignal
  /** From here on all bytes are there, and nobody takes the turn away any more. */
  finishing(): void
  stop(): void
  end(): void
}

/** Another request that has all bytes, and brings the upload to its end. */
export interface Finishing {
  /** Resolves when it has. */
  readonly done: Promise<void>
}

/** Lets one request at a time go on with an upload; the newest wins. */
export interface UploadTurns {
  /** Calls off the request at work and waits until it has stopped; unless it is finishing, which it is left to. */
  clear(uploadId: string): Promise<Finishing | undefined>
  /** Takes the turn, in the same way. */
  take(uploadId: string): Promise<UploadTurn | Finishing>
}

interface Running {
  readonly controller: AbortController
  readonly done: Promise<void>
  isFinishing: boolean
}

/** The turns of the requests of this process. */
export const createUploadTurns = (): UploadTurns => {
  const running = new Map<string, Running>()

  const clear = async (uploadId: string): Promise<Finishing | undefined> => {
    for (;;) {
      const current = running.get(uploadId)
      if (current === undefined) return undefined
      if (current.isFinishing) return { done: current.done }
      current.controller.abort()
      await current.done
    }
  }

  return {
    clear,
    take: async (uploadId) => {
      // Another one may have come while this one waited.
      while (running.has(uploadId)) {
        const finishing = await clear(uploadId)
        if (finishing !== undefined) return finishing
      }
      const controller = new AbortController()
      const { promise: done, resolve } = Promise.withResolvers<void>()
      const current: Running = { controller, done, isFinishing: false }
      running.set(uploadId, current)
      return {
        signal: controller.signal,
        finishing: () => {
          current.isFinishing = true
        },
        stop: () => controller.abort(),
        end: () => {
          running.delete(uploadId)
          resolve()
        },
      }
    },
  }
}
