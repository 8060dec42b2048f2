import { hash, randomBytes } from 'node:crypto'
import type { Reader, Tx } from '../database/database.ts'
import { newSecret } from '../http/secret.ts'
import type { AccessRule } from './access-rules.ts'
import { type NamedRole, rolesWithGrants, withImplied } from './roles.ts'
import type { IdentityTokensTable, ScopeKind } from './tables.ts'

/** What a token is good for. */
type Scope =
  | { readonly kind: 'unscoped' }
  | { readonly kind: 'project'; readonly project: { readonly id: string; readonly name: string } }
  | { readonly kind: 'domain' }
  | { readonly kind: 'system' }

/** Everything that a valid token says. */
export interface Session {
  readonly digest: string
  readonly user: { readonly id: string; readonly name: string }
  readonly sessionVersion: number
  /** How many tokens this one goes back to. */
  readonly depth: number
  readonly scope: Scope
  /** With implied ones; none without a scope. */
  readonly roles: readonly NamedRole[]
  /** Names that tokens made from this one are limited to, or null. */
  readonly roleLimit: readonly string[] | null
  readonly methods: readonly string[]
  readonly auditIds: readonly string[]
  readonly issuedAt: number
  readonly expiresAt: number
  readonly applicationCredential: SessionCredential | null
}

interface SessionCredential {
  readonly id: string
  readonly name: string
  readonly restricted: boolean
  readonly accessRules: readonly AccessRule[] | null
  readonly expiresAt: number | null
}

/** What a session was begun with, checked by the caller. */
export interface NewSession {
  readonly userId: string
  /** As it was when the credentials were checked: a password changed since makes the session invalid from its start. */
  readonly sessionVersion: number
  readonly scopeKind: ScopeKind
  readonly targetId: string
  readonly methods: readonly string[]
  readonly applicationCredential: { readonly id: string; readonly expiresAt: number | null } | null
  /** The session that vouched for this one. */
  readonly parent: Session | null
}

/** Tokens that expired less than this ago can still be shown to services that finish long work. */
export const expiredGraceMs = 48 * 60 * 60_000
const tokensPerUserMax = 5000
/**
 * A token can go back to so many others at most. Databases end a chain of tokens by recursion, which they bound
 * themselves: past their bound nothing of it could be deleted any more. Clients make tokens from their first one.
 */
export const depthMax = 10

/** The form in which tokens are kept and compared. They are random, so that a plain hash is enough. */
export const digestOf = (token: string): string => hash('sha256', token, 'base64url')

export const isAdmin = (session: Session): boolean => session.roles.some(({ name }) => name === 'admin')

// Lists in the database are written by this module and by application credentials, and only as JSON lists of text.
const list = (json: string): string[] => JSON.parse(json)

const tokenRow = (reader: Reader, digest: string) =>
  reader
    .selectFrom('identity_tokens as token')
    .innerJoin('identity_users as user', 'user.id', 'token.user_id')
    .leftJoin('identity_projects as project', (join) =>
      join.onRef('project.id', '=', 'token.target_id').on('token.scope_kind', '=', 'project'),
    )
    .leftJoin('identity_application_credentials as credential', 'credential.id', 'token.application_credential_id')
    .selectAll('token')
    .select([
      'user.name as user_name',
      'user.enabled as user_enabled',
      'user.session_version as user_session_version',
      'project.name as project_name',
      'project.enabled as project_enabled',
      'credential.name as credential_name',
      'credential.unrestricted as credential_unrestricted',
      'credential.access_rules as credential_access_rules',
      'credential.role_ids as credential_role_ids',
      'credential.expires_at as credential_expires_at',
    ])
    .where('token.digest', '=', digest)
    .executeTakeFirst()

type TokenRow = NonNullable<Awaited<ReturnType<typeof tokenRow>>>

const scopeOf = (row: TokenRow): Scope | undefined => {
  if (row.scope_kind !== 'project') return { kind: row.scope_kind }
  if (row.project_name === null || row.project_enabled !== 1) return undefined
  return { kind: 'project', project: { id: row.target_id, name: row.project_name } }
}

const credentialOf = (row: TokenRow): SessionCredential | null => {
  const { application_credential_id: id, credential_name: name, credential_access_rules: rules } = row
  if (id === null || name === null) return null
  return {
    id,
    name,
    restricted: row.credential_unrestricted !== 1,
    accessRules: rules === null ? null : JSON.parse(rules),
    expiresAt: row.credential_expires_at,
  }
}

