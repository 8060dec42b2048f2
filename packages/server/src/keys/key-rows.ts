import { sql } from 'kysely'
import { type ApiError, apiError } from '../api-error.ts'
import type { Reader, Tx } from '../database/database.ts'
import { isPostgres, locked, lockName } from '../database/dialect.ts'
import type { KeysTable } from '../database/key-tables.ts'
import { findKey } from './queries.ts'

/** Rows of keys and of their versions: who has which, and what may still be done with them. */

export const noKey = (id: string): ApiError => apiError('resource_not_found', { kind: 'key', id })

/** Not one that is being made, or removed. */
export const isKey = ({ version }: Pick<KeysTable, 'version'>): boolean => version > 0

/** A key of this project. @throws ApiError `resource_not_found` */
export const ownKey = async (db: Reader, projectId: string, id: string): Promise<KeysTable> => {
  const row = await findKey(db, id)
  if (row === undefined || row.project_id !== projectId || !isKey(row)) throw noKey(id)
  return row
}

/** The same, and nobody else changes it before the transaction ends. */
export const lockOwnKey = async (tx: Tx, projectId: string, id: string): Promise<KeysTable> => {
  const row = await locked(tx, tx.selectFrom('keys').selectAll().where('id', '=', id)).executeTakeFirst()
  if (row === undefined || row.project_id !== projectId || !isKey(row)) throw noKey(id)
  return row
}

/**
 * The same, and it is not deleted before the transaction ends: an image that comes to need it can be counted by who deletes it.
 * @throws ApiError `resource_not_found`
 */
export const keepOwnKey = async (tx: Tx, projectId: string, id: string): Promise<KeysTable> => {
  const found = tx.selectFrom('keys').selectAll().where('id', '=', id)
  const row = await (isPostgres(tx) ? found.forShare() : found).executeTakeFirst()
  if (row === undefined || row.project_id !== projectId || !isKey(row)) throw noKey(id)
  return row
}

/** Makes those wait who would make a key of this project, or choose its default key. Before the lock of a key. */
export const lockKeysOf = (tx: Tx, projectId: string): Promise<void> => lockName(tx, `keys of ${projectId}`)

/** @throws ApiError `resource_quota`; only under `lockKeysOf` */
export const checkKeyQuota = async (tx: Tx, projectId: string, limit: number): Promise<void> => {
  if (limit < 0) return
  const { count } = await tx
    .selectFrom('keys')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('project_id', '=', projectId)
    .where('version', '>=', 0)
    .executeTakeFirstOrThrow()
  if (Number(count) >= limit) throw apiError('resource_quota', { limit, kind: 'keys' })
}

/** The key that a project uses when none is named. */
export const findDefaultKey = (db: Reader, projectId: string): Promise<KeysTable | undefined> =>
  db
    .selectFrom('keys')
    .selectAll()
    .where('project_id', '=', projectId)
    .where((where) => where('is_default', '=', where.lit(1)))
    .executeTakeFirst()

/** Only under `lockKeysOf`. */
export const takeDefaultFromOthers = async (tx: Tx, projectId: string, id: string): Promise<void> => {
  await tx
    .updateTable('keys')
    .set({ is_default: 0 })
    .where('project_id', '=', projectId)
    .where((where) => where('is_default', '=', where.lit(1)))
    .where('id', '<>', id)
    .execute()
}

/**
 * Keeps a version until the transaction ends, so that something that it wrapped can be stored.
 * @returns false if the version is being removed, or gone: then it has to be wrapped anew under the one that wraps now
 */
export const keepVersion = async (tx: Tx, keyId: string, version: number): Promise<boolean> => {
  const found = tx.selectFrom('key_versions').select('state').where('key_id', '=', keyId).where('version', '=', version)
  const row = await (isPostgres(tx) ? found.forShare() : found).executeTakeFirst()
  return row !== undefined && row.state !== 'removing'
}

/**
 * Makes those wait who want `keepVersion`, or to count a data key, until it is decided whether the key goes: what they store then
 * finds no version any more, and what they stored before can be counted. After the lock of the key.
 */
export const lockVersions = async (tx: Tx, keyId: string): Promise<void> => {
  await locked(tx, tx.selectFrom('key_versions').select('version').where('key_id', '=', keyId)).execute()
}

/** Versions with something left to do, asked for so that SQLite walks the index of them: a literal, and no order. */
export const unfinishedVersions = (db: Reader) =>
  db
    .selectFrom('key_versions')
    .innerJoin('keys', 'keys.id', 'key_versions.key_id')
    .select(['keys.id', 'keys.project_id', 'keys.status', 'keys.version as current', 'keys.adopted'])
    .select(['key_versions.version', 'key_versions.state'])
    .where(sql<boolean>`key_versions.state <> 'ready'`)

export const deleteVersion = async (tx: Tx, keyId: string, version: number): Promise<void> => {
  await tx.deleteFrom('key_versions').where('key_id', '=', keyId).where('version', '=', version).execute()
}
