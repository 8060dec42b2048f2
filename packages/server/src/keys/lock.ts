import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../database/database.ts'
import { KeyError } from './port.ts'

const waitMs = 25
/** Longer than a change at the manager takes, with all its time limits. */
const patienceMs = 60_000

/** Lets one change of a key happen at a time, in all processes together. */
export interface KeyLocks {
  /** @throws KeyError `unavailable` when it is never one's turn */
  hold<Result>(keyId: string, work: () => Promise<Result>): Promise<Result>
  /** Gives back what could not be given back while the database was away. */
  giveOwed(): Promise<void>
}

/**
 * A key manager of its own kind knows no transactions, and its lists are read and written back whole. The lock is a row that
 * names a process; that of a process which is gone counts for nothing.
 */
export const createKeyLocks = (database: Database, processId: string): KeyLocks => {
  const queues = new Map<string, Promise<void>>()
  // Locks that nobody here wants any more and that may still stand: this process lives, so nobody else clears them away.
  const owed = new Set<string>()

  const tryTake = (keyId: string, token: string): Promise<boolean> =>
    database.write(async (tx) => {
      await tx
        .deleteFrom('key_locks')
        .where('key_id', '=', keyId)
        .where('process_id', 'not in', (from) => from.selectFrom('processes').select('processes.id'))
        .execute()
      const { numInsertedOrUpdatedRows } = await tx
        .insertInto('key_locks')
        .values({ key_id: keyId, process_id: processId, token })
        .onConflict((conflict) => conflict.column('key_id').doNothing())
        .executeTakeFirst()
      return (numInsertedOrUpdatedRows ?? 0n) > 0n
    })

  const take = async (keyId: string, token: string): Promise<void> => {
    for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += waitMs) {
      if (await tryTake(keyId, token)) return
      await sleep(waitMs)
    }
    throw new KeyError('unavailable', 'Another change of the key does not end.')
  }

  const giveOwed = async (): Promise<void> => {
    for (const token of owed) {
      await database.write((tx) => tx.deleteFrom('key_locks').where('token', '=', token).execute())
      owed.delete(token)
    }
  }

  const inTurn = async <Result>(keyId: string, work: () => Promise<Result>): Promise<Result> => {
    const token = randomUUID()
    try {
      await take(keyId, token)
      return await work()
    } finally {
      // Also one that was not taken: where the database failed, nobody knows.
      owed.add(token)
      // What was done is done, and what failed has failed, whether or not this can be written down now.
      await giveOwed().catch(() => {})
    }
  }

  return {
    giveOwed,
    hold: (keyId, work) => {
      const result = (queues.get(keyId) ?? Promise.resolve()).then(() => inTurn(keyId, work))
      const end = result.then(
        () => {},
        () => {},
      )
      queues.set(keyId, end)
      end.then(() => {
        if (queues.get(keyId) === end) queues.delete(keyId)
      })
      return result
    },
  }
}