/** The roles that hold now: given, allowed by the application credential, and within the limit of the chain. */
const rolesOf = async (reader: Reader, row: TokenRow): Promise<readonly NamedRole[]> => {
  if (row.scope_kind === 'unscoped') return []
  const target = { user_id: row.user_id, scope_kind: row.scope_kind, target_id: row.target_id }
  const all = await rolesWithGrants(reader, target)
  const namesOf = (roles: readonly NamedRole[]) => roles.map(({ name }) => name)

  const limits = [withImplied(namesOf(all.filter(({ granted }) => granted)))]
  if (row.credential_role_ids !== null) {
    const allowed = new Set(list(row.credential_role_ids))
    limits.push(withImplied(namesOf(all.filter(({ id }) => allowed.has(id)))))
  }
  if (row.role_limit !== null) limits.push(new Set(list(row.role_limit)))
  return all.filter(({ name }) => limits.every((limit) => limit.has(name))).map(({ id, name }) => ({ id, name }))
}

/**
 * The session of a token, if it is valid now: not expired, its user and project enabled, the password not changed since,
 * at least one role left on what it is scoped to.
 * @param expiredMs how long ago it may have expired
 */
export const findSession = async (
  reader: Reader,
  digest: string,
  at: number,
  expiredMs = 0,
): Promise<Session | undefined> => {
  const row = await tokenRow(reader, digest)
  if (row === undefined || row.expires_at + expiredMs <= at) return undefined
  if (row.user_enabled !== 1 || row.session_version !== row.user_session_version) return undefined
  const scope = scopeOf(row)
  if (scope === undefined) return undefined
  const roles = await rolesOf(reader, row)
  if (scope.kind !== 'unscoped' && roles.length === 0) return undefined
  return {
    digest,
    user: { id: row.user_id, name: row.user_name },
    sessionVersion: row.session_version,
    depth: row.depth,
    scope,
    roles,
    roleLimit: row.role_limit === null ? null : list(row.role_limit),
    methods: list(row.methods),
    auditIds: list(row.audit_ids),
    issuedAt: row.issued_at,
    expiresAt: row.expires_at,
    applicationCredential: credentialOf(row),
  }
}

const newAuditId = (): string => randomBytes(16).toString('base64url')

/** A token made from another never outranks it: from its first scope on, a chain keeps to the roles that it had there. */
const roleLimitOf = (parent: Session | null): string | null => {
  if (parent === null) return null
  if (parent.scope.kind !== 'unscoped') return JSON.stringify(parent.roles.map(({ name }) => name))
  return parent.roleLimit === null ? null : JSON.stringify(parent.roleLimit)
}

const rowOf = (session: NewSession, digest: string, at: number, lifetimeMs: number): IdentityTokensTable => {
  const { parent, applicationCredential } = session
  const ends = [at + lifetimeMs, parent?.expiresAt, applicationCredential?.expiresAt]
  const rootAuditId = parent?.auditIds.at(-1)
  return {
    digest,
    user_id: session.userId,
    session_version: session.sessionVersion,
    scope_kind: session.scopeKind,
    target_id: session.targetId,
    parent_digest: parent?.digest ?? null,
    depth: parent === null ? 0 : parent.depth + 1,
    application_credential_id: applicationCredential?.id ?? null,
    role_limit: roleLimitOf(parent),
    methods: JSON.stringify(session.methods),
    audit_ids: JSON.stringify([newAuditId(), ...(rootAuditId === undefined ? [] : [rootAuditId])]),
    issued_at: at,
    expires_at: Math.min(...ends.filter((end) => typeof end === 'number')),
  }
}

/**
 * Begins a session. It is written and then read back by the rules that every later use is held to, so that none is given
 * out which would not be accepted.
 * @returns undefined when the session would not be valid; the caller then undoes the transaction
 */
export const issueToken = async (
  tx: Tx,
  session: NewSession,
  at: number,
  lifetimeMs: number,
): Promise<{ token: string; session: Session } | undefined> => {
  const token = newSecret()
  const digest = digestOf(token)
  await tx
    .insertInto('identity_tokens')
    .values(rowOf(session, digest, at, lifetimeMs))
    .execute()
  const issued = await findSession(tx, digest, at)
  if (issued === undefined) return undefined

  // A bound on what one user can make the service keep: the newest stay.
  await tx
    .deleteFrom('identity_tokens')
    .where('user_id', '=', session.userId)
    .where('issued_at', '<', (query) =>
      query
        .selectFrom('identity_tokens')
        .select('issued_at')
        .where('user_id', '=', session.userId)
        .orderBy('issued_at', 'desc')
        .offset(tokensPerUserMax)
        .limit(1),
    )
    .execute()
  return { token, session: issued }
}

/** Ends a session and every one that was made from it. */
export const revokeToken = async (tx: Tx, digest: string): Promise<void> => {
  await tx.deleteFrom('identity_tokens').where('digest', '=', digest).execute()
}

/** Removes what nobody can ask for any more. */
export const deleteExpiredTokens = async (tx: Tx, at: number): Promise<void> => {
  await tx
    .deleteFrom('identity_tokens')
    .where('expires_at', '<', at - expiredGraceMs)
    .execute()
}
