import assert from 'node:assert/strict'
import { test } from 'node:test'
import { schemaDocuments } from '@vitrine/contract'
import { imageDocument, imageId, scripted } from '../test/fake-fetch.ts'
import { InvalidArgumentError } from './errors.ts'
import { before, equalTo, oneOf, since } from './filters.ts'
import { parseJson } from './json.ts'

const otherId = '0f6f1c2e-1c3d-4a55-9a3e-6d9f0a8b7c6d'
const page = (images: object[], next?: string) => ({
  json: parseJson(JSON.stringify({ images, first: '/v2/images', schema: '/v2/schemas/images', next })),
})

test('parameters get their wire names, lists repeat, undefined is left out', async () => {
  const { images, requests } = scripted({}, page([]))
  await images
    .listImages({
      memberStatus: 'pending',
      visibility: 'shared',
      tag: ['a', 'b c'],
      osHidden: true,
      diskFormat: 'qcow2',
      sizeMin: 5,
      os_distro: 'debian',
      myOwnProperty: 'x',
      name: undefined,
    })
    .toArray()
  assert.equal(
    requests[0]?.path,
    '/v2/images?member_status=pending&visibility=shared&tag=a&tag=b+c&os_hidden=true&disk_format=qcow2&size_min=5&os_distro=debian&myOwnProperty=x',
  )
  assert.equal(requests[0]?.headers.get('x-auth-token'), 'tok-secret')
  assert.equal(requests[0]?.headers.get('accept'), 'application/json')
})

test('pages follow next below the endpoint, wherever it points', async () => {
  for (const next of ['/v2/images?limit=1&marker=M', 'https://evil.example.org/v2/images?limit=1&marker=M']) {
    const { images, requests } = scripted(
      { endpoint: 'https://cloud.example.org/image/v2/123' },
      page([imageDocument()], next),
      page([imageDocument({ id: otherId })]),
    )
    const found = await images.listImages({}, { pageSize: 1 }).toArray()
    assert.deepEqual(
      found.map(({ id }) => id),
      [imageId, otherId],
    )
    assert.deepEqual(
      requests.map(({ url }) => url),
      [
        'https://cloud.example.org/image/v2/123/images?limit=1',
        'https://cloud.example.org/image/v2/123/images?limit=1&marker=M',
      ],
    )
  }
})

test('creating sends wire names and keeps types', async () => {
  const { images, requests } = scripted({}, { status: 201, json: imageDocument({ status: 'queued' }) })
  const image = await images.createImage({
    name: 'debian-13',
    diskFormat: 'raw',
    container_format: 'bare',
    minRam: 512,
    protected: true,
    tags: ['lts'],
    os_distro: 'debian',
    visibility: undefined,
  })
  assert.equal(image.status, 'queued')
  assert.deepEqual([requests[0]?.method, requests[0]?.path], ['POST', '/v2/images'])
  assert.equal(requests[0]?.headers.get('content-type'), 'application/json')
  assert.deepEqual(JSON.parse(requests[0]?.body ?? ''), {
    name: 'debian-13',
    disk_format: 'raw',
    container_format: 'bare',
    min_ram: 512,
    protected: true,
    tags: ['lts'],
    os_distro: 'debian',
  })
})

test('the four schemas are fetched from their paths', async () => {
  const { images, requests } = scripted({}, ({ path }) => ({
    json: parseJson(JSON.stringify(schemaDocuments[path.split('/').at(-1) ?? ''])),
  }))
  const names = []
  for (const schema of [
    await images.getImageSchema(),
    await images.getImagesSchema(),
    await images.getMemberSchema(),
    await images.getMembersSchema(),
  ]) {
    names.push(schema.name)
  }
  assert.deepEqual(names, ['image', 'images', 'member', 'members'])
  assert.deepEqual(
    requests.map(({ path }) => path),
    names.map((name) => `/v2/schemas/${name}`),
  )
})

test('an id that would address something else is refused before any request', async () => {
  const { images, requests } = scripted({}, page([]))
  for (const id of ['', '.', '..']) await assert.rejects(images.getImage(id), InvalidArgumentError)
  assert.equal(requests.length, 0)
})

test('any other call goes by request', async () => {
  const { images, requests } = scripted({}, { json: { stores: [] } })
  assert.deepEqual(await images.request('GET', ['info', 'stores'], { query: { detail: true } }), { stores: [] })
  assert.equal(requests[0]?.path, '/v2/info/stores?detail=true')
})

test('filter values are written so that the service reads them as meant', () => {
  assert.equal(equalTo('a:b'), 'eq:a:b')
  assert.equal(oneOf('a', 'b c', 'd,e', 'f"g'), 'in:a,"b c","d,e","f\\"g"')
  assert.equal(since(new Date('2026-01-01T00:00:00.789Z')), 'gte:2026-01-01T00:00:00Z')
  assert.equal(before(new Date('2026-01-01T00:00:00Z')), 'lt:2026-01-01T00:00:00Z')
})
