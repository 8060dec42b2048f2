import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import { requireAdmin } from '../access/project.ts'
import { causeOf } from '../events/events.ts'
import { noContent } from '../http/answers.ts'
import { actorOf } from '../http/authentication.ts'
import { refuseBody } from '../http/body.ts'
import { sendJson } from '../http/json.ts'
import type { Service } from '../service.ts'
import { storeDetail, storeSummary } from './documents.ts'
import { removeFromStore } from './remove.ts'
import { readUsage } from './usage.ts'

const tags = ['stores']

const copyParams = Type.Object({
  store: Type.String({ description: 'Name of the store.' }),
  imageId: Type.String({ description: 'Id of the image.' }),
})
interface CopyPath {
  Params: Static<typeof copyParams>
}

/** What the service offers, and the copies of images in its stores (docs/reference/stores.md). */
export const storeRoutes = (app: FastifyInstance, service: Service): void => {
  const { stores, importMethods } = service

  app.get('/v2/info/import', { schema: { tags, summary: 'Ways to import bytes' } }, async (request, reply) => {
    await refuseBody(request)
    const description = 'Import methods available.'
    return sendJson(reply, 200, { 'import-methods': { description, type: 'array', value: importMethods } })
  })

  app.get('/v2/info/stores', { schema: { tags, summary: 'Stores of the service' } }, async (request, reply) => {
    await refuseBody(request)
    return sendJson(reply, 200, { stores: stores.all.map((store) => storeSummary(store, stores.byDefault)) })
  })

  app.get(
    '/v2/info/stores/detail',
    { schema: { tags, summary: 'Stores of the service, for administrators' } },
    async (request, reply) => {
      await refuseBody(request)
      requireAdmin(actorOf(request))
      return sendJson(reply, 200, { stores: stores.all.map((store) => storeDetail(store, stores.byDefault)) })
    },
  )

  app.get(
    '/v2/info/usage',
    { schema: { tags, summary: 'What the project uses of its limits', description: 'Sizes are in MiB.' } },
    async (request, reply) => sendJson(reply, 200, { usage: await readUsage(service, actorOf(request)) }),
  )

  app.delete<CopyPath>(
    '/v2/stores/:store/:imageId',
    {
      schema: {
        tags,
        summary: 'Remove the copy of an image in one store',
        response: noContent,
        description: 'For administrators. The last copy stays.',
        params: copyParams,
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const { store, imageId } = request.params
      await removeFromStore(service, actorOf(request), causeOf(request, service.now()), imageId, store)
      return reply.code(204).send()
    },
  )
}
