import { ExplanationSchema, ProjectSettingsSchema, StatisticsSchema } from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { projectOf } from '../access/project.ts'
import { actorOf } from '../http/authentication.ts'
import { refuseBody } from '../http/body.ts'
import { sendJson } from '../http/json.ts'
import { type ImagePath, imageParams } from '../http/params.ts'
import { bodyParser } from '../http/parsed-body.ts'
import { parseQuery } from '../http/query.ts'
import { parseProjectParameter } from '../members/rules.ts'
import type { Service } from '../service.ts'
import { explain } from './explain.ts'
import { readSettings, storeSettings } from './settings.ts'
import { readStatistics } from './statistics.ts'

const tags = ['extensions']

const parseSettings = bodyParser(ProjectSettingsSchema)

/** Counts, reasons, and what a project lets be seen of it (docs/reference/shares.md). */
export const insightRoutes = (app: FastifyInstance, service: Service): void => {
  app.get<ImagePath>(
    '/v2/images/:imageId/statistics',
    {
      schema: {
        tags,
        summary: 'Counts of the shares of an image',
        description: 'For its owner: sums, of consumers that let their use be counted.',
        params: imageParams,
        response: { 200: StatisticsSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      return sendJson(reply, 200, await readStatistics(service, actorOf(request), request.params.imageId))
    },
  )

  app.get<ImagePath>(
    '/v2/images/:imageId/explain',
    {
      schema: {
        tags,
        summary: 'Why a project may or may not use an image',
        description: 'Of the own project; owner and administrator may ask of every project.',
        params: imageParams,
        querystring: Type.Object({
          project: Type.Optional(Type.String({ description: 'Id of a project; by default the own one.' })),
        }),
        response: { 200: ExplanationSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const project = parseProjectParameter(new Map(parseQuery(request.url)).get('project'))
      return sendJson(reply, 200, await explain(service, actorOf(request), request.params.imageId, project))
    },
  )

  app.get(
    '/v2/project-settings',
    { schema: { tags, summary: 'Settings of the own project', response: { 200: ProjectSettingsSchema } } },
    async (request, reply) => {
      await refuseBody(request)
      return sendJson(reply, 200, await readSettings(service.database, projectOf(actorOf(request), 'reader')))
    },
  )

  app.patch(
    '/v2/project-settings',
    {
      schema: {
        tags,
        summary: 'Change settings of the own project',
        body: ProjectSettingsSchema,
        response: { 200: ProjectSettingsSchema },
      },
    },
    async (request, reply) => {
      const settings = parseSettings(request)
      const project = projectOf(actorOf(request), 'member')
      return sendJson(reply, 200, await storeSettings(service.database, project, settings))
    },
  )
}
