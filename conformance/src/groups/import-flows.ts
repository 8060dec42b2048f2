import { randomBytes } from 'node:crypto'
import { expectEqual, expectField, expectMatch, expectStatus } from '../expect.ts'
import {
  expectFailed,
  expectImported,
  importImage,
  importMethods,
  importOver,
  staged,
  storeNames,
  storesOf,
  tasksOf,
} from '../imports.ts'
import { at, type Json, listAt, objectAt, stringAt } from '../json.ts'
import type { Group, Scene } from '../suite.ts'
import { qcow2 } from './disk-images.ts'

const bytes = randomBytes(1_500_001)
const direct = { name: 'glance-direct' }
const virtualSizeBytes = 64 * 1024 * 1024

const runDirect = async (scene: Scene) => {
  const { actors, images, check, own } = scene
  await check('staged bytes are imported: active, with size, digests and the same bytes', async () => {
    const id = await staged(scene, bytes)
    expectStatus(await importImage(actors.owner, id, { method: direct }), 202)
    const image = await expectImported(scene, id, bytes)
    expectEqual(image.virtual_size, bytes.length, 'virtual_size')
  })
  await check('a disk is imported with its virtual size', async () => {
    const disk = qcow2({ virtualSizeBytes })
    const id = await staged(scene, disk, { disk_format: 'qcow2' })
    expectStatus(await importImage(actors.owner, id, { method: direct }), 202)
    expectEqual((await expectImported(scene, id, disk)).virtual_size, virtualSizeBytes, 'virtual_size')
  })
  const hostile: [what: string, disk: Uint8Array][] = [
    ['plain bytes', bytes],
    ['a qcow2 with a backing file', qcow2({ virtualSizeBytes, backingFile: '/etc/passwd' })],
    ['a qcow2 with an external data file', qcow2({ virtualSizeBytes, dataFile: true })],
  ]
  for (const [what, disk] of hostile)
    await own(`OSSA-2015-014, OSSA-2024-001: ${what} as qcow2 is never imported, and its task says why`, async () => {
      const id = await staged(scene, disk, { disk_format: 'qcow2' })
      expectStatus(await importImage(actors.owner, id, { method: direct }), 202)
      await expectFailed(scene, id)
    })
  await own('after an import that failed the image can be used again', async () => {
    const id = await staged(scene, bytes, { disk_format: 'qcow2' })
    expectStatus(await importImage(actors.owner, id, { method: direct }), 202)
    await expectFailed(scene, id)
    const format = [{ op: 'replace', path: '/disk_format', value: 'raw' }]
    expectStatus(await actors.owner.api.patch(`/v2/images/${id}`, format), 200)
    expectStatus(await actors.owner.api.upload(`/v2/images/${id}/stage`, bytes), 204)
    expectStatus(await importImage(actors.owner, id, { method: direct }), 202)
    await expectImported(scene, id, bytes)
  })
  await check('of several imports at once exactly one begins', async () => {
    const id = await staged(scene, bytes)
    const sends = [1, 2, 3].map(() => importImage(actors.owner, id, { method: direct }))
    const statuses = (await Promise.all(sends)).map(({ status }) => status).sort()
    expectEqual(statuses, [202, 409, 409], 'the statuses')
    await expectImported(scene, id, bytes)
  })
  await check('an image that is deleted while it is imported is gone', async () => {
    const id = await staged(scene, bytes)
    expectStatus(await importImage(actors.owner, id, { method: direct }), 202)
    expectStatus(await actors.owner.api.delete(`/v2/images/${id}`), 204)
    expectStatus(await actors.owner.api.get(`/v2/images/${id}`), 404)
    expectStatus(await actors.owner.api.get(`/v2/images/${id}/file`), 404)
  })
  await check('an empty image can be imported', async () => {
    const id = await staged(scene, Buffer.alloc(0))
    expectStatus(await importImage(actors.owner, id, { method: direct }), 202)
    await expectImported(scene, id, Buffer.alloc(0))
  })
  await check('the task of an import tells of it', async () => {
    const id = await staged(scene, bytes)
    await images.share(id, actors.consumer, 'accepted')
    const answer = expectStatus(await importImage(actors.owner, id, { method: direct }), 202)
    await importOver(scene, id)
    const [task] = await tasksOf(actors.owner, id)
    const { created_at, updated_at, expires_at, request_id, user_id, input, result, message, ...rest } = objectAt(task)
    expectEqual(
      { ...rest, id: typeof rest.id },
      {
        id: 'string',
        type: 'api_image_import',
        status: 'success',
        owner: actors.owner.projectId,
        deleted_at: null,
        deleted: false,
        image_id: id,
      },
      'the task',
    )
    for (const date of [created_at, updated_at, expires_at])
      expectMatch(String(date), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/, 'an instant')
    expectEqual(request_id, answer.headers['x-openstack-request-id'], 'the request')
    expectEqual([typeof user_id, typeof message], ['string', 'string'], 'user and message')
    expectEqual(at(input, 'import_req', 'method', 'name'), 'glance-direct', 'the method in the input')
    expectEqual(result === undefined, false, 'whether there is a result')
  })
}

