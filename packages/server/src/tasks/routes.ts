import { taskStatuses, taskTypes, uuidPattern } from '@vitrine/contract'
import type { FastifyInstance } from 'fastify'
import { entitled } from '../access/entitle.ts'
import { requireAdmin } from '../access/project.ts'
import { apiError } from '../api-error.ts'
import { causeOf } from '../events/events.ts'
import { made } from '../http/answers.ts'
import { actorOf, holderOf } from '../http/authentication.ts'
import { refuseBody } from '../http/body.ts'
import { sendJson } from '../http/json.ts'
import { type PageRequest, parsePage } from '../http/page.ts'
import { type ImagePath, imageParams, type ResourcePath, resourceParams } from '../http/params.ts'
import { findImage } from '../images/queries.ts'
import type { Service } from '../service.ts'
import { findTask, listTasks, type Task, type TaskQuery, taskSortKeys, tasksOfImage } from './queries.ts'
import { parseTaskRequest, requestTask } from './request.ts'
import { fullTask, rawTask, shortTask } from './task.ts'

const tags = ['tasks']

/** One of the words that a parameter takes. @throws ApiError `invalid_parameter` */
const wordOf = <Word extends string>(
  { query }: PageRequest,
  name: string,
  words: readonly Word[],
): Word | undefined => {
  const given = query.get(name)
  if (given === undefined) return undefined
  const word = words.find((one) => one === given)
  if (word === undefined) throw apiError('invalid_parameter', { name, why: `it must be one of ${words.join(', ')}` })
  return word
}

const queryOf = (page: PageRequest): TaskQuery => ({
  limit: page.limit,
  sortKey: wordOf(page, 'sort_key', taskSortKeys) ?? 'created_at',
  sortDir: wordOf(page, 'sort_dir', ['asc', 'desc']) ?? 'desc',
  status: wordOf(page, 'status', taskStatuses),
  // Other types are not asked for by clients of this API, and are refused as such.
  type: wordOf(page, 'type', taskTypes.slice(0, 1)),
})

const uuid = new RegExp(uuidPattern)

const markerOf = async ({ database }: Service, marker: string | undefined): Promise<Task | undefined> => {
  if (marker === undefined) return undefined
  const task = uuid.test(marker) ? await findTask(database.read, marker) : undefined
  if (task === undefined) throw apiError('invalid_marker', { marker })
  return task
}

/** Long work, for administrators, and that of an image (docs/reference/tasks.md). */
export const taskRoutes = (app: FastifyInstance, service: Service): void => {
  const { database, now } = service

  app.get('/v2/tasks', { schema: { tags, summary: 'List tasks' } }, async (request, reply) => {
    requireAdmin(actorOf(request))
    const page = parsePage(request.url, service.limits)
    const query = queryOf(page)
    const marker = await markerOf(service, page.marker)
    const tasks = query.limit === 0 ? [] : await listTasks(database.read, query, marker)
    const last = tasks.length === query.limit ? tasks.at(-1)?.id : undefined
    return sendJson(reply, 200, { tasks: tasks.map(shortTask), ...page.links(last), schema: '/v2/schemas/tasks' })
  })

  app.post(
    '/v2/tasks',
    {
      schema: {
        tags,
        summary: 'Import an image from an address, as a task',
        response: { 201: made },
        description: 'Makes an image of the properties that are given. POST /v2/images and its import do the same.',
      },
    },
    async (request, reply) => {
      const actor = actorOf(request)
      const asked = parseTaskRequest(request)
      requireAdmin(actor)
      const task = await requestTask(service, actor, causeOf(request, now()), asked, holderOf(request).token ?? '')
      reply.header('location', `/v2/tasks/${task.id}`)
      return sendJson(reply, 201, fullTask(task))
    },
  )

  app.get<ResourcePath>(
    '/v2/tasks/:id',
    { schema: { tags, summary: 'Show a task', params: resourceParams } },
    async (request, reply) => {
      requireAdmin(actorOf(request))
      const { id } = request.params
      const task = await findTask(database.read, id)
      if (task === undefined) throw apiError('resource_not_found', { kind: 'task', id })
      return sendJson(reply, 200, fullTask(task))
    },
  )

  app.get<ImagePath>(
    '/v2/images/:imageId/tasks',
    { schema: { tags, summary: 'Long work on an image', params: imageParams } },
    async (request, reply) => {
      await refuseBody(request)
      const actor = actorOf(request)
      const { imageId } = request.params
      const found = await findImage(database.read, imageId, actor.projectId, now())
      entitled(actor, 'image.show', { image: imageId }, found)
      const owner = actor.roles.has('admin') ? undefined : (actor.projectId ?? '')
      const tasks = await tasksOfImage(database.read, imageId, owner)
      return sendJson(reply, 200, { tasks: tasks.map(rawTask) })
    },
  )
}
