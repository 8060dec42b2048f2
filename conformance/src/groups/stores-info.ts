import { randomUUID } from 'node:crypto'
import type { Answer } from '../client.ts'
import { expectEqual, expectField, expectStatus, header } from '../expect.ts'
import { importImage, importMethods, importOver, type StoreNames, storeNames, storesOf } from '../imports.ts'
import { at, type Json, listAt, objectAt, stringAt } from '../json.ts'
import type { Group, Scene } from '../suite.ts'

const paths = ['/v2/info/import', '/v2/info/stores', '/v2/info/stores/detail', '/v2/info/usage']

const runInfo = async (scene: Scene, stores: StoreNames | undefined) => {
  const { actors, check } = scene
  const { owner, ownerReader, strangerReader, admin, nobody } = actors
  await check('the ways to import are told to everybody with a token', async () => {
    for (const { api } of [owner, ownerReader, strangerReader, admin]) {
      const answer = expectStatus(await api.get('/v2/info/import'), 200)
      const methods = objectAt(answer.json, 'import-methods')
      expectEqual([methods.type, typeof methods.description], ['array', 'string'], 'type and description')
      expectEqual(listAt(methods, 'value').includes('glance-direct'), true, 'whether glance-direct is among them')
    }
  })
  for (const path of paths) {
    await check(`${path} without a token is 401`, async () => {
      expectStatus(await nobody.get(path), 401)
    })
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
      await check(`${method} ${path} is 405 and allows GET`, async () => {
        expectEqual(header(expectStatus(await admin.api.send(method, path), 405), 'allow'), 'GET', 'Allow')
      })
  }
  for (const path of paths.slice(0, 3))
    await check(`a body on GET ${path} is 400`, async () => {
      expectStatus(await admin.api.send('GET', path, { json: {} }), 400)
    })
  await check('usage is told to everybody with a token: how much of each limit is used', async () => {
    for (const { api } of [owner, ownerReader]) {
      const answer = expectStatus(await api.get('/v2/info/usage'), 200)
      for (const [name, one] of Object.entries(objectAt(answer.json, 'usage'))) {
        const { usage, limit } = objectAt(one)
        expectEqual([Number.isInteger(usage), Number.isInteger(limit)], [true, true], `usage and limit of ${name}`)
      }
    }
  })
  if (stores === undefined) {
    await scene.skip('stores are told', 'the service has one store without a name')
    return
  }
  await check('stores are told to everybody with a token; one of them is the default', async () => {
    for (const { api } of [owner, ownerReader, strangerReader]) {
      const list = listAt(expectStatus(await api.get('/v2/info/stores'), 200).json, 'stores')
      expectEqual(list.filter((store) => at(store, 'default') === 'true').length, 1, 'the number of defaults')
      for (const store of list) {
        for (const key of ['default', 'read-only']) expectEqual(at(store, key) ?? 'true', 'true', key)
        expectEqual(stringAt(store, 'id').startsWith('os_glance'), false, 'whether it is reserved')
        for (const key of ['type', 'weight', 'properties']) expectEqual(at(store, key), undefined, key)
      }
    }
  })
  await check('details of stores are for administrators', async () => {
    for (const { api } of [owner, ownerReader]) expectStatus(await api.get('/v2/info/stores/detail'), 403)
    const list = listAt(expectStatus(await admin.api.get('/v2/info/stores/detail'), 200).json, 'stores')
    expectEqual(
      list.map((store) => at(store, 'id')).filter((id) => stores.all.includes(String(id))).length,
      stores.all.length,
      'the stores',
    )
    for (const store of list) {
      expectEqual([typeof at(store, 'type'), typeof at(store, 'weight')], ['string', 'number'], 'type and weight')
      objectAt(store, 'properties')
    }
  })
}

