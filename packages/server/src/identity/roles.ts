import { expandRoles, type Role } from '../access/actor.ts'
import type { Reader, Tx } from '../database/database.ts'
import { newId } from './domain.ts'
import type { IdentityGrantsTable } from './tables.ts'

/** Roles that exist from the first start and stay: the access rules are written in them. */
const builtInRoles: readonly Role[] = ['admin', 'manager', 'member', 'reader', 'service']

export const isBuiltIn = (name: string): boolean => builtInRoles.some((role) => role === name.toLowerCase())

export interface NamedRole {
  readonly id: string
  readonly name: string
}

/** A grant without its role: who holds it, and on what. */
export type GrantTarget = Omit<IdentityGrantsTable, 'role_id'>

/** The names given, with every role that they imply. */
export const withImplied = (names: readonly string[]): ReadonlySet<string> => new Set([...names, ...expandRoles(names)])

/** Every role, and whether this grant target has been given it (implied ones not counted). */
export const rolesWithGrants = async (
  reader: Reader,
  target: GrantTarget,
): Promise<readonly (NamedRole & { granted: boolean })[]> => {
  const rows = await reader
    .selectFrom('identity_roles')
    .leftJoin('identity_grants', (join) =>
      join
        .onRef('identity_grants.role_id', '=', 'identity_roles.id')
        .on('identity_grants.user_id', '=', target.user_id)
        .on('identity_grants.scope_kind', '=', target.scope_kind)
        .on('identity_grants.target_id', '=', target.target_id),
    )
    .select(['identity_roles.id', 'identity_roles.name', 'identity_grants.user_id'])
    .orderBy('identity_roles.name')
    .execute()
  return rows.map(({ id, name, user_id }) => ({ id, name, granted: user_id !== null }))
}

/** Creates the built-in roles that are missing; several processes may do so at once. */
export const ensureBuiltInRoles = async (tx: Tx): Promise<void> => {
  await tx
    .insertInto('identity_roles')
    .values(builtInRoles.map((name) => ({ id: newId(), name, description: null })))
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute()
}

/** Gives a role by its name. Given twice it is held once. */
export const grantRole = async (tx: Tx, target: GrantTarget, roleName: string): Promise<void> => {
  const { id } = await tx
    .selectFrom('identity_roles')
    .select('id')
    .where('name', '=', roleName)
    .executeTakeFirstOrThrow()
  await tx
    .insertInto('identity_grants')
    .values({ ...target, role_id: id })
    .onConflict((conflict) => conflict.columns(['user_id', 'scope_kind', 'target_id', 'role_id']).doNothing())
    .execute()
}
