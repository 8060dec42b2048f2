import { apiError } from '../api-error.ts'
import type { Reader } from '../database/database.ts'
import type { AuthRequest, Proof, UserReference, WantedScope } from './auth-request.ts'
import type { EmbeddedContext } from './context.ts'
import { defaultDomain, isStorable } from './domain.ts'
import { depthMax, digestOf, findSession, issueToken, type Session } from './sessions.ts'
import type { ScopeKind } from './tables.ts'

/** One answer for every wrong credential and every scope that is not to be had: which it was is nobody's business. */
const refused = () => apiError('credentials_refused', {})

type Credential = { readonly id: string; readonly projectId: string; readonly expiresAt: number | null }

/** Who a proof is of, and what it limits. */
interface Vouched {
  readonly userId: string
  readonly sessionVersion: number
  readonly methods: readonly string[]
  readonly parent: Session | null
  readonly credential: Credential | null
}

const findUser = async (reader: Reader, wanted: UserReference) => {
  const [column, text] = 'id' in wanted ? (['id', wanted.id] as const) : (['name', wanted.name] as const)
  const exists = isStorable(text) && !('name' in wanted && !wanted.domainExists)
  const user = await reader
    .selectFrom('identity_users')
    .select(['id', 'password_hash', 'session_version'])
    .where(column, '=', exists ? text : '')
    .executeTakeFirst()
  return { user, account: user?.id ?? text }
}

const findCredential = async (reader: Reader, wanted: Extract<Proof, { method: 'application_credential' }>) => {
  const found = reader
    .selectFrom('identity_application_credentials as credential')
    .innerJoin('identity_users as user', 'user.id', 'credential.user_id')
    .select([
      'credential.id',
      'credential.project_id',
      'credential.secret_hash',
      'credential.expires_at',
      'user.id as user_id',
      'user.session_version',
    ])
  if ('id' in wanted.credential) {
    const { id } = wanted.credential
    const credential = await found.where('credential.id', '=', isStorable(id) ? id : '').executeTakeFirst()
    return { credential, account: id }
  }
  const { user, account } = await findUser(reader, wanted.credential.user)
  const name = isStorable(wanted.credential.name) ? wanted.credential.name : ''
  const credential = await found
    .where('credential.user_id', '=', user?.id ?? '')
    .where('credential.name', '=', name)
    .executeTakeFirst()
  return { credential, account: credential?.id ?? JSON.stringify([account, wanted.credential.name]) }
}

/**
 * Checks a secret that can be guessed, with the brake on guessing.
 * @param stored null when there is no such account; takes as long and fails alike
 * @throws ApiError `credentials_refused`, `too_many_attempts`, `identity_busy`
 */
export const checkSecret = async (
  { hasher, lockout }: EmbeddedContext,
  secret: string,
  stored: string | null,
  attempt: { readonly account: string; readonly address: string },
): Promise<void> => {
  const admit = () => lockout.admit(attempt)
  admit()
  if (await hasher.verify(secret, stored, attempt.address, admit)) lockout.succeeded(attempt)
  else {
    lockout.failed(attempt)
    throw refused()
  }
}

const vouchByPassword = async (
  context: EmbeddedContext,
  proof: Extract<Proof, { method: 'password' }>,
  address: string,
): Promise<Vouched> => {
  const { user, account } = await findUser(context.database.read, proof.user)
  await checkSecret(context, proof.password, user?.password_hash ?? null, { account, address })
  if (user === undefined) throw refused()
  const { id: userId, session_version: sessionVersion } = user
  return { userId, sessionVersion, methods: ['password'], parent: null, credential: null }
}

const vouchByToken = async (
  { database, now }: EmbeddedContext,
  proof: Extract<Proof, { method: 'token' }>,
): Promise<Vouched> => {
  const parent = await findSession(database.read, digestOf(proof.token), now())
  if (parent === undefined) throw refused()
  if (parent.depth >= depthMax) throw apiError('token_chain_too_long', {})
  const { user, sessionVersion, methods, scope, applicationCredential } = parent
  const credential =
    applicationCredential === null || scope.kind !== 'project'
      ? null
      : { id: applicationCredential.id, projectId: scope.project.id, expiresAt: applicationCredential.expiresAt }
  return { userId: user.id, sessionVersion, methods: [...methods, 'token'], parent, credential }
}

const vouchByCredential = async (
  context: EmbeddedContext,
  proof: Extract<Proof, { method: 'application_credential' }>,
  address: string,
): Promise<Vouched> => {
  const { credential, account } = await findCredential(context.database.read, proof)
  await checkSecret(context, proof.secret, credential?.secret_hash ?? null, { account, address })
  if (credential === undefined) throw refused()
  return {
    userId: credential.user_id,
    sessionVersion: credential.session_version,
    methods: ['application_credential'],
    parent: null,
    credential: { id: credential.id, projectId: credential.project_id, expiresAt: credential.expires_at },
  }
}

