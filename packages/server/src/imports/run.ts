import { type ApiError, apiError } from '../api-error.ts'
import { writeBytes } from '../data/attempt.ts'
import { doomWhole, findStaged, promoteStaged } from '../data/blobs.ts'
import { both, checkExpectations, expectationOf } from '../data/expectation.ts'
import { whyFailed } from '../data/failures.ts'
import { emptied } from '../data/queued.ts'
import { withData } from '../data/rules.ts'
import { checkRules } from '../data/upload.ts'
import type { Tx } from '../database/database.ts'
import type { Cause } from '../events/events.ts'
import { fromRow, type Image, type Location } from '../images/image.ts'
import { findImageForChange, updateImage } from '../images/queries.ts'
import { verdictOn } from '../inspect/check.ts'
import type { Service } from '../service.ts'
import { signatureText } from '../signatures/signature.ts'
import { endTask, findTask, type Task } from '../tasks/queries.ts'
import type { TaskRun, TaskWork } from '../tasks/runner.ts'
import { recordImport } from './begin.ts'
import { copyDoor, fetchDoor } from './doors.ts'
import { openFrom } from './fetch.ts'
import { readStaged } from './staged.ts'
import { openStored } from './stored.ts'
import { type ImportWork, importStateOf, readWork, withImportState } from './work.ts'

/** One import under way. */
interface Import extends TaskRun {
  readonly work: ImportWork
  readonly imageId: string
}

export const causeOfTask = ({ now }: Pick<Service, 'now'>, task: Task): Cause => ({
  projectId: task.owner,
  userId: task.user_id,
  requestId: task.request_id,
  at: now(),
})

/** The image of an import, if it is still this task's. @throws ApiError `image_deleted`, `upload_lost` */
const claimed = async (service: Service, tx: Tx, { task, imageId }: Import): Promise<Image> => {
  const found = await findImageForChange(tx, imageId, null, service.now())
  if (found === undefined) throw apiError('image_deleted', {})
  const image = fromRow(found.row)
  const current = await findTask(tx, task.id)
  const isOurs = current?.process_id === service.presence.processId && importStateOf(image).taskId === task.id
  if (!isOurs) throw apiError('upload_lost', {})
  return image
}

/** Changes the image of an import, while it is this task's. */
const change = (
  service: Service,
  run: Import,
  next: (tx: Tx, image: Image, cause: Cause) => Promise<Image>,
): Promise<Image> =>
  service.database.write(async (tx) => {
    const before = await claimed(service, tx, run)
    const after = await next(tx, before, causeOfTask(service, run.task))
    if (after !== before) await updateImage(tx, before, after)
    return after
  })

/** Writes down that a store could not get its copy. */
const markFailed = (service: Service, run: Import, store: string): Promise<Image> =>
  change(service, run, async (_tx, image) => {
    const state = importStateOf(image)
    const remaining = state.remaining.filter((name) => name !== store)
    const failed = [...new Set([...state.failed, store])]
    return { ...image, properties: withImportState(image, { ...state, remaining, failed }) }
  })

/** Lets a store fail, if the others may go on without it. */
const orWithout = async (service: Service, run: Import, store: string, copy: () => Promise<void>): Promise<void> => {
  try {
    await copy()
  } catch (error) {
    const why = whyFailed(error, { announcedBytes: undefined, diskFormat: null, limitBytes: 0 })
    const isOfStore = why.code === 'store_full' || why.code === 'store_unavailable'
    if (run.work.allMustSucceed || !isOfStore) throw why
    await markFailed(service, run, store)
  }
}

const storeNamed = ({ stores }: Service, name: string) => {
  const store = stores.byName(name)
  if (store === undefined) throw apiError('store_unavailable', {})
  return store
}

/** Brings bytes from outside to one store. */
const fetchTo = async (service: Service, run: Import, name: string): Promise<void> => {
  const { task, token, work, imageId } = run
  const cause = causeOfTask(service, task)
  const { open, expected, sealingOf, adopt } = await openFrom(service, cause, { origin: work.origin, token })
  if (adopt !== undefined) await change(service, run, async (_tx, image) => adopt(image))
  const door = fetchDoor(service, cause, task)
  await writeBytes(service, cause, door, {
    imageId,
    store: storeNamed(service, name),
    open,
    expected: both(work.expected, expected),
    sealingOf,
    token,
  })
}

