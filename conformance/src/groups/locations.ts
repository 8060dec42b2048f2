import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { actorNamed } from '../actors.ts'
import type { Answer } from '../client.ts'
import { expectEqual, expectField, expectStatus, header } from '../expect.ts'
import { importOver, tasksOf } from '../imports.ts'
import { at, type Json, listAt, stringAt } from '../json.ts'
import { checker, type Group, type Scene } from '../suite.ts'

const url = 'http://images.invalid/disk.raw'
const sha256 = 'ab'.repeat(32)
const bytes = randomBytes(40_001)

const wrongBodies: [what: string, body: Json | undefined][] = [
  ['no body', undefined],
  ['a list', [url]],
  ['no address', {}],
  ['an address that is a number', { url: 1 }],
  ['an algorithm without a value', { url, validation_data: { os_hash_algo: 'sha256' } }],
  ['a value without an algorithm', { url, validation_data: { os_hash_value: sha256 } }],
  ['an unknown algorithm', { url, validation_data: { os_hash_algo: 'crc32', os_hash_value: sha256 } }],
  ['validation data that is a text', { url, validation_data: 'sha256' }],
]

const hostFiles = ['file:///etc/passwd', 'filesystem:///etc/passwd', 'file://localhost/etc/shadow', '/etc/passwd']

const runAdd = async (scene: Scene) => {
  const { actors, images, check, own } = scene
  const { owner, consumer, stranger, ownerReader, admin } = actors
  const id = await images.queued()
  await images.share(id, consumer, 'accepted')
  const path = `/v2/images/${id}/locations`
  for (const [what, body] of wrongBodies)
    await check(`a location with ${what} is 400`, async () => {
      expectStatus(await owner.api.post(path, body), 400)
    })
  const rows: [what: string, status: number, send: () => Promise<Answer>][] = [
    ['by a member', 403, () => consumer.api.post(path, { url })],
    ['by a reader', 403, () => ownerReader.api.post(path, { url })],
    ['by a stranger', 404, () => stranger.api.post(path, { url })],
    ['of an unknown image', 404, () => owner.api.post(`/v2/images/${randomUUID()}/locations`, { url })],
    ['without a token', 401, () => actors.nobody.post(path, { url })],
  ]
  for (const [what, status, send] of rows)
    await check(`a location ${what} is ${status}`, async () => {
      expectStatus(await send(), status)
      expectEqual((await images.read(id)).status, 'queued', 'the status')
    })
  for (const address of hostFiles)
    await check(`OSSA-2014-041: nobody but a service points an image at ${address}`, async () => {
      const answer = await owner.api.post(path, { url: address })
      expectStatus(answer, 400, 403)
      expectEqual((await images.read(id)).status, 'queued', 'the status')
      expectStatus(await owner.api.get(`/v2/images/${id}/file`), 204)
    })
  await own('the administrator alone is no service either', async () => {
    for (const address of hostFiles) expectStatus(await admin.api.post(path, { url: address }), 400, 403)
    expectEqual((await images.read(id)).status, 'queued', 'the status')
  })
  await check('validation data that is empty is none: it is refused only where all addresses are', async () => {
    const other = await images.queued()
    const answers = [
      await owner.api.post(`/v2/images/${other}/locations`, { url, validation_data: {} }),
      await owner.api.post(`/v2/images/${await images.queued()}/locations`, { url }),
    ]
    expectEqual(answers[0]?.status, answers[1]?.status, 'the status')
    expectStatus(answers[0] ?? answers[1] ?? (await owner.api.get(path)), 202, 400, 403)
  })
  for (const status of ['active', 'deactivated'])
    await check(`a location of an image that is ${status} is refused, and the bytes stay`, async () => {
      const filled = await images.in(status)
      const before = await images.read(filled)
      expectStatus(await owner.api.post(`/v2/images/${filled}/locations`, { url }), 403, 409)
      expectEqual(await images.read(filled), before, 'the image')
    })
}

const runList = async (scene: Scene) => {
  const { actors, images, check } = scene
  const id = await images.active()
  await images.share(id, actors.consumer, 'accepted')
  const path = `/v2/images/${id}/locations`
  for (const [name, status] of [
    ['owner', 403],
    ['ownerReader', 403],
    ['consumer', 403],
    ['stranger', 404],
  ] as const)
    await check(`${name} is not told where the bytes are: ${status}`, async () => {
      expectStatus(await actorNamed(actors, name).api.get(path), status)
    })
  await check('the administrator gets a list of addresses with metadata', async () => {
    const list = listAt(expectStatus(await actors.admin.api.get(path), 200).json)
    expectEqual(list.length, 1, 'the number of locations')
    for (const location of list) {
      expectEqual(/^[a-z0-9+.-]+:/.test(stringAt(location, 'url')), true, 'whether it is an address')
      expectEqual(typeof at(location, 'metadata'), 'object', 'metadata')
    }
  })
  await check('an image without bytes has no locations', async () => {
    const answer = await actors.admin.api.get(`/v2/images/${await images.queued()}/locations`)
    expectEqual(expectStatus(answer, 200).json, [], 'the locations')
  })
  for (const method of ['PUT', 'PATCH', 'DELETE'])
    await check(`${method} on it is 405 and allows GET and POST`, async () => {
      const answer = expectStatus(await actors.admin.api.send(method, path), 405)
      const allowed = (header(answer, 'allow') ?? '').split(',').map((word) => word.trim())
      expectEqual(allowed.sort(), ['GET', 'POST'], 'Allow')
    })
}

