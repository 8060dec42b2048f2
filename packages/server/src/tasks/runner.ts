import { apiError } from '../api-error.ts'
import type { Service } from '../service.ts'
import { abandonedTasks, adoptTask, beginTask, forgetEndedTasks, releaseTask, type Task } from './queries.ts'

/** What a piece of work is done with. */
export interface TaskRun {
  readonly task: Task
  /** Token of whoever asked; null after the process that it was given to has ended: it is never written down. */
  readonly token: string | null
}

/**
 * Does one piece of work, to its end: whether it succeeds or fails, the task says so when this resolves. It rejects only when
 * the end could not be written down, or the service stops: then it is done again, by whoever takes it up.
 */
export type TaskWork = (service: Service, run: TaskRun) => Promise<void>

/** Ends a task that nobody can do. */
export type TaskEnd = (service: Service, task: Task, why: ReturnType<typeof apiError>) => Promise<void>

/** Long work: begun by requests, and taken up again after a crash. */
export interface Tasks {
  /** To be called when the transaction that wrote the task is durable. */
  begin(task: Pick<Task, 'id' | 'owner'>, token: string): void
  /** Starts doing the work of processes that are gone, and waits for more. */
  start(service: Service, work: TaskWork, end: TaskEnd): void
  /** Resolves when nothing runs any more; what was not done is left to the next process. */
  stop(): Promise<void>
}

const periodMs = 5_000
const atOnce = 16
const atOnceForProject = 4
/** Whoever has nothing running yet waits for no slow work of others, up to this many. */
const atOnceMax = 64
/** Work that has taken as many processes with it is not begun again. */
const attemptsMax = 5

interface Waiting {
  readonly id: string
  readonly owner: string
  readonly token: string | null
}

type Started = Pick<Tasks, 'begin' | 'stop'>

/** Made before the service that it works with is whole. */
export const createTasks = (): Tasks => {
  let started: Started | undefined
  return {
    begin: (task, token) => started?.begin(task, token),
    start: (service, work, end) => {
      started = startTasks(service, work, end)
    },
    stop: async () => {
      await started?.stop()
    },
  }
}

const startTasks = (service: Service, work: TaskWork, end: TaskEnd): Started => {
  const { database, presence, now, log, stopping } = service
  const waiting: Waiting[] = []
  const running = new Map<string, { readonly owner: string; readonly done: Promise<void> }>()

  const run = async ({ id, token }: Waiting): Promise<void> => {
    try {
      const task = await database.write((tx) => beginTask(tx, id, presence.processId, now()))
      if (task === undefined) return
      if (task.attempts > attemptsMax) {
        return await end(service, task, apiError('task_given_up', { attempts: attemptsMax }))
      }
      await work(service, { task, token })
    } catch (error) {
      if (!stopping.aborted) log.error({ err: error, taskId: id }, 'a task was not brought to its end')
      // Without its end written down, it is somebody's to do: after a while, this process's.
      await database.write((tx) => releaseTask(tx, id)).catch(() => undefined)
    }
  }

  const next = (): Waiting | undefined => {
    if (stopping.aborted || running.size >= atOnceMax) return undefined
    const share = running.size < atOnce ? atOnceForProject : 1
    const ofProject = (owner: string) => [...running.values()].filter((one) => one.owner === owner).length
    const index = waiting.findIndex(({ owner }) => ofProject(owner) < share)
    return index === -1 ? undefined : waiting.splice(index, 1)[0]
  }

  const fill = (): void => {
    for (let one = next(); one !== undefined; one = next()) {
      const { id, owner } = one
      const done = run(one).finally(() => {
        running.delete(id)
        fill()
      })
      running.set(id, { owner, done })
    }
  }

  const adoptAbandoned = async (): Promise<void> => {
    await database.write((tx) => forgetEndedTasks(tx, now()))
    const isOurs = (id: string) => running.has(id) || waiting.some((one) => one.id === id)
    for (const task of await abandonedTasks(database.read, presence.processId, now(), isOurs)) {
      if (!(await database.write((tx) => adoptTask(tx, task, presence.processId)))) continue
      waiting.push({ id: task.id, owner: task.owner, token: null })
      fill()
    }
  }

  let adopting: Promise<void> | undefined
  const tick = (): void => {
    adopting ??= adoptAbandoned()
      .catch((error: unknown) => log.error({ err: error }, 'tasks could not be taken up; it is tried again'))
      .finally(() => {
        adopting = undefined
      })
  }
  tick()
  const timer = setInterval(tick, periodMs)
  timer.unref()

  return {
    begin: ({ id, owner }, token) => {
      waiting.push({ id, owner, token })
      fill()
    },
    stop: async () => {
      clearInterval(timer)
      await adopting
      await Promise.all([...running.values()].map(({ done }) => done))
    },
  }
}
