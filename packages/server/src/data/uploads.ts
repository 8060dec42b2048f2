import type { StoreKey } from '../storage/port.ts'

/** The uploads that run in this process, so that they can be called off, and told from those that nobody goes on with. */
export interface Uploads {
  /** To be called before anything of the upload is written down, and `end` after all of it is. */
  begin(imageId: string, key: StoreKey): { readonly signal: AbortSignal; end(): void }
  isUnderWay(key: StoreKey): boolean
  /** Calls off the uploads of an image. */
  abort(imageId: string): void
  /** Calls off all of them, and those that would begin after. */
  abortAll(): void
}

export const createUploads = (): Uploads => {
  const running = new Map<StoreKey, { imageId: string; controller: AbortController }>()
  let isOver = false

  return {
    begin: (imageId, key) => {
      const controller = new AbortController()
      if (isOver) controller.abort()
      running.set(key, { imageId, controller })
      return { signal: controller.signal, end: () => void running.delete(key) }
    },
    isUnderWay: (key) => running.has(key),
    abort: (imageId) => {
      for (const upload of running.values()) if (upload.imageId === imageId) upload.controller.abort()
    },
    abortAll: () => {
      isOver = true
      for (const { controller } of running.values()) controller.abort()
    },
  }
}
