import { randomUUID } from 'node:crypto'
import type { Actor } from '../access/actor.ts'
import { entitled } from '../access/entitle.ts'
import { apiError } from '../api-error.ts'
import { findStaged, usedBytes } from '../data/blobs.ts'
import { checkUploading } from '../data/uploading.ts'
import type { Tx } from '../database/database.ts'
import { type Cause, recordEvent } from '../events/events.ts'
import { fromRow, type Image } from '../images/image.ts'
import { findImageForChange, type ImageAndMembership, updateImage } from '../images/queries.ts'
import type { Service } from '../service.ts'
import { findTask, insertTask, type Task } from '../tasks/queries.ts'
import { type ImportRequest, originOf } from './request.ts'
import { storesFor } from './stores.ts'
import { type ImportOrigin, type ImportWork, importStateOf, statusFor, withImportState, writeWork } from './work.ts'

/** @throws ApiError `import_wrong_status`, `import_formats_missing` */
export const checkImportable = (method: ImportRequest['method'], image: Image): void => {
  const { before } = statusFor[method]
  if (image.status !== before) throw apiError('import_wrong_status', { method, status: image.status, wanted: before })
  const missing = [
    ...(image.diskFormat === null ? ['disk_format'] : []),
    ...(image.containerFormat === null ? ['container_format'] : []),
  ]
  if (missing.length > 0) throw apiError('import_formats_missing', { missing: missing.join(' and no ') })
}

/** @throws ApiError `import_running` */
export const checkUnlocked = async (tx: Tx, image: Image): Promise<void> => {
  const { taskId } = importStateOf(image)
  const other = taskId === null ? undefined : await findTask(tx, taskId)
  if (other !== undefined && other.expires_at === null) throw apiError('import_running', { task: other.id })
}

/**
 * What is uploading may be staged in this moment: only bytes that are all there, hashed and looked at, are imported.
 * @throws ApiError `import_staging`
 */
const checkStaged = async (tx: Tx, { id }: Image): Promise<void> => {
  if ((await findStaged(tx, id)) === undefined) throw apiError('import_staging', {})
}

/** @throws ApiError `import_address_refused`, `invalid_body` */
export const checkAddress = ({ importSource, regions }: Service, origin: ImportOrigin): void => {
  if (origin.method === 'web-download') {
    const why = importSource.outbound.refusalOf(origin.uri, importSource.filter)
    if (why !== undefined) throw apiError('import_address_refused', { why })
  }
  if (origin.method === 'glance-download' && !regions.has(origin.region)) {
    throw apiError('invalid_body', { why: `there is no region ${origin.region}` })
  }
}

interface Admitted {
  readonly image: Image
  readonly work: ImportWork
}

/** Everything that can speak against an import, in the order in which it is told. */
const admit = async (
  service: Service,
  tx: Tx,
  actor: Actor,
  imageId: string,
  request: ImportRequest,
  found: ImageAndMembership | undefined,
): Promise<Admitted> => {
  const image = fromRow(entitled(actor, 'image.show', { image: imageId }, found).row)
  // Whoever sees an image learns its state before whether it is theirs to import: so it is in this API.
  checkImportable(request.method, image)
  const origin = originOf(request)
  entitled(actor, request.method === 'copy-image' ? 'image.stores' : 'image.change', { image: imageId }, found)
  await checkUnlocked(tx, image)
  if (request.method === 'glance-direct') await checkStaged(tx, image)
  const stores = storesFor(service, request, image)
  checkAddress(service, origin)
  if (image.status === 'queued') await checkUploading(tx, service.limits, image.owner)
  return { image, work: { origin, stores, allMustSucceed: request.stores.allMustSucceed, expected: request.expected } }
}

/** A project that has used up its bytes imports nothing more. */
const checkRoom = async ({ database, limits }: Service, actor: Actor): Promise<void> => {
  const limit = limits.project_storage_bytes
  if (limit < 0 || actor.projectId === null) return
  const used = await usedBytes(database.read, actor.projectId)
  if (used >= limit) throw apiError('storage_quota', { limit, used })
}

/** A task that is yet to be begun, and belongs to this process meanwhile. */
export const newTask = (
  { presence }: Pick<Service, 'presence'>,
  cause: Cause,
  given: Pick<Task, 'type' | 'owner' | 'image_id' | 'input' | 'work'>,
): Task => ({
  ...given,
  id: randomUUID(),
  status: 'pending',
  user_id: cause.userId ?? '',
  request_id: cause.requestId,
  result: null,
  message: '',
  attempts: 0,
  process_id: presence.processId,
  created_at: cause.at,
  updated_at: cause.at,
  expires_at: null,
})

/** Marks the image as one that this task imports. */
export const startImport = async (tx: Tx, cause: Cause, image: Image, task: Task, work: ImportWork): Promise<void> => {
  const { during } = statusFor[work.origin.method]
  const properties = withImportState(image, { taskId: task.id, remaining: work.stores, failed: [] })
  await updateImage(tx, image, { ...image, status: during, properties, updatedAt: cause.at })
}

const methodOf = (origin: ImportOrigin): ImportRequest['document']['method'] => {
  const { method: name } = origin
  if (name === 'web-download') return { name, uri: origin.uri }
  return name === 'glance-download' ? { name, glance_region: origin.region, glance_image_id: origin.imageId } : { name }
}

/** What a task keeps of what was asked. Keys that mean nothing to it could hold anything, and stay for days. */
const keptOf = ({ document }: ImportRequest, { origin, stores }: ImportWork): ImportRequest['document'] => ({
  method: methodOf(origin),
  ...(document.stores === undefined ? {} : { stores: [...stores] }),
  ...(document.all_stores === undefined ? {} : { all_stores: document.all_stores }),
  ...(document.expected === undefined ? {} : { expected: document.expected }),
  ...(document.all_stores_must_succeed === undefined
    ? {}
    : { all_stores_must_succeed: document.all_stores_must_succeed }),
})

/**
 * Begins to import an image. It goes on after the answer, also after a crash of the service.
 * @param token of the caller, for what must be done in its name
 * @throws ApiError
 */
export const beginImport = async (
  service: Service,
  actor: Actor,
  cause: Cause,
  imageId: string,
  request: ImportRequest,
  token: string,
): Promise<void> => {
  await checkRoom(service, actor)
  const task = await service.database.write(async (tx) => {
    const found = await findImageForChange(tx, imageId, actor.projectId, cause.at)
    const { image, work } = await admit(service, tx, actor, imageId, request, found)
    if (work.stores.length === 0) return undefined
    const made = newTask(service, cause, {
      type: 'api_image_import',
      owner: actor.projectId ?? '',
      image_id: imageId,
      input: JSON.stringify({ image_id: imageId, import_req: keptOf(request, work), backend: work.stores }),
      work: writeWork(work),
    })
    await insertTask(tx, made)
    await startImport(tx, cause, image, made, work)
    return made
  })
  if (task !== undefined) service.tasks.begin(task, token)
}

/** Writes down that an import has come to its end. */
export const recordImport = (
  tx: Tx,
  cause: Cause,
  image: Image,
  type: 'image.import' | 'image.import_failed' | 'image.store_add',
  detail: Readonly<Record<string, unknown>>,
): Promise<string> =>
  recordEvent(tx, cause, {
    type,
    imageId: image.id,
    ownerId: image.owner,
    // What became of the image is for all; how it came about, and what went wrong, for its owner.
    audience: type === 'image.import' ? 'members' : 'owner',
    detail,
  })
