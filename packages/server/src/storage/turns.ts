/** Lets a fixed number of tasks run at once; the others wait in the order of their calls. */
export interface Turns {
  run<T>(task: () => Promise<T>): Promise<T>
  /** Runs the task only if a turn is free just now. */
  runIfFree<T>(task: () => Promise<T>): Promise<T> | undefined
}

export const createTurns = (atOnce: number): Turns => {
  let free = atOnce
  const waiting: Array<() => void> = []

  const handOn = (): void => {
    const next = waiting.shift()
    if (next === undefined) free += 1
    else next()
  }

  const start = async <T>(task: () => Promise<T>): Promise<T> => {
    try {
      return await task()
    } finally {
      handOn()
    }
  }

  return {
    run: async (task) => {
      if (free > 0) free -= 1
      else await new Promise<void>((resolve) => waiting.push(resolve))
      return start(task)
    },
    runIfFree: (task) => {
      if (free === 0) return undefined
      free -= 1
      return start(task)
    },
  }
}
