import { EncryptionSchema, EncryptSchema } from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import { causeOf } from '../events/events.ts'
import { noContent } from '../http/answers.ts'
import { actorOf } from '../http/authentication.ts'
import { refuseBody } from '../http/body.ts'
import { sendJson } from '../http/json.ts'
import { type ImagePath, imageParams } from '../http/params.ts'
import { bodyParser } from '../http/parsed-body.ts'
import type { Service } from '../service.ts'
import { encryptImage, leavePlain, readEncryption } from './encryption.ts'

const tags = ['keys']
const path = '/v2/images/:imageId/encryption'
const parseEncrypt = bodyParser(EncryptSchema)

/** How images are encrypted (docs/reference/encryption.md). */
export const encryptionRoutes = (app: FastifyInstance, service: Service): void => {
  const { now } = service

  app.get<ImagePath>(
    path,
    {
      schema: {
        tags,
        summary: 'How an image is encrypted',
        description: 'For everyone who sees the image, and whether the own project can use its key.',
        params: imageParams,
        response: { 200: EncryptionSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      return sendJson(reply, 200, await readEncryption(service, actorOf(request), request.params.imageId))
    },
  )

  app.put<ImagePath>(
    path,
    {
      schema: {
        tags,
        summary: 'Seal the bytes of a queued image',
        description: 'For the owner, before the upload. Without a key_id: under the default key of the project.',
        params: imageParams,
        body: EncryptSchema,
        response: { 200: EncryptionSchema },
      },
    },
    async (request, reply) => {
      const isEmpty = !Buffer.isBuffer(request.body) || request.body.length === 0
      const { key_id } = isEmpty ? {} : parseEncrypt(request)
      const { imageId } = request.params
      const cause = causeOf(request, now())
      return sendJson(reply, 200, await encryptImage(service, actorOf(request), cause, imageId, key_id))
    },
  )

  app.delete<ImagePath>(
    path,
    {
      schema: {
        tags,
        summary: 'Leave a queued image plain',
        response: noContent,
        description: 'For the owner, before the upload.',
        params: imageParams,
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      await leavePlain(service, actorOf(request), causeOf(request, now()), request.params.imageId)
      return reply.code(204).send()
    },
  )
}
