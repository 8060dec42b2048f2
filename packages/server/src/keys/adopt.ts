import { apiError } from '../api-error.ts'
import type { KeysTable } from '../database/key-tables.ts'
import type { ImagesTable } from '../database/tables.ts'
import type { Service } from '../service.ts'
import { KeyError, type KeyHolder, type KeyManager } from './port.ts'
import { findKey } from './queries.ts'

/** A key of the manager that was not made through the service, as if it were known to it. */
const foreignKey = (id: string, projectId: string, at: number): KeysTable => ({
  id,
  project_id: projectId,
  name: null,
  status: 'enabled',
  is_default: 0,
  grantable: 1,
  adopted: 1,
  version: 1,
  created_at: at,
  updated_at: at,
})

/**
 * A key that was not made through the service, to be made known to it: from then on it grants and removes it in the name of the
 * project. It has powers at the manager that the caller may lack, so the caller shows first that the key is its own to use.
 * @returns undefined when the manager has no such key of this project, or does not let the caller use it
 * @throws KeyError
 */
export const foreignKeyOf = async (
  { now }: Pick<Service, 'now'>,
  manager: KeyManager,
  holder: KeyHolder,
  id: string,
): Promise<KeysTable | undefined> => {
  const { projectId } = holder
  if (!(await manager.find({ id, projectId }))) return undefined
  try {
    await manager.prove({ id, projectId, version: 1 }, holder)
  } catch (error) {
    if (error instanceof KeyError && error.reason === 'refused') return undefined
    throw error
  }
  return foreignKey(id, projectId, now())
}

/** Whether the service itself was told to look after a key. */
export const isAdopted = async ({ database }: Pick<Service, 'database'>, id: string): Promise<boolean> =>
  (await findKey(database.read, id)) !== undefined

/**
 * The key of an image. A client may mark its image with any text: only a key of the project that owns the image counts, and of
 * others nothing is told.
 * @throws ApiError `key_unknown`, `key_unnamed`; KeyError
 */
export const knownKey = async (
  { database, now }: Pick<Service, 'database' | 'now'>,
  manager: KeyManager,
  { key_id: id, owner }: Pick<ImagesTable, 'key_id' | 'owner'>,
): Promise<KeysTable> => {
  if (id === null) throw apiError('key_unnamed', {})
  if (owner === null) throw apiError('key_unknown', { key: id })
  const key = await findKey(database.read, id)
  if (key !== undefined && key.project_id === owner && key.version > 0) return key
  if (key === undefined && (await manager.find({ id, projectId: owner }))) return foreignKey(id, owner, now())
  throw apiError('key_unknown', { key: id })
}
