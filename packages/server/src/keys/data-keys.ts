import { randomBytes } from 'node:crypto'
import type { DataKeyDocument } from '@vitrine/contract'
import { apiError } from '../api-error.ts'
import type { Reader } from '../database/database.ts'
import type { KeysTable } from '../database/key-tables.ts'
import type { Cause } from '../events/events.ts'
import type { Service } from '../service.ts'
import { answered } from './answer.ts'
import { keyOf } from './grants.ts'
import { isKey, noKey } from './key-rows.ts'
import { KeyError, type KeyHolder, type KeyManager, type KeyVersion } from './port.ts'
import { findGrant, findKey } from './queries.ts'
import { checkEnabled, managerOf, recorded } from './use.ts'
import { keyBytes } from './wrapping.ts'

/**
 * Data keys that projects encrypt with by themselves. The service keeps none of them: it wraps a new one, and unwraps it for
 * whoever holds the key. Because nobody else can wrap them anew, it counts them, and keeps the versions that wrapped them.
 */

/** Nothing else is wrapped for this: no seal of an image opens as a data key. */
const context = 'data key'
const attemptsMax = 5

/** A key that a project has, or was let use: whether it still can, the key manager says. To all others there is none. */
const heldKey = async (db: Reader, projectId: string, id: string): Promise<KeysTable> => {
  const row = await findKey(db, id)
  if (row === undefined || !isKey(row)) throw noKey(id)
  if (row.project_id === projectId) return row
  const grant = await findGrant(db, { key_id: id, project_id: projectId })
  if (grant === undefined || grant.state === 'revoked') throw noKey(id)
  return row
}

/** Uses a key as its holder; who is refused learns of no key. */
const asHolder = <Result>(
  service: Service,
  cause: Cause,
  key: KeysTable,
  holder: KeyHolder,
  work: () => Promise<Result>,
): Promise<Result> =>
  answered(service, cause.requestId, key.id, async () => {
    try {
      return await work()
    } catch (error) {
      const isRefused = error instanceof KeyError && error.reason === 'refused' && holder.projectId !== key.project_id
      throw isRefused ? noKey(key.id) : error
    }
  })

/** @returns false if the version is being removed: it must not wrap any more */
const countDataKey = ({ database }: Service, { id, version }: KeyVersion): Promise<boolean> =>
  database.write(async (tx) => {
    const { numUpdatedRows } = await tx
      .updateTable('key_versions')
      .set(({ eb }) => ({ data_keys: eb('data_keys', '+', 1) }))
      .where('key_id', '=', id)
      .where('version', '=', version)
      .where('state', '<>', 'removing')
      .executeTakeFirst()
    return numUpdatedRows > 0n
  })

/** Wraps with the version in force, and again if that is rotated away in this moment. */
const wrapCounted = async (
  service: Service,
  manager: KeyManager,
  holder: KeyHolder,
  id: string,
  dataKey: Uint8Array,
): Promise<string> => {
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const row = await heldKey(service.database.read, holder.projectId, id)
    checkEnabled(row)
    const key = { ...keyOf(row), version: row.version }
    const wrapped = await manager.wrap(key, holder, dataKey, context)
    if (await countDataKey(service, key)) return `${row.version}.${Buffer.from(wrapped).toString('base64url')}`
  }
  throw new KeyError('unavailable', `The key ${id} is rotated again and again.`)
}

const grantee = (key: KeysTable, { projectId }: KeyHolder) => (projectId === key.project_id ? undefined : projectId)

/**
 * A new data key for whoever holds the key.
 * @throws ApiError `resource_not_found`, `key_disabled`, `key_manager_unavailable`, `key_damaged`
 */
export const createDataKey = async (
  service: Service,
  holder: KeyHolder,
  cause: Cause,
  id: string,
): Promise<DataKeyDocument> => {
  const manager = managerOf(service)
  const row = await heldKey(service.database.read, holder.projectId, id)
  checkEnabled(row)
  const use = { type: 'key.data_key', key: keyOf(row), version: row.version, granteeId: grantee(row, holder) } as const
  const dataKey = randomBytes(keyBytes)
  try {
    const wrapped = await asHolder(service, cause, row, holder, () =>
      recorded(service, cause, use, () => wrapCounted(service, manager, holder, id, dataKey)),
    )
    return { plain: dataKey.toString('base64'), wrapped }
  } finally {
    dataKey.fill(0)
  }
}

const hasVersion = async (db: Reader, { id, version }: KeyVersion): Promise<boolean> =>
  (await db
    .selectFrom('key_versions')
    .select('version')
    .where('key_id', '=', id)
    .where('version', '=', version)
    .executeTakeFirst()) !== undefined

/**
 * Of what cannot be opened, either the key is damaged or what was sent: only the first is to the service.
 * @throws ApiError `invalid_body` for the second
 */
const blame = async (
  { database }: Service,
  manager: KeyManager,
  key: KeyVersion,
  holder: KeyHolder,
  error: unknown,
): Promise<never> => {
  const isOurs = !(error instanceof KeyError) || !['missing', 'damaged'].includes(error.reason)
  if (isOurs) throw error
  // A version that has wrapped a data key is not removed before its key.
  if (await hasVersion(database.read, key)) await manager.prove(key, holder)
  throw apiError('invalid_body', { why: 'wrapped is no data key that this key has wrapped' })
}

/**
 * Opens a data key for whoever holds the key.
 * @param text as `createDataKey` has answered it
 * @throws ApiError `resource_not_found`, `key_disabled`, `invalid_body`, `key_manager_unavailable`, `key_damaged`
 */
export const unwrapDataKey = async (
  service: Service,
  holder: KeyHolder,
  cause: Cause,
  id: string,
  text: string,
): Promise<{ plain: string }> => {
  const manager = managerOf(service)
  const row = await heldKey(service.database.read, holder.projectId, id)
  checkEnabled(row)
  const [number = '', bytes = ''] = text.split('.')
  const key: KeyVersion = { ...keyOf(row), version: Number(number) }
  const use = { type: 'key.unwrap', key, version: key.version, granteeId: grantee(row, holder) } as const
  const open = async (): Promise<Uint8Array> => {
    try {
      return await manager.unwrap(key, holder, Buffer.from(bytes, 'base64url'), context)
    } catch (error) {
      return blame(service, manager, key, holder, error)
    }
  }
  const dataKey = await asHolder(service, cause, row, holder, () => recorded(service, cause, use, open))
  const plain = Buffer.from(dataKey).toString('base64')
  dataKey.fill(0)
  return { plain }
}
