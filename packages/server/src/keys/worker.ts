import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import type { Cause } from '../events/events.ts'
import type { Service } from '../service.ts'
import { keyOf, settleGrant } from './grants.ts'
import { KeyError, type KeyManager } from './port.ts'
import { lockGrants, updateGrant } from './queries.ts'

/** Finishes what was begun at the key manager: by processes that are gone, and what it could not do when it was away. */
export interface KeyWork {
  /** Works soon; returns at once. */
  kick(): void
  stop(): Promise<void>
}

/** What the worker needs: the service as it is before the worker. */
type Parts = Omit<Service, 'keyWork' | 'notices'>

/**
 * How a round of work ended. `more`: some is done and there is more, which does not wait for the next round. `away`: the key
 * manager does not answer, so nobody needs to ask again at once.
 */
export type DutyEnd = 'over' | 'more' | 'away'

/** Work of one kind. Each goes on with what it finds half done, and may run in several processes. */
export type KeyDuty = (service: Parts, manager: KeyManager) => Promise<DutyEnd>

const periodMs = 2000
/** However often it is asked to: work that comes together is done together. */
const pauseMs = 50
/** After a round in which the key manager did not answer, however often it is asked to. */
const awayPauseMs = 1000
/** A key manager that is away must not keep the service from starting. */
const startMs = 5000
const batchSize = 200
/** How long it waits for others who change a key; there is a next time. */
const patienceMs = 5000
/** With so many failures, it is no fault of single keys. */
const failuresMax = 3

const byItself = (at: number): Cause => ({ projectId: null, userId: null, requestId: null, at })

/**
 * Does something for each, whatever becomes of the others. A key manager that does not answer is not asked once for each: what
 * is left has its time in the next round. The order is any, so that what fails each time keeps nothing else from its turn.
 * @param hasMore whether there is more than these, or turned out to be
 */
export const inTurns = async <Item>(
  { stopping }: Pick<Parts, 'stopping'>,
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
  onError: (error: unknown, item: Item) => unknown,
  hasMore: () => boolean = () => false,
): Promise<DutyEnd> => {
  let failures = 0
  let done = 0
  const inAnyOrder = items.map((item) => ({ item, place: Math.random() })).sort((one, other) => one.place - other.place)
  for (const { item } of inAnyOrder) {
    if (stopping.aborted || failures >= failuresMax) break
    try {
      await work(item)
      done += 1
    } catch (error) {
      if (error instanceof KeyError && error.reason === 'unavailable') failures += 1
      await onError(error, item)
    }
  }
  if (failures > 0) return 'away'
  return done > 0 && hasMore() ? 'more' : 'over'
}

const lockNamed = (tx: Tx, names: readonly { key_id: string; project_id: string }[]): Promise<void> =>
  lockGrants(
    tx,
    names.map(({ key_id }) => key_id),
    names.map(({ project_id }) => project_id),
  )

/** Attempts of processes that are gone are over, and their locks are nobody's. */
const endAbandoned = ({ database }: Parts): Promise<void> =>
  database.write(async (tx) => {
    await tx
      .deleteFrom('key_locks')
      .where('process_id', 'not in', (from) => from.selectFrom('processes').select('processes.id'))
      .execute()
    const rows = await tx
      .deleteFrom('key_intents')
      .where('process_id', 'not in', (from) => from.selectFrom('processes').select('processes.id'))
      .returning(['key_id', 'project_id'])
      .execute()
    await lockNamed(tx, rows)
    for (const { key_id, project_id } of rows) await updateGrant(tx, { key_id, project_id }, { due: 1 })
  })

const findDue = ({ database }: Parts) =>
  database.read
    .selectFrom('key_grants')
    .innerJoin('keys', 'keys.id', 'key_grants.key_id')
    .select(['keys.id', 'keys.project_id', 'key_grants.project_id as grantee'])
    .where((where) => where('key_grants.due', '=', where.lit(1)))
    .orderBy(sql`random()`)
    .limit(batchSize)
    .execute()

const settleDue: KeyDuty = async (service, manager) => {
  const settle = ({ grantee, ...key }: Awaited<ReturnType<typeof findDue>>[number]) =>
    settleGrant(service, manager, byItself(service.now()), keyOf(key), grantee, patienceMs)
  const due = await findDue(service)
  const onError = (error: unknown) =>
    service.log.error({ err: error }, 'a grant could not be settled; it is tried again')
  return inTurns(service, due, settle, onError, () => due.length === batchSize)
}

/** What a crash left: grants that were begun, or taken back, by nobody who lives. */
const findUnfinished = ({ database }: Parts): Promise<unknown> =>
  database.write(async (tx) => {
    const unfinished = await tx
      .selectFrom('key_grants')
      .select(['key_id', 'project_id'])
      .where('state', 'in', ['granting', 'revoking'])
      .execute()
    await lockNamed(tx, unfinished)
    for (const name of unfinished) await updateGrant(tx, name, { due: 1 })
  })

/** Whether a process that is gone was changing a key. */
const isAbandoned = async ({ database: { read } }: Parts): Promise<boolean> => {
  const living = read.selectFrom('processes').select('processes.id')
  const intents = read.selectFrom('key_intents').select('key_id').where('process_id', 'not in', living)
  const locks = read.selectFrom('key_locks').select('key_id').where('process_id', 'not in', living)
  return (await intents.unionAll(locks).limit(1).executeTakeFirst()) !== undefined
}

/**
 * Starts the work. The first round is over when this resolves: what a crash left is put in order by then, unless the key
 * manager is away.
 */
export const startKeyWork = async (service: Parts, duties: readonly KeyDuty[]): Promise<KeyWork> => {
  const { keyManager: manager, log, stopping } = service
  if (manager === undefined) return { kick: () => {}, stop: async () => {} }
  let isStopped = false
  let again = false

  /** @returns whether the key manager does not answer */
  const round = async (): Promise<boolean> => {
    await service.keyLocks.payOwed()
    if (await isAbandoned(service)) await endAbandoned(service)
    let isAway = false
    for (const duty of [settleDue, ...duties]) {
      if (stopping.aborted) return false
      const end = await duty(service, manager).catch((error: unknown): DutyEnd => {
        log.error({ err: error }, 'work on keys failed; it is tried again')
        return 'over'
      })
      if (end === 'more') again = true
      if (end === 'away') isAway = true
    }
    return isAway
  }

  const first = Promise.withResolvers<void>()
  let running: Promise<void> | undefined
  const run = async (): Promise<void> => {
    do {
      again = false
      const isAway = await round().catch((error: unknown) => {
        log.error({ err: error }, 'work on keys failed; it is tried again')
        return false
      })
      first.resolve()
      if (isStopped) return
      const ms = isAway ? awayPauseMs : again ? pauseMs : 0
      if (ms > 0) await sleep(ms, undefined, { signal: stopping }).catch(() => {})
    } while (again)
  }
  const kick = (): void => {
    again = true
    running ??= run().finally(() => {
      running = undefined
    })
  }

  await findUnfinished(service)
  kick()
  await Promise.race([first.promise, sleep(startMs, undefined, { ref: false })])
  const timer = setInterval(kick, periodMs)
  timer.unref()
  return {
    kick,
    stop: async () => {
      isStopped = true
      clearInterval(timer)
      await running
    },
  }
}
