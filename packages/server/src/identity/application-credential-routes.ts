import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import { apiError } from '../api-error.ts'
import { sendJson } from '../http/json.ts'
import { newSecret } from '../http/secret.ts'
import { AccessRuleSchema } from './access-rules.ts'
import {
  createCredential,
  ensureRoom,
  findCredential,
  listCredentials,
  type NewCredential,
} from './application-credentials.ts'
import { bodyReader, Maybe, Name, refuseValue, Secret, storedName, storedText, Text } from './body.ts'
import { callerOf, notAllowed, notFound, refuseRestricted } from './caller.ts'
import { filtersOf, sendList, withLink } from './collection.ts'
import type { EmbeddedContext } from './context.ts'
import { newId } from './domain.ts'
import { isAdmin, type Session } from './sessions.ts'
import { told } from './told.ts'

const RoleReference = Type.Object({ id: Type.Optional(Type.String()), name: Type.Optional(Type.String()) })

const NewSchema = Type.Object({
  name: Name,
  description: Maybe(Text),
  secret: Maybe(Secret),
  roles: Maybe(Type.Array(RoleReference, { maxItems: 100 })),
  expires_at: Maybe(Type.String({ maxLength: 64 })),
  unrestricted: Maybe(Type.Boolean()),
  access_rules: Maybe(Type.Array(AccessRuleSchema, { maxItems: 100 })),
})
const readNew = bodyReader(Type.Object({ application_credential: NewSchema }))

/** UTC whether or not the text says so, as every instant of this API. */
const parseInstant = (text: string | null | undefined): number | null => {
  if (text === null || text === undefined) return null
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z?$/.test(text)) {
    return refuseValue('expires_at must be written YYYY-MM-DDThh:mm:ss, in UTC')
  }
  const instant = Date.parse(text.endsWith('Z') ? text : `${text}Z`)
  return Number.isNaN(instant) ? refuseValue('expires_at is no date') : instant
}

type OfUser = { Params: { id: string } }
type One = { Params: { id: string; credential: string } }

const path = '/v3/users/:id/application_credentials'

const ownCaller = async (context: EmbeddedContext, request: FastifyRequest<OfUser>): Promise<Session> => {
  const caller = await callerOf(context, request)
  if (caller.user.id !== request.params.id) throw notAllowed()
  return caller
}

const ownerOrAdmin = async (context: EmbeddedContext, request: FastifyRequest<OfUser>): Promise<Session> => {
  const caller = await callerOf(context, request)
  if (caller.user.id !== request.params.id && !isAdmin(caller)) throw apiError('role_required', { role: 'admin' })
  return caller
}

const newCredential = async (
  { hasher }: EmbeddedContext,
  sent: Static<typeof NewSchema>,
  secret: string,
  caller: Session,
): Promise<NewCredential> => ({
  name: storedName('name', sent.name),
  description: storedText('description', sent.description),
  roles: sent.roles ?? undefined,
  accessRules: sent.access_rules?.map((rule) => ({ ...rule, id: newId() })) ?? null,
  unrestricted: sent.unrestricted ?? false,
  expiresAt: parseInstant(sent.expires_at),
  secretHash: await hasher.hash(secret, caller.user.id),
})

/**
 * A credential limited to some calls must not make one without that limit, and one that cannot make others must not be
 * made to be able to.
 */
const refuseWider = (caller: Session): void => {
  refuseRestricted(caller)
  if (caller.applicationCredential?.accessRules != null) throw notAllowed()
}

/** `/users/{id}/application_credentials` of Identity v3. */
export const applicationCredentialRoutes = (app: FastifyInstance, context: EmbeddedContext): void => {
  const { database } = context
  const self = (request: FastifyRequest<OfUser>) => `/users/${request.params.id}/application_credentials`

  app.get<OfUser>(path, told('Application credentials of a user'), async (request, reply) => {
    await ownerOrAdmin(context, request)
    const credentials = await listCredentials(database.read, request.params.id, filtersOf(request).get('name'))
    return sendList(context, request, reply, 'application_credentials', credentials, self(request))
  })

  app.post<OfUser>(path, told('Make an application credential', 201), async (request, reply) => {
    const caller = await ownCaller(context, request)
    refuseWider(caller)
    const sent = readNew(request).application_credential
    const secret = sent.secret ?? newSecret()
    // Also before the hash, which costs more than everything else here.
    await ensureRoom(database.read, caller.user.id)
    const wanted = await newCredential(context, sent, secret, caller)
    const credential = await createCredential(database, caller, wanted, context.now())
    const shown = withLink(context, request, self(request), { ...credential, secret })
    return sendJson(reply.header('cache-control', 'no-store'), 201, { application_credential: shown })
  })

  app.get<One>(`${path}/:credential`, told('One application credential'), async (request, reply) => {
    await ownerOrAdmin(context, request)
    const { id, credential } = request.params
    const found =
      (await findCredential(database.read, id, credential)) ?? notFound('application credential', credential)
    return sendJson(reply, 200, { application_credential: withLink(context, request, self(request), found) })
  })

  app.delete<One>(`${path}/:credential`, told('Delete an application credential', 204), async (request, reply) => {
    refuseRestricted(await ownerOrAdmin(context, request))
    const { id, credential } = request.params
    const found =
      (await findCredential(database.read, id, credential)) ?? notFound('application credential', credential)
    await context.change((tx) => tx.deleteFrom('identity_application_credentials').where('id', '=', found.id).execute())
    return reply.code(204).send()
  })
}
