import { AccessRequestReceiptSchema, AccessRequestStatusSchema, AnonymousRequestSchema } from '@vitrine/contract'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { ApiError, apiError } from '../api-error.ts'
import { listingPath } from '../catalogue/documents.ts'
import { sendPage } from '../catalogue/page.ts'
import { announcedByIds } from '../catalogue/queries.ts'
import type { Cause } from '../events/events.ts'
import { jsonBody, refuseBody } from '../http/body.ts'
import { errorForm } from '../http/errors.ts'
import { sendJson } from '../http/json.ts'
import { parser } from '../http/parsed-body.ts'
import type { Service } from '../service.ts'
import { announcedListing, askAnonymously, type ListingAddress } from './ask.ts'
import { confirmRequest, readConfirmable, readTracked } from './confirm.ts'
import { receiptDocument, statusDocument } from './documents.ts'
import { type Typed, typedFrom, wrongIn } from './form.ts'
import { confirmPage, formAgainPage, statusPage } from './pages.ts'
import type { RequestRow } from './queries.ts'

const tags = ['catalogue']
const parseRequest = parser(AnonymousRequestSchema)

const listingParams = Type.Object({
  handle: Type.String({ description: 'Handle of the producer.' }),
  slug: Type.String({ description: 'Slug of the listing.' }),
})
const secretParams = Type.Object({ secret: Type.String({ description: 'The secret of the link.' }) })
interface SecretPath {
  Params: Type.Static<typeof secretParams>
}

/** Nobody is signed in here. */
const causeOfVisitor = (request: FastifyRequest, at: number): Cause => ({
  projectId: null,
  userId: null,
  requestId: request.id,
  at,
})

const wantsPage = (request: FastifyRequest): boolean => errorForm(request.headers.accept) === 'html'

/**
 * These pages know no session: another site that makes a browser send a form gains nothing that it could not send itself,
 * but for the network that the limits count, and a press of the button of a link that it does not know. So no token
 * guards the forms; what a browser itself calls foreign is refused all the same.
 */
const refuseForeign = (request: FastifyRequest): void => {
  if (request.headers['sec-fetch-site'] === 'cross-site') {
    throw apiError('invalid_header', { name: 'Sec-Fetch-Site', why: 'this form is sent from its own page only' })
  }
}

const privately = (reply: FastifyReply): FastifyReply =>
  reply.headers({
    'cache-control': 'private, no-store',
    'x-robots-tag': 'noindex',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  })

const isForm = (request: FastifyRequest): boolean =>
  (request.headers['content-type'] ?? '').toLowerCase().startsWith('application/x-www-form-urlencoded')

const typedIn = (request: FastifyRequest): Typed => {
  const { body } = request
  return typedFrom(Buffer.isBuffer(body) ? body : Buffer.alloc(0))
}

/** The request as JSON, whichever way it was sent. @throws ApiError `invalid_body` and what JSON bodies may be */
const wishOf = (request: FastifyRequest) => {
  if (!isForm(request)) return parseRequest(jsonBody(request))
  const { project, email, message } = typedIn(request)
  return parseRequest({ project, email, ...(message === '' ? {} : { message }) })
}

/** Asking for access, and the secret links of a request (docs/reference/requests.md). */
export const publicRequestRoutes = (app: FastifyInstance, service: Service): void => {
  const { database, now } = service

  const statusOf = async (row: RequestRow) => {
    const listed = await announcedByIds(database.read, [row.listing_id])
    return statusDocument(row, listed.length > 0)
  }

  /** For a browser: on to the page of the request, or the form again with what is wrong. */
  const answerForm = async (request: FastifyRequest, reply: FastifyReply, listing: ListingAddress) => {
    const typed = typedIn(request)
    const wrong = wrongIn(typed)
    const again = async (status: number, problem: string) => {
      const row = await announcedListing(database.read, listing)
      const { title, terms } = row
      const listed = { title, path: listingPath(row), hasTerms: Boolean(terms) }
      return sendPage(reply, status, formAgainPage(listed, typed, problem, wrong))
    }
    if (Object.keys(wrong).length > 0) return again(400, 'The request cannot be sent like this.')
    try {
      const wish = { ...typed, listing, address: request.ip }
      const { trackPath } = await askAnonymously(service, causeOfVisitor(request, now()), wish)
      return privately(reply).redirect(trackPath, 303)
    } catch (error) {
      if (!(error instanceof ApiError) || error.status === 404) throw error
      reply.headers(error.headers)
      return again(error.status, error.message)
    }
  }

  app.post<{ Params: Type.Static<typeof listingParams> }>(
    '/catalogue/producers/:handle/:slug/requests',
    {
      schema: {
        tags,
        security: [],
        summary: 'Ask for access to a listed image',
        description:
          'By anyone, as JSON or as the form of the page. The answer is the same whether or not there is such a project.',
        params: listingParams,
        body: AnonymousRequestSchema,
        response: { 202: AccessRequestReceiptSchema },
      },
    },
    async (request, reply) => {
      refuseForeign(request)
      const { handle, slug } = request.params
      const listing = { handle, slug }
      if (isForm(request) && wantsPage(request)) return answerForm(request, reply, listing)
      const { project, email, message } = wishOf(request)
      const wish = { listing, project, email, message, address: request.ip }
      const asked = await askAnonymously(service, causeOfVisitor(request, now()), wish)
      return sendJson(privately(reply), 202, receiptDocument(asked, service.origin()))
    },
  )

  app.get<SecretPath>(
    '/catalogue/requests/:secret',
    {
      exposeHeadRoute: true,
      schema: {
        tags,
        security: [],
        summary: 'How a request stands',
        description: 'A page; with `.json` at the end, a document.',
        params: secretParams,
        response: { 200: AccessRequestStatusSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const [, secret = '', isJson] = /^(.*?)(\.json)?$/s.exec(request.params.secret) ?? []
      const status = await statusOf(await readTracked(service, secret))
      return isJson === undefined ? sendPage(reply, 200, statusPage(status)) : sendJson(privately(reply), 200, status)
    },
  )

  app.get<SecretPath>(
    '/catalogue/requests/confirm/:secret',
    {
      exposeHeadRoute: true,
      schema: {
        tags,
        security: [],
        summary: 'Page that confirms a request',
        description: 'Changes nothing.',
        params: secretParams,
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const { secret } = request.params
      const row = await readConfirmable(service, secret)
      const status = await statusOf(row)
      const page = status.state === 'unconfirmed' ? confirmPage(status, row.message, secret) : statusPage(status)
      return sendPage(reply, 200, page)
    },
  )

  app.post<SecretPath>(
    '/catalogue/requests/confirm/:secret',
    {
      schema: {
        tags,
        security: [],
        summary: 'Confirm a request',
        description: 'Doing it again changes nothing.',
        params: secretParams,
        response: { 200: AccessRequestStatusSchema },
      },
    },
    async (request, reply) => {
      refuseForeign(request)
      const row = await confirmRequest(service, causeOfVisitor(request, now()), request.params.secret)
      const status = await statusOf(row)
      return wantsPage(request) ? sendPage(reply, 200, statusPage(status)) : sendJson(privately(reply), 200, status)
    },
  )
}
