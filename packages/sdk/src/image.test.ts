import assert from 'node:assert/strict'
import { test } from 'node:test'
import { schemaDocuments } from '@vitrine/contract'
import { imageDocument, imageId, memberDocument, scripted } from '../test/fake-fetch.ts'
import { InvalidArgumentError, UnexpectedResponseError } from './errors.ts'
import { parseJson } from './json.ts'
import { PatchDocument, PatchOperation } from './json-patch.ts'
import { Schema } from './schema.ts'

/** An image of a script whose later answers are the given ones. */
const fetched = async (document = imageDocument(), ...script: Parameters<typeof scripted>[1][]) => {
  const cloud = scripted({}, { json: document }, ...script)
  const image = await cloud.images.getImage(imageId)
  cloud.requests.length = 0
  return { image, requests: cloud.requests }
}

test('attributes are read by name and by getter', async () => {
  const { image } = await fetched(imageDocument({ hw_disk_bus: 'scsi', self: 'x', __proto__x: 'y' }))
  assert.equal(image.id, imageId)
  assert.equal(image.get('name'), 'debian-13')
  assert.equal(image.get('disk_format'), 'raw')
  assert.equal(image.get('diskFormat'), 'raw')
  assert.equal(image.get('hw_disk_bus'), 'scsi')
  assert.equal(image.get('toString'), undefined)
  assert.equal(image.has('hw_disk_bus'), true)
  assert.equal(image.has('osHidden'), true)
  assert.equal(image.has('hasOwnProperty'), false)
  assert.deepEqual(
    [image.name, image.status, image.visibility, image.owner, image.protected, image.osHidden],
    ['debian-13', 'active', 'shared', 'producer', false, false],
  )
  assert.deepEqual(
    [image.diskFormat, image.containerFormat, image.size, image.virtualSize, image.minDisk, image.minRam, image.tags],
    ['raw', 'bare', 10, 10, 2, 512, ['lts']],
  )
  assert.equal(image.createdAt?.toISOString(), '2026-01-01T00:00:00.000Z')
  assert.deepEqual(
    JSON.parse(JSON.stringify(image)),
    imageDocument({ hw_disk_bus: 'scsi', self: 'x', __proto__x: 'y' }),
  )
})

test('a poorer document of another cloud is read too', async () => {
  const { image } = await fetched({ id: imageId, size: '12', tags: ['a', 5], created_at: 'long ago' })
  assert.deepEqual(
    [image.name, image.status, image.size, image.tags, image.createdAt, image.osHidden, image.minDisk],
    [null, '', null, ['a'], null, false, 0],
  )
  assert.equal(image.get('size'), '12')
})

test('refresh takes the new document', async () => {
  const { images } = scripted({}, { json: imageDocument() }, { json: imageDocument({ status: 'deactivated' }) })
  const image = await images.getImage(imageId)
  assert.equal((await image.refresh()).status, 'deactivated')
})

const patched = async (document: Parameters<typeof fetched>[0], changes: object, schema?: Schema) => {
  const after = imageDocument({ name: 'after' })
  const { images, requests } = scripted({}, { json: document ?? imageDocument() }, { json: after })
  const image = await images.getImage(imageId)
  await image.update({ ...changes }, schema)
  const request = requests[1]
  return { image, request, operations: request === undefined ? undefined : JSON.parse(request.body) }
}

test('update chooses the operation and keeps JSON types', async () => {
  const document = imageDocument({ os_distro: 'debian', old: 'x', gone: 'y', empty: 'z' })
  const { image, request, operations } = await patched(document, {
    name: null,
    protected: false,
    minDisk: 0,
    os_hidden: true,
    tags: [],
    os_distro: 'ubuntu',
    hw_disk_bus: 'scsi',
    'a/b~c': 'd',
    old: null,
    gone: false,
    empty: '',
    untouched: undefined,
  })
  assert.equal(request?.method, 'PATCH')
  assert.equal(request?.path, `/v2/images/${imageId}`)
  assert.equal(request?.headers.get('content-type'), 'application/openstack-images-v2.1-json-patch')
  assert.deepEqual(operations, [
    { op: 'replace', path: '/name', value: null },
    { op: 'replace', path: '/protected', value: false },
    { op: 'replace', path: '/min_disk', value: 0 },
    { op: 'replace', path: '/os_hidden', value: true },
    { op: 'replace', path: '/tags', value: [] },
    { op: 'replace', path: '/os_distro', value: 'ubuntu' },
    { op: 'add', path: '/hw_disk_bus', value: 'scsi' },
    { op: 'add', path: '/a~1b~0c', value: 'd' },
    { op: 'remove', path: '/old' },
    { op: 'remove', path: '/gone' },
    { op: 'remove', path: '/empty' },
  ])
  assert.equal(image.name, 'after')
})

test('nothing to change sends nothing', async () => {
  assert.equal((await patched(undefined, {})).request, undefined)
  assert.equal((await patched(undefined, { name: undefined })).request, undefined)
})

test('with a schema values are checked before anything is sent', async () => {
  const schema = new Schema(parseJson(JSON.stringify(schemaDocuments.image)))
  const { operations } = await patched(undefined, { name: 'x', os_distro: 'debian', mine: 'y' }, schema)
  assert.deepEqual(
    operations.map(({ op, path }: { op: string; path: string }) => `${op} ${path}`),
    ['replace /name', 'add /os_distro', 'add /mine'],
  )
  const wrong = [{ name: 5 }, { status: 'active' }, { mine: 5 }, { visibility: 'everyone' }]
  for (const changes of wrong) await assert.rejects(patched(undefined, changes, schema), InvalidArgumentError)
})

