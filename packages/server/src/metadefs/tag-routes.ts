import { MetadefTagSchema, MetadefTagsSchema, MetadefTagsWriteSchema, MetadefTagWriteSchema } from '@vitrine/contract'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { noContent } from '../http/answers.ts'
import { actorOf } from '../http/authentication.ts'
import { refuseBody } from '../http/body.ts'
import { sendJson } from '../http/json.ts'
import { parseQuery } from '../http/query.ts'
import type { Service } from '../service.ts'
import { tagBody, tagNameOf, tagsBody } from './bodies.ts'
import { tagDocument } from './documents.ts'
import { parseTagList } from './list-query.ts'
import { type NamespacePath, namespaceParams, type PartPath, partParams } from './params.ts'
import { createTag, readTag, readTags, removeTag, removeTags, renameTag, setTags } from './tags.ts'

const tags = ['metadefs']
const collection = '/v2/metadefs/namespaces/:namespace/tags'
const one = `${collection}/:name`

const appends = (request: FastifyRequest): boolean => {
  const sent = request.headers['x-openstack-append']
  return typeof sent === 'string' && sent.trim().toLowerCase() === 'true'
}

const collectionRoutes = (app: FastifyInstance, service: Service): void => {
  app.get<NamespacePath>(
    collection,
    {
      schema: {
        tags,
        summary: 'Tags of a namespace',
        description: 'Newest first. Query: `limit`, `marker` (name of a tag), `sort_key`, `sort_dir`.',
        params: namespaceParams,
        response: { 200: MetadefTagsSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const query = parseTagList(new Map(parseQuery(request.url)))
      const rows = await readTags(service, actorOf(request), request.params.namespace, query)
      return sendJson(reply, 200, { tags: rows.map(({ name }) => ({ name })) })
    },
  )

  app.post<NamespacePath>(
    collection,
    {
      schema: {
        tags,
        summary: 'Set the tags of a namespace',
        description: 'For administrators. In the place of all others; with `X-Openstack-Append: true` beside them.',
        params: namespaceParams,
        body: MetadefTagsWriteSchema,
        response: { 201: MetadefTagsSchema },
      },
    },
    async (request, reply) => {
      const names = tagsBody(request).tags.map(({ name }) => name)
      const { namespace } = request.params
      await setTags(service, actorOf(request), namespace, { names, append: appends(request) })
      return sendJson(reply, 201, { tags: names.map((name) => ({ name })) })
    },
  )

  app.delete<NamespacePath>(
    collection,
    { schema: { tags, summary: 'Delete all tags of a namespace', response: noContent, params: namespaceParams } },
    async (request, reply) => {
      await removeTags(service, actorOf(request), request.params.namespace)
      return reply.code(204).send()
    },
  )
}

/** Tags of namespaces (docs/reference/metadefs.md). */
export const tagRoutes = (app: FastifyInstance, service: Service): void => {
  collectionRoutes(app, service)

  app.get<PartPath>(
    one,
    { schema: { tags, summary: 'One tag of a namespace', params: partParams, response: { 200: MetadefTagSchema } } },
    async (request, reply) => {
      await refuseBody(request)
      return sendJson(reply, 200, tagDocument(await readTag(service, actorOf(request), request.params)))
    },
  )

  app.post<PartPath>(
    one,
    {
      schema: {
        tags,
        summary: 'Add a tag to a namespace',
        description: 'For administrators.',
        params: partParams,
        response: { 201: MetadefTagSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const { namespace } = request.params
      const name = tagNameOf(request.params.name)
      return sendJson(reply, 201, tagDocument(await createTag(service, actorOf(request), { namespace, name })))
    },
  )

  app.put<PartPath>(
    one,
    {
      schema: {
        tags,
        summary: 'Give a tag another name',
        description: 'For administrators.',
        params: partParams,
        body: MetadefTagWriteSchema,
        response: { 200: MetadefTagSchema },
      },
    },
    async (request, reply) => {
      const { name } = tagBody(request)
      return sendJson(reply, 200, tagDocument(await renameTag(service, actorOf(request), request.params, name)))
    },
  )

  app.delete<PartPath>(
    one,
    { schema: { tags, summary: 'Delete a tag of a namespace', response: noContent, params: partParams } },
    async (request, reply) => {
      await refuseBody(request)
      await removeTag(service, actorOf(request), request.params)
      return reply.code(204).send()
    },
  )
}
