import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { apiError } from '../api-error.ts'

export const requestIdHeader = 'x-openstack-request-id'
const longest = 64

/** The id of a request: the caller's own, with `req-` in front, or a new one. */
export const requestIdOf = (sent: string | string[] | undefined): string => {
  if (typeof sent !== 'string' || sent.length > longest || !/^[\x21-\x7e]+$/.test(sent)) return `req-${randomUUID()}`
  return sent.startsWith('req-') ? sent : `req-${sent}`
}

/** Puts the request id on every answer and refuses one that is too long. */
export const withRequestIds = (app: FastifyInstance): void => {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header(requestIdHeader, request.id)
    const sent = request.headers[requestIdHeader]
    if (typeof sent === 'string' && sent.length > longest) done(apiError('request_id_too_long', {}))
    else done()
  })
}
