import { RuleCreateSchema, RuleSchema, RulesSchema } from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import { noContent } from '../http/answers.ts'
import { actorOf } from '../http/authentication.ts'
import { refuseBody } from '../http/body.ts'
import { sendJson } from '../http/json.ts'
import { type ResourcePath, resourceParams } from '../http/params.ts'
import { bodyParser } from '../http/parsed-body.ts'
import type { Service } from '../service.ts'
import { makeRule, readRules, removeRule, ruleDocument } from './rules.ts'

const tags = ['rules']
const parseCreate = bodyParser(RuleCreateSchema)

/** Rules of a project (docs/reference/rules.md). */
export const ruleRoutes = (app: FastifyInstance, service: Service): void => {
  app.get(
    '/v2/rules',
    {
      schema: {
        tags,
        summary: 'Rules of the own project',
        description: 'What it does with new shares by itself. Oldest first, never paged.',
        response: { 200: RulesSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      return sendJson(reply, 200, { rules: (await readRules(service, actorOf(request))).map(ruleDocument) })
    },
  )

  app.post(
    '/v2/rules',
    {
      schema: {
        tags,
        summary: 'Accept shares of a producer at once, or block them',
        description: 'With the mode `audit` the rule only reports what it would do.',
        body: RuleCreateSchema,
        response: { 201: RuleSchema },
      },
    },
    async (request, reply) => {
      const rule = await makeRule(service, actorOf(request), parseCreate(request))
      return sendJson(reply, 201, ruleDocument(rule))
    },
  )

  app.delete<ResourcePath>(
    '/v2/rules/:id',
    {
      schema: {
        tags,
        summary: 'Remove a rule',
        response: noContent,
        description: 'What a block kept out of sight is seen again.',
        params: resourceParams,
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      await removeRule(service, actorOf(request), request.params.id)
      return reply.code(204).send()
    },
  )
}
