import { createHash } from 'node:crypto'
import type { Actor } from './actors.ts'
import type { Answer } from './client.ts'
import { expectEqual, expectStatus } from './expect.ts'
import { at, type Json, listAt, objectAt, stringAt } from './json.ts'
import { eventually, type Scene } from './suite.ts'

/** What imports have in common: what the service offers, and how to wait for them. */

/** A host that does not answer may take a service a while to give up on. */
const patienceSeconds = 40

/** The ways to import that are open; none on services that do not know of any. */
export const importMethods = async ({ actors }: Scene): Promise<string[]> => {
  const answer = await actors.owner.api.get('/v2/info/import')
  return answer.status === 200 ? listAt(answer.json, 'import-methods', 'value').map(String) : []
}

/** Names of stores; none on services that have one without a name. */
export interface StoreNames {
  /** In the order of the service. */
  all: string[]
  /** Where bytes go if no store is named. */
  byDefault: string
  /** All but that one. */
  others: string[]
}

export const storeNames = async ({ actors }: Scene): Promise<StoreNames | undefined> => {
  const answer = await actors.owner.api.get('/v2/info/stores')
  if (answer.status !== 200) return undefined
  const stores = listAt(answer.json, 'stores').filter((store) => at(store, 'read-only') === undefined)
  const all = stores.map((store) => stringAt(store, 'id'))
  const first = stores.find((store) => at(store, 'default') !== undefined)
  const byDefault = first === undefined ? (all[0] ?? '') : stringAt(first, 'id')
  return { all, byDefault, others: all.filter((name) => name !== byDefault) }
}

export const importImage = (
  actor: Actor,
  id: string,
  body: Json,
  headers: Record<string, string> = {},
): Promise<Answer> => actor.api.post(`/v2/images/${id}/import`, body, { headers })

/** A queued image with staged bytes. */
export const staged = async (
  { actors, images }: Scene,
  bytes: Uint8Array,
  attributes: { [name: string]: Json } = {},
): Promise<string> => {
  const id = await images.queued(attributes)
  expectStatus(await actors.owner.api.upload(`/v2/images/${id}/stage`, bytes), 204)
  return id
}

export const tasksOf = async (actor: Actor, id: string): Promise<Json[]> =>
  listAt(expectStatus(await actor.api.get(`/v2/images/${id}/tasks`), 200).json, 'tasks')

/** Waits until nothing works on the image any more. */
export const importOver = async ({ actors, images }: Scene, id: string): Promise<{ [key: string]: Json }> => {
  const isWorking = (task: Json) => ['pending', 'processing'].includes(stringAt(task, 'status'))
  await eventually(
    async () => (await tasksOf(actors.admin, id)).filter(isWorking).length,
    (working) => working === 0,
    `the tasks of ${id}`,
    patienceSeconds,
  )
  const isOver = (image: { [key: string]: Json }) =>
    image.status !== 'importing' && image.os_glance_import_task === undefined
  return eventually(() => images.read(id), isOver, `the import of ${id}`, patienceSeconds)
}

const digest = (algorithm: string, bytes: Uint8Array): string => createHash(algorithm).update(bytes).digest('hex')

/** Fails unless the import ends well, with these bytes. */
export const expectImported = async (scene: Scene, id: string, bytes: Uint8Array): Promise<{ [key: string]: Json }> => {
  const image = await importOver(scene, id)
  const expected = {
    status: 'active',
    size: bytes.length,
    checksum: digest('md5', bytes),
    os_hash_algo: 'sha512',
    os_hash_value: digest('sha512', bytes),
    os_glance_importing_to_stores: '',
    os_glance_failed_import: '',
  }
  expectEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, image[key]])), expected, 'the image')
  const download = expectStatus(await scene.actors.owner.api.get(`/v2/images/${id}/file`), 200)
  expectEqual(download.bytes.equals(Buffer.from(bytes)), true, 'whether the bytes are the same')
  return image
}

/** Fails unless the import failed: the image is queued and empty again, and its task says why. */
export const expectFailed = async (scene: Scene, id: string): Promise<string> => {
  const image = await importOver(scene, id)
  const expected = { status: 'queued', size: null, virtual_size: null, checksum: null, os_hash_value: null }
  expectEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, image[key]])), expected, 'the image')
  expectStatus(await scene.actors.owner.api.get(`/v2/images/${id}/file`), 204)
  const [task] = (await tasksOf(scene.actors.admin, id)).filter((one) => at(one, 'status') === 'failure')
  const message = stringAt(objectAt(task), 'message')
  expectEqual(message.length > 0, true, 'whether the task says why')
  return message
}

/** The stores that an image says it is in. */
export const storesOf = (image: { [key: string]: Json }): string[] =>
  typeof image.stores === 'string' ? image.stores.split(',').sort() : []