test('patch sends operations as they are', async () => {
  const { images, requests } = scripted({}, { json: imageDocument() })
  const image = await images.getImage(imageId)
  await image.patch(new PatchDocument([new PatchOperation('add', 'note', '')]))
  assert.equal(requests[1]?.body, '[{"op":"add","path":"/note","value":""}]')
})

test('tags and states are paths without a body', async () => {
  const { images, requests } = scripted({}, { json: imageDocument() }, { status: 204 })
  const image = await images.getImage(imageId)
  await image.addTag('a/b ä')
  assert.deepEqual(image.tags, ['a/b ä', 'lts'])
  await image.deleteTag('lts')
  assert.deepEqual(image.tags, ['a/b ä'])
  await image.deactivate()
  assert.equal(image.status, 'deactivated')
  await image.reactivate()
  assert.equal(image.status, 'active')
  await image.delete()
  const base = `/v2/images/${imageId}`
  assert.deepEqual(
    requests.slice(1).map(({ method, path, body, headers }) => [method, path, body, headers.get('content-type')]),
    [
      ['PUT', `${base}/tags/a%2Fb%20%C3%A4`, '', null],
      ['DELETE', `${base}/tags/lts`, '', null],
      ['POST', `${base}/actions/deactivate`, '', null],
      ['POST', `${base}/actions/reactivate`, '', null],
      ['DELETE', base, '', null],
    ],
  )
})

test('sharing sends the project id as a string', async () => {
  for (const [given, sent] of [
    ['edc89b490d7d4392898e19b2deb34797', 'edc89b490d7d4392898e19b2deb34797'],
    [12345, '12345'],
  ] as const) {
    const { images, requests } = scripted({}, { json: imageDocument() }, { json: memberDocument({ member_id: sent }) })
    const member = await (await images.getImage(imageId)).createMember(given)
    assert.equal(requests[1]?.method, 'POST')
    assert.equal(requests[1]?.path, `/v2/images/${imageId}/members`)
    assert.equal(requests[1]?.body, JSON.stringify({ member: sent }))
    assert.equal(member.memberId, sent)
    assert.equal(member.status, 'pending')
  }
})

test('a project id that cannot be one is refused before any request', async () => {
  const { images, requests } = scripted({}, { json: imageDocument() })
  const image = await images.getImage(imageId)
  for (const id of ['', '..', '.', 0, -1, 1.5, Number.NaN]) {
    await assert.rejects(image.getMember(id), InvalidArgumentError)
    await assert.rejects(image.deleteMember(id), InvalidArgumentError)
  }
  for (const id of ['', 0, 1.5]) await assert.rejects(image.createMember(id), InvalidArgumentError)
  assert.equal(requests.length, 1)
})

test('members are listed lazily and read one by one', async () => {
  const list = { members: [memberDocument(), memberDocument({ member_id: 'other', status: 'accepted' })] }
  const { images, requests } = scripted({}, { json: imageDocument() }, { json: list }, { json: memberDocument() })
  const image = await images.getImage(imageId)
  const members = image.listMembers()
  assert.equal(requests.length, 1)
  assert.deepEqual(
    (await members.toArray()).map(({ status }) => status),
    ['pending', 'accepted'],
  )
  assert.equal((await members.search(({ memberId }) => memberId === 'other'))?.status, 'accepted')
  await image.getMember('other')
  await image.deleteMember('other')
  assert.deepEqual(
    requests.slice(1).map(({ method, path }) => `${method} ${path}`),
    [
      `GET /v2/images/${imageId}/members`,
      `GET /v2/images/${imageId}/members/other`,
      `DELETE /v2/images/${imageId}/members/other`,
    ],
  )
})

test('events come in pages', async () => {
  const event = (id: string) => ({
    id,
    type: 'member.create',
    image_id: imageId,
    member_id: 'consumer',
    project_id: 'producer',
    user_id: null,
    request_id: 'req-1',
    created_at: '2026-01-01T00:00:00Z',
    detail: { status: 'pending' },
  })
  const first = `/v2/images/${imageId}/events`
  const { images, requests } = scripted(
    {},
    { json: imageDocument() },
    { json: { events: [event('2')], first, next: `${first}?limit=1&marker=2` } },
    { json: { events: [event('1')], first } },
  )
  const events = await (await images.getImage(imageId)).listEvents({}, { pageSize: 1 }).toArray()
  assert.deepEqual(
    events.map(({ id, memberId, userId, createdAt, detail }) => [
      id,
      memberId,
      userId,
      createdAt.getUTCFullYear(),
      detail,
    ]),
    [
      ['2', 'consumer', undefined, 2026, { status: 'pending' }],
      ['1', 'consumer', undefined, 2026, { status: 'pending' }],
    ],
  )
  assert.deepEqual(
    requests.slice(1).map(({ path }) => path),
    [`${first}?limit=1`, `${first}?limit=1&marker=2`],
  )
})

test('an answer without a list is not an empty list', async () => {
  const { images } = scripted({}, { json: imageDocument() }, { json: { wrong: [] } })
  const image = await images.getImage(imageId)
  await assert.rejects(image.listMembers().toArray(), UnexpectedResponseError)
  await assert.rejects(images.listImages().toArray(), UnexpectedResponseError)
})
