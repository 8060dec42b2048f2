import { randomUUID } from 'node:crypto'
import { apiError } from '../api-error.ts'
import type { Tx } from '../database/database.ts'
import type { KeysTable } from '../database/key-tables.ts'
import type { Cause } from '../events/events.ts'
import type { Service } from '../service.ts'
import { foreignKeyOf } from './adopt.ts'
import { answered } from './answer.ts'
import { recordKeyEvent } from './key-events.ts'
import { checkKeyQuota, findDefaultKey, isKey, lockKeysOf, takeDefaultFromOthers } from './key-rows.ts'
import { KeyError, type KeyHolder, type KeyManager } from './port.ts'
import { findKey } from './queries.ts'
import { managerOf } from './use.ts'

/** What a project says of a key that it makes. */
export interface KeyWish {
  readonly name: string | null
  readonly isDefault: boolean
  readonly grantable: boolean
}

/** A key that is about to be made: nobody can use it before it is. */
const unmade = (projectId: string, { name, grantable }: KeyWish, at: number): KeysTable => ({
  id: randomUUID(),
  project_id: projectId,
  name,
  status: 'enabled',
  is_default: 0,
  grantable: grantable ? 1 : 0,
  adopted: 0,
  version: 0,
  created_at: at,
  updated_at: at,
})

const insertKey = async (tx: Tx, { limits }: Pick<Service, 'limits'>, row: KeysTable): Promise<void> => {
  await lockKeysOf(tx, row.project_id)
  await checkKeyQuota(tx, row.project_id, limits.keys_per_project)
  await tx.insertInto('keys').values(row).execute()
  await tx
    .insertInto('key_versions')
    .values({
      key_id: row.id,
      version: 1,
      state: isKey(row) ? 'ready' : 'making',
      data_keys: 0,
      created_at: row.created_at,
    })
    .execute()
}

/** From now on it is there. @throws KeyError if it was given up meanwhile: this process was taken for dead */
const completeKey = async (tx: Tx, cause: Cause, row: KeysTable, isDefault: boolean): Promise<KeysTable> => {
  const made: KeysTable = { ...row, version: 1, is_default: isDefault ? 1 : 0 }
  await lockKeysOf(tx, row.project_id)
  if (isDefault) await takeDefaultFromOthers(tx, row.project_id, row.id)
  const { numUpdatedRows } = await tx
    .updateTable('keys')
    .set({ version: made.version, is_default: made.is_default })
    .where('id', '=', row.id)
    .where('version', '=', row.version)
    .executeTakeFirst()
  if (numUpdatedRows === 0n) throw new KeyError('unavailable', `The key ${row.id} was given up while it was made.`)
  await tx.updateTable('key_versions').set({ state: 'ready' }).where('key_id', '=', row.id).execute()
  await recordKeyEvent(tx, cause, { type: 'key.create', key: { id: row.id, projectId: row.project_id }, version: 1 })
  return made
}

/**
 * Makes a key. Its row is there before the manager is asked, so that whatever stops this leaves nothing there that nobody knows
 * of: what is not completed is removed (`removal.ts`).
 * @throws ApiError `resource_quota`, `key_manager_unavailable`
 */
const makeKey = (
  service: Service,
  manager: KeyManager,
  cause: Cause,
  projectId: string,
  wish: KeyWish,
): Promise<KeysTable> => {
  const { database, keyLocks } = service
  const row = unmade(projectId, wish, cause.at)
  return answered(service, cause.requestId, row.id, () =>
    keyLocks.hold(row.id, async () => {
      await database.write((tx) => insertKey(tx, service, row))
      await manager.make({ id: row.id, projectId, version: 1 })
      return database.write((tx) => completeKey(tx, cause, row, wish.isDefault))
    }),
  )
}

/** What Barbican names its secrets by. Other texts could name one secret in two ways, or something else altogether. */
const secretId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * Makes a secret, which the caller shows to be its own to use, a key of its project; the secret stays what it is.
 * @throws ApiError `resource_not_found`, `conflict`, `resource_quota`, `key_manager_unavailable`
 */
const adoptSecret = (
  service: Service,
  manager: KeyManager,
  cause: Cause,
  holder: KeyHolder,
  id: string,
  wish: KeyWish,
): Promise<KeysTable> => {
  const { database, keyLocks } = service
  const { name, isDefault, grantable } = wish
  const missing = apiError('resource_not_found', { kind: 'secret', id })
  if (!secretId.test(id)) throw missing
  return answered(service, cause.requestId, id, async () => {
    // Before the lock: whoever names the keys of others must not hold these up.
    const found = await foreignKeyOf(service, manager, holder, id)
    if (found === undefined) throw missing
    return keyLocks.hold(id, async () => {
      const row: KeysTable = {
        ...found,
        name,
        grantable: grantable ? 1 : 0,
        created_at: cause.at,
        updated_at: cause.at,
      }
      return database.write(async (tx) => {
        if ((await findKey(tx, id)) !== undefined) throw apiError('conflict', { why: 'The secret is a key already' })
        await insertKey(tx, service, row)
        return completeKey(tx, cause, row, isDefault)
      })
    })
  })
}

/**
 * Makes a key of a project, or a secret one.
 * @param secret a secret that is there already
 */
export const createKey = async (
  service: Service,
  holder: KeyHolder,
  cause: Cause,
  wish: KeyWish,
  secret: string | undefined,
): Promise<KeysTable> => {
  const manager = managerOf(service)
  return secret === undefined
    ? makeKey(service, manager, cause, holder.projectId, wish)
    : adoptSecret(service, manager, cause, holder, secret, wish)
}

/**
 * The key that a project uses when none is named; one is made if there is none.
 * @throws ApiError `resource_quota`, `key_manager_unavailable`, `key_manager_missing`
 */
export const defaultKeyOf = async (service: Service, cause: Cause, projectId: string): Promise<KeysTable> => {
  const manager = managerOf(service)
  const { database, keyLocks } = service
  const find = () => findDefaultKey(database.read, projectId)
  const wish: KeyWish = { name: 'default', isDefault: true, grantable: true }
  // Two who need it at once make one.
  const findOrMake = () =>
    keyLocks.hold(`default key of ${projectId}`, async () => {
      return (await find()) ?? (await makeKey(service, manager, cause, projectId, wish))
    })
  return (await find()) ?? (await answered(service, cause.requestId, 'of the project', findOrMake))
}
