import {
  pairsMax,
  ShareChangeSchema,
  ShareManyResultSchema,
  ShareManySchema,
  ShareSchema,
  SharesSchema,
} from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { projectOf } from '../access/project.ts'
import { apiError } from '../api-error.ts'
import { causeOf } from '../events/events.ts'
import { actorOf, holderOf } from '../http/authentication.ts'
import { refuseBody } from '../http/body.ts'
import { sendJson } from '../http/json.ts'
import { type ImagePath, imageParams } from '../http/params.ts'
import { bodyParser } from '../http/parsed-body.ts'
import { parseEndsAt } from '../members/rules.ts'
import type { Service } from '../service.ts'
import { canBootRoutes } from './can-boot-routes.ts'
import { insightRoutes } from './insight-routes.ts'
import { batchDocument, parseProjects, runBatch } from './many.ts'
import { changeShare, readShares } from './shares.ts'
import { createBatchTurns } from './turns.ts'
import { withdrawalRoutes } from './withdrawal-routes.ts'

const tags = ['extensions']

const shareParams = Type.Object({
  ...imageParams.properties,
  projectId: Type.String({ description: 'Project that the image is shared with.' }),
})
interface SharePath {
  Params: Type.Static<typeof shareParams>
}

const parseChange = bodyParser(ShareChangeSchema)
const parseMany = bodyParser(ShareManySchema)

/** Shares beyond the membership: terms, many at once, withdrawal, counts (docs/reference/shares.md). */
export const shareRoutes = (app: FastifyInstance, service: Service): void => {
  const { now } = service
  const turns = createBatchTurns()

  app.get<ImagePath>(
    '/v2/images/:imageId/shares',
    {
      schema: {
        tags,
        summary: 'Shares of an image, with their terms',
        description: 'For its owner. Oldest first, never paged.',
        params: imageParams,
        response: { 200: SharesSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      return sendJson(reply, 200, { shares: await readShares(service, actorOf(request), request.params.imageId) })
    },
  )

  app.patch<SharePath>(
    '/v2/images/:imageId/shares/:projectId',
    {
      schema: {
        tags,
        summary: 'Change message or end of a share',
        description: 'For the owner of the image. What is left out stays, null takes it away.',
        params: shareParams,
        body: ShareChangeSchema,
        response: { 200: ShareSchema },
      },
    },
    async (request, reply) => {
      const change = parseChange(request)
      const { imageId, projectId } = request.params
      const names = { image: imageId, member: projectId }
      return sendJson(reply, 200, await changeShare(service, actorOf(request), causeOf(request, now()), names, change))
    },
  )

  app.post(
    '/v2/shares',
    {
      schema: {
        tags,
        summary: 'Share many images with many projects, or end such shares',
        description: `Every image with every project, up to ${pairsMax} pairs; a result for each.`,
        body: ShareManySchema,
        response: { 200: ShareManyResultSchema },
      },
    },
    async (request, reply) => {
      const body = parseMany(request)
      const images = [...new Set(body.images)]
      const projects = parseProjects(body.projects)
      if (images.length * projects.length > pairsMax) {
        throw apiError('invalid_body', { why: `it names more than ${pairsMax} pairs of image and project` })
      }
      const cause = causeOf(request, now())
      const endsAt = parseEndsAt(body.ends_at, cause.at)
      if (body.action === 'unshare' && (body.message !== undefined || endsAt !== null || body.grant === true)) {
        throw apiError('invalid_body', { why: 'message, ends_at and grant belong to the action share' })
      }
      const actor = actorOf(request)
      const batch = {
        action: body.action,
        images,
        projects,
        byName: true,
        terms: { message: body.message ?? null, endsAt, listingId: null, sharedByUser: cause.userId },
        grantsBy: body.grant === true ? holderOf(request) : null,
        atomic: body.atomic ?? false,
        dryRun: body.dry_run ?? false,
      }
      const outcome = await turns.take(projectOf(actor, 'member'), images.length * projects.length, () =>
        runBatch(service, actor, cause, batch),
      )
      return sendJson(reply, 200, batchDocument(outcome))
    },
  )

  withdrawalRoutes(app, service)
  insightRoutes(app, service)
  canBootRoutes(app, service)
}
