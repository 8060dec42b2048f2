import type { FastifyInstance } from 'fastify'
import { apiError } from '../api-error.ts'
import { sendJson } from '../http/json.ts'
import { adminOf, callerOf, notFound } from './caller.ts'
import { catalogOf, endpointList, serviceList } from './catalog.ts'
import { filtersOf, sendList, withLink } from './collection.ts'
import type { EmbeddedContext } from './context.ts'
import { defaultDomain, region } from './domain.ts'
import { listProjects } from './projects.ts'
import { rolesWithGrants } from './roles.ts'
import { urlsOf } from './token-routes.ts'
import { told } from './told.ts'

const domain = {
  ...defaultDomain,
  description: 'The domain of every user and project',
  enabled: true,
  options: {},
  tags: [],
}

/** What the caller's own token can be made good for. */
const ownScopeRoutes = (app: FastifyInstance, context: EmbeddedContext): void => {
  const { read } = context.database

  const holdsRole = async (userId: string, kind: 'domain' | 'system', targetId: string): Promise<boolean> => {
    const roles = await rolesWithGrants(read, { user_id: userId, scope_kind: kind, target_id: targetId })
    return roles.some(({ granted }) => granted)
  }

  app.get('/v3/auth/projects', told('Projects that the caller can get a token for'), async (request, reply) => {
    const { user } = await callerOf(context, request)
    return sendList(context, request, reply, 'projects', await listProjects(read, { userId: user.id, enabled: true }))
  })

  app.get('/v3/auth/domains', told('Domains that the caller can get a token for'), async (request, reply) => {
    const { user } = await callerOf(context, request)
    const held = await holdsRole(user.id, 'domain', defaultDomain.id)
    return sendList(context, request, reply, 'domains', held ? [domain] : [])
  })

  app.get('/v3/auth/system', told('Whether the caller can get a token for the system'), async (request, reply) => {
    const { user } = await callerOf(context, request)
    return sendJson(reply, 200, { system: (await holdsRole(user.id, 'system', 'all')) ? [{ all: true }] : [] })
  })

  app.get('/v3/auth/catalog', told('The catalog of services'), async (request, reply) => {
    const { scope } = await callerOf(context, request)
    if (scope.kind === 'unscoped') throw apiError('scope_required', {})
    return sendJson(reply, 200, {
      catalog: catalogOf(urlsOf(context, request)),
      links: { next: null, previous: null, self: `${context.identityUrl(request)}/v3/auth/catalog` },
    })
  })
}

type One = { Params: { id: string } }

/** Domains, services, endpoints and regions: there to be read, and fixed. */
export const catalogRoutes = (app: FastifyInstance, context: EmbeddedContext): void => {
  ownScopeRoutes(app, context)

  const fixed = (
    plural: string,
    singular: string,
    entities: (urls: ReturnType<typeof urlsOf>) => readonly { id: string; name?: string; type?: string }[],
  ): void => {
    app.get(`/v3/${plural}`, told(`List ${plural}`), async (request, reply) => {
      await adminOf(context, request)
      const filters = filtersOf(request)
      const matching = entities(urlsOf(context, request)).filter(
        ({ name, type }) =>
          (filters.get('name') ?? name) === name && (plural !== 'services' || (filters.get('type') ?? type) === type),
      )
      return sendList(context, request, reply, plural, matching)
    })
    app.get<One>(`/v3/${plural}/:id`, told(`One of the ${plural}`), async (request, reply) => {
      await adminOf(context, request)
      const { id } = request.params
      const entity = entities(urlsOf(context, request)).find((one) => one.id === id) ?? notFound(singular, id)
      return sendJson(reply, 200, { [singular]: withLink(context, request, `/${plural}`, entity) })
    })
  }
  fixed('domains', 'domain', () => [domain])
  fixed('services', 'service', serviceList)
  fixed('endpoints', 'endpoint', endpointList)
  fixed('regions', 'region', () => [{ id: region, description: '', parent_region_id: null }])
}
