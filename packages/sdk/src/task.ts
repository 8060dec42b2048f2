import { instant, orElse, orNull, record, text, word } from './fields.ts'
import type { CallOptions, ImageApi } from './image-api.ts'
import type { PageOptions, PaginatedIterator, ResourceIterator } from './iterators.ts'
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts'
import { collection, paginated } from './paginated.ts'

const objectOrNull = (value: JsonValue | undefined): JsonObject | null => (isJsonObject(value) ? value : null)

const readTask = record('task', {
  id: text,
  type: word<'import' | 'api_image_import' | 'location_import'>(),
  status: word<'pending' | 'processing' | 'success' | 'failure'>(),
  /** Project that asked for the work. */
  owner: orNull(text),
  image_id: orNull(text),
  user_id: orNull(text),
  request_id: orNull(text),
  /** What the work was given. Not in the list of all tasks. */
  input: objectOrNull,
  /** What came of it. Not in the list of all tasks. */
  result: objectOrNull,
  /** Why it failed; empty as long as it did not. Not in the list of all tasks. */
  message: (value, what) => orElse(orNull(text), '')(value, what) ?? '',
  created_at: instant,
  updated_at: instant,
  /** When the record of the task goes; null while it works. */
  expires_at: orNull(instant),
})
/** A piece of long work, such as an import. */
export type Task = ReturnType<typeof readTask>

export interface TaskFilter {
  readonly status?: 'pending' | 'processing' | 'success' | 'failure' | undefined
  readonly type?: 'import' | undefined
  /** Default `created_at`. */
  readonly sortKey?: string | undefined
  readonly sortDir?: 'asc' | 'desc' | undefined
}

/** Every task of the cloud. */
export const listTasks = (
  api: ImageApi,
  filter: TaskFilter,
  options: PageOptions & CallOptions,
): PaginatedIterator<Task> => paginated(api, ['tasks'], 'tasks', { ...filter }, options, readTask)

export const getTask = async (api: ImageApi, id: string, options: CallOptions): Promise<Task> =>
  readTask(await api.call('GET', ['tasks', id], options))

/** The tasks of one image. */
export const listImageTasks = (api: ImageApi, imageId: string, options: CallOptions): ResourceIterator<Task> =>
  collection(api, ['images', imageId, 'tasks'], 'tasks', options, readTask)