/** Brings a further copy to one store, from one that has it. */
const copyTo = async (service: Service, run: Import, image: Image, from: Location, name: string): Promise<void> => {
  const cause = causeOfTask(service, run.task)
  const door = copyDoor(service, cause, run.task)
  const source = openStored(service, image, from)
  await writeBytes(service, cause, door, { imageId: run.imageId, store: storeNamed(service, name), ...source })
}

/** Staged bytes were hashed and looked at when they came; now it is known what they should be. */
const acceptStaged = (service: Service, run: Import): Promise<Image> =>
  change(service, run, async (tx, image) => {
    const staged = await findStaged(tx, image.id)
    if (staged === undefined) {
      // After a crash, they may have been accepted and be in their place already.
      if (image.hashValue !== null) return image
      throw apiError('upload_lost', {})
    }
    const { bytes, digests, finding, signature } = readStaged(staged.content)
    if (signature !== signatureText(image))
      throw apiError('signature_refused', { why: 'it was changed after the bytes were staged' })
    const { expected } = run.work
    const expectations = [expectationOf(image), ...(expected === undefined ? [] : [expected])]
    checkExpectations(expectations, { sizeBytes: bytes.sizeBytes, digests })
    if (finding === undefined) throw apiError('import_failed', { why: 'another version of the service took them' })
    const { diskFormat, containerFormat } = image
    if (diskFormat === null || containerFormat === null) throw apiError('import_formats_missing', { missing: 'format' })
    const verdict = verdictOn({ diskFormat, containerFormat, ...checkRules(service) }, finding)
    if (!verdict.accepted) {
      const { why, limit } = verdict
      throw limit === 'virtual_size'
        ? apiError('virtual_size_too_large', { why })
        : apiError('content_mismatch', { format: diskFormat, why })
    }
    const known = withData(image, { ...bytes, virtualSizeBytes: verdict.virtualSizeBytes }, service.now())
    if (!run.work.stores.includes(staged.store)) return known
    if (!(await promoteStaged(tx, staged.key))) throw apiError('upload_lost', {})
    const state = importStateOf(image)
    const remaining = state.remaining.filter((name) => name !== staged.store)
    return {
      ...known,
      locations: [{ store: staged.store, key: staged.key }],
      properties: withImportState(image, { ...state, remaining }),
    }
  })

/** Gets the first copy; of a staged image that shall not stay where it is staged, none yet. */
const getFirst = async (service: Service, run: Import, before: Image): Promise<Image> => {
  if (before.locations.length > 0) return before
  if (run.work.origin.method === 'glance-direct') return acceptStaged(service, run)
  for (const name of importStateOf(before).remaining) {
    await orWithout(service, run, name, () => fetchTo(service, run, name))
    const image = await change(service, run, async (_tx, current) => current)
    if (image.locations.length > 0) return image
  }
  return change(service, run, async (_tx, current) => current)
}

const sourceForCopies = async ({ database }: Service, image: Image): Promise<Location | undefined> => {
  const [first] = image.locations
  if (first !== undefined) return first
  const staged = await findStaged(database.read, image.id)
  return staged === undefined ? undefined : { store: staged.store, key: staged.key }
}

