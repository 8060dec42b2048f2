import { randomUUID } from 'node:crypto'
import { actorNamed } from '../actors.ts'
import type { Answer } from '../client.ts'
import { expectEqual, expectStatus, header } from '../expect.ts'
import { importImage, importMethods, importOver, staged, storeNames } from '../imports.ts'
import type { Json } from '../json.ts'
import { checker, type Group, type Scene } from '../suite.ts'
import { table } from '../table.ts'

const somewhere = 'http://images.invalid/disk.raw'
const download = { name: 'web-download', uri: somewhere }
const direct = { name: 'glance-direct' }

/** What is wrong with a body in itself is told whoever sends it, and to whatever image. */
const wrongBodies: [what: string, body: Json | undefined, own?: 'own'][] = [
  ['no body', undefined],
  ['a list', [direct], 'own'],
  ['no method', {}],
  ['a method that is null', { method: null }, 'own'],
  ['a method that is a text', { method: 'glance-direct' }, 'own'],
  ['a method without a name', { method: {} }],
  ['a method that does not exist', { method: { name: 'by-magic' } }],
  ['a name that is a number', { method: { name: 1 } }],
  ['all_stores that is a text', { method: direct, all_stores: 'true' }],
  ['all_stores_must_succeed that is a number', { method: direct, all_stores_must_succeed: 1 }],
  ['stores that are a text', { method: direct, stores: 'store1' }, 'own'],
  ['stores that are numbers', { method: direct, stores: [1] }, 'own'],
]

const runBodies = async (scene: Scene) => {
  const { actors, images, check } = scene
  const id = await images.queued()
  for (const [what, body, flag] of wrongBodies)
    await checker(scene, flag === 'own')(`${what} is 400, for the owner, a stranger and an unknown image`, async () => {
      const send = (path: string, actor: typeof actors.owner) => actor.api.post(`/v2/images/${path}/import`, body)
      expectStatus(await send(id, actors.owner), 400)
      expectStatus(await send(id, actors.stranger), 400)
      expectStatus(await send(randomUUID(), actors.owner), 400)
    })
  await check('a body that is not JSON is 400', async () => {
    const headers = { 'content-type': 'application/json' }
    expectStatus(await actors.owner.api.send('POST', `/v2/images/${id}/import`, { body: '{"method":', headers }), 400)
  })
  await check('unknown keys of the body are read over', async () => {
    const one = await staged(scene, Buffer.from('x'))
    expectStatus(await importImage(actors.owner, one, { method: { ...direct, more: 1 }, extra: true }), 202)
  })
  for (const method of ['GET', 'PUT', 'PATCH', 'DELETE'])
    await check(`${method} on it is 405 and allows POST`, async () => {
      const answer = expectStatus(await actors.owner.api.send(method, `/v2/images/${id}/import`), 405)
      expectEqual(header(answer, 'allow'), 'POST', 'Allow')
    })
  await check('without a token it is 401', async () => {
    expectStatus(await actors.nobody.post(`/v2/images/${id}/import`, { method: download }), 401)
  })
}

// State comes before parameters, and these before permission: a member learns the state, not that it is not its image.
const states = table(`
  method        | image       | owner | admin | consumer | ownerReader | stranger
  web-download  | uploading   | 409   | 409   | 409      | 409         | 404
  web-download  | active      | 409   | 409   | 409      | 409         | 404
  web-download  | deactivated | 409   | 409   | 409      | 409         | 404
  web-download  | queued      | 202   | 202   | 403      | 403         | 404
  glance-direct | queued      | 409   | 409   | 409      | 409         | 404
  glance-direct | active      | 409   | 409   | 409      | 409         | 404
  glance-direct | deactivated | 409   | 409   | 409      | 409         | 404
  glance-direct | uploading   | 202   | 202   | 403      | 403         | 404
  copy-image    | queued      | 409   | 409   | 409      | 409         | 404
  copy-image    | uploading   | 409   | 409   | 409      | 409         | 404
  copy-image    | deactivated | 409   | 409   | 409      | 409         | 404
  copy-image    | active      | 403   | 202   | 403      | 403         | 404
`)

/** An image that is `uploading`, or one of the statuses that need no import. */
const imageIn = (scene: Scene, status: string): Promise<string> =>
  status === 'uploading' ? staged(scene, Buffer.from('staged')) : scene.images.in(status)

