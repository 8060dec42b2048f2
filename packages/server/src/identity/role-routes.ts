import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { apiError } from '../api-error.ts'
import type { Reader, Tx } from '../database/database.ts'
import { sendJson } from '../http/json.ts'
import { ensureAdministratorRemains } from './administrators.ts'
import { bodyReader, Maybe, Name, storedName, storedText, Text } from './body.ts'
import { adminOf, adminToChange, notFound } from './caller.ts'
import { filtersOf, sendList, withLink } from './collection.ts'
import type { EmbeddedContext } from './context.ts'
import { defaultDomain, isStorable, newId } from './domain.ts'
import { findProject } from './projects.ts'
import { type GrantTarget, isBuiltIn, rolesWithGrants } from './roles.ts'
import type { IdentityRolesTable } from './tables.ts'
import { told } from './told.ts'
import { findUserRow } from './users.ts'

const readNew = bodyReader(Type.Object({ role: Type.Object({ name: Name, description: Maybe(Text) }) }))

const roleOf = ({ id, name, description }: IdentityRolesTable) => ({
  id,
  name,
  domain_id: null,
  description,
  options: {},
})

const findRole = async (reader: Reader, id: string) =>
  (isStorable(id)
    ? await reader.selectFrom('identity_roles').selectAll().where('id', '=', id).executeTakeFirst()
    : undefined) ?? notFound('role', id)

type One = { Params: { id: string } }

/** `/roles` of Identity v3. */
export const roleRoutes = (app: FastifyInstance, context: EmbeddedContext): void => {
  const { database } = context

  app.get('/v3/roles', told('List roles'), async (request, reply) => {
    await adminOf(context, request)
    const filters = filtersOf(request)
    const name = filters.get('name')
    let query = database.read.selectFrom('identity_roles').selectAll().orderBy('name')
    if (name !== undefined) query = query.where('name', '=', name)
    // Roles belong to no domain; clients that ask for those of one mean the roles that only it has.
    const roles = filters.has('domain_id') ? [] : await query.execute()
    return sendList(context, request, reply, 'roles', roles.map(roleOf))
  })

  app.post('/v3/roles', told('Make a role', 201), async (request, reply) => {
    await adminToChange(context, request)
    const sent = readNew(request).role
    const name = storedName('name', sent.name)
    const taken = apiError('conflict', { why: `There is a role named ${name} already` })
    // Role names are compared in any letter case: another spelling of a built-in one would have its powers.
    if (isBuiltIn(name)) throw taken
    const row = { id: newId(), name, description: storedText('description', sent.description) }
    try {
      await database.write((tx) => tx.insertInto('identity_roles').values(row).execute())
    } catch (error) {
      throw database.isDuplicate(error) ? taken : error
    }
    return sendJson(reply, 201, { role: withLink(context, request, '/roles', roleOf(row)) })
  })

  app.get<One>('/v3/roles/:id', told('One role'), async (request, reply) => {
    await adminOf(context, request)
    const role = await findRole(database.read, request.params.id)
    return sendJson(reply, 200, { role: withLink(context, request, '/roles', roleOf(role)) })
  })

  app.delete<One>('/v3/roles/:id', told('Delete a role', 204), async (request, reply) => {
    await adminToChange(context, request)
    const role = await findRole(database.read, request.params.id)
    if (isBuiltIn(role.name)) throw apiError('conflict', { why: `The role ${role.name} is built in and stays` })
    await context.change((tx) => tx.deleteFrom('identity_roles').where('id', '=', role.id).execute())
    return reply.code(204).send()
  })
}

type Grant = { Params: { target?: string; user: string; role: string } }
type GrantRequest = FastifyRequest<{ Params: { target?: string; user: string } }>

const kinds = [
  { path: '/v3/projects/:target/users/:user/roles', kind: 'project' },
  { path: '/v3/domains/:target/users/:user/roles', kind: 'domain' },
  { path: '/v3/system/users/:user/roles', kind: 'system' },
] as const

const targetOf = async (
  reader: Reader,
  kind: GrantTarget['scope_kind'],
  { target = 'all', user }: { target?: string; user: string },
): Promise<GrantTarget> => {
  if (kind === 'project' && (await findProject(reader, target)) === undefined) return notFound('project', target)
  if (kind === 'domain' && target !== defaultDomain.id) return notFound('domain', target)
  const { id } = (await findUserRow(reader, user)) ?? notFound('user', user)
  return { user_id: id, scope_kind: kind, target_id: target }
}

const isHeld = async (reader: Reader, target: GrantTarget, roleId: string): Promise<boolean> =>
  (await rolesWithGrants(reader, target)).some(({ id, granted }) => granted && id === roleId)

const removeGrant = async (tx: Tx, target: GrantTarget, roleId: string): Promise<boolean> => {
  const { numDeletedRows } = await tx
    .deleteFrom('identity_grants')
    .where('user_id', '=', target.user_id)
    .where('scope_kind', '=', target.scope_kind)
    .where('target_id', '=', target.target_id)
    .where('role_id', '=', roleId)
    .executeTakeFirst()
  if (numDeletedRows === 0n) return false
  await ensureAdministratorRemains(tx)
  return true
}

/** Giving and taking roles on projects, on the domain and on the whole system. */
export const grantRoutes = (app: FastifyInstance, context: EmbeddedContext): void => {
  const { read } = context.database
  for (const { path, kind } of kinds) {
    app.get(path, told('Roles of a user there'), async (request: GrantRequest, reply: FastifyReply) => {
      await adminOf(context, request)
      const roles = await rolesWithGrants(read, await targetOf(read, kind, request.params))
      const held = roles.filter(({ granted }) => granted).map(({ id, name }) => ({ id, name, domain_id: null }))
      return sendList(context, request, reply, 'roles', held)
    })

    app.head<Grant>(`${path}/:role`, async (request, reply) => {
      await adminOf(context, request)
      const { role } = request.params
      const held = await isHeld(read, await targetOf(read, kind, request.params), role)
      return held ? reply.code(204).send() : notFound('grant of the role', role)
    })

    app.put<Grant>(`${path}/:role`, told('Give a user a role there', 204), async (request, reply) => {
      await adminToChange(context, request)
      const target = await targetOf(read, kind, request.params)
      const { id } = await findRole(read, request.params.role)
      await context.change((tx) =>
        tx
          .insertInto('identity_grants')
          .values({ ...target, role_id: id })
          .onConflict((conflict) => conflict.columns(['user_id', 'scope_kind', 'target_id', 'role_id']).doNothing())
          .execute(),
      )
      return reply.code(204).send()
    })

    app.delete<Grant>(`${path}/:role`, told('Take a role away', 204), async (request, reply) => {
      await adminToChange(context, request)
      const { role } = request.params
      const target = await targetOf(read, kind, request.params)
      if (!isStorable(role) || !(await context.change((tx) => removeGrant(tx, target, role)))) {
        return notFound('grant of the role', role)
      }
      return reply.code(204).send()
    })
  }
}
