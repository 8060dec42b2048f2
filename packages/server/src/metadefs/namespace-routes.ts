import { MetadefNamespaceSchema, MetadefNamespacesSchema, MetadefNamespaceWriteSchema } from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import { noContent } from '../http/answers.ts'
import { actorOf } from '../http/authentication.ts'
import { refuseBody } from '../http/body.ts'
import { sendJson } from '../http/json.ts'
import { parsePage } from '../http/page.ts'
import { publicUrlOf } from '../http/public-url.ts'
import { parseQuery } from '../http/query.ts'
import type { Service } from '../service.ts'
import { namespaceBody } from './bodies.ts'
import { prefixedFor } from './documents.ts'
import { parseNamespaceList } from './list-query.ts'
import { createNamespace, readNamespace, readNamespaces, removeNamespace, replaceNamespace } from './namespaces.ts'
import { type NamespacePath, namespaceParams } from './params.ts'
import { namespacePath } from './text.ts'

const tags = ['metadefs']
const collection = '/v2/metadefs/namespaces'

const collectionRoutes = (app: FastifyInstance, service: Service): void => {
  app.get(
    collection,
    {
      schema: {
        tags,
        summary: 'Namespaces that the caller sees',
        description:
          'Newest first. Query: `limit`, `marker` (name of a namespace), `sort_key`, `sort_dir`, `visibility`, `resource_types` (comma-separated).',
        response: { 200: MetadefNamespacesSchema },
      },
    },
    async (request, reply) => {
      const page = parsePage(request.url, service.limits)
      const query = parseNamespaceList(page.query, page)
      const namespaces = await readNamespaces(service, actorOf(request), query)
      const last = namespaces.length === page.limit ? namespaces.at(-1)?.namespace : undefined
      return sendJson(reply, 200, { namespaces, ...page.links(last), schema: '/v2/schemas/metadefs/namespaces' })
    },
  )

  app.post(
    collection,
    {
      schema: {
        tags,
        summary: 'Make a namespace',
        description: 'For administrators. With all that is in it, or nothing is made.',
        body: MetadefNamespaceWriteSchema,
        response: { 201: MetadefNamespaceSchema },
      },
    },
    async (request, reply) => {
      const made = await createNamespace(service, actorOf(request), namespaceBody(request))
      reply.header('location', `${publicUrlOf(service, request)}${namespacePath(made.namespace)}`)
      return sendJson(reply, 201, made)
    },
  )
}

/** Namespaces of metadata definitions (docs/reference/metadefs.md). */
export const namespaceRoutes = (app: FastifyInstance, service: Service): void => {
  collectionRoutes(app, service)

  app.get<NamespacePath>(
    `${collection}/:namespace`,
    {
      schema: {
        tags,
        summary: 'One namespace with all that is in it',
        description: 'With `resource_type`, properties are named as on resources of that type.',
        params: namespaceParams,
        response: { 200: MetadefNamespaceSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const found = await readNamespace(service, actorOf(request), request.params.namespace)
      const resourceType = new Map(parseQuery(request.url)).get('resource_type')
      return sendJson(reply, 200, resourceType === undefined ? found : prefixedFor(found, resourceType))
    },
  )

  app.put<NamespacePath>(
    `${collection}/:namespace`,
    {
      schema: {
        tags,
        summary: 'Replace the own fields of a namespace',
        description: 'For administrators. What is in it stays. May give it another name.',
        params: namespaceParams,
        body: MetadefNamespaceWriteSchema,
        response: { 200: MetadefNamespaceSchema },
      },
    },
    async (request, reply) => {
      const body = namespaceBody(request)
      return sendJson(reply, 200, await replaceNamespace(service, actorOf(request), request.params.namespace, body))
    },
  )

  app.delete<NamespacePath>(
    `${collection}/:namespace`,
    {
      schema: {
        tags,
        summary: 'Delete a namespace with all that is in it',
        response: noContent,
        description: 'For administrators; not while it is protected.',
        params: namespaceParams,
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      await removeNamespace(service, actorOf(request), request.params.namespace)
      return reply.code(204).send()
    },
  )
}
