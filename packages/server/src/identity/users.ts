import { apiError } from '../api-error.ts'
import type { Database, Reader, Tx } from '../database/database.ts'
import { ensureAdministratorRemains } from './administrators.ts'
import { defaultDomain, isStorable, newId } from './domain.ts'
import type { IdentityUsersTable } from './tables.ts'

/** A user as the API shows one. */
export interface User {
  readonly id: string
  readonly name: string
  readonly domain_id: string
  readonly enabled: boolean
  readonly default_project_id?: string
  readonly email?: string
  readonly description?: string
  readonly password_expires_at: null
  readonly options: Readonly<Record<string, never>>
}

export interface UserChanges {
  readonly name?: string
  readonly email?: string | null
  readonly description?: string | null
  readonly enabled?: boolean
  readonly defaultProjectId?: string | null
  readonly passwordHash?: string
}

export const userOf = (row: IdentityUsersTable): User => ({
  id: row.id,
  name: row.name,
  domain_id: defaultDomain.id,
  enabled: row.enabled === 1,
  ...(row.default_project_id === null ? {} : { default_project_id: row.default_project_id }),
  ...(row.email === null ? {} : { email: row.email }),
  ...(row.description === null ? {} : { description: row.description }),
  password_expires_at: null,
  options: {},
})

export const findUserRow = async (reader: Reader, id: string): Promise<IdentityUsersTable | undefined> =>
  isStorable(id) ? reader.selectFrom('identity_users').selectAll().where('id', '=', id).executeTakeFirst() : undefined

export const listUsers = async (
  reader: Reader,
  { name, enabled }: { name?: string | undefined; enabled?: boolean | undefined },
): Promise<User[]> => {
  let query = reader.selectFrom('identity_users').selectAll().orderBy('name')
  if (name !== undefined) query = query.where('name', '=', name)
  if (enabled !== undefined) query = query.where('enabled', '=', enabled ? 1 : 0)
  return (await query.execute()).map(userOf)
}

const ensureProjectExists = async (reader: Reader, id: string | null | undefined): Promise<void> => {
  if (id === null || id === undefined) return
  const project = isStorable(id)
    ? await reader.selectFrom('identity_projects').select('id').where('id', '=', id).executeTakeFirst()
    : undefined
  if (project === undefined) {
    throw apiError('invalid_attribute', { name: 'default_project_id', why: `there is no project ${id}` })
  }
}

const taken = (name: string) => apiError('conflict', { why: `There is a user named ${name} already` })

/** @throws ApiError `conflict`, `invalid_attribute` */
export const createUser = async (database: Database, name: string, changes: UserChanges, at: number): Promise<User> => {
  const row: IdentityUsersTable = {
    id: newId(),
    name,
    description: changes.description ?? null,
    email: changes.email ?? null,
    enabled: changes.enabled === false ? 0 : 1,
    default_project_id: changes.defaultProjectId ?? null,
    password_hash: changes.passwordHash ?? null,
    session_version: 1,
    created_at: at,
  }
  try {
    await database.write(async (tx) => {
      await ensureProjectExists(tx, row.default_project_id)
      await tx.insertInto('identity_users').values(row).execute()
    })
  } catch (error) {
    throw database.isDuplicate(error) ? taken(name) : error
  }
  return userOf(row)
}

/** Only the columns that change: another change at the same time must not be undone. */
const columnsOf = ({ name, email, description, enabled, defaultProjectId, passwordHash }: UserChanges) => ({
  ...(name === undefined ? {} : { name }),
  ...(email === undefined ? {} : { email }),
  ...(description === undefined ? {} : { description }),
  ...(enabled === undefined ? {} : { enabled: enabled ? (1 as const) : (0 as const) }),
  ...(defaultProjectId === undefined ? {} : { default_project_id: defaultProjectId }),
  ...(passwordHash === undefined ? {} : { password_hash: passwordHash }),
})

/**
 * Changes a user. A new password and disabling end every token for good.
 * @returns undefined when there is no such user
 * @throws ApiError `conflict`, `invalid_attribute`
 */
export const updateUser = async (
  tx: Tx,
  isDuplicate: Database['isDuplicate'],
  id: string,
  changes: UserChanges,
): Promise<User | undefined> => {
  if (!isStorable(id)) return undefined
  await ensureProjectExists(tx, changes.defaultProjectId)
  const endsTokens = changes.passwordHash !== undefined || changes.enabled === false
  const columns = columnsOf(changes)
  try {
    const row = await tx
      .updateTable('identity_users')
      .set((eb) => ({ ...columns, session_version: eb('session_version', '+', endsTokens ? 1 : 0) }))
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirst()
    if (changes.enabled === false) await ensureAdministratorRemains(tx)
    return row === undefined ? undefined : userOf(row)
  } catch (error) {
    throw isDuplicate(error) ? taken(changes.name ?? '') : error
  }
}

/**
 * Changes the password that was checked, and no other that has come in between.
 * @returns false when there has
 */
export const replacePassword = async (
  tx: Tx,
  { id, session_version: checked }: Pick<IdentityUsersTable, 'id' | 'session_version'>,
  passwordHash: string,
): Promise<boolean> => {
  const { numUpdatedRows } = await tx
    .updateTable('identity_users')
    .set({ password_hash: passwordHash, session_version: checked + 1 })
    .where('id', '=', id)
    .where('session_version', '=', checked)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/**
 * Deletes a user with roles, application credentials and tokens.
 * @returns false when there is no such user
 * @throws ApiError `conflict`
 */
export const deleteUser = async (tx: Tx, id: string): Promise<boolean> => {
  if (!isStorable(id)) return false
  const { numDeletedRows } = await tx.deleteFrom('identity_users').where('id', '=', id).executeTakeFirst()
  if (numDeletedRows === 0n) return false
  await ensureAdministratorRemains(tx)
  return true
}
