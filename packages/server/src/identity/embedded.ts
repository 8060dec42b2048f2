import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import { type Actor, expandRoles, projectNamesOf } from '../access/actor.ts'
import { ApiError, apiError } from '../api-error.ts'
import type { Database } from '../database/database.ts'
import { withJsonBodies } from '../http/body.ts'
import { publicUrlOf } from '../http/public-url.ts'
import { applicationCredentialRoutes } from './application-credential-routes.ts'
import { catalogRoutes } from './catalog-routes.ts'
import type { EmbeddedContext } from './context.ts'
import { discoveryRoutes } from './discovery-routes.ts'
import { defaultDomain } from './domain.ts'
import { withIdentityErrors } from './errors.ts'
import { createLockout, type LockoutLimits } from './lockout.ts'
import type { Identity } from './port.ts'
import { projectRoutes } from './project-routes.ts'
import { roleAssignmentRoutes } from './role-assignment-routes.ts'
import { grantRoutes, roleRoutes } from './role-routes.ts'
import { createSecretHasher, type HashCost } from './secret-hash.ts'
import { deleteExpiredTokens, digestOf, expiredGraceMs, findSession, type Session } from './sessions.ts'
import { createTokenCache, type Validated } from './token-cache.ts'
import { tokenRoutes } from './token-routes.ts'
import { userRoutes } from './user-routes.ts'
import { v2Routes } from './v2-routes.ts'

/** Where the routes are mounted. */
export const identityPrefix = '/identity'

/** A change in another process on the same database is seen here after so long at most. Those of this one at once. */
export const revocationBoundMs = 5000
const tokenLifetimeMs = 60 * 60_000
const sweepEveryMs = 10 * 60_000

export interface EmbeddedOptions {
  readonly database: Database
  /** Milliseconds since 1970 (UTC). */
  readonly now: () => number
  /** Where clients reach the service, if it differs from what they put in `Host`. No slash at the end. */
  readonly publicUrl: string | undefined
  readonly lockout?: Partial<LockoutLimits>
  readonly hashCost?: HashCost
  readonly tokenLifetimeMs?: number
  /** Told when the removal of expired tokens fails; it is tried again later. */
  readonly onSweepError?: (error: unknown) => void
}

const actorOf = ({ user, scope, roles }: Session): Actor => ({
  userId: user.id,
  userName: user.name,
  projectId: scope.kind === 'project' ? scope.project.id : null,
  projectNames: scope.kind === 'project' ? projectNamesOf(scope.project.name, defaultDomain) : [],
  roles: scope.kind === 'project' ? expandRoles(roles.map(({ name }) => name)) : new Set(),
})

const createContext = (options: EmbeddedOptions, forget: () => void): EmbeddedContext => {
  const { database, now, publicUrl } = options
  const imageUrl: EmbeddedContext['imageUrl'] = (request) => publicUrlOf({ publicUrl }, request)
  return {
    database,
    now,
    hasher: createSecretHasher(options.hashCost),
    lockout: createLockout(now, options.lockout),
    tokenLifetimeMs: options.tokenLifetimeMs ?? tokenLifetimeMs,
    change: async (work) => {
      try {
        return await database.write(work)
      } finally {
        forget()
      }
    },
    imageUrl,
    identityUrl: (request) => `${imageUrl(request)}${identityPrefix}`,
  }
}

const routesOf =
  (context: EmbeddedContext): FastifyPluginAsync =>
  async (app: FastifyInstance) => {
    withJsonBodies(app)
    withIdentityErrors(app, context)
    discoveryRoutes(app, context)
    tokenRoutes(app, context)
    catalogRoutes(app, context)
    projectRoutes(app, context)
    userRoutes(app, context)
    roleRoutes(app, context)
    grantRoutes(app, context)
    roleAssignmentRoutes(app, context)
    applicationCredentialRoutes(app, context)
    v2Routes(app, context)
  }

/** Looks tokens up in the database, and remembers what it found for a short while. */
const createValidation = ({ database, now }: Pick<EmbeddedOptions, 'database' | 'now'>) => {
  const cache = createTokenCache(now, revocationBoundMs)

  const look = async (digest: string, expiredMs: number): Promise<Validated> => {
    const session = await findSession(database.read, digest, now(), expiredMs)
    if (session === undefined) throw apiError('token_invalid', {})
    const accessRules = session.applicationCredential?.accessRules ?? null
    return { actor: actorOf(session), accessRules, expiresAt: session.expiresAt }
  }

  const validate: Identity['validate'] = (token, call) => {
    const digest = digestOf(token)
    if (call.serviceToken === undefined) return cache.actor(digest, call, () => look(digest, 0))
    return withServiceToken(digest, call, call.serviceToken)
  }

  const withServiceToken = async (
    digest: string,
    call: { readonly method: string; readonly path: string },
    serviceToken: string,
  ): Promise<Actor> => {
    const service = await validate(serviceToken, { method: call.method, path: call.path })
    const graceMs = service.roles.has('service') ? expiredGraceMs : 0
    try {
      return await cache.actor(digest, call, () => look(digest, 0))
    } catch (error) {
      if (graceMs === 0 || !(error instanceof ApiError) || error.code !== 'token_invalid') throw error
      const { actor, accessRules } = await look(digest, graceMs)
      if (accessRules !== null) throw error
      return actor
    }
  }

  return { validate, forget: () => cache.clear() }
}

/**
 * The identity service in this process, on the tables of the same database: Identity v3 as far as clients need it, and
 * v2.0 tokens for older ones. Accounts are made by `prepareAccounts` and through its own API.
 * @returns an identity whose routes are to be mounted under `/identity`
 */
export const createEmbeddedIdentity = async (options: EmbeddedOptions): Promise<Identity> => {
  const { validate, forget } = createValidation(options)
  const context = createContext(options, forget)
  let sweeping = Promise.resolve()
  const sweep = setInterval(() => {
    sweeping = options.database
      .write((tx) => deleteExpiredTokens(tx, options.now()))
      .catch((error: unknown) => options.onSweepError?.(error))
  }, sweepEveryMs)
  sweep.unref()

  return {
    validate,
    authUrl: (publicUrl) => `${publicUrl}${identityPrefix}`,
    routes: routesOf(context),
    close: async () => {
      clearInterval(sweep)
      await sweeping
    },
  }
}
