import type { FastifyInstance } from 'fastify'
import { apiError } from '../api-error.ts'
import { causeOf } from '../events/events.ts'
import { bytes, noContent } from '../http/answers.ts'
import { actorOf, holderOf } from '../http/authentication.ts'
import { refuseBody, withStreamedBodies } from '../http/body.ts'
import { type ImagePath, imageParams } from '../http/params.ts'
import { parseQuery } from '../http/query.ts'
import { stage } from '../imports/stage.ts'
import type { Service } from '../service.ts'
import type { ByteStore } from '../storage/port.ts'
import { digestHeaders } from './digest-headers.ts'
import { download } from './download.ts'
import { openingBy, sealingBy } from './image-keys.ts'
import { announcedSize, checkDataMediaType } from './rules.ts'
import { upload } from './upload.ts'

const tags = ['data']

/** Where the caller wants the bytes. @throws ApiError `unknown_store` */
export const chosenStore = ({ stores }: Service, name: string | string[] | undefined): ByteStore => {
  if (name === undefined || name === '') return stores.byDefault
  const store = typeof name === 'string' ? stores.byName(name) : undefined
  if (store === undefined) throw apiError('unknown_store', { store: String(name) })
  return store
}

/** The stores that the caller would have the bytes from, if they are there. @throws ApiError `unknown_store` */
const preferredStores = ({ stores }: Service, url: string): string[] => {
  const names = new Map(parseQuery(url)).get('prefer')?.split(',') ?? []
  return names.map((part) => {
    const name = part.trim()
    if (stores.byName(name) === undefined) throw apiError('unknown_store', { store: name })
    return name
  })
}

/** The bytes of images. A plugin of its own, since nothing here may read a body whole. */
export const dataRoutes = (app: FastifyInstance, service: Service): void => {
  withStreamedBodies(app)

  app.put<ImagePath>(
    '/v2/images/:imageId/file',
    {
      schema: {
        tags,
        summary: 'Upload the bytes of an image',
        response: noContent,
        description: 'The body is application/octet-stream. The image is active when this answers 204.',
        params: imageParams,
      },
    },
    async (request, reply) => {
      checkDataMediaType(request.headers['content-type'])
      const announcedBytes = announcedSize(request.headers)
      const store = chosenStore(service, request.headers['x-image-meta-store'])
      const { imageId } = request.params
      const cause = causeOf(request, service.now())
      const holder = holderOf(request)
      const { token } = holder
      const sealingOf = sealingBy(service, holder, cause)
      const expected = digestHeaders(request.headers)
      const source = request.raw
      await upload(service, actorOf(request), cause, {
        imageId,
        store,
        source,
        announcedBytes,
        expected,
        sealingOf,
        token,
      })
      return reply.code(204).send()
    },
  )

  app.put<ImagePath>(
    '/v2/images/:imageId/stage',
    {
      schema: {
        tags,
        summary: 'Stage the bytes of an image',
        response: noContent,
        description:
          'The body is application/octet-stream. The image is uploading from then on; POST import makes it active.',
        params: imageParams,
      },
    },
    async (request, reply) => {
      if (!service.importMethods.includes('glance-direct')) throw apiError('route_not_found', {})
      checkDataMediaType(request.headers['content-type'])
      const announcedBytes = announcedSize(request.headers)
      const { imageId } = request.params
      const cause = causeOf(request, service.now())
      const holder = holderOf(request)
      const { token } = holder
      const sealingOf = sealingBy(service, holder, cause)
      const expected = digestHeaders(request.headers)
      const source = request.raw
      await stage(service, actorOf(request), cause, { imageId, source, announcedBytes, expected, sealingOf, token })
      return reply.code(204).send()
    },
  )

  app.get<ImagePath>(
    '/v2/images/:imageId/file',
    {
      schema: {
        tags,
        summary: 'Download the bytes of an image',
        response: { ...bytes, ...noContent },
        description: 'One range can be asked for. 204 while the image has no bytes.',
        params: imageParams,
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const prefer = preferredStores(service, request.url)
      const openKey = openingBy(service, holderOf(request), causeOf(request, service.now()))
      return download(service, request, reply, request.params.imageId, openKey, prefer)
    },
  )
}
