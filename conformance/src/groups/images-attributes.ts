import { expectEqual, expectField, expectStatus } from '../expect.ts'
import { type Json, listAt } from '../json.ts'
import type { Group, Scene } from '../suite.ts'

/** Values that PATCH replace takes on a queued image, as the owner. */
const accepted: [name: string, value: Json][] = [
  ['name', 'another'],
  ['name', null],
  ['protected', true],
  ['protected', false],
  ['os_hidden', true],
  ['visibility', 'private'],
  ['visibility', 'community'],
  ['visibility', 'shared'],
  ['disk_format', 'qcow2'],
  ['disk_format', null],
  ['container_format', 'ovf'],
  ['min_disk', 2147483647],
  ['min_ram', 512],
  ['tags', ['one', 'two']],
  ['tags', []],
]

const refused: [name: string, value: Json, status: number][] = [
  ['name', 7, 400],
  ['name', 'n'.repeat(256), 400],
  ['name', '\u{1F600}', 400],
  ['protected', 'true', 400],
  ['protected', null, 400],
  ['os_hidden', 1, 400],
  ['visibility', null, 400],
  ['visibility', 'secret', 400],
  ['visibility', 'public', 403],
  ['disk_format', 'floppy', 400],
  ['container_format', 7, 400],
  ['min_disk', -1, 400],
  ['min_ram', -1, 400],
  ['min_disk', 2147483648, 400],
  ['min_ram', '512', 400],
  ['tags', 'one', 400],
  ['tags', ['t'.repeat(256)], 400],
  ['tags', [7], 400],
  ['tags', Array.from({ length: 129 }, (_, index) => `tag-${index}`), 413],
  ['owner', 'somebody-else', 403],
  ['architecture', 7, 400],
]

const readOnly = [
  'id',
  'status',
  'size',
  'virtual_size',
  'checksum',
  'os_hash_algo',
  'os_hash_value',
  'created_at',
  'updated_at',
  'self',
  'file',
  'schema',
  'direct_url',
]
const reserved = ['location', 'deleted', 'deleted_at', 'os_glance_import_task', 'os_glance_anything']

const runValues = async (scene: Scene) => {
  const { actors, images, check } = scene
  const { api, projectId } = actors.owner
  const id = await images.queued()
  const image = `/v2/images/${id}`
  const show = (value: Json) => JSON.stringify(value).slice(0, 40)
  for (const [name, value] of accepted)
    for (const op of ['replace', 'add'])
      await check(`${op} of ${name} with ${show(value)} is 200`, async () => {
        const answer = expectStatus(await api.patch(image, [{ op, path: `/${name}`, value }]), 200)
        if (Array.isArray(value)) expectEqual(listAt(answer.json, name).sort(), value, name)
        else expectField(answer, [name], value)
      })
  for (const [name, value, status] of refused)
    await check(`replace of ${name} with ${show(value)} is ${status}`, async () => {
      expectStatus(await api.patch(image, [{ op: 'replace', path: `/${name}`, value }]), status)
    })
  await check('replace of owner is 403 for the owner, even with the own project', async () => {
    expectStatus(await api.patch(image, [{ op: 'replace', path: '/owner', value: projectId }]), 403)
  })
  await scene.own('add of owner is 403 for the owner as well', async () => {
    const value = actors.stranger.projectId
    expectStatus(await api.patch(image, [{ op: 'add', path: '/owner', value }]), 403)
  })
  for (const name of ['name', 'visibility', 'protected', 'tags', 'owner', 'min_disk', 'disk_format'])
    await check(`remove of ${name} is 403`, async () => {
      expectStatus(await api.patch(image, [{ op: 'remove', path: `/${name}` }]), 403)
    })
}

const runReadOnly = async (scene: Scene) => {
  const { actors, images, check, own } = scene
  const image = `/v2/images/${await images.active()}`
  const operations = (name: string) => [
    { op: 'add', path: `/${name}`, value: 'x' },
    { op: 'replace', path: `/${name}`, value: 'x' },
    { op: 'remove', path: `/${name}` },
  ]
  for (const name of [...readOnly, ...reserved])
    for (const operation of operations(name))
      await check(`${operation.op} of ${name} is 403, for everybody and whatever the image is`, async () => {
        expectStatus(await actors.owner.api.patch(image, [operation]), 403)
        expectStatus(await actors.admin.api.patch(image, [operation]), 403)
        expectStatus(await actors.stranger.api.patch(image, [operation]), 403)
        expectStatus(await actors.owner.api.patch('/v2/images/unknown', [operation]), 403)
      })
  await own('stores are read-only: 403', async () => {
    expectStatus(await actors.owner.api.patch(image, [{ op: 'replace', path: '/stores', value: 'x' }]), 403)
  })
  await own('locations are not open to clients: 403', async () => {
    const value = { url: 'https://example.org/image', metadata: {} }
    expectStatus(await actors.owner.api.patch(image, [{ op: 'add', path: '/locations/-', value }]), 403)
    expectStatus(await actors.owner.api.patch(image, [{ op: 'replace', path: '/locations', value: [value] }]), 403)
    expectStatus(await actors.owner.api.patch(image, [{ op: 'remove', path: '/locations/0' }]), 403)
  })
}

