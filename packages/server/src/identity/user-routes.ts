import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import { apiError } from '../api-error.ts'
import { sendJson } from '../http/json.ts'
import { checkSecret } from './authentication.ts'
import { bodyReader, Maybe, Name, refuseValue, Secret, storedName, storedText, Text } from './body.ts'
import { adminOf, adminToChange, callerOf, notFound } from './caller.ts'
import { filtersOf, flagFilter, sendList, withLink } from './collection.ts'
import type { EmbeddedContext } from './context.ts'
import { defaultDomain } from './domain.ts'
import { listProjects } from './projects.ts'
import { isAdmin, type Session } from './sessions.ts'
import { told } from './told.ts'
import {
  createUser,
  deleteUser,
  findUserRow,
  listUsers,
  replacePassword,
  type UserChanges,
  updateUser,
  userOf,
} from './users.ts'

const Changes = Type.Object({
  name: Type.Optional(Name),
  password: Maybe(Secret),
  email: Maybe(Text),
  description: Maybe(Text),
  enabled: Maybe(Type.Boolean()),
  default_project_id: Maybe(Type.String()),
  domain_id: Maybe(Type.String()),
})
const readNew = bodyReader(Type.Object({ user: Type.Intersect([Changes, Type.Object({ name: Name })]) }))
const readChanges = bodyReader(Type.Object({ user: Changes }))
const readPassword = bodyReader(
  Type.Object({ user: Type.Object({ password: Secret, original_password: Type.String() }) }),
)

const changesOf = async (
  { hasher }: EmbeddedContext,
  sent: Static<typeof Changes>,
  caller: Session,
): Promise<UserChanges> => {
  if (sent.domain_id != null && sent.domain_id !== defaultDomain.id) {
    refuseValue(`users live in the domain ${defaultDomain.id}`)
  }
  return {
    ...(sent.name === undefined ? {} : { name: storedName('name', sent.name) }),
    ...(sent.email === undefined ? {} : { email: storedText('email', sent.email) }),
    ...(sent.description === undefined ? {} : { description: storedText('description', sent.description) }),
    ...(sent.enabled == null ? {} : { enabled: sent.enabled }),
    ...(sent.default_project_id === undefined ? {} : { defaultProjectId: sent.default_project_id }),
    ...(sent.password == null ? {} : { passwordHash: await hasher.hash(sent.password, caller.user.id) }),
  }
}

type One = { Params: { id: string } }

/** Calls that a user may make about itself. */
const selfRoutes = (app: FastifyInstance, context: EmbeddedContext): void => {
  const { database } = context

  app.get<One>('/v3/users/:id', told('One user'), async (request, reply) => {
    const { id } = request.params
    const caller = await callerOf(context, request)
    if (caller.user.id !== id && !isAdmin(caller)) throw apiError('role_required', { role: 'admin' })
    const row = (await findUserRow(database.read, id)) ?? notFound('user', id)
    return sendJson(reply, 200, { user: withLink(context, request, '/users', userOf(row)) })
  })

  app.get<One>('/v3/users/:id/projects', told('Projects of a user'), async (request, reply) => {
    const { id } = request.params
    const caller = await callerOf(context, request)
    if (caller.user.id !== id && !isAdmin(caller)) throw apiError('role_required', { role: 'admin' })
    const row = (await findUserRow(database.read, id)) ?? notFound('user', id)
    const wanted = { userId: row.id, enabled: flagFilter(filtersOf(request), 'enabled') }
    return sendList(context, request, reply, 'projects', await listProjects(database.read, wanted))
  })

  app.post<One>('/v3/users/:id/password', told('Change the own password', 204), async (request, reply) => {
    const { id } = request.params
    const caller = await callerOf(context, request)
    if (caller.user.id !== id) throw apiError('role_required', { role: 'admin' })
    const { password, original_password: original } = readPassword(request).user
    const row = (await findUserRow(database.read, id)) ?? notFound('user', id)
    await checkSecret(context, original, row.password_hash, { account: id, address: request.ip })
    const passwordHash = await context.hasher.hash(password, id)
    if (!(await context.change((tx) => replacePassword(tx, row, passwordHash))))
      throw apiError('credentials_refused', {})
    return reply.code(204).send()
  })
}

/** `/users` of Identity v3. */
export const userRoutes = (app: FastifyInstance, context: EmbeddedContext): void => {
  const { database } = context
  selfRoutes(app, context)

  app.get('/v3/users', told('List users'), async (request, reply) => {
    await adminOf(context, request)
    const filters = filtersOf(request)
    const domainId = filters.get('domain_id') ?? defaultDomain.id
    const wanted = { name: filters.get('name'), enabled: flagFilter(filters, 'enabled') }
    const users = domainId === defaultDomain.id ? await listUsers(database.read, wanted) : []
    return sendList(context, request, reply, 'users', users)
  })

  app.post('/v3/users', told('Make a user', 201), async (request, reply) => {
    const caller = await adminToChange(context, request)
    const { name, ...changes } = await changesOf(context, readNew(request).user, caller)
    if (name === undefined) return refuseValue('user.name is missing')
    const user = await createUser(database, name, changes, context.now())
    return sendJson(reply, 201, { user: withLink(context, request, '/users', user) })
  })

  app.patch<One>('/v3/users/:id', told('Change a user'), async (request, reply) => {
    const caller = await adminToChange(context, request)
    const { id } = request.params
    const changes = await changesOf(context, readChanges(request).user, caller)
    const user = await context.change((tx) => updateUser(tx, database.isDuplicate, id, changes))
    if (user === undefined) return notFound('user', id)
    return sendJson(reply, 200, { user: withLink(context, request, '/users', user) })
  })

  app.delete<One>('/v3/users/:id', told('Delete a user', 204), async (request, reply) => {
    await adminToChange(context, request)
    const { id } = request.params
    if (!(await context.change((tx) => deleteUser(tx, id)))) return notFound('user', id)
    return reply.code(204).send()
  })
}
