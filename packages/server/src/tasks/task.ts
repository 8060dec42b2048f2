import { wireDate } from '../http/json.ts'
import type { Task } from './queries.ts'

const parsed = (text: string | null): unknown => (text === null ? null : JSON.parse(text))

/** A task as a list shows it. */
export const shortTask = (task: Task) => ({
  id: task.id,
  type: task.type,
  status: task.status,
  owner: task.owner,
  ...(task.expires_at === null ? {} : { expires_at: wireDate(task.expires_at) }),
  ...(task.image_id === null ? {} : { image_id: task.image_id }),
  ...(task.request_id === null ? {} : { request_id: task.request_id }),
  user_id: task.user_id,
  created_at: wireDate(task.created_at),
  updated_at: wireDate(task.updated_at),
  self: `/v2/tasks/${task.id}`,
  schema: '/v2/schemas/task',
})

/** A task with what it was given and what came of it. */
export const fullTask = (task: Task) => ({
  ...shortTask(task),
  input: parsed(task.input),
  result: parsed(task.result),
  message: task.message,
})

/** The instants of this one list have microseconds and no zone. */
const rawDate = (instant: number): string => `${new Date(instant).toISOString().slice(0, 23)}000`

/** A task as the list of an image shows it: its record, as it is. */
export const rawTask = (task: Task) => ({
  id: task.id,
  type: task.type,
  status: task.status,
  owner: task.owner,
  expires_at: task.expires_at === null ? null : rawDate(task.expires_at),
  created_at: rawDate(task.created_at),
  updated_at: rawDate(task.updated_at),
  deleted_at: null,
  deleted: false,
  image_id: task.image_id,
  request_id: task.request_id,
  user_id: task.user_id,
  input: parsed(task.input),
  result: parsed(task.result),
  message: task.message,
})
