import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Presence } from '../data/processes.ts'
import type { Database } from '../database/database.ts'
import { KeyError } from './port.ts'

const waitMs = 25
/** How often whoever waits looks whether those live for whom it waits. */
const lookMs = 1000
/** Longer than a change at the manager takes, with all its time limits. */
const patienceMs = 60_000

/** Lets one change of a key happen at a time, in all processes together. */
export interface KeyLocks {
  /**
   * @param patience how long to wait for one's turn (milliseconds)
   * @throws KeyError `unavailable` when it is not one's turn in that time
   */
  hold<Result>(keyId: string, work: () => Promise<Result>, patience?: number): Promise<Result>
  /**
   * Does something to the database that has to be done in the end, since nobody else does it while this process lives: now, or
   * when the database is back. May be done twice.
   */
  owe(work: () => Promise<unknown>): Promise<void>
  /** Does what is owed. */
  payOwed(): Promise<void>
}

const busy = (): KeyError => new KeyError('unavailable', 'Other changes of the key do not end.')

/**
 * A key manager of its own kind knows no transactions, and its lists are read and written back whole. The lock is a row that
 * names a process; that of a process which is gone counts for nothing.
 */
export const createKeyLocks = (
  database: Database,
  { processId, look }: Pick<Presence, 'processId' | 'look'>,
): KeyLocks => {
  const queues = new Map<string, Promise<void>>()
  const owed = new Set<() => Promise<unknown>>()

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

  const payOwed = async (): Promise<void> => {
    for (const work of owed) {
      await work()
      owed.delete(work)
    }
  }

  const take = async (keyId: string, token: string, until: number): Promise<void> => {
    for (let lookAt = performance.now() + lookMs; performance.now() < until; ) {
      if (await tryTake(keyId, token)) return
      await sleep(waitMs)
      if (performance.now() >= lookAt) {
        await look()
        lookAt = performance.now() + lookMs
      }
      // It may be one that this process could not give back.
      await payOwed().catch(() => {})
    }
    throw busy()
  }

  const owe = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work()
    } catch {
      owed.add(work)
    }
  }

  const inTurn = async <Result>(keyId: string, until: number, work: () => Promise<Result>): Promise<Result> => {
    const token = randomUUID()
    try {
      await take(keyId, token, until)
      return await work()
    } finally {
      // Also one that was not taken: where the database failed, nobody knows. And what was done is done, and what failed has
      // failed, whether or not this can be written down now.
      await owe(() => database.write((tx) => tx.deleteFrom('key_locks').where('token', '=', token).execute()))
    }
  }

  return {
    hold: <Result>(keyId: string, work: () => Promise<Result>, patience = patienceMs) => {
      const until = performance.now() + patience
      const { promise, resolve, reject } = Promise.withResolvers<Result>()
      const impatience = setTimeout(() => reject(busy()), patience)
      const turn = async (): Promise<void> => {
        clearTimeout(impatience)
        if (performance.now() >= until) reject(busy())
        else await inTurn(keyId, until, work).then(resolve, reject)
      }
      const end = (queues.get(keyId) ?? Promise.resolve()).then(turn)
      queues.set(keyId, end)
      end.then(() => {
        if (queues.get(keyId) === end) queues.delete(keyId)
      })
      return promise
    },
    owe,
    payOwed,
  }
}
