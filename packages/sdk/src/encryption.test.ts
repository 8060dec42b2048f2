import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageDocument, imageId, scripted } from '../test/fake-fetch.ts'
import { asJson, canBootDocument, encryptionDocument } from '../test/sharing-documents.ts'
import { ConflictError, NotFoundError, OpenStackError, UnexpectedResponseError } from './errors.ts'
import { parseJson } from './json.ts'

const base = `/v2/images/${imageId}`

/** An image, and what the service answers to the calls after. */
const withImage = async (...script: Parameters<typeof scripted>[1][]) => {
  const cloud = scripted({}, { json: imageDocument({ status: 'queued' }) }, ...script)
  const image = await cloud.images.getImage(imageId)
  const asked = () =>
    cloud.requests.slice(1).map(({ method, path, body }) => [method, path, body === '' ? '' : parseJson(body)])
  return { ...cloud, image, asked }
}

test('a queued image is to be encrypted, and is not any more', async () => {
  const { image, asked } = await withImage(
    { json: asJson(encryptionDocument()) },
    { json: imageDocument({ __system__cmkid: 'k1', __system__encrypted: '1' }) },
    { json: asJson(encryptionDocument({ key_id: 'k2' })) },
    { json: imageDocument({ __system__cmkid: 'k2', __system__encrypted: '1' }) },
    { status: 204 },
    { json: imageDocument() },
  )
  assert.deepEqual(await image.encrypt(), {
    imageId,
    kind: 'sealed',
    keyId: 'k1',
    keyProject: 'producer',
    keyState: 'granted',
    content: null,
  })
  assert.equal(image.get('__system__cmkid'), 'k1')
  await image.encrypt({ keyId: 'k2' })
  await image.cancelEncryption()
  assert.equal(image.has('__system__cmkid'), false)
  assert.deepEqual(asked(), [
    ['PUT', `${base}/encryption`, {}],
    ['GET', base, ''],
    ['PUT', `${base}/encryption`, { key_id: 'k2' }],
    ['GET', base, ''],
    ['DELETE', `${base}/encryption`, ''],
    ['GET', base, ''],
  ])
})

test('an image tells how it is encrypted', async () => {
  const { image } = await withImage(
    { json: asJson(encryptionDocument({ kind: 'client', key_id: null, key_project: null, content: 'luks' })) },
    { json: { image_id: imageId } },
    { status: 409 },
  )
  const { kind, keyId, content } = await image.getEncryption()
  assert.deepEqual([kind, keyId, content], ['client', null, 'luks'])
  await assert.rejects(image.getEncryption(), UnexpectedResponseError)
  await assert.rejects(image.encrypt(), ConflictError)
})

test('whether an image can boot is asked for any project, server and share', async () => {
  const { image, asked } = await withImage({ json: asJson(canBootDocument()) })
  const answer = await image.canBoot({ project: 'consumer', diskGib: 20, ramMib: 2048, ifShared: true })
  assert.deepEqual([answer.canBoot, answer.projectId], [false, 'consumer'])
  assert.deepEqual(answer.reasons[1], {
    rule: 'key',
    effect: 'denies',
    text: 'Project consumer may not use its key k1.',
    next: 'vitrine key grant k1 consumer',
  })
  await image.canBoot()
  assert.deepEqual(
    asked().map(([, path]) => path),
    [`${base}/can-boot?project=consumer&disk_gib=20&ram_mib=2048&if_shared=true`, `${base}/can-boot`],
  )
})

test('a copy is answered at once, or waited for', async () => {
  const saving = { status: 202, json: imageDocument({ id: 'copy', status: 'saving' }) }
  const active = { json: imageDocument({ id: 'copy' }) }
  const atOnce = await withImage(saving)
  const early = await atOnce.image.copy({ name: 'mine', encrypt: true, keyId: 'k2' })
  assert.deepEqual([early.id, early.status], ['copy', 'saving'])
  assert.deepEqual(atOnce.asked(), [['POST', `${base}/copies`, { name: 'mine', encrypt: true, key_id: 'k2' }]])
  const { image, asked, clock } = await withImage(saving, saving, active)
  const copy = await image.copy({}, { wait: true })
  assert.deepEqual([copy.id, copy.status, image.id], ['copy', 'active', imageId])
  assert.deepEqual(asked(), [
    ['POST', `${base}/copies`, {}],
    ['GET', '/v2/images/copy', ''],
    ['GET', '/v2/images/copy', ''],
  ])
  assert.deepEqual(clock.sleeps, [250])
})

test('a copy that fails is not taken for one', async () => {
  const saving = { status: 202, json: imageDocument({ id: 'copy', status: 'saving' }) }
  const queued = await withImage(saving, { json: imageDocument({ id: 'copy', status: 'queued' }) })
  await assert.rejects(queued.image.copy({}, { wait: true }), (error) => {
    assert.ok(error instanceof OpenStackError)
    assert.match(error.message, /copy did not become active; it is queued/)
    return true
  })
  const gone = await withImage(saving, { status: 404 })
  await assert.rejects(gone.image.copy({}, { wait: true }), NotFoundError)
})
