import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageId, scripted } from '../test/fake-fetch.ts'
import { asJson, keyDocument, keyEventDocument, keyGrantDocument } from '../test/sharing-documents.ts'
import {
  ConflictError,
  ForbiddenError,
  InvalidArgumentError,
  NotFoundError,
  UnexpectedResponseError,
} from './errors.ts'
import { parseJson } from './json.ts'

/** A key, and what the service answers to the calls after. */
const withKey = async (...script: Parameters<typeof scripted>[1][]) => {
  const cloud = scripted({}, { json: asJson(keyDocument()) }, ...script)
  const key = await cloud.images.getKey('k1')
  const asked = () =>
    cloud.requests.slice(1).map(({ method, path, body }) => [method, path, body === '' ? '' : parseJson(body)])
  return { ...cloud, key, asked }
}

test('keys are made, adopted, listed and shown', async () => {
  const { images, requests } = scripted(
    {},
    { status: 201, json: asJson(keyDocument({ grantable: false, default: true })) },
    { status: 201, json: asJson(keyDocument({ id: 's1', adopted: true })) },
    { json: { keys: [asJson(keyDocument())], first: '/v2/keys', next: '/v2/keys?limit=1&marker=k1' } },
    { json: { keys: [asJson(keyDocument({ id: 'k2', name: null }))], first: '/v2/keys' } },
    { json: asJson(keyDocument()) },
  )
  const made = await images.createKey({ name: 'golden', default: true, grantable: false })
  assert.deepEqual([made.id, made.projectId, made.default, made.grantable], ['k1', 'producer', true, false])
  const adopted = await images.adoptKey('s1', { name: 'theirs' })
  assert.deepEqual([adopted.id, adopted.adopted], ['s1', true])
  const names = (await images.listKeys({ pageSize: 1 }).toArray()).map(({ name }) => name)
  assert.deepEqual(names, ['golden', null])
  const { status, version, rotating, images: count, createdAt } = await images.getKey('k1')
  assert.deepEqual(
    [status, version, rotating, count, createdAt],
    ['enabled', 1, false, 2, new Date('2026-03-01T00:00:00Z')],
  )
  assert.deepEqual(
    requests.map(({ method, path, body }) => [method, path, body === '' ? '' : parseJson(body)]),
    [
      ['POST', '/v2/keys', { name: 'golden', default: true, grantable: false }],
      ['POST', '/v2/keys', { name: 'theirs', secret_id: 's1' }],
      ['GET', '/v2/keys?limit=1', ''],
      ['GET', '/v2/keys?limit=1&marker=k1', ''],
      ['GET', '/v2/keys/k1', ''],
    ],
  )
})

test('a change sends what is changed alone, and the key then is as the service says', async () => {
  const { key, asked } = await withKey(
    { json: asJson(keyDocument({ name: null })) },
    { json: asJson(keyDocument({ status: 'disabled' })) },
    { json: asJson(keyDocument({ status: 'enabled' })) },
    { json: asJson(keyDocument({ default: true })) },
    { json: asJson(keyDocument({ grantable: false })) },
    { status: 204 },
    { status: 204 },
  )
  assert.equal((await key.update({ name: null })).name, null)
  assert.equal((await key.disable()).status, 'disabled')
  assert.equal((await key.enable()).status, 'enabled')
  assert.equal((await key.makeDefault()).default, true)
  await key.neverGrant()
  assert.equal(key.grantable, false)
  await key.delete()
  await key.delete({ forgetDataKeys: true })
  assert.deepEqual(asked(), [
    ['PATCH', '/v2/keys/k1', { name: null }],
    ['PATCH', '/v2/keys/k1', { status: 'disabled' }],
    ['PATCH', '/v2/keys/k1', { status: 'enabled' }],
    ['PATCH', '/v2/keys/k1', { default: true }],
    ['PATCH', '/v2/keys/k1', { grantable: false }],
    ['DELETE', '/v2/keys/k1', ''],
    ['DELETE', '/v2/keys/k1?data_keys=forget', ''],
  ])
})

test('a rotation is answered at once, or waited for', async () => {
  const rotating = { json: asJson(keyDocument({ version: 2, rotating: true })) }
  const done = { json: asJson(keyDocument({ version: 2 })) }
  const atOnce = await withKey(rotating)
  assert.equal((await atOnce.key.rotate()).rotating, true)
  assert.equal(atOnce.asked().length, 1)
  const { key, asked, clock } = await withKey(rotating, rotating, rotating, done)
  const rotated = await key.rotate({ wait: true })
  assert.deepEqual([rotated, rotated.version, rotated.rotating], [key, 2, false])
  assert.deepEqual(
    asked().map(([method, path]) => `${method} ${path}`),
    ['POST /v2/keys/k1/rotate', 'GET /v2/keys/k1', 'GET /v2/keys/k1', 'GET /v2/keys/k1'],
  )
  assert.deepEqual(clock.sleeps, [250, 500])
})

