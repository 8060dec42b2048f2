import {
  DeliverySchema,
  ReplaySchema,
  WebhookChangeSchema,
  WebhookCreateSchema,
  WebhookSchema,
  WebhooksSchema,
} from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { noContent } from '../http/answers.ts'
import { actorOf } from '../http/authentication.ts'
import { refuseBody } from '../http/body.ts'
import { sendJson } from '../http/json.ts'
import { bodyParser } from '../http/parsed-body.ts'
import type { Service } from '../service.ts'
import { deliveryDocument } from './delivery-list.ts'
import {
  addWebhook,
  changeWebhook,
  listWebhooks,
  readWebhook,
  removeWebhook,
  replayWebhook,
  testWebhook,
  webhookDocument,
} from './webhooks.ts'

const tags = ['extensions']
const path = '/v2/webhooks'
const idParams = Type.Object({ id: Type.String({ description: 'Id of the webhook.' }) })
interface IdPath {
  Params: Type.Static<typeof idParams>
}

const parseCreate = bodyParser(WebhookCreateSchema)
const parseChange = bodyParser(WebhookChangeSchema)
const parseReplay = bodyParser(ReplaySchema)

/** Webhooks of a project, after the Standard Webhooks specification (docs/reference/notices.md). */
export const webhookRoutes = (app: FastifyInstance, service: Service): void => {
  app.get(
    path,
    { schema: { tags, summary: 'Webhooks of the project', response: { 200: WebhooksSchema } } },
    async (request, reply) => {
      await refuseBody(request)
      const rows = await listWebhooks(service, actorOf(request))
      return sendJson(reply, 200, { webhooks: rows.map(webhookDocument) })
    },
  )

  app.post(
    path,
    {
      schema: {
        tags,
        summary: 'Add a webhook',
        description: 'The answer holds the secret of its signatures, which is told only here.',
        body: WebhookCreateSchema,
        response: { 201: WebhookSchema },
      },
    },
    async (request, reply) => {
      const { row, secret } = await addWebhook(service, actorOf(request), parseCreate(request))
      return sendJson(reply, 201, { ...webhookDocument(row), secret })
    },
  )

  app.get<IdPath>(
    `${path}/:id`,
    { schema: { tags, summary: 'One webhook', params: idParams, response: { 200: WebhookSchema } } },
    async (request, reply) => {
      await refuseBody(request)
      return sendJson(reply, 200, webhookDocument(await readWebhook(service, actorOf(request), request.params.id)))
    },
  )

  app.patch<IdPath>(
    `${path}/:id`,
    {
      schema: {
        tags,
        summary: 'Change a webhook, or switch it on or off',
        params: idParams,
        body: WebhookChangeSchema,
        response: { 200: WebhookSchema },
      },
    },
    async (request, reply) => {
      const row = await changeWebhook(service, actorOf(request), request.params.id, parseChange(request))
      return sendJson(reply, 200, webhookDocument(row))
    },
  )

  app.delete<IdPath>(
    `${path}/:id`,
    { schema: { tags, summary: 'Remove a webhook', response: noContent, params: idParams } },
    async (request, reply) => {
      await refuseBody(request)
      await removeWebhook(service, actorOf(request), request.params.id)
      return reply.code(204).send()
    },
  )

  app.post<IdPath>(
    `${path}/:id/test`,
    { schema: { tags, summary: 'Try a webhook', params: idParams, response: { 202: DeliverySchema } } },
    async (request, reply) => {
      await refuseBody(request)
      return sendJson(reply, 202, deliveryDocument(await testWebhook(service, actorOf(request), request.params.id)))
    },
  )

  app.post<IdPath>(
    `${path}/:id/replay`,
    {
      schema: {
        tags,
        summary: 'Deliver again what happened since a time',
        description: 'At most the newest 1000 events of the project.',
        params: idParams,
        body: ReplaySchema,
        response: { 202: Type.Object({ queued: Type.Integer() }) },
      },
    },
    async (request, reply) => {
      const { since } = parseReplay(request)
      const queued = await replayWebhook(service, actorOf(request), request.params.id, since)
      return sendJson(reply, 202, { queued })
    },
  )
}
