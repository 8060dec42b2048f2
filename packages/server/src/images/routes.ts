import { ImageCreateSchema, ImageSchema, ImagesSchema } from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { apiError } from '../api-error.ts'
import { causeOf } from '../events/events.ts'
import { noContent } from '../http/answers.ts'
import { actorOf } from '../http/authentication.ts'
import { jsonBody, refuseBody } from '../http/body.ts'
import { sendDocument, sendJson } from '../http/json.ts'
import { type ImagePath, imageParams, type TagPath, tagParams } from '../http/params.ts'
import { publicUrlOf } from '../http/public-url.ts'
import { pageLink, parseQuery } from '../http/query.ts'
import type { Service } from '../service.ts'
import { parseCreate } from './create.ts'
import { imageDocument, storesOf } from './image.ts'
import {
  addTag,
  createImage,
  patchImage,
  readImages,
  removeImage,
  removeTag,
  showImage,
  switchImage,
} from './images.ts'
import { includesMembership, parseListQuery } from './list-query.ts'
import { keyFindingsFor, withMembership } from './membership.ts'
import { parsePatch, patchForm } from './patch.ts'
import { findMembership } from './queries.ts'
import { documentFor } from './stored-document.ts'
import { checkStorable } from './text.ts'
import { checkPatchValues } from './update.ts'

const tags = ['images']
const longestTag = 255

const parseTag = (tag: string): string => {
  if (tag.includes('/')) throw apiError('route_not_found', {})
  if (tag.length > longestTag) throw apiError('invalid_tag', { why: `it is longer than ${longestTag} characters` })
  checkStorable('tags', tag)
  return tag
}

/** Image records (docs/reference/images.md). */
export const imageRoutes = (app: FastifyInstance, service: Service): void => {
  const { now, limits } = service

  app.get(
    '/v2/images',
    {
      schema: {
        tags,
        summary: 'List images',
        description: 'Own, public and accepted images, newest first; see the reference for filters, order and paging.',
        response: { 200: ImagesSchema },
      },
    },
    async (request, reply) => {
      const parameters = parseQuery(request.url)
      const query = parseListQuery(parameters, limits)
      const actor = actorOf(request)
      const { images, full } = await readImages(service, actor, query)
      const last = full ? images.at(-1) : undefined
      const first = JSON.stringify(pageLink('/v2/images', parameters))
      const next = last === undefined ? '' : `"next":${JSON.stringify(pageLink('/v2/images', parameters, last.id))},`
      const keys = query.withMembership ? await keyFindingsFor(service, actor.projectId, images) : undefined
      const documents = images
        .map((image) => withMembership(documentFor(actor, image), image.membership, keys?.get(image.id)))
        .join(',')
      return sendDocument(reply, 200, `{"images":[${documents}],"first":${first},${next}"schema":"/v2/schemas/images"}`)
    },
  )

  app.post(
    '/v2/images',
    {
      schema: {
        tags,
        summary: 'Create an image',
        description: 'The image is queued and waits for its bytes. Other keys are custom properties.',
        body: ImageCreateSchema,
        response: { 201: ImageSchema },
      },
    },
    async (request, reply) => {
      const actor = actorOf(request)
      const cause = causeOf(request, now())
      const image = parseCreate(jsonBody(request), actor.projectId, cause.at)
      await createImage(service, actor, cause, image)
      reply.header('location', `${publicUrlOf(service, request)}/v2/images/${image.id}`)
      if (service.importMethods.length > 0)
        reply.header('openstack-image-import-methods', service.importMethods.join(','))
      reply.header('openstack-image-store-ids', service.stores.names.join(','))
      return sendJson(reply, 201, imageDocument(image))
    },
  )

  app.get<ImagePath>(
    '/v2/images/:imageId',
    { schema: { tags, summary: 'Show an image', params: imageParams, response: { 200: ImageSchema } } },
    async (request, reply) => {
      await refuseBody(request)
      const actor = actorOf(request)
      const { imageId } = request.params
      const document = documentFor(actor, await showImage(service, actor, imageId))
      if (!includesMembership(parseQuery(request.url))) return sendDocument(reply, 200, document)
      const share = await findMembership(service.database.read, imageId, actor.projectId, now())
      const keys = await keyFindingsFor(service, actor.projectId, [{ id: imageId, membership: share }])
      return sendDocument(reply, 200, withMembership(document, share, keys.get(imageId)))
    },
  )

  app.patch<ImagePath>(
    '/v2/images/:imageId',
    {
      schema: {
        tags,
        summary: 'Change an image',
        description: 'A JSON patch of version 2.1 or 2.0, by its media type. All operations or none.',
        params: imageParams,
        body: Type.Array(Type.Object({}, { additionalProperties: true })),
        response: { 200: ImageSchema },
      },
    },
    async (request, reply) => {
      const form = patchForm(request.headers['content-type'])
      const patch = parsePatch(form, jsonBody(request))
      checkPatchValues(patch)
      const actor = actorOf(request)
      const image = await patchImage(service, actor, causeOf(request, now()), request.params.imageId, patch)
      const { status, locations } = image
      const document = JSON.stringify(imageDocument(image))
      return sendDocument(reply, 200, documentFor(actor, { document, status, stores: storesOf({ locations }) }))
    },
  )

  app.delete<ImagePath>(
    '/v2/images/:imageId',
    { schema: { tags, summary: 'Delete an image', response: noContent, params: imageParams } },
    async (request, reply) => {
      await refuseBody(request)
      await removeImage(service, actorOf(request), causeOf(request, now()), request.params.imageId)
      return reply.code(204).send()
    },
  )

  for (const [action, to] of [
    ['deactivate', 'deactivated'],
    ['reactivate', 'active'],
  ] as const) {
    app.post<ImagePath>(
      `/v2/images/:imageId/actions/${action}`,
      {
        schema: {
          tags,
          summary: `${action === 'deactivate' ? 'Lock' : 'Unlock'} the bytes`,
          response: noContent,
          params: imageParams,
        },
      },
      async (request, reply) => {
        await refuseBody(request)
        await switchImage(service, actorOf(request), causeOf(request, now()), request.params.imageId, to)
        return reply.code(204).send()
      },
    )
  }

  app.put<TagPath>(
    '/v2/images/:imageId/tags/:tag',
    { schema: { tags, summary: 'Add a tag', response: noContent, params: tagParams } },
    async (request, reply) => {
      await refuseBody(request)
      const tag = parseTag(request.params.tag)
      await addTag(service, actorOf(request), causeOf(request, now()), request.params.imageId, tag)
      return reply.code(204).send()
    },
  )

  app.delete<TagPath>(
    '/v2/images/:imageId/tags/:tag',
    { schema: { tags, summary: 'Remove a tag', response: noContent, params: tagParams } },
    async (request, reply) => {
      await refuseBody(request)
      const tag = parseTag(request.params.tag)
      await removeTag(service, actorOf(request), causeOf(request, now()), request.params.imageId, tag)
      return reply.code(204).send()
    },
  )
}
