import type { FastifyInstance, FastifyRequest } from 'fastify'
import { sendJson } from '../http/json.ts'
import { readAuthRequest } from './auth-request.ts'
import { authenticate } from './authentication.ts'
import { callerOf, ensureMayRevoke, notAllowed, notFound, tokenHeader } from './caller.ts'
import type { CatalogUrls } from './catalog.ts'
import type { EmbeddedContext } from './context.ts'
import { digestOf, expiredGraceMs, findSession, isAdmin, revokeToken, type Session } from './sessions.ts'
import { tokenDocument } from './token-body.ts'
import { told } from './told.ts'

export const urlsOf = (context: EmbeddedContext, request: FastifyRequest): CatalogUrls => ({
  imageUrl: context.imageUrl(request),
  identityUrl: context.identityUrl(request),
})

const wanted = (request: FastifyRequest, parameter: string): boolean => {
  const { searchParams } = new URL(request.url, 'http://localhost')
  const value = searchParams.get(parameter)
  return value !== null && !['0', 'false'].includes(value.toLowerCase())
}

const catalogUrls = (context: EmbeddedContext, request: FastifyRequest): CatalogUrls | null =>
  wanted(request, 'nocatalog') ? null : urlsOf(context, request)

/** Services find out about the tokens of their callers; everyone may ask about their own. */
const mayInspect = (caller: Session, subject: Session): boolean =>
  caller.user.id === subject.user.id || isAdmin(caller) || caller.roles.some(({ name }) => name === 'service')

/** A service that does not know access rules would let the holder do everything. */
const rulesAreUnderstood = (request: FastifyRequest, caller: Session, subject: Session): boolean =>
  subject.applicationCredential?.accessRules == null ||
  caller.user.id === subject.user.id ||
  request.headers['openstack-identity-access-rules'] !== undefined

const unknownToken = (): never => notFound('token', 'like this, or it is no longer valid')

const inspect = async (context: EmbeddedContext, request: FastifyRequest) => {
  const caller = await callerOf(context, request)
  const token = tokenHeader(request, 'x-subject-token')
  if (token === undefined) return unknownToken()
  const expiredMs = wanted(request, 'allow_expired') ? expiredGraceMs : 0
  const subject = await findSession(context.database.read, digestOf(token), context.now(), expiredMs)
  if (subject === undefined) return unknownToken()
  if (!mayInspect(caller, subject)) throw notAllowed()
  return rulesAreUnderstood(request, caller, subject) ? { token, subject } : unknownToken()
}

/** `/auth/tokens` of Identity v3. */
export const tokenRoutes = (app: FastifyInstance, context: EmbeddedContext): void => {
  app.post('/v3/auth/tokens', told('Get a token', 201), async (request, reply) => {
    const { token, session } = await authenticate(context, readAuthRequest(request), request.ip)
    reply.header('x-subject-token', token).header('vary', 'X-Auth-Token').header('cache-control', 'no-store')
    return sendJson(reply, 201, tokenDocument(session, catalogUrls(context, request)))
  })

  app.get('/v3/auth/tokens', told('What a token stands for'), async (request, reply) => {
    const { token, subject } = await inspect(context, request)
    reply.header('x-subject-token', token).header('vary', 'X-Auth-Token').header('cache-control', 'no-store')
    return sendJson(reply, 200, tokenDocument(subject, catalogUrls(context, request)))
  })

  app.head('/v3/auth/tokens', async (request, reply) => {
    const { token } = await inspect(context, request)
    return reply.code(200).header('x-subject-token', token).header('vary', 'X-Auth-Token').send()
  })

  app.delete('/v3/auth/tokens', told('Revoke a token', 204), async (request, reply) => {
    const caller = await callerOf(context, request)
    const token = tokenHeader(request, 'x-subject-token')
    if (token === undefined) return unknownToken()
    const subject = await findSession(context.database.read, digestOf(token), context.now())
    if (subject === undefined) return unknownToken()
    ensureMayRevoke(caller, subject)
    await context.change((tx) => revokeToken(tx, subject.digest))
    return reply.code(204).send()
  })
}
