import { InboxAnswerSchema, InboxAnswersSchema, InboxSchema, memberStatuses } from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import { apiError } from '../api-error.ts'
import { causeOf } from '../events/events.ts'
import { actorOf } from '../http/authentication.ts'
import { refuseBody } from '../http/body.ts'
import { sendDocument, sendJson } from '../http/json.ts'
import { parsePage } from '../http/page.ts'
import { bodyParser } from '../http/parsed-body.ts'
import type { Service } from '../service.ts'
import { type InboxQuery, readInbox } from './inbox.ts'
import { answerInbox } from './inbox-answers.ts'

const tags = ['inbox']
const parseAnswer = bodyParser(InboxAnswerSchema)

const parseStatus = (text: string | undefined): InboxQuery['status'] => {
  const words = [...memberStatuses, 'all'] as const
  const status = words.find((one) => one === (text ?? 'pending'))
  if (status === undefined) {
    throw apiError('invalid_parameter', { name: 'status', why: `it must be one of ${words.join(', ')}` })
  }
  return status
}

/** What waits for a project (docs/reference/rules.md). */
export const inboxRoutes = (app: FastifyInstance, service: Service): void => {
  const { now, limits } = service

  app.get(
    '/v2/inbox',
    {
      schema: {
        tags,
        summary: 'What is shared with the own project',
        description:
          'Invitations to the project by its name, then shares, each newest first. Query: `status` (pending, rejected, accepted, all; pending by default), `limit`, `marker` (id of an image or invitation).',
        response: { 200: InboxSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const { query, limit, marker, links } = parsePage(request.url, limits)
      const status = parseStatus(query.get('status'))
      const { items, last } = await readInbox(service, actorOf(request), { limit, status, marker })
      const pages = JSON.stringify(links(last)).slice(1)
      return sendDocument(reply, 200, `{"items":[${items.join(',')}],${pages}`)
    },
  )

  app.post(
    '/v2/inbox/answers',
    {
      schema: {
        tags,
        summary: 'Answer many shares at once',
        description: 'Those that are named, else all that wait, up to 1000.',
        body: InboxAnswerSchema,
        response: { 200: InboxAnswersSchema },
      },
    },
    async (request, reply) => {
      const wish = parseAnswer(request)
      return sendJson(reply, 200, await answerInbox(service, actorOf(request), causeOf(request, now()), wish))
    },
  )
}
