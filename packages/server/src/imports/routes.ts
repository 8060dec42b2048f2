import { ImportSchema } from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import { causeOf } from '../events/events.ts'
import { accepted } from '../http/answers.ts'
import { actorOf, holderOf } from '../http/authentication.ts'
import { type ImagePath, imageParams } from '../http/params.ts'
import type { Service } from '../service.ts'
import { beginImport } from './begin.ts'
import { parseImport } from './request.ts'

/** Imports of bytes (docs/reference/imports.md). */
export const importRoutes = (app: FastifyInstance, service: Service): void => {
  app.post<ImagePath>(
    '/v2/images/:imageId/import',
    {
      schema: {
        tags: ['data'],
        summary: 'Import the bytes of an image',
        response: accepted,
        description:
          'By glance-direct, web-download, glance-download or copy-image. Answers 202; the work goes on after that, and its task and the image tell how it stands.',
        params: imageParams,
        body: ImportSchema,
      },
    },
    async (request, reply) => {
      const asked = parseImport(service, request)
      const cause = causeOf(request, service.now())
      const token = holderOf(request).token ?? ''
      await beginImport(service, actorOf(request), cause, request.params.imageId, asked, token)
      return reply.code(202).send()
    },
  )
}
