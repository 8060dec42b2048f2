import { CloudImagesErrorSchema, grantField, JobSchema, pairsMax, projectIdField } from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { projectOf } from '../access/project.ts'
import { apiError } from '../api-error.ts'
import { causeOf } from '../events/events.ts'
import { actorOf, holderOf } from '../http/authentication.ts'
import { refuseBody } from '../http/body.ts'
import { asApiError } from '../http/errors.ts'
import { sendJson } from '../http/json.ts'
import { bodyParser } from '../http/parsed-body.ts'
import { checkStorable } from '../images/text.ts'
import type { Service } from '../service.ts'
import { createBatchTurns } from '../shares/turns.ts'
import { batchAnswers, batchMembers } from './batches.ts'
import { cloudCodeOf } from './codes.ts'
import { findJob, jobDocument } from './jobs.ts'

const tags = ['cloud images']
const path = '/v1/cloudimages/members'

const images = Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { minItems: 1, maxItems: pairsMax })

/** Keys that are not known here are left alone: full-server images have more. */
const PairsSchema = Type.Object({
  images,
  projects: Type.Array(projectIdField('Id of a project.'), { minItems: 1, maxItems: pairsMax }),
  grant: Type.Optional(grantField()),
})
const AnswerSchema = Type.Object({
  images,
  project_id: projectIdField('The project that answers.'),
  status: Type.Enum(['accepted', 'rejected'], { type: 'string' }),
})
const StartedSchema = Type.Object({ job_id: Type.String() })

const parsePairs = bodyParser(PairsSchema)
const parseAnswer = bodyParser(AnswerSchema)

const jobParams = Type.Object({
  projectId: Type.String({ description: 'The own project.' }),
  jobId: Type.String({ description: 'Id of a job.' }),
})
interface JobPath {
  Params: Type.Static<typeof jobParams>
}

const errors = { 400: CloudImagesErrorSchema, 403: CloudImagesErrorSchema }

/** The batch calls of Open Telekom Cloud (docs/reference/cloud-images.md). */
export const cloudImageRoutes = (app: FastifyInstance, service: Service): void => {
  app.register(async (plugin) => withCloudImageRoutes(plugin, service))
}

const withCloudImageRoutes = (app: FastifyInstance, service: Service): void => {
  const { now } = service
  const turns = createBatchTurns()

  app.setErrorHandler((error, _request, reply) => {
    const known = asApiError(error)
    const cloud = cloudCodeOf(known)
    // What has no code here is answered as everywhere.
    if (cloud === undefined) throw error
    return sendJson(reply, cloud.status, { error: { message: known.message, code: cloud.code } })
  })

  for (const [method, action, summary] of [
    ['POST', 'share', 'Share images with projects'],
    ['DELETE', 'unshare', 'Stop sharing images with projects'],
  ] as const) {
    app.route({
      method,
      url: path,
      schema: {
        tags,
        summary,
        description: `Every image with every project, up to ${pairsMax} pairs. The work is done when the answer comes.`,
        body: PairsSchema,
        response: { 200: StartedSchema, ...errors },
      },
      handler: async (request, reply) => {
        const body = parsePairs(request)
        const pairs = {
          images: [...new Set(body.images)],
          projects: [...new Set(body.projects)],
          grantsBy: body.grant === true ? holderOf(request) : null,
        }
        for (const project of pairs.projects) checkStorable('projects', project)
        if (pairs.images.length * pairs.projects.length > pairsMax) {
          throw apiError('invalid_body', { why: `it names more than ${pairsMax} pairs of image and project` })
        }
        const actor = actorOf(request)
        const jobId = await turns.take(projectOf(actor, 'member'), pairs.images.length * pairs.projects.length, () =>
          batchMembers(service, actor, causeOf(request, now()), action, pairs),
        )
        return sendJson(reply, 200, { job_id: jobId })
      },
    })
  }

  app.put(
    path,
    {
      schema: {
        tags,
        summary: 'Accept or reject shared images',
        description: 'For the own project; administrators for any. The work is done when the answer comes.',
        body: AnswerSchema,
        response: { 200: StartedSchema, ...errors },
      },
    },
    async (request, reply) => {
      const body = parseAnswer(request)
      const actor = actorOf(request)
      if (body.project_id !== projectOf(actor, 'member') && !actor.roles.has('admin')) {
        throw apiError('member_status_of_owner', { member: body.project_id })
      }
      const answer = { images: [...new Set(body.images)], project: body.project_id, status: body.status }
      const jobId = await turns.take(projectOf(actor, 'member'), answer.images.length, () =>
        batchAnswers(service, actor, causeOf(request, now()), answer),
      )
      return sendJson(reply, 200, { job_id: jobId })
    },
  )

  app.get<JobPath>(
    '/v1/:projectId/jobs/:jobId',
    {
      schema: {
        tags,
        summary: 'A job of the own project',
        params: jobParams,
        response: { 200: JobSchema, 404: CloudImagesErrorSchema },
      },
    },
    async (request, reply) => {
      await refuseBody(request)
      const { projectId, jobId } = request.params
      const own = projectOf(actorOf(request), 'reader')
      const job = projectId === own ? await findJob(service.database, own, jobId) : undefined
      if (job === undefined) throw apiError('resource_not_found', { kind: 'job', id: jobId })
      return sendJson(reply, 200, jobDocument(job))
    },
  )
}
