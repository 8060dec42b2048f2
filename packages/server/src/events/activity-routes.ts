import { ActivitySchema, type EventType, eventTypes } from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import { projectOf } from '../access/project.ts'
import { apiError } from '../api-error.ts'
import { actorOf } from '../http/authentication.ts'
import { refuseBody } from '../http/body.ts'
import { sendJson } from '../http/json.ts'
import { parsePage } from '../http/page.ts'
import type { QueryParameters } from '../http/query.ts'
import type { Service } from '../service.ts'
import { activityPage, findProjectEvent } from './activity.ts'
import { createStreamCounts, streamActivity } from './activity-stream.ts'
import { activityDocument } from './document.ts'

const path = '/v2/activity'

/** @throws ApiError `invalid_parameter` */
const parseTypes = (parameters: QueryParameters): ReadonlySet<EventType> => {
  const wanted = parameters.filter(([name]) => name === 'type').map(([, value]) => value)
  const known = eventTypes.filter((type) => wanted.includes(type))
  if (wanted.some((text) => !eventTypes.some((type) => type === text))) {
    throw apiError('invalid_parameter', { name: 'type', why: 'there is no such type of events' })
  }
  return new Set(known)
}

/** What happened to what a project owns or is shared with it, as pages and as a live stream (docs/reference/notices.md). */
export const activityRoutes = (app: FastifyInstance, service: Service): void => {
  const { database, limits } = service
  const counts = createStreamCounts()

  app.get(
    path,
    {
      schema: {
        tags: ['extensions'],
        summary: 'What happened to the images of a project and to what is shared with it',
        description: 'Newest first. Query: `limit`, `marker` (id of an event), `type` (several times, if wanted).',
        response: { 200: ActivitySchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const projectId = projectOf(actorOf(request), 'reader')
      const { parameters, limit, marker, links } = parsePage(request.url, limits)
      const types = parseTypes(parameters)
      const before = marker === undefined ? undefined : await findProjectEvent(database.read, projectId, marker)
      if (marker !== undefined && before === undefined) throw apiError('invalid_marker', { marker })

      const { rows, last } = await activityPage(database.read, projectId, { limit, before, types })
      return sendJson(reply, 200, {
        events: rows.map((row) => activityDocument(row, projectId)),
        ...links(last?.id),
      })
    },
  )

  app.get(
    `${path}/stream`,
    {
      schema: {
        tags: ['extensions'],
        summary: 'The same, live',
        description:
          'Server-sent events: `id` is a position, `event` the type, `data` an event as in the list. `Last-Event-ID` goes on from there without a gap. Ends within 30 seconds after the token does.',
        produces: ['text/event-stream'],
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      return streamActivity(service, counts, request, reply)
    },
  )
}
