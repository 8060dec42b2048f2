import { MemberCreateSchema, MemberSchema, MembersSchema, MemberUpdateSchema } from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import { causeOf } from '../events/events.ts'
import { noContent } from '../http/answers.ts'
import { actorOf } from '../http/authentication.ts'
import { jsonBody, refuseBody } from '../http/body.ts'
import { sendJson } from '../http/json.ts'
import { type ImagePath, imageParams, type MemberPath, memberParams } from '../http/params.ts'
import type { Service } from '../service.ts'
import { addMember, readMember, readMembers, removeMember, updateMember } from './members.ts'
import { memberDocument, parseMemberCreate, parseMemberUpdate } from './rules.ts'

const tags = ['members']

/** Image sharing (docs/reference/members.md). */
export const memberRoutes = (app: FastifyInstance, service: Service): void => {
  const { now } = service

  app.get<ImagePath>(
    '/v2/images/:imageId/members',
    {
      schema: {
        tags,
        summary: 'Members of an image',
        description: 'The owner sees all, a member its own row. Never paged.',
        params: imageParams,
        response: { 200: MembersSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const rows = await readMembers(service, actorOf(request), request.params.imageId)
      return sendJson(reply, 200, { members: rows.map(memberDocument), schema: '/v2/schemas/members' })
    },
  )

  app.post<ImagePath>(
    '/v2/images/:imageId/members',
    {
      schema: {
        tags,
        summary: 'Share an image with a project',
        description: 'The membership is pending until the consumer answers. The consumer can use the image at once.',
        params: imageParams,
        body: MemberCreateSchema,
        response: { 200: MemberSchema },
      },
    },
    async (request, reply) => {
      const memberId = parseMemberCreate(jsonBody(request))
      const { imageId } = request.params
      const row = await addMember(service, actorOf(request), causeOf(request, now()), imageId, memberId)
      return sendJson(reply, 200, memberDocument(row))
    },
  )

  app.get<MemberPath>(
    '/v2/images/:imageId/members/:memberId',
    { schema: { tags, summary: 'One member of an image', params: memberParams, response: { 200: MemberSchema } } },
    async (request, reply) => {
      await refuseBody(request)
      const { imageId, memberId } = request.params
      return sendJson(reply, 200, memberDocument(await readMember(service, actorOf(request), imageId, memberId)))
    },
  )

  app.put<MemberPath>(
    '/v2/images/:imageId/members/:memberId',
    {
      schema: {
        tags,
        summary: 'Accept, reject or put off a share',
        description: 'Only the consumer sets the status of its own membership.',
        params: memberParams,
        body: MemberUpdateSchema,
        response: { 200: MemberSchema },
      },
    },
    async (request, reply) => {
      const status = parseMemberUpdate(jsonBody(request))
      const { imageId, memberId } = request.params
      const row = await updateMember(service, actorOf(request), causeOf(request, now()), imageId, memberId, status)
      return sendJson(reply, 200, memberDocument(row))
    },
  )

  app.delete<MemberPath>(
    '/v2/images/:imageId/members/:memberId',
    { schema: { tags, summary: 'Stop sharing an image with a project', response: noContent, params: memberParams } },
    async (request, reply) => {
      await refuseBody(request)
      const { imageId, memberId } = request.params
      await removeMember(service, actorOf(request), causeOf(request, now()), imageId, memberId)
      return reply.code(204).send()
    },
  )
}
