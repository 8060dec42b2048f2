import {
  DeliveriesSchema,
  DeliverySchema,
  FeedSchema,
  NoticeAddressChangeSchema,
  NoticeAddressCreateSchema,
  NoticeAddressesSchema,
  NoticeAddressSchema,
} from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { noContent } from '../http/answers.ts'
import { actorOf } from '../http/authentication.ts'
import { refuseBody } from '../http/body.ts'
import { sendJson } from '../http/json.ts'
import { parsePage } from '../http/page.ts'
import { bodyParser } from '../http/parsed-body.ts'
import type { Service } from '../service.ts'
import { addAddress, addressDocument, changeAddress, listAddresses, removeAddress } from './addresses.ts'
import { deliveryDocument, listDeliveries, parseState, resendDelivery } from './delivery-list.ts'
import { endFeed, makeFeed } from './feeds.ts'
import { webhookRoutes } from './webhook-routes.ts'

const tags = ['extensions']
const idParams = Type.Object({ id: Type.String() })
interface IdPath {
  Params: Type.Static<typeof idParams>
}

const parseCreate = bodyParser(NoticeAddressCreateSchema)
const parseChange = bodyParser(NoticeAddressChangeSchema)

const addressRoutes = (app: FastifyInstance, service: Service): void => {
  app.get(
    '/v2/notice-addresses',
    {
      schema: {
        tags,
        summary: 'Addresses that get the notices of the project',
        response: { 200: NoticeAddressesSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const rows = await listAddresses(service, actorOf(request))
      return sendJson(reply, 200, { addresses: rows.map(addressDocument) })
    },
  )

  app.post(
    '/v2/notice-addresses',
    {
      schema: {
        tags,
        summary: 'Add an address for notices',
        description: 'It is asked for its consent by mail; nothing is sent to it before.',
        body: NoticeAddressCreateSchema,
        response: { 201: NoticeAddressSchema, 200: NoticeAddressSchema },
      },
    },
    async (request, reply) => {
      const { row, isNew } = await addAddress(service, actorOf(request), parseCreate(request))
      return sendJson(reply, isNew ? 201 : 200, addressDocument(row))
    },
  )

  app.patch<IdPath>(
    '/v2/notice-addresses/:id',
    {
      schema: {
        tags,
        summary: 'Change which notices an address gets, and when',
        params: idParams,
        body: NoticeAddressChangeSchema,
        response: { 200: NoticeAddressSchema },
      },
    },
    async (request, reply) => {
      const row = await changeAddress(service, actorOf(request), request.params.id, parseChange(request))
      return sendJson(reply, 200, addressDocument(row))
    },
  )

  app.delete<IdPath>(
    '/v2/notice-addresses/:id',
    { schema: { tags, summary: 'Remove an address', response: noContent, params: idParams } },
    async (request, reply) => {
      await refuseBody(request)
      await removeAddress(service, actorOf(request), request.params.id)
      return reply.code(204).send()
    },
  )
}

const deliveryRoutes = (app: FastifyInstance, service: Service): void => {
  const path = '/v2/deliveries'

  app.get(
    path,
    {
      schema: {
        tags,
        summary: 'Notices of the project and what became of them',
        description: 'Newest first. Query: `state`, `limit`, `marker` (id of a delivery).',
        response: { 200: DeliveriesSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const { query, limit, marker, linksAfter } = parsePage(request.url, service.limits)
      const wish = { state: parseState(query.get('state')), limit, marker }
      const rows = await listDeliveries(service, actorOf(request), wish)
      return sendJson(reply, 200, {
        deliveries: rows.map(deliveryDocument),
        ...linksAfter(rows),
      })
    },
  )

  app.post<IdPath>(
    `${path}/:id/resend`,
    { schema: { tags, summary: 'Send a notice again', params: idParams, response: { 202: DeliverySchema } } },
    async (request, reply) => {
      await refuseBody(request)
      const row = await resendDelivery(service, actorOf(request), request.params.id)
      return sendJson(reply, 202, deliveryDocument(row))
    },
  )
}

const feedRoutes = (app: FastifyInstance, service: Service): void => {
  app.post(
    '/v2/feeds',
    {
      schema: {
        tags,
        summary: "Make the address of the project's Atom feed",
        description: 'The former address ends. Whoever has the address can read the feed.',
        response: { 201: FeedSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      return sendJson(reply, 201, { url: await makeFeed(service, actorOf(request)) })
    },
  )

  app.delete(
    '/v2/feeds',
    { schema: { tags, summary: "End the project's Atom feed", response: noContent } },
    async (request, reply) => {
      await refuseBody(request)
      await endFeed(service, actorOf(request))
      return reply.code(204).send()
    },
  )
}

/** Notice addresses, webhooks, deliveries, feeds (docs/reference/notices.md). */
export const noticeRoutes = (app: FastifyInstance, service: Service): void => {
  addressRoutes(app, service)
  webhookRoutes(app, service)
  deliveryRoutes(app, service)
  feedRoutes(app, service)
}
