import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Actor } from '../access/actor.ts'
import { ApiError, apiError } from '../api-error.ts'
import type { KeyHolder } from '../keys/port.ts'
import type { Service } from '../service.ts'
import { publicUrlOf } from './public-url.ts'
import { pathOf } from './query.ts'

/** Who sent the request. Only on routes behind `withAuthentication`. */
export const actorOf = (request: FastifyRequest): Actor => request.getDecorator<Actor>('actor')

const tokenOf = (request: FastifyRequest): string => {
  for (const name of ['x-auth-token', 'x-storage-token']) {
    const sent = request.headers[name]
    if (typeof sent === 'string' && sent.trim() !== '') return sent.trim()
  }
  throw apiError('token_missing', {})
}

/** The same towards the key manager, which may ask for the token itself. */
export const holderOf = (request: FastifyRequest): KeyHolder => ({
  projectId: actorOf(request).projectId ?? '',
  token: tokenOf(request),
})

/**
 * Demands a valid token on every route of this plugin, before the body is read. No other header says who the caller is:
 * `X-Project-Id`, `X-Roles` and their like are never read.
 */
export const withAuthentication = (app: FastifyInstance, service: Service): void => {
  app.decorateRequest('actor')
  app.addHook('onRequest', async (request) => {
    try {
      const sent = request.headers['x-service-token']
      const serviceToken = typeof sent === 'string' && sent.trim() !== '' ? sent.trim() : undefined
      const call = { method: request.method, path: pathOf(request.url), serviceToken }
      request.setDecorator('actor', await service.identity.validate(tokenOf(request), call))
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error
      const uri = service.identity.authUrl(publicUrlOf(service, request))
      throw new ApiError(error.code, error.message, { 'www-authenticate': `Keystone uri="${uri}"` })
    }
  })
}
