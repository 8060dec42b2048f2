import { randomUUID } from 'node:crypto'
import { expectEqual, expectStatus } from '../expect.ts'
import { at, type Json, listAt } from '../json.ts'
import { eventually, type Group, type Scene } from '../suite.ts'

const target = 'x-image-cache-clear-target'

const numberAt = (value: Json | undefined, key: string): number => {
  const found = at(value, key)
  if (typeof found !== 'number') throw new Error(`${key} is no number: ${JSON.stringify(found)}`)
  return found
}

interface Listed {
  readonly cached: readonly Json[]
  readonly queued: readonly Json[]
}

const listed = async ({ actors }: Scene): Promise<Listed> => {
  const { json } = expectStatus(await actors.admin.api.get('/v2/cache'), 200)
  return { cached: listAt(json, 'cached_images'), queued: listAt(json, 'queued_images') }
}

const entryOf = async (scene: Scene, id: string): Promise<Json | undefined> =>
  (await listed(scene)).cached.find((entry) => at(entry, 'image_id') === id)

/** Has an image cached, and waits until it is. */
const cached = async (scene: Scene, id: string): Promise<Json> => {
  expectStatus(await scene.actors.admin.api.put(`/v2/cache/${id}`), 202)
  const entry = await eventually(
    () => entryOf(scene, id),
    (found) => found !== undefined,
    'the image in the cache',
  )
  return entry ?? null
}

const runCache = async (scene: Scene): Promise<void> => {
  const { actors, images, check } = scene
  const { api } = actors.admin
  const bytes = Buffer.from('cached bytes')

  await check('only administrators have to do with the cache', async () => {
    const id = await images.active({}, actors.owner, bytes)
    for (const actor of [actors.owner, actors.stranger]) {
      expectStatus(await actor.api.get('/v2/cache'), 403)
      expectStatus(await actor.api.put(`/v2/cache/${id}`), 403)
      expectStatus(await actor.api.delete(`/v2/cache/${id}`), 403)
      expectStatus(await actor.api.delete('/v2/cache'), 403)
      expectStatus(await actor.api.post('/v2/cache/clean'), 403)
      expectStatus(await actor.api.post('/v2/cache/prune'), 403)
    }
  })

  await check('an image is queued, cached, told of with its size and times, and removed', async () => {
    const id = await images.active({}, actors.owner, bytes)
    const entry = await cached(scene, id)
    expectEqual(numberAt(entry, 'size'), bytes.length, 'its size')
    for (const key of ['hits', 'last_accessed', 'last_modified']) expectEqual(numberAt(entry, key) >= 0, true, key)
    expectStatus(await api.delete(`/v2/cache/${id}`), 204)
    expectEqual(await entryOf(scene, id), undefined, 'the entry after it was removed')
    expectStatus(await api.delete(`/v2/cache/${id}`), 404)
  })

  await check('an image without bytes is 400, one that there is not 404', async () => {
    expectStatus(await api.put(`/v2/cache/${await images.queued()}`), 400)
    expectStatus(await api.put(`/v2/cache/${randomUUID()}`), 404)
    expectStatus(await api.delete(`/v2/cache/${randomUUID()}`), 404)
  })

  await check('cache and queue are cleared apart or together; another target is 400', async () => {
    const id = await images.active({}, actors.owner, bytes)
    await cached(scene, id)
    expectStatus(await api.send('DELETE', '/v2/cache', { headers: { [target]: 'queue' } }), 204)
    expectEqual((await entryOf(scene, id)) === undefined, false, 'whether only the queue was cleared')
    expectStatus(await api.send('DELETE', '/v2/cache', { headers: { [target]: 'both' } }), 400)
    expectStatus(await api.send('DELETE', '/v2/cache', { headers: { [target]: 'cache' } }), 204)
    expectEqual(await entryOf(scene, id), undefined, 'the entry after the cache was cleared')
    expectStatus(await api.delete('/v2/cache'), 204)
  })

  await check('a deleted image is not cached any more', async () => {
    const id = await images.active({}, actors.owner, bytes)
    await cached(scene, id)
    expectStatus(await actors.owner.api.delete(`/v2/images/${id}`), 204)
    await eventually(
      () => entryOf(scene, id),
      (found) => found === undefined,
      'the end of the entry',
    )
  })

  await check('cleaning and pruning answer 200, and tell what went', async () => {
    expectStatus(await api.post('/v2/cache/clean'), 200)
    const { json } = expectStatus(await api.post('/v2/cache/prune'), 200)
    expectEqual(numberAt(json, 'total_files_pruned'), 0, 'the files')
    expectEqual(numberAt(json, 'total_bytes_pruned'), 0, 'the bytes')
  })

  await check('the machines of an image are 409 where each knows its own cache alone', async () => {
    expectStatus(await api.get(`/v2/cache/nodes/${await images.active({}, actors.owner, bytes)}`), 409)
    expectStatus(await api.get(`/v2/cache/nodes/${randomUUID()}`), 404)
  })
}

/** The cache of images: https://docs.openstack.org/api-ref/image/v2/#cache-manage */
export const cache: Group = {
  name: 'cache',
  async run(scene) {
    const { status } = await scene.actors.admin.api.get('/v2/cache')
    if (status === 404) await scene.skip('images are cached', 'the service caches no images')
    else await runCache(scene)
  },
}
