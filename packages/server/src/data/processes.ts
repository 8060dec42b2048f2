import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import type { Database } from '../database/database.ts'
import type { ProcessesTable } from '../database/tables.ts'

/** After this long without a sign, a process on another host counts as gone. */
const silenceMs = 60_000

/** When the operating system started a process, or undefined if there is none of this number. */
const startOf = async (pid: number): Promise<string | undefined> => {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may hold blanks; the start time is field 22.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
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

const isAlive = async (row: ProcessesTable, now: number): Promise<boolean> =>
  row.host === hostname() ? (await startOf(row.pid)) === row.pid_started : now - row.seen_at < silenceMs

/** This process among those that share the database. */
export interface Presence {
  readonly processId: string
  /** Tells the others that this process lives, and forgets those that do not. */
  refresh(): Promise<void>
  leave(): Promise<void>
}

export const enter = async (database: Database, now: () => number): Promise<Presence> => {
  const processId = randomUUID()
  const pidStarted = (await startOf(process.pid)) ?? 'unknown'
  const row = () => ({ id: processId, host: hostname(), pid: process.pid, pid_started: pidStarted, seen_at: now() })
  await database.write((tx) => tx.insertInto('processes').values(row()).execute())

  const forget = (id: string) => database.write((tx) => tx.deleteFrom('processes').where('id', '=', id).execute())

  return {
    processId,
    refresh: async () => {
      await database.write((tx) =>
        tx
          .insertInto('processes')
          .values(row())
          .onConflict((conflict) => conflict.column('id').doUpdateSet({ seen_at: now() }))
          .execute(),
      )
      for (const other of await database.read.selectFrom('processes').selectAll().execute()) {
        if (other.id !== processId && !(await isAlive(other, now()))) await forget(other.id)
      }
    },
    leave: async () => {
      await forget(processId)
    },
  }
}