const runTasksOfImage = async (scene: Scene) => {
  const { actors, images, check } = scene
  const id = await staged(scene, bytes)
  await images.share(id, actors.consumer, 'accepted')
  expectStatus(await importImage(actors.owner, id, { method: direct }), 202)
  await importOver(scene, id)
  const path = `/v2/images/${id}/tasks`
  const rows: [actor: 'owner' | 'ownerReader' | 'admin' | 'consumer', tasks: number][] = [
    ['owner', 1],
    ['ownerReader', 1],
    ['admin', 1],
    ['consumer', 0],
  ]
  for (const [name, count] of rows)
    await check(`${name} sees ${count} tasks of the image`, async () => {
      expectEqual((await tasksOf(actors[name], id)).length, count, 'the number of tasks')
    })
  await check('the tasks of an image are 404 for a stranger, 401 for nobody, and take no body', async () => {
    expectStatus(await actors.stranger.api.get(path), 404)
    expectStatus(await actors.nobody.get(path), 401)
    expectStatus(await actors.owner.api.send('GET', path, { json: {} }), 400)
    expectStatus(await actors.owner.api.delete(path), 405)
  })
  await check('an image that was uploaded has no tasks', async () => {
    expectField(await actors.owner.api.get(`/v2/images/${await images.active()}/tasks`), ['tasks'], [])
  })
}

const runStores = async (scene: Scene) => {
  const { actors, check } = scene
  const stores = await storeNames(scene)
  if (stores === undefined || stores.others.length === 0) {
    await scene.skip('bytes are imported into several stores', 'the service has one store')
    return
  }
  const { all, byDefault } = stores
  const [other = ''] = stores.others
  const rows: [what: string, body: { [key: string]: Json }, headers: Record<string, string>, expected: string[]][] = [
    ['no store', {}, {}, [byDefault]],
    ['one other store', { stores: [other] }, {}, [other]],
    ['one other store by the header', {}, { 'x-image-meta-store': other }, [other]],
    ['two stores', { stores: [other, byDefault] }, {}, [other, byDefault]],
    ['the same store twice', { stores: [other, other] }, {}, [other]],
    ['all stores', { all_stores: true }, {}, all],
    ['all stores, of which some may fail', { all_stores: true, all_stores_must_succeed: false }, {}, all],
  ]
  for (const [what, more, headers, expected] of rows)
    await check(`an import that names ${what} puts the bytes there`, async () => {
      const id = await staged(scene, bytes)
      expectStatus(await importImage(actors.owner, id, { method: direct, ...more }, headers), 202)
      const image = await expectImported(scene, id, bytes)
      expectEqual(storesOf(image), [...new Set(expected)].sort(), 'the stores')
    })
}

const runCopies = async (scene: Scene, methods: readonly string[]) => {
  const { actors, images, check } = scene
  const { admin, owner } = actors
  const stores = await storeNames(scene)
  const [other] = stores?.others ?? []
  if (!methods.includes('copy-image') || stores === undefined || other === undefined) {
    await scene.skip('bytes are copied into further stores', 'the service has one store, or does not copy')
    return
  }
  const method = { name: 'copy-image' }
  await check('an active image is copied into another store, and stays active all the time', async () => {
    const id = await images.active({}, owner, bytes)
    expectStatus(await importImage(admin, id, { method, stores: [other] }), 202)
    expectField(await owner.api.get(`/v2/images/${id}`), ['status'], 'active')
    expectEqual(storesOf(await expectImported(scene, id, bytes)), [stores.byDefault, other].sort(), 'the stores')
  })
  await check('copied into all stores it is in all of them, and again changes nothing', async () => {
    const id = await images.active({}, owner, bytes)
    for (let round = 0; round < 2; round += 1) {
      expectStatus(await importImage(admin, id, { method, all_stores: true }), 202)
      const image = await importOver(scene, id)
      expectEqual([image.status, storesOf(image)], ['active', [...stores.all].sort()], 'status and stores')
    }
  })
  await check('a copy into a store that has the bytes is 400', async () => {
    const id = await images.active({}, owner, bytes)
    expectStatus(await importImage(admin, id, { method, stores: [stores.byDefault] }), 400)
    expectEqual(storesOf(await images.read(id)), [stores.byDefault], 'the stores')
  })
  await check('a copy into an unknown store is 409', async () => {
    const id = await images.active({}, owner, bytes)
    expectStatus(await importImage(admin, id, { method, stores: ['no-such-store'] }), 409)
  })
  await check('the task of a copy says so', async () => {
    const id = await images.active({}, owner, bytes)
    expectStatus(await importImage(admin, id, { method, stores: [other] }), 202)
    await importOver(scene, id)
    const [task] = await tasksOf(admin, id)
    expectEqual(stringAt(task, 'type'), 'api_image_import', 'the type')
    expectEqual(stringAt(task, 'input', 'import_req', 'method', 'name'), 'copy-image', 'the method')
    expectEqual(listAt(task, 'input', 'import_req', 'stores'), [other], 'the stores')
  })
}

export const importFlows: Group = {
  name: 'import, what comes of it',
  async run(scene) {
    const methods = await importMethods(scene)
    if (!methods.includes('glance-direct')) {
      await scene.skip('staged bytes are imported', 'the service does not import by glance-direct')
      return
    }
    await runDirect(scene)
    await runTasksOfImage(scene)
    await runStores(scene)
    await runCopies(scene, methods)
  },
}
