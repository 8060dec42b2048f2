import type { FastifyReply, FastifyRequest } from 'fastify'
import { sendJson } from '../http/json.ts'
import { parseQuery } from '../http/query.ts'
import type { EmbeddedContext } from './context.ts'
import { isStorable } from './domain.ts'

/** The parameters of a query by name, the last one of each. Values that nothing stored can have are left as ''. */
export const filtersOf = (request: FastifyRequest): ReadonlyMap<string, string> =>
  new Map(parseQuery(request.url).map(([name, value]) => [name, isStorable(value) ? value : '']))

/** Yes, no, or not asked for. A parameter without a value means yes. */
export const flagFilter = (filters: ReadonlyMap<string, string>, name: string): boolean | undefined => {
  const value = filters.get(name)?.toLowerCase()
  return value === undefined ? undefined : !['false', '0', 'no', 'off'].includes(value)
}

/** What every entity of Identity v3 has: a link to itself. */
export const withLink = <Entity extends { id: string }>(
  context: EmbeddedContext,
  request: FastifyRequest,
  path: string,
  entity: Entity,
) => ({ ...entity, links: { self: `${context.identityUrl(request)}/v3${path}/${entity.id}` } })

/** Answers with a list as Identity v3 writes it, whole and on one page. */
export const sendList = <Entity extends { id: string }>(
  context: EmbeddedContext,
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
  entities: readonly Entity[],
  path = `/${name}`,
): FastifyReply => {
  const origin = context.identityUrl(request).replace(/\/identity$/, '')
  return sendJson(reply, 200, {
    [name]: entities.map((entity) => withLink(context, request, path, entity)),
    links: { next: null, previous: null, self: `${origin}${request.url}` },
  })
}
