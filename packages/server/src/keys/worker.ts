import type { Cause } from '../events/events.ts'
import type { Service } from '../service.ts'
import { keyOf, settleGrant } from './grants.ts'
import type { KeyManager } from './port.ts'

/** Finishes what was begun at the key manager: by processes that are gone, and what it could not do when it was away. */
export interface KeyWork {
  /** Works soon; returns at once. */
  kick(): void
  stop(): Promise<void>
}

/** What the worker needs: the service as it is before the worker. */
type Parts = Omit<Service, 'keyWork' | 'notices'>

/** Work of one kind, beside grants. Each goes on with what it finds half done, and may run in several processes. */
export type KeyDuty = (service: Parts, manager: KeyManager) => Promise<void>

const periodMs = 2000
const batchSize = 200

const byItself = (at: number): Cause => ({ projectId: null, userId: null, requestId: null, at })

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
    for (const { key_id, project_id } of rows) {
      await tx
        .updateTable('key_grants')
        .set({ due: 1 })
        .where('key_id', '=', key_id)
        .where('project_id', '=', project_id)
        .execute()
    }
  })

const settleDue: KeyDuty = async (service, manager) => {
  const due = await service.database.read
    .selectFrom('key_grants')
    .innerJoin('keys', 'keys.id', 'key_grants.key_id')
    .select(['keys.id', 'keys.project_id', 'key_grants.project_id as grantee'])
    .where((where) => where('key_grants.due', '=', where.lit(1)))
    .limit(batchSize)
    .execute()
  for (const { grantee, ...key } of due) {
    try {
      await settleGrant(service, manager, byItself(service.now()), keyOf(key), grantee)
    } catch (error) {
      service.log.error({ err: error }, 'a grant could not be settled; it is tried again')
    }
  }
}

/** What a crash left: grants that were begun, or taken back, by nobody who lives. */
const findUnfinished = ({ database }: Parts): Promise<unknown> =>
  database.write((tx) =>
    tx.updateTable('key_grants').set({ due: 1 }).where('state', 'in', ['granting', 'revoking']).execute(),
  )

/** Whether anybody is, or was, changing a key. */
const isBusy = async ({ database: { read } }: Parts): Promise<boolean> =>
  (await read.selectFrom('key_intents').select('id').limit(1).executeTakeFirst()) !== undefined ||
  (await read.selectFrom('key_locks').select('key_id').limit(1).executeTakeFirst()) !== undefined

/**
 * Starts the work. The first round is over when this resolves: what a crash left is put in order by then, unless the key
 * manager is away.
 */
export const startKeyWork = async (service: Parts, duties: readonly KeyDuty[]): Promise<KeyWork> => {
  const { keyManager: manager, log } = service
  if (manager === undefined) return { kick: () => {}, stop: async () => {} }

  const round = async (): Promise<void> => {
    await service.keyLocks.giveOwed()
    if (await isBusy(service)) await endAbandoned(service)
    for (const duty of [settleDue, ...duties]) {
      await duty(service, manager).catch((error: unknown) => {
        log.error({ err: error }, 'work on keys failed; it is tried again')
      })
    }
  }

  let running: Promise<void> | undefined
  let again = false
  const run = async (): Promise<void> => {
    do {
      again = false
      await round().catch((error: unknown) => log.error({ err: error }, 'work on keys failed; it is tried again'))
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
  await running
  const timer = setInterval(kick, periodMs)
  timer.unref()
  return {
    kick,
    stop: async () => {
      clearInterval(timer)
      await running
    },
  }
}
