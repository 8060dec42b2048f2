/** The uploads that run in this process, so that they can be called off. */
export interface Uploads {
  begin(imageId: string): { readonly signal: AbortSignal; end(): void }
  /** Calls off the upload of an image, if there is one here. */
  abort(imageId: string): void
  abortAll(): void
}

export const createUploads = (): Uploads => {
  const running = new Map<string, Set<AbortController>>()

  return {
    begin: (imageId) => {
      const controller = new AbortController()
      const others = running.get(imageId) ?? new Set()
      running.set(imageId, others.add(controller))
      return {
        signal: controller.signal,
        end: () => {
          others.delete(controller)
          if (others.size === 0) running.delete(imageId)
        },
      }
    },
    abort: (imageId) => {
      for (const controller of running.get(imageId) ?? []) controller.abort()
    },
    abortAll: () => {
      for (const controllers of running.values()) for (const controller of controllers) controller.abort()
    },
  }
}
