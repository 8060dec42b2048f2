import { apiError } from '../api-error.ts'
import type { KeysTable } from '../database/key-tables.ts'
import type { ImagesTable } from '../database/tables.ts'
import type { Service } from '../service.ts'
import type { KeyManager } from './port.ts'
import { findKey } from './queries.ts'

/**
 * Makes a key of the manager that was not made through the service known to it.
 * @returns undefined when the manager has no such key of this project
 * @throws KeyError
 */
export const adoptKey = async (
  { database, now }: Pick<Service, 'database' | 'now'>,
  manager: KeyManager,
  key: { readonly id: string; readonly projectId: string; readonly name: string | null; readonly grantable: boolean },
): Promise<KeysTable | undefined> => {
  const { id, projectId, name, grantable } = key
  if (!(await manager.find({ id, projectId }))) return undefined
  const at = now()
  const row: KeysTable = {
    id,
    project_id: projectId,
    name,
    status: 'enabled',
    is_default: 0,
    grantable: grantable ? 1 : 0,
    adopted: 1,
    version: 1,
    created_at: at,
    updated_at: at,
  }
  await database.write(async (tx) => {
    const { numInsertedOrUpdatedRows } = await tx
      .insertInto('keys')
      .values(row)
      .onConflict((conflict) => conflict.column('id').doNothing())
      .executeTakeFirst()
    if ((numInsertedOrUpdatedRows ?? 0n) === 0n) return
    await tx.insertInto('key_versions').values({ key_id: id, version: 1, data_keys: 0, created_at: at }).execute()
  })
  return findKey(database.read, id)
}

/**
 * The key of an image. A client may mark its image with any text: only a key of the project that owns the image counts, and of
 * others nothing is told.
 * @throws ApiError `key_unknown`; KeyError
 */
export const knownKey = async (
  service: Pick<Service, 'database' | 'now'>,
  manager: KeyManager,
  { key_id: id, owner }: Pick<ImagesTable, 'key_id' | 'owner'>,
): Promise<KeysTable> => {
  if (id === null || owner === null) throw apiError('key_unknown', { key: id ?? 'by name' })
  const key =
    (await findKey(service.database.read, id)) ??
    (await adoptKey(service, manager, { id, projectId: owner, name: null, grantable: true }))
  if (key?.project_id !== owner) throw apiError('key_unknown', { key: id })
  return key
}