test('waiting ends with the signal', async () => {
  const stop = new AbortController()
  const reason = new Error('enough')
  const { key } = await withKey(() => {
    stop.abort(reason)
    return { json: asJson(keyDocument({ rotating: true })) }
  })
  await assert.rejects(key.rotate({ wait: true, signal: stop.signal }), reason)
})

test('a project is let use a key, is listed, and is let no more', async () => {
  const { key, asked } = await withKey(
    { json: asJson(keyGrantDocument()) },
    { json: { grants: [asJson(keyGrantDocument({ shares: 3, granted_by_user: null }))] } },
    { status: 204 },
  )
  const grant = await key.grant('consumer')
  assert.deepEqual([grant.keyId, grant.projectId, grant.shares], ['k1', 'consumer', 0])
  const [listed] = await key.listGrants().toArray()
  assert.deepEqual([listed?.shares, listed?.grantedByUser], [3, null])
  await key.revoke(12345)
  await assert.rejects(key.grant(''), InvalidArgumentError)
  assert.deepEqual(asked(), [
    ['PUT', '/v2/keys/k1/grants/consumer', ''],
    ['GET', '/v2/keys/k1/grants', ''],
    ['DELETE', '/v2/keys/k1/grants/12345', ''],
  ])
})

test('every use of a key is told, page by page', async () => {
  const first = '/v2/keys/k1/events'
  const { key, asked } = await withKey(
    { json: { events: [asJson(keyEventDocument())], first, next: `${first}?limit=1&marker=ke1` } },
    { json: { events: [asJson(keyEventDocument({ id: 'ke2', outcome: 'refused', image_id: null }))], first } },
  )
  const events = await key.listEvents({ pageSize: 1 }).toArray()
  assert.deepEqual(
    events.map(({ type, outcome, imageId: image, projectId }) => [type, outcome, image, projectId]),
    [
      ['key.open', 'done', imageId, 'consumer'],
      ['key.open', 'refused', null, 'consumer'],
    ],
  )
  assert.deepEqual(
    asked().map(([, path]) => path),
    [`${first}?limit=1`, `${first}?limit=1&marker=ke1`],
  )
})

test('a project encrypts by itself with data keys, which come as bytes', async () => {
  const bytes = new Uint8Array(32).map((_, at) => at * 8 + 3)
  const plain = Buffer.from(bytes).toString('base64')
  const { key, images, asked } = await withKey(
    { status: 201, json: { plain, wrapped: '1.abc-_' } },
    { json: { plain } },
    { status: 201, json: { plain, wrapped: '2.d' } },
    { json: { plain } },
    { json: { plain: 'no base64!' } },
  )
  assert.deepEqual(await key.createDataKey(), { plain: bytes, wrapped: '1.abc-_' })
  assert.deepEqual(await key.unwrap('1.abc-_'), bytes)
  assert.deepEqual(await images.createDataKey('k9'), { plain: bytes, wrapped: '2.d' })
  assert.deepEqual(await images.unwrapDataKey('k9', '1.abc-_'), bytes)
  await assert.rejects(key.unwrap('1.abc-_'), UnexpectedResponseError)
  assert.deepEqual(asked().slice(0, 4), [
    ['POST', '/v2/keys/k1/data-keys', ''],
    ['POST', '/v2/keys/k1/unwrap', { wrapped: '1.abc-_' }],
    ['POST', '/v2/keys/k9/data-keys', ''],
    ['POST', '/v2/keys/k9/unwrap', { wrapped: '1.abc-_' }],
  ])
})

test('refusals come in the class of their status, and documents that are no keys are not taken for some', async () => {
  const refusals = [
    [403, ForbiddenError],
    [404, NotFoundError],
    [409, ConflictError],
  ] as const
  for (const [status, Class] of refusals) {
    const { key } = await withKey({ status, json: { error: { message: 'No.' } } })
    await assert.rejects(key.grant('consumer'), Class)
  }
  const { images } = scripted({}, { json: { ...keyDocument(), rotating: 'no' } }, { json: { keys: [null] } })
  await assert.rejects(images.getKey('k1'), UnexpectedResponseError)
  await assert.rejects(images.listKeys().toArray(), UnexpectedResponseError)
})
