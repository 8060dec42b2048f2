import { LinkRequestSchema, LinkSchema, LinksSchema } from '@vitrine/contract'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import { causeOf } from '../events/events.ts'
import { actorOf, holderOf } from '../http/authentication.ts'
import { refuseBody } from '../http/body.ts'
import { sendJson } from '../http/json.ts'
import { parsePage } from '../http/page.ts'
import { type ImagePath, imageParams } from '../http/params.ts'
import { bodyParser } from '../http/parsed-body.ts'
import { publicUrlOf } from '../http/public-url.ts'
import type { Service } from '../service.ts'
import { createLink, type LinkMaker, readLinks, renewLink, revokeLink } from './links.ts'
import { linkDocument, linkedFileName } from './rules.ts'

const tags = ['links']
const path = '/v2/images/:imageId/links'
const parseLinkRequest = bodyParser(LinkRequestSchema)

const linkParams = Type.Object({ ...imageParams.properties, linkId: Type.String({ description: 'Id of the link.' }) })
interface LinkPath {
  Params: Static<typeof linkParams>
}

const isEmpty = ({ body }: FastifyRequest): boolean => !Buffer.isBuffer(body) || body.length === 0

/** Links to the bytes of images, for whoever may read them with a token (docs/reference/links.md). */
export const linkRoutes = (app: FastifyInstance, service: Service): void => {
  const { now, limits } = service
  const makerOf = (request: FastifyRequest): LinkMaker => ({
    actor: actorOf(request),
    holder: holderOf(request),
    cause: causeOf(request, now()),
  })
  const requestOf = (request: FastifyRequest<ImagePath>) => ({
    imageId: request.params.imageId,
    expiresInSeconds: isEmpty(request) ? undefined : parseLinkRequest(request).expires_in_seconds,
  })

  app.post<ImagePath>(
    path,
    {
      schema: {
        tags,
        summary: 'Make a link to the bytes of an image',
        description:
          'Whoever has its address reads the bytes without a token, for as long as the maker may. Told once.',
        params: imageParams,
        body: LinkRequestSchema,
        response: { 201: LinkSchema },
      },
    },
    async (request, reply) => {
      const { row, image, secret } = await createLink(service, makerOf(request), requestOf(request))
      const url = `${publicUrlOf(service, request)}/links/${secret}/${linkedFileName(image)}`
      reply.header('cache-control', 'no-store')
      return sendJson(reply, 201, linkDocument(row, url))
    },
  )

  app.get<ImagePath>(
    path,
    {
      schema: {
        tags,
        summary: 'Links of the own project to an image',
        description: 'Those that work, newest first, without their addresses. Query: `limit`, `marker` (id of a link).',
        params: imageParams,
        response: { 200: LinksSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const { limit, marker, linksAfter } = parsePage(request.url, limits)
      const rows = await readLinks(service, actorOf(request), request.params.imageId, { limit, marker })
      return sendJson(reply, 200, { links: rows.map((row) => linkDocument(row)), ...linksAfter(rows) })
    },
  )

  app.patch<LinkPath>(
    `${path}/:linkId`,
    {
      schema: {
        tags,
        summary: 'Let a link work for longer',
        description: 'Or shorter. From now on it reads as whoever sends this, who must be able to make such a link.',
        params: linkParams,
        body: LinkRequestSchema,
        response: { 200: LinkSchema },
      },
    },
    async (request, reply) => {
      const row = await renewLink(service, makerOf(request), request.params.linkId, requestOf(request))
      return sendJson(reply, 200, linkDocument(row))
    },
  )

  app.delete<LinkPath>(
    `${path}/:linkId`,
    {
      schema: {
        tags,
        summary: 'End a link',
        description: 'Transfers that are running break off within three seconds.',
        params: linkParams,
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      await revokeLink(service, actorOf(request), request.params.imageId, request.params.linkId)
      return reply.code(204).send()
    },
  )
}
