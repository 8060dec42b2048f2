import { CanBootSchema } from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { apiError } from '../api-error.ts'
import { causeOf } from '../events/events.ts'
import { actorOf } from '../http/authentication.ts'
import { refuseBody } from '../http/body.ts'
import { sendJson } from '../http/json.ts'
import { type ImagePath, imageParams } from '../http/params.ts'
import { parseQuery } from '../http/query.ts'
import { parseProjectParameter } from '../members/rules.ts'
import type { Service } from '../service.ts'
import { canBoot } from './can-boot.ts'

const longest = 2_147_483_647

const parseCount = (name: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  const count = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  if (!(count <= longest)) {
    throw apiError('invalid_parameter', { name, why: `it must be a whole number from 0 to ${longest}` })
  }
  return count
}

const parseFlag = (name: string, text: string | undefined): boolean => {
  if (text === undefined || text === 'false') return false
  if (text === 'true') return true
  throw apiError('invalid_parameter', { name, why: 'it must be true or false' })
}

/** Whether a project could boot an image (docs/reference/can-boot.md). */
export const canBootRoutes = (app: FastifyInstance, service: Service): void => {
  app.get<ImagePath>(
    '/v2/images/:imageId/can-boot',
    {
      schema: {
        tags: ['extensions'],
        summary: 'Whether a project could boot an image now, and why',
        description: 'Of the own project; owner and administrator may ask of every project.',
        params: imageParams,
        querystring: Type.Object({
          project: Type.Optional(Type.String({ description: 'Id of a project; by default the own one.' })),
          disk_gib: Type.Optional(Type.Integer({ description: 'Disk of the server that is to be, in GiB.' })),
          ram_mib: Type.Optional(Type.Integer({ description: 'Memory of the server that is to be, in MiB.' })),
          if_shared: Type.Optional(Type.Boolean({ description: 'As if the image were shared with the project.' })),
        }),
        response: { 200: CanBootSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const query = new Map(parseQuery(request.url))
      const question = {
        project: parseProjectParameter(query.get('project')),
        server: {
          diskGib: parseCount('disk_gib', query.get('disk_gib')),
          ramMib: parseCount('ram_mib', query.get('ram_mib')),
        },
        ifShared: parseFlag('if_shared', query.get('if_shared')),
      }
      const cause = causeOf(request, service.now())
      return sendJson(reply, 200, await canBoot(service, actorOf(request), cause, request.params.imageId, question))
    },
  )
}
