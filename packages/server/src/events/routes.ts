import { EventsSchema } from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import { entitled, onlyOf } from '../access/entitle.ts'
import { apiError } from '../api-error.ts'
import { actorOf } from '../http/authentication.ts'
import { refuseBody } from '../http/body.ts'
import { sendJson } from '../http/json.ts'
import { parsePage } from '../http/page.ts'
import { type ImagePath, imageParams } from '../http/params.ts'
import { findImage } from '../images/queries.ts'
import { findMember } from '../members/queries.ts'
import type { Service } from '../service.ts'
import { eventDocument } from './document.ts'
import { findEvent, listEvents } from './events.ts'

/** What happened to an image (extension, docs/reference/events.md). */
export const eventRoutes = (app: FastifyInstance, { database, limits, now }: Service): void => {
  app.get<ImagePath>(
    '/v2/images/:imageId/events',
    {
      schema: {
        tags: ['extensions'],
        summary: 'What happened to an image',
        description:
          'Newest first. The owner sees everything; a member sees what happened since the image was shared with it, to the image and to its own membership. Query: `limit`, `marker` (id of an event).',
        params: imageParams,
        response: { 200: EventsSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const actor = actorOf(request)
      const { imageId } = request.params
      const { limit, marker, linksAfter } = parsePage(request.url, limits)

      const found = await findImage(database.read, imageId, actor.projectId, now())
      const projectId = onlyOf(actor, entitled(actor, 'image.events', { image: imageId }, found))
      const membership = projectId === undefined ? undefined : await findMember(database.read, imageId, projectId)
      const member =
        projectId === undefined ? undefined : { projectId, since: membership?.created_at ?? Number.MAX_SAFE_INTEGER }
      const view = { imageId, member }

      const before = marker === undefined ? undefined : await findEvent(database.read, view, marker)
      if (marker !== undefined && before === undefined) throw apiError('invalid_marker', { marker })

      const rows = limit === 0 ? [] : await listEvents(database.read, view, limit, before)
      return sendJson(reply, 200, {
        events: rows.map((row) => eventDocument(row, projectId)),
        ...linksAfter(rows),
      })
    },
  )
}
