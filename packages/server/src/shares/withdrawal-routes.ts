import { WithdrawalSchema, WithdrawSchema } from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import { causeOf } from '../events/events.ts'
import { noContent } from '../http/answers.ts'
import { actorOf } from '../http/authentication.ts'
import { refuseBody } from '../http/body.ts'
import { sendJson } from '../http/json.ts'
import { type ImagePath, imageParams } from '../http/params.ts'
import { bodyParser } from '../http/parsed-body.ts'
import type { Service } from '../service.ts'
import { cancelWithdrawal, readWithdrawal, withdraw } from './withdrawal.ts'

const tags = ['extensions']
const path = '/v2/images/:imageId/withdrawal'

const parseWithdraw = bodyParser(WithdrawSchema)

/** Taking an image back from its consumers (docs/reference/shares.md). */
export const withdrawalRoutes = (app: FastifyInstance, service: Service): void => {
  const { now } = service

  app.get<ImagePath>(
    path,
    {
      schema: {
        tags,
        summary: 'What a withdrawal would touch, and the one that is announced',
        description: 'For the owner of the image.',
        params: imageParams,
        response: { 200: WithdrawalSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      return sendJson(reply, 200, await readWithdrawal(service, actorOf(request), request.params.imageId))
    },
  )

  app.post<ImagePath>(
    path,
    {
      schema: {
        tags,
        summary: 'Withdraw an image, at once or on a date',
        description: 'Ends its shares, and deletes it if asked to. Answers what it touches.',
        params: imageParams,
        body: WithdrawSchema,
        response: { 200: WithdrawalSchema },
      },
    },
    async (request, reply) => {
      const { projects, at, delete_image = false, message = null } = parseWithdraw(request)
      const wanted = { projects, at, deleteImage: delete_image, message }
      const cause = causeOf(request, now())
      return sendJson(reply, 200, await withdraw(service, actorOf(request), cause, request.params.imageId, wanted))
    },
  )

  app.delete<ImagePath>(
    path,
    { schema: { tags, summary: 'Take an announced withdrawal back', response: noContent, params: imageParams } },
    async (request, reply) => {
      await refuseBody(request)
      await cancelWithdrawal(service, actorOf(request), causeOf(request, now()), request.params.imageId)
      return reply.code(204).send()
    },
  )
}
