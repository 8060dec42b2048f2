import { apiError } from '../api-error.ts'
import type { Reader, Tx } from '../database/database.ts'
import type { KeysTable } from '../database/key-tables.ts'
import type { Cause } from '../events/events.ts'
import type { Service } from '../service.ts'
import { answered } from './answer.ts'
import { recordKeyEvent } from './key-events.ts'
import { isKey, lockKeysOf, lockOwnKey, lockVersions, unfinishedVersions } from './key-rows.ts'
import { type Key, KeyError, type KeyManager } from './port.ts'
import { findKey } from './queries.ts'
import { managerOf } from './use.ts'
import { inTurns, type KeyDuty } from './worker.ts'

type Parts = Pick<Service, 'database' | 'keyLocks' | 'log'>

/**
 * Images that nobody could read without the key: those of its project. What others write into the properties of their images is
 * no concern of a key.
 */
const countImages = async (db: Reader, { id, project_id }: KeysTable): Promise<number> => {
  const { count } = await db
    .selectFrom('images')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('key_id', '=', id)
    .where((where) => where.or([where('owner', '=', project_id), where('encryption', '=', 'sealed')]))
    .executeTakeFirstOrThrow()
  return Number(count)
}

const countDataKeys = async (db: Reader, id: string): Promise<number> => {
  const { count } = await db
    .selectFrom('key_versions')
    .select(({ fn }) => fn.sum<number | null>('data_keys').as('count'))
    .where('key_id', '=', id)
    .executeTakeFirstOrThrow()
  return Number(count ?? 0)
}

const counted = (count: number, one: string): string => (count === 1 ? `1 ${one}` : `${count} ${one}s`)

/** @throws ApiError `conflict` while something would be lost with the key */
const checkUnneeded = async (tx: Tx, key: KeysTable, forgetsDataKeys: boolean): Promise<void> => {
  const images = await countImages(tx, key)
  if (images > 0) {
    throw apiError('conflict', { why: `The key is needed for ${counted(images, 'image')}; delete what needs it first` })
  }
  const dataKeys = forgetsDataKeys ? 0 : await countDataKeys(tx, key.id)
  if (dataKeys > 0) {
    const why = `With the key go ${counted(dataKeys, 'data key')} that it wrapped, and whatever is encrypted with them; if that is not needed any more, add data_keys=forget (vitrine key delete --forget-data-keys)`
    throw apiError('conflict', { why })
  }
}

/** From now on nobody uses the key. */
export const markRemoved = async (tx: Tx, id: string, at: number): Promise<void> => {
  await tx.updateTable('keys').set({ version: -1, is_default: 0, updated_at: at }).where('id', '=', id).execute()
  await tx.updateTable('key_versions').set({ state: 'removing' }).where('key_id', '=', id).execute()
}

/** Takes everything away that the manager has of a key, and then the row. Repeated until it is done. */
const removeWhole = async ({ database }: Parts, manager: KeyManager, key: Key): Promise<void> => {
  const grants = await database.read
    .selectFrom('key_grants')
    .select('project_id')
    .where('key_id', '=', key.id)
    .execute()
  for (const { project_id } of grants) await manager.revoke(key, project_id)
  const versions = await database.read
    .selectFrom('key_versions')
    .select('version')
    .where('key_id', '=', key.id)
    .execute()
  for (const { version } of versions) await manager.remove({ ...key, version })
  await database.write((tx) => tx.deleteFrom('keys').where('id', '=', key.id).execute())
}

/**
 * Deletes a key. It is gone for everybody when this resolves; if the key manager is away, its material goes later.
 * @throws ApiError `resource_not_found`, `conflict`, `key_manager_unavailable` while others change the key
 */
export const deleteKey = async (
  service: Service,
  projectId: string,
  cause: Cause,
  id: string,
  forgetsDataKeys: boolean,
): Promise<void> => {
  const manager = managerOf(service)
  const { database, keyLocks, log } = service
  const key = { id, projectId }
  const remove = async (): Promise<void> => {
    await database.write(async (tx) => {
      await lockKeysOf(tx, projectId)
      const row = await lockOwnKey(tx, projectId, id)
      await lockVersions(tx, id)
      await checkUnneeded(tx, row, forgetsDataKeys)
      await markRemoved(tx, id, cause.at)
      await recordKeyEvent(tx, cause, { type: 'key.delete', key, version: row.version })
    })
    try {
      await removeWhole(service, manager, key)
    } catch (error) {
      if (!(error instanceof KeyError)) throw error
      log.error({ err: error, reqId: cause.requestId }, 'a deleted key is not yet removed; it is tried again')
    }
  }
  await answered(service, cause.requestId, id, () => keyLocks.hold(id, remove))
}

/** Removes the keys that were not made to the end, or not removed to the end, by processes that are gone or in vain. */
export const finishKeys: KeyDuty = async (service, manager) => {
  const { database, keyLocks, log } = service
  const rows = await unfinishedVersions(database.read)
    .where((where) => where('keys.version', '<', where.lit(1)))
    // These go in another way, with what was not made here (`deletions.ts`).
    .where('keys.id', 'not in', (from) => from.selectFrom('key_deletions').select('key_deletions.key_id'))
    .execute()
  const keys = new Map(rows.map(({ id, project_id }) => [id, { id, projectId: project_id }]))
  const finish = (key: Key): Promise<void> =>
    keyLocks.hold(key.id, async () => {
      const row = await findKey(database.read, key.id)
      if (row !== undefined && !isKey(row)) await removeWhole(service, manager, key)
    })
  return inTurns(service, [...keys.values()], finish, (error) =>
    log.error({ err: error }, 'a key could not be removed; it is tried again'),
  )
}
