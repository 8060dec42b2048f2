import type { FastifyRequest } from 'fastify'
import { type ApiError, apiError } from '../api-error.ts'
import { allowsCall } from './access-rules.ts'
import type { EmbeddedContext } from './context.ts'
import { digestOf, findSession, isAdmin, type Session } from './sessions.ts'

/** A header with a token, or undefined; an empty one counts as none, because php-opencloud sends it when it logs in. */
export const tokenHeader = (request: FastifyRequest, name: 'x-auth-token' | 'x-subject-token'): string | undefined => {
  const sent = request.headers[name]
  const token = typeof sent === 'string' ? sent.trim() : ''
  return token === '' ? undefined : token
}

/** The path of the request below the identity service, as access rules name it. */
const pathOf = (request: FastifyRequest): string => {
  const path = request.url.split('?', 1)[0] ?? ''
  const version = path.search(/\/v(3|2\.0)\//)
  return version === -1 ? path : path.slice(version)
}

/**
 * The session of the caller, always from the database: what administers accounts must not work with old rights.
 * @throws ApiError `token_missing`, `token_invalid`
 */
export const callerOf = async ({ database, now }: EmbeddedContext, request: FastifyRequest): Promise<Session> => {
  const token = tokenHeader(request, 'x-auth-token')
  if (token === undefined) throw apiError('token_missing', {})
  const session = await findSession(database.read, digestOf(token), now())
  const rules = session?.applicationCredential?.accessRules ?? null
  const call = { method: request.method, path: pathOf(request) }
  if (session === undefined || !allowsCall(rules, 'identity', call)) throw apiError('token_invalid', {})
  return session
}

/** For anything that the caller may not do; says nothing about what it would have been done to. */
export const notAllowed = (): ApiError => apiError('identity_forbidden', {})

/**
 * The session of a caller who may read every account.
 * @throws ApiError `role_required`, also for what does not exist: clients then take a name for an id
 */
export const adminOf = async (context: EmbeddedContext, request: FastifyRequest): Promise<Session> => {
  const caller = await callerOf(context, request)
  if (!isAdmin(caller)) throw apiError('role_required', { role: 'admin' })
  return caller
}

/**
 * A credential that was made for one purpose must not make others, whether it asks for them or for accounts to make them
 * with.
 * @throws ApiError `credential_restricted`
 */
export const refuseRestricted = (caller: Session): void => {
  const credential = caller.applicationCredential
  if (credential === null || !credential.restricted) return
  throw apiError('credential_restricted', {})
}

/**
 * The session of a caller who may change every account.
 * @throws ApiError `role_required`
 */
export const adminToChange = async (context: EmbeddedContext, request: FastifyRequest): Promise<Session> => {
  const caller = await adminOf(context, request)
  refuseRestricted(caller)
  return caller
}

/**
 * Everyone may end the own sessions, and administrators all. What was made with an application credential ends only what
 * was made with the same one: who holds it is often a program or another person, and must not log its user out.
 * @throws ApiError `identity_forbidden`
 */
export const ensureMayRevoke = (caller: Session, subject: Session): void => {
  const credential = caller.applicationCredential
  const may =
    credential === null
      ? caller.user.id === subject.user.id || isAdmin(caller)
      : credential.id === subject.applicationCredential?.id
  if (!may) throw notAllowed()
}

/** @throws ApiError `identity_not_found` */
export const notFound = (kind: string, id: string): never => {
  throw apiError('identity_not_found', { kind, id })
}
