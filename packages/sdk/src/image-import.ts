import { ForbiddenError, ImportFailedError, NotFoundError } from './errors.ts'
import { wireBody } from './fields.ts'
import type { CallOptions, ImageApi } from './image-api.ts'
import type { ImageRecord } from './image-record.ts'
import type { JsonObject } from './json.ts'
import { listImageTasks, type Task } from './task.ts'
import { waitUntil } from './wait.ts'

/** Where the bytes come from. */
export type ImportSource =
  /** What was staged by `stageData`. */
  | { readonly method: 'glance-direct' }
  /** The service fetches them from this address. */
  | { readonly method: 'web-download'; readonly uri: string }
  /** The service fetches bytes and properties of an image in another region. */
  | {
      readonly method: 'glance-download'
      readonly region: string
      readonly imageId: string
      /** Which endpoint of that region. Default `public`. */
      readonly serviceInterface?: string | undefined
    }
  /** The bytes that the image has already, into further stores. */
  | { readonly method: 'copy-image' }

export interface ImportTarget {
  /** Stores to put the bytes in. Default: the store that the cloud prefers. */
  readonly stores?: readonly string[] | undefined
  /** All stores there are. */
  readonly allStores?: boolean | undefined
  /** Whether one store that fails undoes it all. Default: it does. */
  readonly allStoresMustSucceed?: boolean | undefined
  /** What the bytes must turn out to be: an extension of Vitrine; other clouds do not look at it. */
  readonly expected?: ExpectedBytes | undefined
}

/** What the bytes must turn out to be; a service that knows this (Vitrine) lets the import fail otherwise. */
export interface ExpectedBytes {
  readonly sizeBytes?: number | undefined
  /** `sha512:HEX`; also sha256, sha1, md5. */
  readonly hash?: string | undefined
}

export type ImportAttributes = ImportSource & ImportTarget

/** How far an import is. */
export interface ImportState {
  /** Status of the image. */
  readonly status: string
  /** Stores that wait for the bytes. */
  readonly waitingStores: readonly string[]
  /** Stores that have the bytes. */
  readonly stores: readonly string[]
  /** Stores that could not take them. */
  readonly failedStores: readonly string[]
  /** The task that works on it; undefined when it is over. */
  readonly taskId: string | undefined
}

export interface ImportWaitOptions extends CallOptions {
  /** Called whenever the state changed. */
  onChange?: ((state: ImportState) => void) | undefined
}

export interface ImportOptions extends ImportWaitOptions {
  /** Come back when the import is over. Default: when the service has accepted it. */
  wait?: boolean | undefined
}

const methodOf = (source: ImportSource): JsonObject => {
  if (source.method === 'web-download') return { name: source.method, uri: source.uri }
  if (source.method !== 'glance-download') return { name: source.method }
  return {
    name: source.method,
    ...wireBody({
      glanceRegion: source.region,
      glanceImageId: source.imageId,
      glanceServiceInterface: source.serviceInterface,
    }),
  }
}

/** Has the service import bytes; it does so after it answered. */
export const startImport = async (
  api: ImageApi,
  imageId: string,
  attributes: ImportAttributes,
  options: CallOptions,
): Promise<void> => {
  const { stores, allStores, allStoresMustSucceed, expected } = attributes
  const [osHashAlgo, osHashValue] = expected?.hash?.split(':') ?? []
  const json = {
    method: methodOf(attributes),
    ...wireBody({ stores, allStores, allStoresMustSucceed }),
    ...(expected === undefined ? {} : { expected: wireBody({ size: expected.sizeBytes, osHashAlgo, osHashValue }) }),
  }
  await api.call('POST', ['images', imageId, 'import'], { ...options, json })
}

const listed = (image: ImageRecord, name: string): string[] => {
  const text = image.get(name)
  return typeof text === 'string' ? text.split(',').filter((id) => id !== '') : []
}

/** What an image tells of its import. */
export const importState = (image: ImageRecord): ImportState => {
  const taskId = image.get('os_glance_import_task')
  return {
    status: image.status,
    waitingStores: listed(image, 'os_glance_importing_to_stores'),
    stores: listed(image, 'stores'),
    failedStores: listed(image, 'os_glance_failed_import'),
    taskId: typeof taskId === 'string' && taskId !== '' ? taskId : undefined,
  }
}

/** The task of the import, or the newest of the image; undefined where the cloud does not tell. */
const findTask = async (
  api: ImageApi,
  imageId: string,
  taskId: string | undefined,
  options: CallOptions,
): Promise<Task | undefined> => {
  try {
    const tasks = await listImageTasks(api, imageId, options).toArray()
    const imports = tasks.filter(({ type }) => type !== 'import')
    imports.sort((one, other) => other.createdAt.getTime() - one.createdAt.getTime())
    return imports.find(({ id }) => id === taskId) ?? imports[0]
  } catch (error) {
    if (error instanceof NotFoundError || error instanceof ForbiddenError) return undefined
    throw error
  }
}

const isUnderWay = ({ status, taskId, waitingStores }: ImportState): boolean =>
  status === 'importing' || taskId !== undefined || (status === 'active' && waitingStores.length > 0)

const isWorking = (task: Task | undefined): boolean => task?.status === 'pending' || task?.status === 'processing'

/**
 * Waits until an import is over.
 * @param refresh asks for the image as it is now
 * @returns the last state; some stores may have failed if that was allowed
 * @throws ImportFailedError when the image did not become active, or the task failed
 */
export const waitForImport = async (
  api: ImageApi,
  image: ImageRecord,
  refresh: () => Promise<unknown>,
  { onChange, signal }: ImportWaitOptions,
): Promise<ImportState> => {
  let state = importState(image)
  let told = ''
  let taskId: string | undefined
  let task: Task | undefined
  const isOver = async (): Promise<boolean> => {
    await refresh()
    state = importState(image)
    taskId = state.taskId ?? taskId
    if (JSON.stringify(state) !== told) onChange?.(state)
    told = JSON.stringify(state)
    if (isUnderWay(state)) return false
    // Before the work begins some clouds show nothing of it on the image.
    task = await findTask(api, image.id, taskId, { signal })
    return !isWorking(task)
  }
  await waitUntil(isOver, api.transport.clock, signal)
  if (task?.status !== 'failure' && state.status === 'active') return state
  throw new ImportFailedError(image.id, state, task)
}
