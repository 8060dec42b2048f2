/**
 * Many callers, few syncs: everyone who asks while a sync runs shares the next one. A caller's promise resolves after
 * a sync that began after it asked, which is what makes its earlier write durable.
 */
export const groupSync = (sync: () => Promise<void>): (() => Promise<void>) => {
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined

  const start = (): Promise<void> => {
    running = sync().finally(() => {
      running = undefined
    })
    return running
  }

  return () => {
    if (running === undefined) return start()
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined
        return start()
      })
    return next
  }
}