const runHeader = async (scene: Scene, stores: StoreNames) => {
  const { actors, images, check } = scene
  const { api } = actors.owner
  for (const store of stores.all)
    await check(
      `bytes that are uploaded into ${store === stores.byDefault ? 'the default' : 'another'} store are there`,
      async () => {
        const id = await images.queued()
        expectStatus(await api.upload(`/v2/images/${id}/file`, 'bytes', { 'x-image-meta-store': store }), 204)
        expectEqual(storesOf(await images.read(id)), [store], 'the stores')
        expectEqual((await api.get(`/v2/images/${id}/file`)).text, 'bytes', 'the bytes')
      },
    )
  await check('a new image tells which stores and ways to import there are', async () => {
    const answer = expectStatus(await api.post('/v2/images', { name: 'conformance' }), 201)
    images.remember(stringAt(answer.json, 'id'))
    const listed = (name: string) =>
      (header(answer, name) ?? '')
        .split(',')
        .map((word) => word.trim())
        .sort()
    expectEqual(listed('openstack-image-store-ids'), [...stores.all].sort(), 'the stores')
    expectEqual(listed('openstack-image-import-methods'), (await importMethods(scene)).sort(), 'the methods')
  })
  await check('stores of a deactivated image are told to administrators alone', async () => {
    const id = await images.deactivated()
    expectField(await api.get(`/v2/images/${id}`), ['stores'], undefined)
    expectField(await actors.admin.api.get(`/v2/images/${id}`), ['stores'], stores.byDefault)
  })
  await check('stores cannot be set', async () => {
    expectStatus(await api.post('/v2/images', { stores: stores.byDefault }), 403)
  })
  if (stores.others.length === 0) return
  await check('a download may prefer stores, also those that do not have the bytes', async () => {
    const id = await images.active()
    for (const prefer of [stores.byDefault, stores.others[0], stores.all.join(',')])
      expectEqual((await api.get(`/v2/images/${id}/file?prefer=${prefer}`)).text, '0123456789', 'the bytes')
  })
}

const runDelete = async (scene: Scene, { byDefault, others }: StoreNames) => {
  const { actors, images, check } = scene
  const { admin, owner } = actors
  const [other] = others
  const inTwo = async (): Promise<string> => {
    const id = await images.active()
    const body: Json = { method: { name: 'copy-image' }, stores: [other ?? ''] }
    expectStatus(await importImage(admin, id, body), 202)
    await importOver(scene, id)
    return id
  }
  const path = (store: string, id: string) => `/v2/stores/${store}/${id}`
  const active = await images.active()
  const rows: [what: string, status: number, send: () => Promise<Answer>][] = [
    ['an unknown store', 409, () => admin.api.delete(path('no-such-store', active))],
    ['an unknown image', 404, () => admin.api.delete(path(byDefault, randomUUID()))],
    ['by the owner', 403, () => owner.api.delete(path(byDefault, active))],
    ['by a stranger', 404, () => actors.stranger.api.delete(path(byDefault, active))],
    ['the only bytes', 403, () => admin.api.delete(path(byDefault, active))],
    ['with a body', 400, () => admin.api.send('DELETE', path(byDefault, active), { json: {} })],
  ]
  for (const [what, status, send] of rows)
    await check(`deletion from a store, ${what}: ${status}`, async () => {
      expectStatus(await send(), status)
      expectEqual(storesOf(await images.read(active)), [byDefault], 'the stores')
    })
  for (const status of ['queued', 'deactivated'])
    await check(`deletion from a store of an image that is ${status}: 409`, async () => {
      expectStatus(await admin.api.delete(path(byDefault, await images.in(status))), 409)
    })
  for (const method of ['GET', 'POST', 'PUT'])
    await check(`${method} on it is 405 and allows DELETE`, async () => {
      const answer = expectStatus(await admin.api.send(method, path(byDefault, active)), 405)
      expectEqual(header(answer, 'allow'), 'DELETE', 'Allow')
    })
  if (other === undefined) {
    await scene.skip('bytes are deleted from one of two stores', 'the service has one store')
    return
  }
  await check('deletion from a store that does not have the bytes: 404', async () => {
    expectStatus(await admin.api.delete(path(other, active)), 404)
  })
  for (const store of [byDefault, other])
    await check(
      `bytes are deleted from ${store === other ? 'the newer' : 'the older'} of two stores: 204, and the others serve`,
      async () => {
        const id = await inTwo()
        const answer = expectStatus(await admin.api.delete(path(store, id)), 204)
        expectEqual(answer.bytes.length, 0, 'the length of the body')
        const image = await images.read(id)
        expectEqual(
          [image.status, storesOf(image)],
          ['active', [store === other ? byDefault : other]],
          'status and stores',
        )
        expectEqual((await owner.api.get(`/v2/images/${id}/file`)).text, '0123456789', 'the bytes')
        expectStatus(await admin.api.delete(path(store, id)), 404)
      },
    )
  await check('of two deletions at once, from two stores, one copy is left', async () => {
    const id = await inTwo()
    const answers = await Promise.all([byDefault, other].map((store) => admin.api.delete(path(store, id))))
    expectEqual(answers.map(({ status }) => status).sort(), [204, 403], 'the statuses')
    expectEqual((await owner.api.get(`/v2/images/${id}/file`)).text, '0123456789', 'the bytes')
  })
}

export const storesAndInfo: Group = {
  name: 'stores and info',
  async run(scene) {
    const stores = await storeNames(scene)
    await runInfo(scene, stores)
    if (stores === undefined) return
    await runHeader(scene, stores)
    await runDelete(scene, stores)
  },
}
