import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { type ErrorCode, errorDocument, errorTable, errorText, errorTitle } from '@vitrine/contract'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ApiError, apiError } from '../api-error.ts'
import { isOutage } from '../database/outage.ts'
import { jsonLimitBytes } from './body.ts'
import { escapeMarkup } from './markup.ts'
import { requestIdHeader } from './request-id.ts'

type Form = 'json' | 'html' | 'text'

/** The form of an error body. JSON unless only another is asked for: clients drop the sentence of anything else. */
export const errorForm = (accept: string | undefined): Form => {
  const wanted = (accept ?? '').toLowerCase()
  if (wanted.includes('application/json')) return 'json'
  if (wanted.includes('text/html')) return 'html'
  return wanted.includes('text/plain') && !wanted.includes('*/*') ? 'text' : 'json'
}

/** A page of ours runs nothing, loads nothing and stands in no frame. */
const pageHeaders = {
  'content-security-policy': "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
}

interface Body {
  readonly type: string
  readonly headers?: Readonly<Record<string, string>>
  readonly render: (status: number, message: string) => string
}

const bodies: Readonly<Record<Form, Body>> = {
  json: {
    type: 'application/json',
    render: (status, message) => JSON.stringify(errorDocument(status, message)),
  },
  html: {
    type: 'text/html; charset=UTF-8',
    headers: pageHeaders,
    render: (status, message) => {
      const heading = `${status} ${errorTitle(status)}`
      return `<!doctype html>\n<html lang="en"><head><title>${heading}</title></head>\n<body><h1>${heading}</h1>\n${escapeMarkup(message)}\n</body></html>\n`
    },
  },
  text: {
    type: 'text/plain; charset=UTF-8',
    render: (status, message) => `${status} ${errorTitle(status)}\n\n${message}\n`,
  },
}

/** What Fastify and Node throw by themselves, in our words. */
const translated: Readonly<Record<string, () => ApiError>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () => apiError('body_too_large', { limit: jsonLimitBytes }),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () => apiError('malformed_request', { why: 'the length of the body is wrong' }),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () =>
    apiError('invalid_header', { name: 'Content-Type', why: 'it is no media type' }),
  FST_ERR_BAD_URL: () => apiError('malformed_path', {}),
  FST_ERR_MAX_PARAM_LENGTH: () => apiError('route_not_found', {}),
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

/** The row of the error table for whatever was thrown; what is not known is `internal` and tells nothing. */
export const asApiError = (error: unknown): ApiError => {
  if (error instanceof ApiError) return error
  const known = translated[codeOf(error)]?.()
  if (known !== undefined) return known
  if (isOutage(error)) return apiError('database_unavailable', {})
  // Parts of Fastify mark their refusals by a status.
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  if (status === 403 || status === 404) return apiError('route_not_found', {})
  return apiError('internal', {})
}

const lingerMs = 10_000

/**
 * Lets a client finish sending a body that is not wanted, for a while: one whose connection is closed under it loses the
 * answer that says why. Fastify would close it at once.
 */
const lingerOver = (request: IncomingMessage, reply: FastifyReply): void => {
  if (request.complete) return
  reply.removeHeader('connection')
  request.resume()
  const timer = setTimeout(() => request.destroy(), lingerMs)
  timer.unref()
  request.once('close', () => clearTimeout(timer))
}

/** Tells a person in a browser what went wrong, in the frame of the pages that the request belongs to. */
export type SendErrorPage = (reply: FastifyReply, status: number, message: string) => FastifyReply

/** The pages of a part of the service, by how its addresses begin. */
export interface ErrorPages {
  readonly prefix: string
  readonly send: SendErrorPage
}

const sendError = (error: unknown, request: FastifyRequest, reply: FastifyReply, pages?: ErrorPages): void => {
  const answer = asApiError(error)
  if (answer.code === 'internal' || answer.code === 'database_unavailable')
    request.log.error({ err: error, reqId: request.id }, 'a request failed')
  const form = errorForm(request.headers.accept)
  if (form === 'html' && pages !== undefined && request.url.startsWith(pages.prefix)) {
    pages.send(reply.headers({ ...answer.headers, [requestIdHeader]: request.id }), answer.status, answer.message)
    return
  }
  const { type, headers = {}, render } = bodies[form]
  reply
    .code(answer.status)
    .headers({ ...headers, ...answer.headers })
    .header(requestIdHeader, request.id)
    .header('content-type', type)
    .send(Buffer.from(render(answer.status, answer.message)))
}

export const withErrors = (app: FastifyInstance, pages: ErrorPages): void => {
  app.setErrorHandler((error, request, reply) => sendError(error, request, reply, pages))
  app.addHook('onSend', async (request, reply) => {
    if (reply.statusCode >= 400) lingerOver(request.raw, reply)
  })
}

/** For errors that Fastify meets before a route is known, such as a broken path. */
export const frameworkError = (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
  // No hook runs for these.
  lingerOver(request.raw, reply)
  sendError(error, request, reply)
}

const parserErrors: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
}

const connectionErrorText = (code: string): { status: number; message: string } => {
  const known = parserErrors[code]
  if (known === 'headers_too_large' || known === 'request_timeout') {
    return { status: errorTable[known].status, message: errorText(known, {}) }
  }
  return { status: 400, message: errorText('malformed_request', { why: 'it cannot be parsed' }) }
}

/** Answers what is not even an HTTP request, and closes the connection. */
export const connectionError = (error: Error, socket: Socket): void => {
  if (codeOf(error) === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const { status, message } = connectionErrorText(codeOf(error))
  const body = JSON.stringify(errorDocument(status, message))
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}
