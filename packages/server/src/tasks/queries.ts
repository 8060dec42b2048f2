import type { TaskStatus, TaskType } from '@vitrine/contract'
import type { Insertable, Selectable } from 'kysely'
import { sql } from 'kysely'
import type { Reader, Tx } from '../database/database.ts'
import type { TasksTable } from '../database/tables.ts'

export type Task = Selectable<TasksTable>

export const insertTask = async (tx: Tx, row: Insertable<TasksTable>): Promise<void> => {
  await tx.insertInto('tasks').values(row).execute()
}

export const findTask = (db: Reader, id: string): Promise<Task | undefined> =>
  db.selectFrom('tasks').selectAll().where('id', '=', id).executeTakeFirst()

/** @param owner the project whose tasks alone are wanted; undefined: those of all */
export const tasksOfImage = (db: Reader, imageId: string, owner: string | undefined): Promise<Task[]> =>
  db
    .selectFrom('tasks')
    .selectAll()
    .where('image_id', '=', imageId)
    .$if(owner !== undefined, (query) => query.where('owner', '=', owner ?? ''))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .execute()

/** The columns that a list of tasks can be in the order of. */
export const taskSortKeys = ['created_at', 'updated_at', 'expires_at', 'id', 'status', 'type', 'owner'] as const
export type TaskSortKey = (typeof taskSortKeys)[number]

export interface TaskQuery {
  readonly limit: number
  readonly sortKey: TaskSortKey
  readonly sortDir: 'asc' | 'desc'
  readonly status: TaskStatus | undefined
  readonly type: TaskType | undefined
}

/** One page, after the task of the marker. */
export const listTasks = (
  db: Reader,
  { limit, sortKey, sortDir, status, type }: TaskQuery,
  marker: Task | undefined,
): Promise<Task[]> => {
  // Work that goes on ends at no time yet: it sorts before what has ended.
  const column = sortKey === 'expires_at' ? sql<string | number>`coalesce(expires_at, 0)` : sql.ref(sortKey)
  const after = marker === undefined ? undefined : (marker[sortKey] ?? 0)
  const past = sql.raw(sortDir === 'asc' ? '>' : '<')
  return db
    .selectFrom('tasks')
    .selectAll()
    .$if(status !== undefined, (query) => query.where('status', '=', status ?? 'pending'))
    .$if(type !== undefined, (query) => query.where('type', '=', type ?? 'import'))
    .$if(marker !== undefined, (query) =>
      query.where(sql<boolean>`(${column}, id) ${past} (${after}, ${marker?.id ?? ''})`),
    )
    .orderBy(column, sortDir)
    .orderBy('id', sortDir)
    .limit(limit)
    .execute()
}

/** Work that can be taken over. */
export type Abandoned = Pick<Task, 'id' | 'owner' | 'process_id'>

const unended = (db: Reader) =>
  db
    .selectFrom('tasks')
    .leftJoin('processes', 'processes.id', 'tasks.process_id')
    .select(['tasks.id', 'tasks.owner', 'tasks.process_id'])
    .where('tasks.expires_at', 'is', null)
    .orderBy('tasks.created_at')

/** For this long a task may be written down, and its process not have heard that it is. */
const unheardMs = 60_000

/**
 * Work that nobody does: its process is gone or let go of it, or it is this process's, which does not do it: the database failed
 * when it was to let go of it, or before it told that the task is written down.
 * @param isDone whether this process is at it
 */
export const abandonedTasks = async (
  db: Reader,
  processId: string,
  now: number,
  isDone: (id: string) => boolean,
): Promise<Abandoned[]> => {
  const ofNobody = await unended(db).where('processes.id', 'is', null).limit(100).execute()
  const ours = await unended(db)
    .where('processes.id', '=', processId)
    .where('tasks.updated_at', '<', now - unheardMs)
    .execute()
  return [...ofNobody, ...ours.filter(({ id }) => !isDone(id))]
}

/** Takes work over. Of several processes that try, one does. */
export const adoptTask = async (tx: Tx, { id, process_id: from }: Abandoned, processId: string): Promise<boolean> => {
  const { numUpdatedRows } = await tx
    .updateTable('tasks')
    .set({ process_id: processId })
    .where('id', '=', id)
    .where('expires_at', 'is', null)
    .where('process_id', from === null ? 'is' : '=', from)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Writes down that work begins (again). @returns the task as it is now; undefined when it is not this process's any more */
export const beginTask = (tx: Tx, id: string, processId: string, now: number): Promise<Task | undefined> =>
  tx
    .updateTable('tasks')
    .set((change) => ({ status: 'processing', attempts: change('attempts', '+', 1), updated_at: now }))
    .where('id', '=', id)
    .where('process_id', '=', processId)
    .where('expires_at', 'is', null)
    .returningAll()
    .executeTakeFirst()

/** Lets go of work that a process has begun and does not end; it does not count as begun. */
export const releaseTask = async (tx: Tx, id: string): Promise<void> => {
  await tx
    .updateTable('tasks')
    .set((change) => ({ process_id: null, attempts: change('attempts', '-', 1) }))
    .where('id', '=', id)
    .where('expires_at', 'is', null)
    .execute()
}

/** The record of a task stays for this long after its end. */
const keptMs = 48 * 60 * 60 * 1000

/** Writes down how work ended. */
export const endTask = async (
  tx: Tx,
  id: string,
  end: { readonly status: 'success' | 'failure'; readonly message: string; readonly result: object | null },
  now: number,
): Promise<void> => {
  const { status, message, result } = end
  const done = { work: null, process_id: null, updated_at: now, expires_at: now + keptMs }
  await tx
    .updateTable('tasks')
    .set({ ...done, status, message, result: result === null ? null : JSON.stringify(result) })
    .where('id', '=', id)
    .execute()
}

export const forgetEndedTasks = async (tx: Tx, now: number): Promise<void> => {
  await tx.deleteFrom('tasks').where('expires_at', '<', now).execute()
}