const hex = (algorithm: string, bytes: Uint8Array) => createHash(algorithm).update(bytes).digest('hex')

/** What is on the web becomes the bytes of an image, where the service takes that. */
const runWeb = async (scene: Scene) => {
  const { actors, images, check } = scene
  const { content } = scene.receivers
  const { api } = actors.owner
  const add = (id: string, body: Json) => api.post(`/v2/images/${id}/locations`, body)
  const taken = await add(await images.queued(), { url: content?.serve('/location', bytes) ?? url })
  if (content === undefined || taken.status !== 202) {
    await scene.skip(
      'a location on the web becomes an image',
      'run the suite with --content, and let the service take it',
    )
    return
  }
  const address = content.serve('/location', bytes)
  const right = { os_hash_algo: 'sha512', os_hash_value: hex('sha512', bytes) }
  for (const validation of [undefined, {}, right])
    await check(
      `a location on the web ${JSON.stringify(validation)?.slice(0, 20) ?? ''} becomes the bytes`,
      async () => {
        const id = await images.queued()
        const body = { url: address, ...(validation === undefined ? {} : { validation_data: validation }) }
        expectEqual(expectStatus(await add(id, body), 202).bytes.length, 0, 'the length of the body')
        const image = await importOver(scene, id)
        expectEqual([image.status, image.size], ['active', bytes.length], 'status and size')
        if (image.os_hash_value !== null) expectEqual(image.os_hash_value, right.os_hash_value, 'os_hash_value')
        expectEqual(
          (await api.get(`/v2/images/${id}/file`)).bytes.equals(bytes),
          true,
          'whether the bytes are the same',
        )
        expectStatus(await add(id, body), 409)
      },
    )
  for (const [what, value, status] of [
    ['that is not hex', 'z'.repeat(128), 400],
    ['of the wrong length', 'ab', 400],
  ] as const)
    await check(`a digest ${what} is ${status}`, async () => {
      const validation_data = { os_hash_algo: 'sha512', os_hash_value: value }
      expectStatus(await add(await images.queued(), { url: address, validation_data }), status)
    })
  await check('a location with other bytes than its digest says leaves a queued image without digests', async () => {
    const id = await images.queued()
    const validation_data = { os_hash_algo: 'sha512', os_hash_value: hex('sha512', Buffer.from('other')) }
    expectStatus(await add(id, { url: address, validation_data }), 202)
    const image = await importOver(scene, id)
    expectEqual([image.status, image.os_hash_value, image.size], ['queued', null, null], 'status, digest and size')
  })
  await check('the task of a location says so', async () => {
    const id = await images.queued()
    expectStatus(await add(id, { url: address }), 202)
    await importOver(scene, id)
    expectEqual(at((await tasksOf(actors.admin, id))[0], 'type'), 'location_import', 'the type')
  })
}

/** The older way, which is open only where the operator shows locations. */
const runPatch = async (scene: Scene) => {
  const { actors, images } = scene
  const { owner } = actors
  const shown = await images.active()
  const isShown = (await images.read(shown)).locations !== undefined
  if (isShown) {
    await scene.skip('locations are changed by PATCH', 'the service shows locations')
    return
  }
  const value = { url, metadata: {} }
  const operations: [what: string, operation: { [key: string]: Json }, own?: 'own'][] = [
    ['add at the end', { op: 'add', path: '/locations/-', value }],
    ['add at an index', { op: 'add', path: '/locations/0', value }],
    ['replace', { op: 'replace', path: '/locations', value: [value] }],
    ['replace by none', { op: 'replace', path: '/locations', value: [] }],
    ['remove', { op: 'remove', path: '/locations/0' }],
    ['add of a file of the host', { op: 'add', path: '/locations/-', value: { ...value, url: 'file:///etc/passwd' } }],
  ]
  for (const status of ['queued', 'active'])
    for (const [what, operation, flag] of operations)
      await checker(scene, flag === 'own')(
        `OSSA-2014-041: PATCH, ${what}, of an image that is ${status} is 403`,
        async () => {
          const id = await images.in(status)
          const before = await images.read(id)
          expectStatus(await owner.api.patch(`/v2/images/${id}`, [operation]), 403)
          expectEqual(await images.read(id), before, 'the image')
        },
      )
  await scene.check('neither locations nor a direct address are shown, nor can they be set', async () => {
    for (const actor of [owner, actors.admin]) {
      const answer = await actor.api.get(`/v2/images/${shown}`)
      expectField(answer, ['locations'], undefined)
      expectField(answer, ['direct_url'], undefined)
    }
    expectStatus(await owner.api.post('/v2/images', { locations: [value] }), 403)
    expectStatus(await owner.api.post('/v2/images', { direct_url: url }), 403)
  })
}

export const locations: Group = {
  name: 'locations',
  async run(scene) {
    const { actors, images } = scene
    const known = await actors.admin.api.get(`/v2/images/${await images.queued()}/locations`)
    if (known.status === 404) await scene.skip('locations are listed and added', 'the service has no such call')
    else {
      await runAdd(scene)
      await runList(scene)
      await runWeb(scene)
    }
    await runPatch(scene)
  },
}
