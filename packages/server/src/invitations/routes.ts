import {
  ClaimSchema,
  InvitationCreateSchema,
  InvitationSchema,
  InvitationsSchema,
  MemberSchema,
} from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import { causeOf } from '../events/events.ts'
import { noContent } from '../http/answers.ts'
import { actorOf, holderOf } from '../http/authentication.ts'
import { refuseBody } from '../http/body.ts'
import { sendJson } from '../http/json.ts'
import { parsePage } from '../http/page.ts'
import { type ResourcePath, resourceParams } from '../http/params.ts'
import { bodyParser } from '../http/parsed-body.ts'
import { memberDocument } from '../members/rules.ts'
import type { Service } from '../service.ts'
import { claim } from './claim.ts'
import { invite } from './create.ts'
import { createGuesses } from './guesses.ts'
import { readInvitation, readInvitations, revoke } from './invitations.ts'
import { invitationDocument } from './state.ts'

const tags = ['invitations']
const parseCreate = bodyParser(InvitationCreateSchema)
const parseClaim = bodyParser(ClaimSchema)

/** Invitations and their claims (docs/reference/invitations.md). */
export const invitationRoutes = (app: FastifyInstance, service: Service): void => {
  const { now, limits } = service
  const guesses = createGuesses(now)

  app.get(
    '/v2/invitations',
    {
      schema: {
        tags,
        summary: 'Invitations of the own project',
        description: 'Newest first. Query: `image`, `limit`, `marker` (id of an invitation).',
        response: { 200: InvitationsSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const { query, limit, marker, linksAfter } = parsePage(request.url, limits)
      const page = { limit, marker, image: query.get('image') }
      const rows = await readInvitations(service, actorOf(request), page)
      return sendJson(reply, 200, {
        invitations: rows.map((row) => invitationDocument(row, now())),
        ...linksAfter(rows),
      })
    },
  )

  app.post(
    '/v2/invitations',
    {
      schema: {
        tags,
        summary: 'Invite to an image',
        description: 'With a code, which only this answer tells, or addressed to a project by its name.',
        body: InvitationCreateSchema,
        response: { 201: InvitationSchema },
      },
    },
    async (request, reply) => {
      const body = parseCreate(request)
      const { row, code } = await invite(service, actorOf(request), holderOf(request), causeOf(request, now()), body)
      reply.header('cache-control', 'no-store')
      return sendJson(reply, 201, invitationDocument(row, now(), [], code))
    },
  )

  app.get<ResourcePath>(
    '/v2/invitations/:id',
    { schema: { tags, summary: 'One invitation', params: resourceParams, response: { 200: InvitationSchema } } },
    async (request, reply) => {
      await refuseBody(request)
      const { row, claims } = await readInvitation(service, actorOf(request), request.params.id)
      return sendJson(reply, 200, invitationDocument(row, now(), claims))
    },
  )

  app.delete<ResourcePath>(
    '/v2/invitations/:id',
    {
      schema: {
        tags,
        summary: 'Revoke an invitation',
        response: noContent,
        description: 'Shares that were made by it stay.',
        params: resourceParams,
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      await revoke(service, actorOf(request), causeOf(request, now()), request.params.id)
      return reply.code(204).send()
    },
  )

  app.post(
    '/v2/invitation-claims',
    {
      schema: {
        tags,
        summary: 'Claim an invitation',
        description: 'By a code, or by the id of an invitation that is addressed to the own project.',
        body: ClaimSchema,
        response: { 200: MemberSchema },
      },
    },
    async (request, reply) => {
      const named = parseClaim(request)
      const row = await claim(service, guesses, actorOf(request), causeOf(request, now()), named)
      return sendJson(reply, 200, memberDocument(row))
    },
  )
}
