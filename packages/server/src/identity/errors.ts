import { errorDocument } from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import { asApiError } from '../http/errors.ts'
import { sendJson } from '../http/json.ts'
import type { EmbeddedContext } from './context.ts'

/** Errors of the identity service are JSON whatever the client accepts, as those of Keystone. */
export const withIdentityErrors = (app: FastifyInstance, context: EmbeddedContext): void => {
  app.setErrorHandler((error, request, reply) => {
    const answer = asApiError(error)
    if (answer.status >= 500) request.log.error({ err: error, reqId: request.id }, answer.message)
    if (!request.raw.complete) reply.header('connection', 'close')
    if (answer.status === 401) reply.header('www-authenticate', `Keystone uri="${context.identityUrl(request)}"`)
    return sendJson(reply.headers(answer.headers), answer.status, errorDocument(answer.status, answer.message))
  })
}
