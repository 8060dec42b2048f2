import { apiError } from '../api-error.ts'

/** Pairs from which on a batch is a large one: it keeps the database busy for a while. */
const largePairs = 100
const largeAtOnce = 2

/** Keeps one project from filling the database with large batches; small ones always pass. */
export interface BatchTurns {
  /** @throws ApiError `too_many_requests` while the project has as many large batches under way as it may */
  take<Result>(project: string, pairs: number, work: () => Promise<Result>): Promise<Result>
}

export const createBatchTurns = (): BatchTurns => {
  const running = new Map<string, number>()

  return {
    take: async (project, pairs, work) => {
      if (pairs < largePairs) return work()
      const present = running.get(project) ?? 0
      if (present >= largeAtOnce) {
        throw apiError('too_many_requests', { what: 'large batches at once', seconds: 1 }, { 'retry-after': '1' })
      }
      running.set(project, present + 1)
      try {
        return await work()
      } finally {
        const left = (running.get(project) ?? 1) - 1
        if (left === 0) running.delete(project)
        else running.set(project, left)
      }
    },
  }
}