const runStates = async (scene: Scene, methods: readonly string[]) => {
  const { actors, images } = scene
  for (const row of states) {
    const name = row.text('method')
    if (!methods.includes(name)) {
      await scene.skip(`${name}, image ${row.text('image')}`, 'the service does not import by it')
      continue
    }
    for (const column of row.columns.slice(1))
      await scene.check(
        `${name} of an image that is ${row.text('image')}, ${column}: ${row.status(column)}`,
        async () => {
          const id = await imageIn(scene, row.text('image'))
          await images.share(id, actors.consumer, 'accepted')
          const method = name === 'web-download' ? download : { name }
          const body = name === 'copy-image' ? { method, all_stores: true } : { method }
          const answer = expectStatus(await importImage(actorNamed(actors, column), id, body), row.status(column))
          if (row.status(column) === 202) expectEqual(answer.bytes.length, 0, 'the length of the body')
          else expectEqual((await images.read(id)).status, row.text('image'), 'the status')
        },
      )
  }
}

const runParameters = async (scene: Scene) => {
  const { actors, images, check } = scene
  const { owner, consumer } = actors
  for (const missing of ['disk_format', 'container_format'])
    await check(`without ${missing} an import is 409, also of staged bytes`, async () => {
      const queued = await images.queued({ [missing]: null })
      expectStatus(await importImage(owner, queued, { method: download }), 409)
      const waiting = await staged(scene, Buffer.from('x'), { [missing]: null })
      expectStatus(await importImage(owner, waiting, { method: direct }), 409)
    })
  const id = await images.queued()
  await images.share(id, consumer, 'accepted')
  const active = await images.active()
  const noUri = { method: { name: 'web-download' } }
  const filtered = { method: { name: 'web-download', uri: 'ftp://images.invalid/disk.raw' } }
  const rows: [what: string, status: number, send: () => Promise<Answer>][] = [
    ['web-download without an address', 400, () => importImage(owner, id, noUri)],
    ['the same by a member', 400, () => importImage(consumer, id, noUri)],
    ['the same into an active image', 409, () => importImage(owner, active, noUri)],
    ['an address of the wrong scheme', 400, () => importImage(owner, id, filtered)],
    ['the same by a member', 403, () => importImage(consumer, id, filtered)],
    ['the same into an active image', 409, () => importImage(owner, active, filtered)],
    ['into an unknown image', 404, () => importImage(owner, randomUUID(), { method: download })],
  ]
  for (const [what, status, send] of rows)
    await check(`${what} is ${status}`, async () => {
      expectStatus(await send(), status)
      const image = await images.read(id)
      expectEqual([image.status, image.os_glance_import_task], ['queued', undefined], 'status and task')
    })
}

const runRegions = async (scene: Scene) => {
  const { actors, images } = scene
  const name = 'glance-download'
  const rows: [what: string, method: { [key: string]: Json }][] = [
    ['without region and image', { name }],
    ['without region', { name, glance_image_id: randomUUID() }],
    ['without image', { name, glance_region: 'elsewhere' }],
    ['with an id of an image that is none', { name, glance_region: 'elsewhere', glance_image_id: '../../etc' }],
  ]
  const id = await images.queued()
  for (const [what, method] of rows)
    await scene.check(`glance-download ${what} is 400`, async () => {
      expectStatus(await importImage(actors.owner, id, { method }), 400)
    })
}

const runStores = async (scene: Scene) => {
  const { actors, images, check } = scene
  const stores = await storeNames(scene)
  if (stores === undefined) {
    await scene.skip('stores are chosen', 'the service has one store without a name')
    return
  }
  const id = await staged(scene, Buffer.from('x'))
  const method = direct
  const [one = ''] = stores.all
  const header = { 'x-image-meta-store': one }
  const rows: [what: string, status: number, body: Json, headers?: Record<string, string>][] = [
    ['all stores and some of them', 400, { method, all_stores: true, stores: [one] }],
    ['all stores and one by the header', 400, { method, all_stores: true }, header],
    ['some stores and one by the header', 400, { method, stores: [one] }, header],
    ['an unknown store', 409, { method, stores: [one, 'no-such-store'] }],
    ['an unknown store by the header', 409, { method }, { 'x-image-meta-store': 'no-such-store' }],
  ]
  for (const [what, status, body, headers] of rows)
    await check(`${what} is ${status}`, async () => {
      expectStatus(await importImage(actors.owner, id, body, headers), status)
      expectEqual((await images.read(id)).status, 'uploading', 'the status')
    })
  await check('after all these a good import succeeds', async () => {
    expectStatus(await importImage(actors.owner, id, { method, stores: [one] }), 202)
    expectEqual((await importOver(scene, id)).stores, one, 'the stores')
  })
}

export const importRequests: Group = {
  name: 'import, what is asked for',
  async run(scene) {
    const methods = await importMethods(scene)
    if (methods.length === 0) {
      await scene.skip('images are imported', 'the service has no way to import')
      return
    }
    await runBodies(scene)
    await runStates(scene, methods)
    await runParameters(scene)
    if (methods.includes('glance-download')) await runRegions(scene)
    await runStores(scene)
  },
}
