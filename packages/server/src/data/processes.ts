import { randomUUID } from 'node:crypto'
import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import type { Database } from '../database/database.ts'
import type { ProcessesTable } from '../database/tables.ts'

/** After this long without a sign, a process on another system counts as gone. */
const silenceMs = 60_000

/**
 * The system that a process number means something on: host, boot and process namespace. Two containers may share a
 * host name, and their numbers tell nothing of each other.
 */
const systemName = async (): Promise<string> => {
  const parts = [
    readFile('/proc/sys/kernel/random/boot_id', 'utf8').then((text) => text.trim()),
    readlink('/proc/self/ns/pid'),
  ]
  const known = await Promise.all(parts.map((part) => part.catch(() => '')))
  return [hostname(), ...known].join(' ')
}

/** Dead, and only not yet collected by its parent. */
const deadStates: ReadonlySet<string | undefined> = new Set(['Z', 'X'])

/** When the operating system started a process, or undefined if there is none of this number. */
const startOf = async (pid: number): Promise<string | undefined> => {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may hold blanks. After it come the state, field 3, and at last the start, field 22.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return deadStates.has(fields[0]) ? undefined : fields[19]
  } catch {
    // Systems without /proc: whether the number is in use must do.
    try {
      process.kill(pid, 0)
      return 'unknown'
    } catch {
      return undefined
    }
  }
}

const isAlive = async (row: ProcessesTable, system: string, now: number): Promise<boolean> =>
  row.host === system ? (await startOf(row.pid)) === row.pid_started : now - row.seen_at < silenceMs

/** This process among those that share the database. */
export interface Presence {
  readonly processId: string
  /** Looks at once which of the others live, for whoever waits for one of them. */
  look(): Promise<void>
  leave(): Promise<void>
}

const heartbeatMs = 10_000

/**
 * Tells the others that this process lives, from now on and whatever else goes on, and forgets those that do not.
 * @param onError told of every heartbeat that failed
 */
export const enter = async (
  database: Database,
  now: () => number,
  onError: (error: unknown) => void,
): Promise<Presence> => {
  const processId = randomUUID()
  const system = await systemName()
  const pidStarted = (await startOf(process.pid)) ?? 'unknown'
  const row = () => ({ id: processId, host: system, pid: process.pid, pid_started: pidStarted, seen_at: now() })
  let steadySince = now()
  let lastBeat = now()

  const forget = (id: string) => database.write((tx) => tx.deleteFrom('processes').where('id', '=', id).execute())

  const beat = async (): Promise<void> => {
    await database.write((tx) =>
      tx
        .insertInto('processes')
        .values(row())
        .onConflict((conflict) => conflict.column('id').doUpdateSet({ seen_at: now() }))
        .execute(),
    )
    // After an outage of the database, all look dead to whoever comes back first: the others get the time to report.
    if (now() - lastBeat > silenceMs / 2) steadySince = now()
    lastBeat = now()
    for (const other of await database.read.selectFrom('processes').selectAll().execute()) {
      const judged = other.host === system || now() - steadySince > silenceMs
      if (judged && other.id !== processId && !(await isAlive(other, system, now()))) await forget(other.id)
    }
  }

  await beat()
  let beating = Promise.resolve()
  const beatAgain = (): Promise<void> => {
    beating = beating.then(beat).catch(onError)
    return beating
  }
  const timer = setInterval(beatAgain, heartbeatMs)
  timer.unref()
  let looking: Promise<void> | undefined

  return {
    processId,
    look: () => {
      looking ??= beatAgain().finally(() => {
        looking = undefined
      })
      return looking
    },
    leave: async () => {
      clearInterval(timer)
      await beating
      await forget(processId)
    },
  }
}
