import type { TaskFilter } from '@vitrine/sdk'
import { connect } from '../connect.ts'
import { type Invocation, say } from '../context.ts'
import { orElse } from '../extension.ts'
import type { OutputOptions } from '../output/formats.ts'
import { writeList, writeRecord } from '../output/output.ts'
import { storeDetailView, storeView, taskDetailView, taskView, usageView } from '../store-views.ts'
import { upTo } from '../up-to.ts'
import { wireDocument, wireDocuments } from '../wire.ts'

export interface StoresOptions extends OutputOptions {
  details?: boolean
}

async function* each<Thing extends object>(things: readonly Thing[]): AsyncGenerator<Thing, undefined> {
  yield* things
}

/** The stores of the cloud. */
export const listStores = async (invocation: Invocation, { details, ...options }: StoresOptions): Promise<void> => {
  const { service } = await connect(invocation)
  const { signal } = invocation
  // Clouds with one store alone do not know the path.
  const stores = await orElse(service.getStores({ details, signal }), async () => [])
  const view = details === true ? storeDetailView : storeView
  await writeList(invocation, view, wireDocuments(each(stores)), options)
  if (stores.length === 0) await say(invocation, 'This cloud has one store, without a name.')
}

/** How much of its limits the project uses. */
export const showUsage = async (invocation: Invocation, options: OutputOptions): Promise<void> => {
  const { service } = await connect(invocation)
  const usage = await orElse(service.getUsage({ signal: invocation.signal }), async () => [])
  await writeList(invocation, usageView, wireDocuments(each(usage)), options)
  if (usage.length === 0) await say(invocation, 'This cloud limits nothing, or does not tell.')
}

export interface TaskListOptions extends OutputOptions {
  status?: NonNullable<TaskFilter['status']>
  limit: number
}

/** Every task of the cloud, newest first. */
export const listTasks = async (
  invocation: Invocation,
  { status, limit, ...options }: TaskListOptions,
): Promise<void> => {
  const { service } = await connect(invocation)
  const tasks = upTo(service.listTasks({ status }, { signal: invocation.signal }), limit)
  const count = await writeList(invocation, taskView, wireDocuments(tasks.things), options)
  if (count === 0) await say(invocation, 'There are no tasks.')
  else if (tasks.more()) await say(invocation, `Only the last ${limit} are listed; --limit lists more.`)
}

export const showTask = async (invocation: Invocation, id: string, options: OutputOptions): Promise<void> => {
  const { service } = await connect(invocation)
  const task = await service.getTask(id, { signal: invocation.signal })
  await writeRecord(invocation, taskDetailView, wireDocument(task), options)
}
