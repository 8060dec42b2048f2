import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import { sendJson } from '../http/json.ts'
import type { AuthRequest, Proof } from './auth-request.ts'
import { authenticate } from './authentication.ts'
import { bodyReader, refuseValue } from './body.ts'
import { adminOf, callerOf, ensureMayRevoke, notFound } from './caller.ts'
import type { EmbeddedContext } from './context.ts'
import { listProjects } from './projects.ts'
import { digestOf, findSession, revokeToken, type Session } from './sessions.ts'
import { accessDocument } from './token-body.ts'
import { urlsOf } from './token-routes.ts'
import { told } from './told.ts'

/** Legacy clients send ids that were numbers as numbers. */
const Id = Type.Union([Type.String(), Type.Integer()])

const AuthSchema = Type.Object({
  auth: Type.Object({
    passwordCredentials: Type.Optional(
      Type.Object({
        username: Type.Optional(Type.String()),
        userId: Type.Optional(Type.String()),
        password: Type.String({ maxLength: 4096 }),
      }),
    ),
    'RAX-KSKEY:apiKeyCredentials': Type.Optional(
      Type.Object({ username: Type.String(), apiKey: Type.String({ maxLength: 4096 }) }),
    ),
    token: Type.Optional(Type.Object({ id: Type.String() })),
    tenantName: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    tenantId: Type.Optional(Type.Union([Id, Type.Null()])),
  }),
})
type Auth = Static<typeof AuthSchema>['auth']

const readBody = bodyReader(AuthSchema)

/**
 * An API key is an application credential written as one text: its id, a colon, its secret. So it has a project, roles
 * and an end of its own, and is made and deleted with the clients of v3.
 */
const apiKeyProof = (apiKey: string): Extract<Proof, { method: 'application_credential' }> => {
  const colon = apiKey.indexOf(':')
  return {
    method: 'application_credential',
    credential: { id: colon === -1 ? '' : apiKey.slice(0, colon) },
    secret: apiKey.slice(colon + 1),
  }
}

const proofOf = (auth: Auth): Proof => {
  const { passwordCredentials: password, 'RAX-KSKEY:apiKeyCredentials': key, token } = auth
  if ([password, key, token].filter((one) => one !== undefined).length > 1) {
    return refuseValue('auth holds more than one kind of credentials')
  }
  if (password !== undefined) {
    const { userId, username } = password
    if (userId !== undefined) return { method: 'password', user: { id: userId }, password: password.password }
    if (username === undefined) return refuseValue('auth.passwordCredentials needs a username')
    return { method: 'password', user: { name: username, domainExists: true }, password: password.password }
  }
  if (key !== undefined) return apiKeyProof(key.apiKey)
  if (token !== undefined) return { method: 'token', token: token.id }
  return refuseValue('auth holds no credentials')
}

/** The tenant asked for; when both its name and its id are given, the answer is checked against both. */
const scopeOf = ({ tenantName, tenantId }: Auth): AuthRequest['scope'] => {
  if (tenantId != null && tenantId !== '') return { kind: 'project', project: { id: String(tenantId) } }
  if (tenantName != null && tenantName !== '') return { kind: 'project', project: { name: tenantName } }
  return { kind: 'absent' }
}

/** Whether a session is what was asked for: the tenant by name and id, and for an API key its user. */
const agrees = ({ scope, user }: Session, auth: Auth): boolean => {
  const key = auth['RAX-KSKEY:apiKeyCredentials']
  if (key !== undefined && key.username !== user.name) return false
  const { tenantName, tenantId } = auth
  const project = scope.kind === 'project' ? scope.project : null
  const sameName = tenantName == null || tenantName === '' || tenantName === project?.name
  const sameId = tenantId == null || tenantId === '' || String(tenantId) === project?.id
  return sameName && sameId
}

const logIn = (context: EmbeddedContext, request: FastifyRequest) => {
  const { auth } = readBody(request)
  const proof = proofOf(auth)
  // The project of an API key is that of its credential; a tenant beside it is only compared.
  const scope = proof.method === 'application_credential' ? { kind: 'absent' as const } : scopeOf(auth)
  const accept = (session: Session) => agrees(session, auth)
  return authenticate(context, { proofs: [proof], scope }, request.ip, accept)
}

type One = { Params: { token: string } }

const subjectOf = async ({ database, now }: EmbeddedContext, token: string): Promise<Session> =>
  (await findSession(database.read, digestOf(token), now())) ?? notFound('token', 'like this, or it is no longer valid')

/** The token is part of the path here, so these requests are not logged. */
const quiet = { logLevel: 'silent' } as const

const tokenRoutes = (app: FastifyInstance, context: EmbeddedContext): void => {
  app.get<One>('/v2.0/tokens/:token', { ...quiet, ...told('What a token stands for') }, async (request, reply) => {
    await adminOf(context, request)
    const { token } = request.params
    return sendJson(reply, 200, accessDocument(token, await subjectOf(context, token), urlsOf(context, request)))
  })

  app.head<One>('/v2.0/tokens/:token', quiet, async (request, reply) => {
    await adminOf(context, request)
    await subjectOf(context, request.params.token)
    return reply.code(200).send()
  })

  app.delete<One>('/v2.0/tokens/:token', { ...quiet, ...told('Revoke a token', 204) }, async (request, reply) => {
    const caller = await callerOf(context, request)
    const subject = await subjectOf(context, request.params.token)
    ensureMayRevoke(caller, subject)
    await context.change((tx) => revokeToken(tx, subject.digest))
    return reply.code(204).send()
  })
}

/** The part of Identity v2.0 that php-opencloud and its like use. */
export const v2Routes = (app: FastifyInstance, context: EmbeddedContext): void => {
  tokenRoutes(app, context)

  app.post('/v2.0/tokens', told('Get a token'), async (request, reply) => {
    const { token, session } = await logIn(context, request)
    reply.header('vary', 'X-Auth-Token').header('cache-control', 'no-store')
    return sendJson(reply, 200, accessDocument(token, session, urlsOf(context, request)))
  })

  app.get('/v2.0/tenants', told('Projects of the caller'), async (request, reply) => {
    const { user } = await callerOf(context, request)
    const projects = await listProjects(context.database.read, { userId: user.id, enabled: true })
    const tenants = projects.map(({ id, name, enabled, description }) => ({ id, name, enabled, description }))
    return sendJson(reply, 200, { tenants, tenants_links: [] })
  })

  app.get('/v2.0/extensions', told('Extensions; there are none'), async (_request, reply) =>
    sendJson(reply, 200, { extensions: { values: [] } }),
  )
}
