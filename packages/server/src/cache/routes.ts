import type { FastifyInstance, FastifyRequest } from 'fastify'
import { entitled } from '../access/entitle.ts'
import { requireAdmin } from '../access/project.ts'
import { apiError } from '../api-error.ts'
import { actorOf } from '../http/authentication.ts'
import { refuseBody } from '../http/body.ts'
import { sendJson } from '../http/json.ts'
import { type ImagePath, imageParams } from '../http/params.ts'
import { findImage } from '../images/queries.ts'
import type { Service } from '../service.ts'
import type { Cache } from './cache.ts'

const tags = ['cache']
const targets = { '': 'both', cache: 'cache', queue: 'queue' } as const

const isTarget = (text: string): text is keyof typeof targets => Object.hasOwn(targets, text)

/** @throws ApiError `role_required`, `cache_off` */
const cacheFor = ({ cache }: Service, request: FastifyRequest): Cache => {
  requireAdmin(actorOf(request))
  if (cache === undefined) throw apiError('cache_off', {})
  return cache
}

/** The copies of images on this machine, for administrators (docs/reference/cache.md). */
export const cacheRoutes = (app: FastifyInstance, service: Service): void => {
  const { database, now } = service

  const findFor = async (request: FastifyRequest, imageId: string) => {
    const actor = actorOf(request)
    const found = await findImage(database.read, imageId, actor.projectId, now())
    return entitled(actor, 'image.show', { image: imageId }, found).row
  }

  app.get('/v2/cache', { schema: { tags, summary: 'Cached images' } }, async (request, reply) => {
    await refuseBody(request)
    const { cached, queued } = await cacheFor(service, request).list()
    return sendJson(reply, 200, { cached_images: cached, queued_images: queued })
  })

  app.delete(
    '/v2/cache',
    {
      schema: {
        tags,
        summary: 'Empty the cache',
        description: 'The header `x-image-cache-clear-target` says `cache` or `queue`; without it, both are emptied.',
      },
    },
    async (request, reply) => {
      const cache = cacheFor(service, request)
      const { 'x-image-cache-clear-target': given = '' } = request.headers
      const target = Array.isArray(given) ? given.join() : given
      if (!isTarget(target)) throw apiError('cache_target_unknown', { target })
      await cache.clear(targets[target])
      return reply.code(204).send()
    },
  )

  app.put<ImagePath>(
    '/v2/cache/:imageId',
    { schema: { tags, summary: 'Have an image cached', params: imageParams } },
    async (request, reply) => {
      const cache = cacheFor(service, request)
      const { id, status } = await findFor(request, request.params.imageId)
      if (status !== 'active') throw apiError('cache_not_active', { status })
      await cache.enqueue(id)
      return reply.code(202).send()
    },
  )

  app.delete<ImagePath>(
    '/v2/cache/:imageId',
    { schema: { tags, summary: 'Remove an image from the cache and its queue', params: imageParams } },
    async (request, reply) => {
      const { imageId: id } = request.params
      if (!(await cacheFor(service, request).evict(id)))
        throw apiError('resource_not_found', { kind: 'cached image', id })
      return reply.code(204).send()
    },
  )

  app.post(
    '/v2/cache/clean',
    { schema: { tags, summary: 'Remove what is of no use from the cache' } },
    async (request, reply) => {
      await cacheFor(service, request).clean()
      return reply.code(200).send()
    },
  )

  app.post(
    '/v2/cache/prune',
    { schema: { tags, summary: 'Bring the cache down to its size' } },
    async (request, reply) => {
      const { files, bytes } = await cacheFor(service, request).prune()
      return sendJson(reply, 200, { total_files_pruned: files, total_bytes_pruned: bytes })
    },
  )

  app.get<ImagePath>(
    '/v2/cache/nodes/:imageId',
    {
      schema: {
        tags,
        summary: 'Machines that have an image cached',
        description: 'Each machine knows its own cache only, so this is always refused.',
        params: imageParams,
      },
    },
    async (request) => {
      await refuseBody(request)
      cacheFor(service, request)
      await findFor(request, request.params.imageId)
      throw apiError('cache_not_central', {})
    },
  )
}