const runProperties = async (scene: Scene) => {
  const { actors, images, check, own } = scene
  const { api } = actors.owner
  const id = await images.queued()
  const image = `/v2/images/${id}`
  const add = (name: string, value: Json) => api.patch(image, [{ op: 'add', path: `/${name}`, value }])
  const refusedValues: [what: string, value: Json][] = [
    ['a number', 7],
    ['a boolean', true],
    ['null', null],
    ['an array', ['a']],
    ['an object', {}],
    ['a character beyond the basic plane', '\u{1F600}'],
  ]
  for (const [what, value] of refusedValues)
    await check(`a custom property that is ${what} is 400`, async () => {
      expectStatus(await add('custom', value), 400)
    })
  await check('a custom name of 255 characters is accepted, of 256 refused', async () => {
    expectStatus(await add('k'.repeat(255), 'v'), 200)
    expectStatus(await add('k'.repeat(256), 'v'), 400)
  })
  await check('an empty value is a value', async () => expectField(await add('empty', ''), ['empty'], ''))
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', 'prototype'])
    await own(`${name} is a name like any other`, async () => {
      expectStatus(await add(name, 'plain text'), 200)
      expectField(await api.get(image), [name], 'plain text')
      expectStatus(await api.patch(image, [{ op: 'remove', path: `/${name}` }]), 200)
      expectField(await api.get(image), [name], undefined)
    })
  await check('the 129th property is 413, changing one of 128 is not', async () => {
    const full = `/v2/images/${await images.queued(
      Object.fromEntries(Array.from({ length: 128 }, (_, index) => [`p${index}`, 'v'])),
    )}`
    expectStatus(await api.patch(full, [{ op: 'add', path: '/more', value: 'v' }]), 413)
    expectStatus(await api.patch(full, [{ op: 'replace', path: '/p0', value: 'w' }]), 200)
    const exchange = [
      { op: 'remove', path: '/p1' },
      { op: 'add', path: '/more', value: 'v' },
    ]
    expectStatus(await api.patch(full, exchange), 200)
  })
}

const runData = async (scene: Scene) => {
  const { actors, images, check } = scene
  for (const status of ['active', 'deactivated']) {
    const image = `/v2/images/${await images.in(status)}`
    for (const [name, value] of [
      ['disk_format', 'raw'],
      ['disk_format', 'qcow2'],
      ['container_format', 'bare'],
      ['container_format', 'ovf'],
    ] as const)
      for (const actor of [actors.owner, actors.admin])
        await check(`${name} of an image that is ${status} cannot become ${value}, 403, ${actor.name}`, async () => {
          expectStatus(await actor.api.patch(image, [{ op: 'replace', path: `/${name}`, value }]), 403)
        })
    await check(`the name of an image that is ${status} can be changed`, async () => {
      expectStatus(await actors.owner.api.patch(image, [{ op: 'replace', path: '/name', value: 'new' }]), 200)
    })
  }
}

const visibilities = ['private', 'shared', 'community', 'public'] as const

/** Publishing is for administrators, whatever the image was before; every other way is open to the owner. */
const runVisibility = async (scene: Scene) => {
  const { actors, images, check } = scene
  for (const actor of [actors.owner, actors.admin])
    for (const from of visibilities)
      for (const to of visibilities) {
        const status = to === 'public' && actor === actors.owner ? 403 : 200
        await check(`visibility from ${from} to ${to}, ${actor.name}: ${status}`, async () => {
          const id = await images.queued({ visibility: from })
          const patch = [{ op: 'replace', path: '/visibility', value: to }]
          expectStatus(await actor.api.patch(`/v2/images/${id}`, patch), status)
          expectEqual((await images.read(id)).visibility, status === 200 ? to : from, 'the visibility')
        })
      }
  await check('an administrator may set the owner', async () => {
    const id = await images.queued()
    const value = actors.other.projectId
    expectStatus(await actors.admin.api.patch(`/v2/images/${id}`, [{ op: 'replace', path: '/owner', value }]), 200)
    expectStatus(await actors.owner.api.get(`/v2/images/${id}`), 404)
    expectField(await actors.other.api.get(`/v2/images/${id}`), ['owner'], value)
  })
}

export const imagesAttributes: Group = {
  name: 'changing attributes',
  async run(scene) {
    await runValues(scene)
    await runReadOnly(scene)
    await runProperties(scene)
    await runData(scene)
    await runVisibility(scene)
  },
}
