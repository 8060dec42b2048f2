import type { FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import type { Actor } from '../access/actor.ts'
import { apiError } from '../api-error.ts'
import type { Cause } from '../events/events.ts'
import { bodyParser } from '../http/parsed-body.ts'
import { parseCreate } from '../images/create.ts'
import { createImage } from '../images/images.ts'
import { checkAddress, newTask, startImport } from '../imports/begin.ts'
import { type ImportWork, writeWork } from '../imports/work.ts'
import type { Service } from '../service.ts'
import { insertTask, type Task } from './queries.ts'

/** The one kind of work that is asked for directly. Source: https://docs.openstack.org/api-ref/image/v2/#create-task */
const TaskRequestSchema = Type.Object(
  {
    type: Type.Literal('import'),
    input: Type.Object(
      {
        import_from: Type.String({ minLength: 1 }),
        import_from_format: Type.Optional(Type.String()),
        image_properties: Type.Record(Type.String(), Type.Unknown()),
      },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
)
export type TaskRequest = Static<typeof TaskRequestSchema>

/** @throws ApiError `body_missing`, `malformed_json`, `invalid_body` */
export const parseTaskRequest: (request: FastifyRequest) => TaskRequest = bodyParser(TaskRequestSchema)

/**
 * Makes an image, and begins to import its bytes from an address.
 * @throws ApiError for properties that no image can have, `import_address_refused`, `image_exists` and the quotas
 */
export const requestTask = async (
  service: Service,
  actor: Actor,
  cause: Cause,
  request: TaskRequest,
  token: string,
): Promise<Task> => {
  const { import_from: uri, import_from_format: format, image_properties: properties } = request.input
  const origin = { method: 'web-download', uri } as const
  checkAddress(service, origin)
  const described = {
    container_format: 'bare',
    ...(format === undefined ? {} : { disk_format: format }),
    ...properties,
  }
  const image = parseCreate(described, actor.projectId, cause.at)
  if (image.diskFormat === null) throw apiError('import_formats_missing', { missing: 'disk_format' })
  const work: ImportWork = { origin, stores: [service.stores.byDefault.name], allMustSucceed: true }
  const task = newTask(service, cause, {
    type: 'import',
    owner: actor.projectId ?? '',
    image_id: image.id,
    input: JSON.stringify(request.input),
    work: writeWork(work),
  })
  await createImage(service, actor, cause, image, async (tx) => {
    await insertTask(tx, task)
    await startImport(tx, cause, image, task, work)
  })
  service.tasks.begin(task, token)
  return task
}
