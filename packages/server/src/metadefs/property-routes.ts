import { MetadefPropertiesSchema, MetadefPropertySchema } from '@vitrine/contract'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { noContent } from '../http/answers.ts'
import { actorOf } from '../http/authentication.ts'
import { sendJson } from '../http/json.ts'
import { parseQuery } from '../http/query.ts'
import type { Service } from '../service.ts'
import { propertyBody } from './bodies.ts'
import { propertyDocument, propertyMap } from './documents.ts'
import { type NamespacePath, namespaceParams, type PartPath, partParams } from './params.ts'
import { createPart, definitionOfProperty, readPart, readParts, removePart, removeParts, replacePart } from './parts.ts'
import { withoutPrefix } from './resource-types.ts'

const tags = ['metadefs']
const collection = '/v2/metadefs/namespaces/:namespace/properties'
const one = `${collection}/:name`

const wantedProperty = (request: FastifyRequest) => {
  const { name, ...definition } = propertyBody(request)
  return definitionOfProperty(name, definition)
}

const collectionRoutes = (app: FastifyInstance, service: Service): void => {
  app.get<NamespacePath>(
    collection,
    {
      schema: {
        tags,
        summary: 'Properties of a namespace',
        description: 'By their names.',
        params: namespaceParams,
        response: { 200: MetadefPropertiesSchema },
      },
    },
    async (request, reply) => {
      const rows = await readParts(service, actorOf(request), 'property', request.params.namespace)
      return sendJson(reply, 200, { properties: propertyMap(rows) })
    },
  )

  app.post<NamespacePath>(
    collection,
    {
      schema: {
        tags,
        summary: 'Add a property to a namespace',
        description: 'For administrators.',
        params: namespaceParams,
        body: MetadefPropertySchema,
        response: { 201: MetadefPropertySchema },
      },
    },
    async (request, reply) => {
      const wanted = wantedProperty(request)
      const row = await createPart(service, actorOf(request), 'property', request.params.namespace, wanted)
      return sendJson(reply, 201, propertyDocument(row))
    },
  )

  app.delete<NamespacePath>(
    collection,
    { schema: { tags, summary: 'Delete all properties of a namespace', response: noContent, params: namespaceParams } },
    async (request, reply) => {
      await removeParts(service, actorOf(request), 'property', request.params.namespace)
      return reply.code(204).send()
    },
  )
}

/** Properties of namespaces (docs/reference/metadefs.md). */
export const propertyRoutes = (app: FastifyInstance, service: Service): void => {
  collectionRoutes(app, service)

  app.get<PartPath>(
    one,
    {
      schema: {
        tags,
        summary: 'One property of a namespace',
        description: 'With `resource_type`, the name is the one on resources of that type, with its prefix.',
        params: partParams,
        response: { 200: MetadefPropertySchema },
      },
    },
    async (request, reply) => {
      const actor = actorOf(request)
      const { namespace, name } = request.params
      const resourceType = new Map(parseQuery(request.url)).get('resource_type')
      const bare = resourceType === undefined ? name : await withoutPrefix(service, actor, request.params, resourceType)
      return sendJson(
        reply,
        200,
        propertyDocument(await readPart(service, actor, 'property', { namespace, name: bare })),
      )
    },
  )

  app.put<PartPath>(
    one,
    {
      schema: {
        tags,
        summary: 'Replace a property of a namespace',
        description: 'For administrators. May give it another name.',
        params: partParams,
        body: MetadefPropertySchema,
        response: { 200: MetadefPropertySchema },
      },
    },
    async (request, reply) => {
      const wanted = wantedProperty(request)
      const row = await replacePart(service, actorOf(request), 'property', request.params, wanted)
      return sendJson(reply, 200, propertyDocument(row))
    },
  )

  app.delete<PartPath>(
    one,
    { schema: { tags, summary: 'Delete a property of a namespace', response: noContent, params: partParams } },
    async (request, reply) => {
      await removePart(service, actorOf(request), 'property', request.params)
      return reply.code(204).send()
    },
  )
}
