import { apiError } from '../api-error.ts'
import type { Database, Reader, Tx } from '../database/database.ts'
import type { AccessRule } from './access-rules.ts'
import { refuseValue } from './body.ts'
import { isStorable, newId } from './domain.ts'
import type { NamedRole } from './roles.ts'
import type { Session } from './sessions.ts'
import type { IdentityApplicationCredentialsTable } from './tables.ts'
import { preciseDate } from './token-body.ts'

export interface NewCredential {
  readonly name: string
  readonly description: string | null
  readonly secretHash: string
  /** As the caller names them; undefined takes all that the caller's token has. */
  readonly roles: readonly { readonly id?: string | undefined; readonly name?: string | undefined }[] | undefined
  readonly accessRules: readonly AccessRule[] | null
  readonly unrestricted: boolean
  readonly expiresAt: number | null
}

type Row = IdentityApplicationCredentialsTable

/** Roles as the API shows them; those that no longer exist are left out. */
const rolesOf = async (reader: Reader, { role_ids }: Row): Promise<NamedRole[]> => {
  const ids: string[] = JSON.parse(role_ids)
  if (ids.length === 0) return []
  return reader.selectFrom('identity_roles').select(['id', 'name']).where('id', 'in', ids).orderBy('name').execute()
}

const render = async (reader: Reader, row: Row) => ({
  id: row.id,
  name: row.name,
  description: row.description,
  user_id: row.user_id,
  project_id: row.project_id,
  roles: (await rolesOf(reader, row)).map((role) => ({ ...role, domain_id: null })),
  unrestricted: row.unrestricted === 1,
  expires_at: row.expires_at === null ? null : preciseDate(row.expires_at).slice(0, -1),
  ...(row.access_rules === null ? {} : { access_rules: JSON.parse(row.access_rules) }),
  system: null,
})

/** An application credential as the API shows it, without its secret. */
export type ApplicationCredential = Awaited<ReturnType<typeof render>>

export const listCredentials = async (
  reader: Reader,
  userId: string,
  name?: string,
): Promise<ApplicationCredential[]> => {
  let query = reader
    .selectFrom('identity_application_credentials')
    .selectAll()
    .where('user_id', '=', userId)
    .orderBy('name')
  if (name !== undefined) query = query.where('name', '=', name)
  const rendered: ApplicationCredential[] = []
  for (const row of await query.execute()) rendered.push(await render(reader, row))
  return rendered
}

export const findCredential = async (
  reader: Reader,
  userId: string,
  id: string,
): Promise<ApplicationCredential | undefined> => {
  if (!isStorable(id)) return undefined
  const row = await reader
    .selectFrom('identity_application_credentials')
    .selectAll()
    .where('user_id', '=', userId)
    .where('id', '=', id)
    .executeTakeFirst()
  return row === undefined ? undefined : render(reader, row)
}

/** The roles asked for, all of which the caller's own token must have. */
const grantedRoles = (caller: Session, wanted: NewCredential['roles']): readonly NamedRole[] => {
  if (wanted === undefined || wanted.length === 0) return caller.roles
  return wanted.map(({ id, name }) => {
    const role = caller.roles.find((own) => (id === undefined ? own.name === name : own.id === id))
    return role ?? refuseValue(`your token does not have the role ${id ?? name}`)
  })
}

/** No credential outlasts the one that it was made with. */
const endOf = (caller: Session, wanted: number | null): number | null => {
  const ends = [wanted, caller.applicationCredential?.expiresAt].filter((end) => typeof end === 'number')
  return ends.length === 0 ? null : Math.min(...ends)
}

/** As many as one user can make the service keep. */
export const credentialsPerUserMax = 100

/** @throws ApiError `conflict` when the user has all the application credentials that one can have */
export const ensureRoom = async (reader: Reader, userId: string): Promise<void> => {
  const { count } = await reader
    .selectFrom('identity_application_credentials')
    .select((eb) => eb.fn.countAll<number | string>().as('count'))
    .where('user_id', '=', userId)
    .executeTakeFirstOrThrow()
  if (Number(count) < credentialsPerUserMax) return
  const why = `You have ${credentialsPerUserMax} application credentials, as many as a user can have; delete one first`
  throw apiError('conflict', { why })
}

const insertCredential = async (tx: Tx, row: Row): Promise<void> => {
  // Writing the row of the user lets such insertions pass one after the other, so that all of them are counted.
  await tx
    .updateTable('identity_users')
    .set((eb) => ({ session_version: eb.ref('session_version') }))
    .where('id', '=', row.user_id)
    .execute()
  await ensureRoom(tx, row.user_id)
  await tx.insertInto('identity_application_credentials').values(row).execute()
}

/**
 * Makes an application credential for the caller's user on the project of the caller's token. It has at most the roles of
 * that token, now and later at most those that the user still has.
 * @throws ApiError `scope_required`, `invalid_body`, `conflict`
 */
export const createCredential = async (
  database: Database,
  caller: Session,
  wanted: NewCredential,
  at: number,
): Promise<ApplicationCredential> => {
  if (caller.scope.kind !== 'project') throw apiError('scope_required', {})
  const row: Row = {
    id: newId(),
    user_id: caller.user.id,
    project_id: caller.scope.project.id,
    name: wanted.name,
    description: wanted.description,
    secret_hash: wanted.secretHash,
    role_ids: JSON.stringify(grantedRoles(caller, wanted.roles).map(({ id }) => id)),
    access_rules: wanted.accessRules === null ? null : JSON.stringify(wanted.accessRules),
    unrestricted: wanted.unrestricted ? 1 : 0,
    expires_at: endOf(caller, wanted.expiresAt),
    created_at: at,
  }
  if (row.expires_at !== null && row.expires_at <= at) refuseValue('expires_at is in the past')
  try {
    await database.write((tx) => insertCredential(tx, row))
  } catch (error) {
    if (!database.isDuplicate(error)) throw error
    throw apiError('conflict', { why: `You have an application credential named ${wanted.name} already` })
  }
  return render(database.read, row)
}
