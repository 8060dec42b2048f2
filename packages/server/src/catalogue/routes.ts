import {
  ListingChangeSchema,
  ListingCreateSchema,
  ListingSchema,
  ListingsSchema,
  ProducerChangeSchema,
  ProducerSchema,
} from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import { causeOf } from '../events/events.ts'
import { noContent } from '../http/answers.ts'
import { actorOf } from '../http/authentication.ts'
import { refuseBody } from '../http/body.ts'
import { sendJson } from '../http/json.ts'
import { parsePage } from '../http/page.ts'
import { bodyParser } from '../http/parsed-body.ts'
import type { Service } from '../service.ts'
import { ownListing, producerDocument } from './documents.ts'
import {
  editListing,
  publishListing,
  readListing,
  readListings,
  removeIcon,
  setIcon,
  withdrawListing,
} from './listings.ts'
import { putProducer, readProducer } from './producers.ts'

const tags = ['extensions']

const listingParams = Type.Object({ listingId: Type.String({ description: 'Id of the listing.' }) })
interface ListingPath {
  Params: Static<typeof listingParams>
}

const parseProducer = bodyParser(ProducerChangeSchema)
const parseCreate = bodyParser(ListingCreateSchema)
const parseChange = bodyParser(ListingChangeSchema)

const producerRoutes = (app: FastifyInstance, service: Service): void => {
  app.get(
    '/v2/producer',
    { schema: { tags, summary: 'Profile of the project in the catalogue', response: { 200: ProducerSchema } } },
    async (request, reply) => {
      await refuseBody(request)
      const { row, warnings } = await readProducer(service, actorOf(request))
      return sendJson(reply, 200, producerDocument(row, warnings))
    },
  )

  app.put(
    '/v2/producer',
    {
      schema: {
        tags,
        summary: 'Make or replace the profile of the project in the catalogue',
        body: ProducerChangeSchema,
        response: { 200: ProducerSchema, 201: ProducerSchema },
      },
    },
    async (request, reply) => {
      const { made, row, warnings } = await putProducer(service, actorOf(request), parseProducer(request))
      return sendJson(reply, made ? 201 : 200, producerDocument(row, warnings))
    },
  )
}

const iconRoutes = (app: FastifyInstance, service: Service): void => {
  const { now } = service
  const path = '/v2/listings/:listingId/icon'

  app.put<ListingPath>(
    path,
    {
      schema: {
        tags,
        summary: 'Give a listing an icon',
        description: 'The body is a PNG, JPEG or WebP picture of at most 128 KiB and 1024 x 1024 pixels.',
        params: listingParams,
        response: { 200: ListingSchema },
      },
    },
    async (request, reply) => {
      const { row, warnings } = await setIcon(
        service,
        actorOf(request),
        causeOf(request, now()),
        request.params.listingId,
        request.body,
      )
      return sendJson(reply, 200, ownListing(row, warnings))
    },
  )

  app.delete<ListingPath>(
    path,
    { schema: { tags, summary: 'Take the icon of a listing away', response: noContent, params: listingParams } },
    async (request, reply) => {
      await refuseBody(request)
      await removeIcon(service, actorOf(request), causeOf(request, now()), request.params.listingId)
      return reply.code(204).send()
    },
  )
}

const listRoutes = (app: FastifyInstance, service: Service): void => {
  app.get(
    '/v2/listings',
    {
      schema: {
        tags,
        summary: 'Listings of the project, newest first',
        description: 'Query: `limit`, `marker` (id of a listing); `producer` (a handle) for administrators.',
        response: { 200: ListingsSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const { query, limit, marker, links } = parsePage(request.url, service.limits)
      const page = { of: query.get('producer'), marker, limit: limit + 1 }
      const rows = await readListings(service, actorOf(request), page)
      const shown = rows.slice(0, limit)
      return sendJson(reply, 200, {
        listings: shown.map((row) => ownListing(row, [])),
        ...links(rows.length > limit ? shown.at(-1)?.id : undefined),
      })
    },
  )

  app.post(
    '/v2/listings',
    {
      schema: {
        tags,
        summary: 'Announce an image in the catalogue',
        description: 'Everyone can read the listing from then on. The id of the image stays secret.',
        body: ListingCreateSchema,
        response: { 201: ListingSchema },
      },
    },
    async (request, reply) => {
      const body = parseCreate(request)
      const { row, warnings } = await publishListing(service, actorOf(request), causeOf(request, service.now()), body)
      return sendJson(reply.header('location', `/v2/listings/${row.id}`), 201, ownListing(row, warnings))
    },
  )
}

/** Profile and listings of a producer (docs/reference/catalogue.md). */
export const listingRoutes = (app: FastifyInstance, service: Service): void => {
  const { now } = service
  const path = '/v2/listings/:listingId'
  producerRoutes(app, service)
  listRoutes(app, service)
  iconRoutes(app, service)

  app.get<ListingPath>(
    path,
    { schema: { tags, summary: 'One listing', params: listingParams, response: { 200: ListingSchema } } },
    async (request, reply) => {
      await refuseBody(request)
      const { row, warnings } = await readListing(service, actorOf(request), request.params.listingId)
      return sendJson(reply, 200, ownListing(row, warnings))
    },
  )

  app.patch<ListingPath>(
    path,
    {
      schema: {
        tags,
        summary: 'Change a listing',
        description: 'A JSON object with what changes; null takes a value away.',
        params: listingParams,
        body: ListingChangeSchema,
        response: { 200: ListingSchema },
      },
    },
    async (request, reply) => {
      const change = parseChange(request)
      const { listingId } = request.params
      const cause = causeOf(request, now())
      const { row, warnings } = await editListing(service, actorOf(request), cause, listingId, change)
      return sendJson(reply, 200, ownListing(row, warnings))
    },
  )

  app.delete<ListingPath>(
    path,
    {
      schema: {
        tags,
        summary: 'Withdraw a listing',
        response: noContent,
        description: 'The image and its shares stay. Administrators can withdraw any listing.',
        params: listingParams,
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      await withdrawListing(service, actorOf(request), causeOf(request, now()), request.params.listingId)
      return reply.code(204).send()
    },
  )
}
