import type { FastifyInstance, FastifyRequest } from 'fastify'
import { causeOf } from '../events/events.ts'
import { actorOf, holderOf } from '../http/authentication.ts'
import { refuseBody } from '../http/body.ts'
import { sendJson } from '../http/json.ts'
import { type ImagePath, imageParams } from '../http/params.ts'
import { pathOf } from '../http/query.ts'
import type { Service } from '../service.ts'
import { addLocation, readLocations } from './locations.ts'
import { LocationSchema, parseLocation } from './request.ts'

const tags = ['stores']

/** Whether a service of the cloud asks, by its own token or by a second one beside that of a user. */
const isService = async ({ identity }: Service, request: FastifyRequest): Promise<boolean> => {
  if (actorOf(request).roles.has('service')) return true
  const sent = request.headers['x-service-token']
  if (typeof sent !== 'string' || sent.trim() === '') return false
  const call = { method: request.method, path: pathOf(request.url), serviceToken: undefined }
  return (await identity.validate(sent.trim(), call)).roles.has('service')
}

/** Where the bytes of an image are (docs/reference/locations.md). */
export const locationRoutes = (app: FastifyInstance, service: Service): void => {
  app.get<ImagePath>(
    '/v2/images/:imageId/locations',
    {
      schema: {
        tags,
        summary: 'Where the copies of an image are',
        description: 'For administrators and services of the cloud.',
        params: imageParams,
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      return sendJson(reply, 200, await readLocations(service, actorOf(request), request.params.imageId))
    },
  )

  app.post<ImagePath>(
    '/v2/images/:imageId/locations',
    {
      schema: {
        tags,
        summary: 'Take the bytes behind an address',
        description: 'Answers 202; the image is importing, and active when the bytes are copied.',
        params: imageParams,
        body: LocationSchema,
      },
    },
    async (request, reply) => {
      const asked = parseLocation(request)
      const cause = causeOf(request, service.now())
      const who = { isService: await isService(service, request), token: holderOf(request).token ?? '' }
      await addLocation(service, actorOf(request), cause, request.params.imageId, asked, who)
      return reply.code(202).send()
    },
  )
}
