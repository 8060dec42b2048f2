import { MetadefObjectSchema, MetadefObjectsSchema, MetadefObjectWriteSchema } from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import { noContent } from '../http/answers.ts'
import { actorOf } from '../http/authentication.ts'
import { sendJson } from '../http/json.ts'
import { parseQuery } from '../http/query.ts'
import type { Service } from '../service.ts'
import { objectBody } from './bodies.ts'
import { objectDocument } from './documents.ts'
import { positiveLimit } from './list-query.ts'
import { type NamespacePath, namespaceParams, type PartPath, partParams } from './params.ts'
import { createPart, definitionOfObject, readPart, readParts, removePart, removeParts, replacePart } from './parts.ts'

const tags = ['metadefs']
const collection = '/v2/metadefs/namespaces/:namespace/objects'
const one = `${collection}/:name`

const collectionRoutes = (app: FastifyInstance, service: Service): void => {
  app.get<NamespacePath>(
    collection,
    {
      schema: {
        tags,
        summary: 'Objects of a namespace',
        description: 'In the order in which they came. Query: `limit`.',
        params: namespaceParams,
        response: { 200: MetadefObjectsSchema },
      },
    },
    async (request, reply) => {
      const { namespace } = request.params
      const limit = positiveLimit(new Map(parseQuery(request.url)).get('limit'))
      const rows = await readParts(service, actorOf(request), 'object', namespace, limit)
      const objects = rows.map((row) => objectDocument(namespace, row))
      return sendJson(reply, 200, { objects, schema: '/v2/schemas/metadefs/objects' })
    },
  )

  app.post<NamespacePath>(
    collection,
    {
      schema: {
        tags,
        summary: 'Add an object to a namespace',
        description: 'For administrators.',
        params: namespaceParams,
        body: MetadefObjectWriteSchema,
        response: { 201: MetadefObjectSchema },
      },
    },
    async (request, reply) => {
      const { namespace } = request.params
      const wanted = definitionOfObject(objectBody(request))
      const row = await createPart(service, actorOf(request), 'object', namespace, wanted)
      return sendJson(reply, 201, objectDocument(namespace, row))
    },
  )

  app.delete<NamespacePath>(
    collection,
    { schema: { tags, summary: 'Delete all objects of a namespace', response: noContent, params: namespaceParams } },
    async (request, reply) => {
      await removeParts(service, actorOf(request), 'object', request.params.namespace)
      return reply.code(204).send()
    },
  )
}

/** Objects: properties that belong together (docs/reference/metadefs.md). */
export const objectRoutes = (app: FastifyInstance, service: Service): void => {
  collectionRoutes(app, service)

  app.get<PartPath>(
    one,
    {
      schema: {
        tags,
        summary: 'One object of a namespace',
        params: partParams,
        response: { 200: MetadefObjectSchema },
      },
    },
    async (request, reply) => {
      const row = await readPart(service, actorOf(request), 'object', request.params)
      return sendJson(reply, 200, objectDocument(request.params.namespace, row))
    },
  )

  app.put<PartPath>(
    one,
    {
      schema: {
        tags,
        summary: 'Replace an object of a namespace',
        description: 'For administrators. May give it another name.',
        params: partParams,
        body: MetadefObjectWriteSchema,
        response: { 200: MetadefObjectSchema },
      },
    },
    async (request, reply) => {
      const wanted = definitionOfObject(objectBody(request))
      const row = await replacePart(service, actorOf(request), 'object', request.params, wanted)
      return sendJson(reply, 200, objectDocument(request.params.namespace, row))
    },
  )

  app.delete<PartPath>(
    one,
    { schema: { tags, summary: 'Delete an object of a namespace', response: noContent, params: partParams } },
    async (request, reply) => {
      await removePart(service, actorOf(request), 'object', request.params)
      return reply.code(204).send()
    },
  )
}
