import {
  MetadefAssociationSchema,
  MetadefAssociationsSchema,
  MetadefAssociationWriteSchema,
  MetadefResourceTypesSchema,
} from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import { noContent } from '../http/answers.ts'
import { actorOf } from '../http/authentication.ts'
import { refuseBody } from '../http/body.ts'
import { sendJson } from '../http/json.ts'
import type { Service } from '../service.ts'
import { associationBody } from './bodies.ts'
import { associationDocument, resourceTypeDocument } from './documents.ts'
import { type NamespacePath, namespaceParams, type PartPath, partParams } from './params.ts'
import { associate, dissociate, readAssociations, readResourceTypes } from './resource-types.ts'

const tags = ['metadefs']
const collection = '/v2/metadefs/namespaces/:namespace/resource_types'

/** Resource types, and which namespaces are for them (docs/reference/metadefs.md). */
export const resourceTypeRoutes = (app: FastifyInstance, service: Service): void => {
  app.get(
    '/v2/metadefs/resource_types',
    {
      schema: {
        tags,
        summary: 'Resource types that any namespace was ever for',
        description: 'By their names.',
        response: { 200: MetadefResourceTypesSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const rows = await readResourceTypes(service, actorOf(request))
      return sendJson(reply, 200, { resource_types: rows.map(resourceTypeDocument) })
    },
  )

  app.get<NamespacePath>(
    collection,
    {
      schema: {
        tags,
        summary: 'Resource types of a namespace',
        params: namespaceParams,
        response: { 200: MetadefAssociationsSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const rows = await readAssociations(service, actorOf(request), request.params.namespace)
      return sendJson(reply, 200, { resource_type_associations: rows.map(associationDocument) })
    },
  )

  app.post<NamespacePath>(
    collection,
    {
      schema: {
        tags,
        summary: 'Associate a namespace with a resource type',
        description: 'For administrators. Makes the type if there is none.',
        params: namespaceParams,
        body: MetadefAssociationWriteSchema,
        response: { 201: MetadefAssociationSchema },
      },
    },
    async (request, reply) => {
      const body = associationBody(request)
      const row = await associate(service, actorOf(request), request.params.namespace, body)
      return sendJson(reply, 201, associationDocument(row))
    },
  )

  app.delete<PartPath>(
    `${collection}/:name`,
    { schema: { tags, summary: 'End the association with a resource type', response: noContent, params: partParams } },
    async (request, reply) => {
      await refuseBody(request)
      await dissociate(service, actorOf(request), request.params)
      return reply.code(204).send()
    },
  )
}
