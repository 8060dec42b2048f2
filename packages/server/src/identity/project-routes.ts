import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import { apiError } from '../api-error.ts'
import { sendJson } from '../http/json.ts'
import { bodyReader, Maybe, Name, refuseValue, storedName, storedText, Text } from './body.ts'
import { adminOf, adminToChange, callerOf, notFound } from './caller.ts'
import { filtersOf, flagFilter, sendList, withLink } from './collection.ts'
import type { EmbeddedContext } from './context.ts'
import { defaultDomain } from './domain.ts'
import {
  createProject,
  deleteProject,
  findProject,
  listProjects,
  type ProjectValues,
  updateProject,
} from './projects.ts'
import { isAdmin } from './sessions.ts'
import { told } from './told.ts'

const Changes = Type.Object({
  name: Type.Optional(Name),
  description: Maybe(Text),
  enabled: Maybe(Type.Boolean()),
  tags: Maybe(Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { maxItems: 80 })),
  domain_id: Maybe(Type.String()),
  parent_id: Maybe(Type.String()),
  is_domain: Maybe(Type.Boolean()),
})
const readNew = bodyReader(Type.Object({ project: Type.Intersect([Changes, Type.Object({ name: Name })]) }))
const readChanges = bodyReader(Type.Object({ project: Changes }))

const refuseOtherDomains = ({ domain_id, parent_id, is_domain }: Static<typeof Changes>): void => {
  for (const id of [domain_id, parent_id]) {
    if (id != null && id !== defaultDomain.id)
      refuseValue(`projects live in the domain ${defaultDomain.id}, and not in one another`)
  }
  if (is_domain === true) refuseValue(`there is only the domain ${defaultDomain.id}`)
}

const changesOf = (sent: Static<typeof Changes>): Partial<ProjectValues> => {
  refuseOtherDomains(sent)
  return {
    ...(sent.name === undefined ? {} : { name: storedName('name', sent.name) }),
    ...(sent.description === undefined ? {} : { description: storedText('description', sent.description) ?? '' }),
    ...(sent.enabled == null ? {} : { enabled: sent.enabled }),
    ...(sent.tags == null ? {} : { tags: [...new Set(sent.tags.map((tag) => storedName('tags', tag)))] }),
  }
}

/** `GET` of one: everyone may see the project of their own token, and only an administrator can tell what else there is. */
const shownProject = async (context: EmbeddedContext, request: FastifyRequest<{ Params: { id: string } }>) => {
  const { id } = request.params
  const caller = await callerOf(context, request)
  const own = caller.scope.kind === 'project' && caller.scope.project.id === id
  if (!own && !isAdmin(caller)) throw apiError('role_required', { role: 'admin' })
  return (await findProject(context.database.read, id)) ?? notFound('project', id)
}

/** `/projects` of Identity v3. */
export const projectRoutes = (app: FastifyInstance, context: EmbeddedContext): void => {
  const { database } = context
  type One = { Params: { id: string } }

  app.get('/v3/projects', told('List projects'), async (request, reply) => {
    await adminOf(context, request)
    const filters = filtersOf(request)
    const domains = [filters.get('domain_id'), filters.get('parent_id')]
    const none = flagFilter(filters, 'is_domain') || domains.some((id) => id !== undefined && id !== defaultDomain.id)
    const wanted = { name: filters.get('name'), enabled: flagFilter(filters, 'enabled') }
    const projects = none ? [] : await listProjects(database.read, wanted)
    return sendList(context, request, reply, 'projects', projects)
  })

  app.post('/v3/projects', told('Make a project', 201), async (request, reply) => {
    await adminToChange(context, request)
    const { project: sent } = readNew(request)
    const { description = '', enabled = true, tags = [], name } = changesOf(sent)
    if (name === undefined) return refuseValue('project.name is missing')
    const project = await createProject(database, { name, description, enabled, tags }, context.now())
    return sendJson(reply, 201, { project: withLink(context, request, '/projects', project) })
  })

  app.get<One>('/v3/projects/:id', told('One project'), async (request, reply) => {
    const project = await shownProject(context, request)
    return sendJson(reply, 200, { project: withLink(context, request, '/projects', project) })
  })

  app.patch<One>('/v3/projects/:id', told('Change a project'), async (request, reply) => {
    await adminToChange(context, request)
    const { id } = request.params
    const changes = changesOf(readChanges(request).project)
    const project = await context.change((tx) => updateProject(tx, database.isDuplicate, id, changes))
    if (project === undefined) return notFound('project', id)
    return sendJson(reply, 200, { project: withLink(context, request, '/projects', project) })
  })

  app.delete<One>('/v3/projects/:id', told('Delete a project', 204), async (request, reply) => {
    await adminToChange(context, request)
    const { id } = request.params
    if (!(await context.change((tx) => deleteProject(tx, id)))) return notFound('project', id)
    return reply.code(204).send()
  })
}