/** Everything is where it should be: the image is active from here on. */
const succeed = (service: Service, run: Import): Promise<Image> =>
  change(service, run, async (tx, image, cause) => {
    if (image.locations.length === 0) throw apiError('import_no_store', {})
    // Whatever way they came: bytes that nobody has hashed and looked at are not those of an active image.
    if (image.hashValue === null) throw apiError('upload_lost', {})
    const staged = await findStaged(tx, image.id)
    if (staged !== undefined) await doomWhole(tx, [staged.key])
    const state = importStateOf(image)
    const { sizeBytes, checksum, hashAlgorithm, hashValue } = image
    const { method } = run.work.origin
    await endTask(tx, run.task.id, { status: 'success', message: '', result: { image_id: image.id } }, cause.at)
    const bytes = { size: sizeBytes, checksum, os_hash_algo: hashAlgorithm, os_hash_value: hashValue }
    await recordImport(tx, cause, image, 'image.import', { method, stores: run.work.stores, ...bytes })
    const properties = withImportState(image, { ...state, taskId: null, remaining: [] })
    // Whoever deactivated it while further copies were made did not mean until then.
    const status = image.status === 'importing' ? 'active' : image.status
    return { ...image, status, properties, updatedAt: cause.at }
  })

/** Nothing of the import stays but word of why. */
const undo = async (tx: Tx, cause: Cause, run: Import, image: Image, why: ApiError): Promise<void> => {
  const { work } = run
  const isCopy = work.origin.method === 'copy-image'
  const properties = withImportState(image, { taskId: null, remaining: [], failed: failedOf(image, run, why) })
  if (isCopy) {
    const others = image.locations.filter(({ store }) => !work.stores.includes(store))
    // Those that it had before may have been removed meanwhile: the last one stays, whosever it is.
    const [first] = others.length > 0 ? [] : image.locations
    const added = image.locations.filter((location) => location !== first && !others.includes(location))
    await doomWhole(
      tx,
      added.map(({ key }) => key),
    )
    const locations = image.locations.filter((location) => !added.includes(location))
    await updateImage(tx, image, { ...image, locations, properties, updatedAt: cause.at })
  } else {
    await emptied(tx, image, cause.at, { properties })
  }
  const detail = { method: work.origin.method, reason: why.code, message: why.message }
  await recordImport(tx, cause, image, 'image.import_failed', detail)
}

/** The stores that the failure is of: those that failed, or where it was none's, those that got nothing. */
const failedOf = (image: Image, { work }: Import, why: ApiError): readonly string[] => {
  const { failed, remaining } = importStateOf(image)
  const [next] = remaining
  if (why.code === 'store_full' || why.code === 'store_unavailable') {
    return [...new Set([...failed, ...(next === undefined ? [] : [next])])]
  }
  return work.stores
}

/** Ends a task that failed, and lets go of its image. */
export const failImport = async (service: Service, task: Task, why: ApiError): Promise<void> => {
  const { database, sweeper } = service
  await database.write(async (tx) => {
    const cause = causeOfTask(service, task)
    const current = await findTask(tx, task.id)
    if (current?.process_id !== service.presence.processId || current.expires_at !== null) return
    const imageId = task.image_id ?? ''
    const found = await findImageForChange(tx, imageId, null, cause.at)
    const image = found === undefined ? undefined : fromRow(found.row)
    if (image !== undefined && importStateOf(image).taskId === task.id) {
      await undo(tx, cause, { task, token: null, work: readWork(task), imageId }, image, why)
    }
    await endTask(tx, task.id, { status: 'failure', message: why.message, result: null }, cause.at)
  })
  sweeper.kick()
}

const bring = async (service: Service, run: Import): Promise<void> => {
  const before = await change(service, run, async (_tx, image) => image)
  const first = await getFirst(service, run, before)
  const from = await sourceForCopies(service, first)
  if (from !== undefined) {
    for (const name of importStateOf(first).remaining) {
      await orWithout(service, run, name, () => copyTo(service, run, first, from, name))
    }
  }
  await succeed(service, run)
}

/** Imports an image, wherever the bytes come from. */
export const runImport: TaskWork = async (service, { task, token }) => {
  try {
    await bring(service, { task, token, work: readWork(task), imageId: task.image_id ?? '' })
  } catch (error) {
    // What the end of the service breaks off is gone on with at the next start.
    if (service.stopping.aborted) throw error
    const why = whyFailed(error, { announcedBytes: undefined, diskFormat: null, limitBytes: 0 })
    if (why.code === 'internal') service.log.error({ err: error, taskId: task.id }, 'an import failed')
    await failImport(service, task, why)
  }
  service.sweeper.kick()
  service.notices.kick()
}
