import {
  AccessRequestCreateSchema,
  AccessRequestReceiptSchema,
  AccessRequestSchema,
  AccessRequestsSchema,
  ApproveSchema,
  DenySchema,
  type RequestState,
} from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import { apiError } from '../api-error.ts'
import { causeOf } from '../events/events.ts'
import { actorOf, holderOf } from '../http/authentication.ts'
import { refuseBody } from '../http/body.ts'
import { sendJson } from '../http/json.ts'
import { parsePage } from '../http/page.ts'
import { type ResourcePath, resourceParams } from '../http/params.ts'
import { bodyParser, parser } from '../http/parsed-body.ts'
import { parseEndsAt } from '../members/rules.ts'
import type { Service } from '../service.ts'
import { askSignedIn } from './ask.ts'
import { approve, deny, readQueue, readRequest } from './decide.ts'
import { receiptDocument, requestDocument } from './documents.ts'

const tags = ['requests']
const parseCreate = bodyParser(AccessRequestCreateSchema)
const parseApproval = bodyParser(ApproveSchema)
const noTerms = parser(ApproveSchema)({})
const parseDenial = bodyParser(DenySchema)

/** States that a producer sees: of requests that nobody confirmed it learns nothing. */
const seenStates = ['waiting', 'approved', 'denied', 'closed'] as const satisfies readonly RequestState[]

const parseState = (text: string | undefined): RequestState => {
  const state = seenStates.find((one) => one === (text ?? 'waiting'))
  if (state === undefined) {
    throw apiError('invalid_parameter', { name: 'state', why: `it must be one of ${seenStates.join(', ')}` })
  }
  return state
}

/** Requests for access, for who is signed in (docs/reference/requests.md). */
export const requestRoutes = (app: FastifyInstance, service: Service): void => {
  const { now, limits } = service

  app.post(
    '/v2/access-requests',
    {
      schema: {
        tags,
        summary: 'Ask for access to a listed image',
        description:
          'For the own project unless another is named. A mailbox that is confirmed among the notices of the own project needs no confirmation.',
        body: AccessRequestCreateSchema,
        response: { 202: AccessRequestReceiptSchema },
      },
    },
    async (request, reply) => {
      const { listing, project, email, message } = parseCreate(request)
      const [handle = '', slug = ''] = listing.split('/')
      const wish = { listing: { handle, slug }, project, email, message, address: request.ip }
      const asked = await askSignedIn(service, actorOf(request), causeOf(request, now()), wish)
      reply.header('cache-control', 'no-store')
      return sendJson(reply, 202, receiptDocument(asked, service.origin()))
    },
  )

  app.get(
    '/v2/access-requests',
    {
      schema: {
        tags,
        summary: 'Requests for images of the own project',
        description:
          'Oldest first. Query: `state` (waiting, approved, denied, closed; waiting by default), `image`, `limit`, `marker` (id of a request).',
        response: { 200: AccessRequestsSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const { query, limit, marker, linksAfter } = parsePage(request.url, limits)
      const page = { limit, marker, state: parseState(query.get('state')), image: query.get('image') }
      const rows = await readQueue(service, actorOf(request), page)
      return sendJson(reply, 200, {
        requests: rows.map(requestDocument),
        ...linksAfter(rows),
      })
    },
  )

  app.get<ResourcePath>(
    '/v2/access-requests/:id',
    { schema: { tags, summary: 'One request', params: resourceParams, response: { 200: AccessRequestSchema } } },
    async (request, reply) => {
      await refuseBody(request)
      return sendJson(reply, 200, requestDocument(await readRequest(service, actorOf(request), request.params.id)))
    },
  )

  app.post<ResourcePath>(
    '/v2/access-requests/:id/approve',
    {
      schema: {
        tags,
        summary: 'Approve a request',
        description: 'Shares the image with the project and tells the requester, both or neither.',
        params: resourceParams,
        body: ApproveSchema,
        response: { 200: AccessRequestSchema },
      },
    },
    async (request, reply) => {
      const { body } = request
      const isEmpty = !Buffer.isBuffer(body) || body.length === 0
      const terms = isEmpty ? noTerms : parseApproval(request)
      const cause = causeOf(request, now())
      const said = {
        message: terms.message ?? null,
        endsAt: parseEndsAt(terms.ends_at, cause.at),
        grantsBy: terms.grant === true ? holderOf(request) : null,
      }
      const row = await approve(service, actorOf(request), cause, request.params.id, said)
      return sendJson(reply, 200, requestDocument(row))
    },
  )

  app.post<ResourcePath>(
    '/v2/access-requests/:id/deny',
    {
      schema: {
        tags,
        summary: 'Deny a request',
        description: 'The requester is told the reason.',
        params: resourceParams,
        body: DenySchema,
        response: { 200: AccessRequestSchema },
      },
    },
    async (request, reply) => {
      const { reason } = parseDenial(request)
      const row = await deny(service, actorOf(request), causeOf(request, now()), request.params.id, reason)
      return sendJson(reply, 200, requestDocument(row))
    },
  )
}