const vouch = (context: EmbeddedContext, proof: Proof, address: string): Promise<Vouched> => {
  switch (proof.method) {
    case 'password':
      return vouchByPassword(context, proof, address)
    case 'token':
      return vouchByToken(context, proof)
    case 'application_credential':
      return vouchByCredential(context, proof, address)
  }
}

/** Several proofs count only together: one user, and the limits of each. */
const vouchTogether = (all: readonly Vouched[]): Vouched => {
  const [first] = all
  if (first === undefined) throw refused()
  const { userId, sessionVersion } = first
  if (all.some((one) => one.userId !== userId || one.sessionVersion !== sessionVersion)) throw refused()
  const credentials = all.flatMap(({ credential }) => credential ?? [])
  if (new Set(credentials.map(({ id }) => id)).size > 1) throw refused()
  return {
    userId,
    sessionVersion,
    methods: all.flatMap(({ methods }) => methods),
    parent: all.find(({ parent }) => parent !== null)?.parent ?? null,
    credential: credentials[0] ?? null,
  }
}

interface Target {
  readonly scopeKind: ScopeKind
  readonly targetId: string
}

const unscoped: Target = { scopeKind: 'unscoped', targetId: '' }

const projectTarget = async (reader: Reader, wanted: { id: string } | { name: string }): Promise<Target> => {
  if ('id' in wanted) return { scopeKind: 'project', targetId: isStorable(wanted.id) ? wanted.id : '' }
  const project = await reader
    .selectFrom('identity_projects')
    .select('id')
    .where('name', '=', isStorable(wanted.name) ? wanted.name : '')
    .executeTakeFirst()
  if (project === undefined) throw refused()
  return { scopeKind: 'project', targetId: project.id }
}

/** Where a user works who does not say where: the default project, if it is still open to the user. */
const defaultTarget = async (reader: Reader, userId: string): Promise<Target> => {
  const project = await reader
    .selectFrom('identity_users as user')
    .innerJoin('identity_projects as project', 'project.id', 'user.default_project_id')
    .innerJoin('identity_grants as grant', (join) =>
      join
        .onRef('grant.user_id', '=', 'user.id')
        .on('grant.scope_kind', '=', 'project')
        .onRef('grant.target_id', '=', 'project.id'),
    )
    .select('project.id')
    .where('user.id', '=', userId)
    .where('project.enabled', '=', 1)
    .executeTakeFirst()
  return project === undefined ? unscoped : { scopeKind: 'project', targetId: project.id }
}

const targetFor = (reader: Reader, scope: WantedScope, userId: string): Target | Promise<Target> => {
  switch (scope.kind) {
    case 'absent':
      return defaultTarget(reader, userId)
    case 'unscoped':
      return unscoped
    case 'project':
      return projectTarget(reader, scope.project)
    case 'domain':
      return { scopeKind: 'domain', targetId: defaultDomain.id }
    case 'system':
      return { scopeKind: 'system', targetId: 'all' }
    case 'nothing':
      throw refused()
  }
}

/** An application credential is for its own project, and says so itself. */
const targetOfCredential = async (
  reader: Reader,
  { projectId }: Credential,
  scope: WantedScope,
  vouched: Vouched,
): Promise<Target> => {
  const own: Target = { scopeKind: 'project', targetId: projectId }
  if (scope.kind === 'absent') return own
  // A token made with one may name the project again, as clients do when they renew a token.
  const wanted = await targetFor(reader, scope, vouched.userId)
  if (vouched.parent === null || wanted.scopeKind !== 'project' || wanted.targetId !== projectId) throw refused()
  return own
}

/**
 * Checks credentials and begins a session.
 * @param address of the caller, for the brake on guessing
 * @param accept a last look at the session, by what else the caller asked for
 * @throws ApiError `credentials_refused` whatever is wrong, `too_many_attempts`, `identity_busy`; `token_chain_too_long` for
 *   a token that goes back to too many others
 */
export const authenticate = async (
  context: EmbeddedContext,
  { proofs, scope }: AuthRequest,
  address: string,
  accept: (session: Session) => boolean = () => true,
): Promise<{ token: string; session: Session }> => {
  const all: Vouched[] = []
  for (const proof of proofs) all.push(await vouch(context, proof, address))
  const vouched = vouchTogether(all)
  const { userId, sessionVersion, parent, credential } = vouched

  const { read } = context.database
  const target =
    credential === null
      ? await targetFor(read, scope, userId)
      : await targetOfCredential(read, credential, scope, vouched)
  const methods = [...new Set(vouched.methods)]
  const session = { userId, sessionVersion, ...target, methods, parent, applicationCredential: credential }
  try {
    return await context.database.write(async (tx) => {
      const issued = await issueToken(tx, session, context.now(), context.tokenLifetimeMs)
      if (issued === undefined || !accept(issued.session)) throw refused()
      return issued
    })
  } catch (error) {
    throw context.database.isMissingReference(error) ? refused() : error
  }
}
