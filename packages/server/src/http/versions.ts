import { apiMinors, versionsDocument } from '@vitrine/contract'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { apiError } from '../api-error.ts'
import { sendJson } from './json.ts'
import { publicUrlOf } from './public-url.ts'

/** First segments of paths that are not the Image API. */
const ownSegments: ReadonlySet<string> = new Set([
  'catalogue',
  'console',
  'identity',
  'links',
  'docs',
  'openapi.json',
  'healthz',
  'readyz',
  'metrics',
])

const served: ReadonlySet<string> = new Set(apiMinors.map((minor) => `v2.${minor}`))

/** A request line may name the whole address, as it does for a proxy. */
export const withoutOrigin = (url: string): string =>
  url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?#]*/i, '') || '/'

/** Every served minor version is another name for `/v2`. */
export const withoutMinor = (url: string): string => {
  const end = url.slice(1).search(/[/?]/) + 1
  const segment = end === 0 ? url.slice(1) : url.slice(1, end)
  return served.has(segment) ? `/v2${end === 0 ? '' : url.slice(end)}` : url
}

const prefersHtml = (request: FastifyRequest): boolean =>
  (request.headers.accept ?? '').trimStart().startsWith('text/html')

/**
 * Version discovery. Whatever is not the API of a served version, nor a page of ours, is answered with the versions that
 * there are, as clients of this API expect.
 */
export const versionRoutes = (app: FastifyInstance, service: { publicUrl: string | undefined }): void => {
  const answer = (status: number) => async (request: FastifyRequest, reply: FastifyReply) =>
    sendJson(reply, status, versionsDocument(publicUrlOf(service, request)))

  app.get('/', { schema: { hide: true } }, async (request, reply) =>
    prefersHtml(request) ? reply.redirect('/catalogue', 302) : answer(300)(request, reply),
  )
  for (const path of ['/versions', '/versions/']) app.get(path, { schema: { hide: true } }, answer(200))
  for (const path of ['/v2', '/v2/']) app.get(path, { schema: { hide: true } }, answer(300))

  app.setNotFoundHandler(async (request, reply) => {
    const segment = request.url.split(/[/?]/, 2)[1] ?? ''
    if (segment === 'v2' || ownSegments.has(segment) || request.url.startsWith('/v1/cloudimages'))
      throw apiError('route_not_found', {})
    return answer(300)(request, reply)
  })
}
