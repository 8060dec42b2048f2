import { CopySchema, ImageSchema } from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import { causeOf } from '../events/events.ts'
import { actorOf, holderOf } from '../http/authentication.ts'
import { sendJson } from '../http/json.ts'
import { type ImagePath, imageParams } from '../http/params.ts'
import { bodyParser } from '../http/parsed-body.ts'
import { imageDocument } from '../images/image.ts'
import type { Service } from '../service.ts'
import { copyImage } from './copies.ts'

const parseCopy = bodyParser(CopySchema)

/** Copies of images into the own project (docs/reference/encryption.md). */
export const copyRoutes = (app: FastifyInstance, service: Service): void => {
  app.post<ImagePath>(
    '/v2/images/:imageId/copies',
    {
      schema: {
        tags: ['keys'],
        summary: 'Copy an image into the own project',
        description:
          'For whoever may download it. Answers 202 with the copy, which is saving; it is active when it is done, and queued again if it failed. An encrypted image is copied under a key of the own project.',
        params: imageParams,
        body: CopySchema,
        response: { 202: ImageSchema },
      },
    },
    async (request, reply) => {
      const isEmpty = !Buffer.isBuffer(request.body) || request.body.length === 0
      const { name, encrypt, key_id: keyId } = isEmpty ? {} : parseCopy(request)
      const cause = causeOf(request, service.now())
      const wish = { name, encrypt, keyId }
      const { imageId } = request.params
      const copy = await copyImage(service, actorOf(request), holderOf(request), cause, imageId, wish)
      return sendJson(reply, 202, imageDocument(copy))
    },
  )
}
