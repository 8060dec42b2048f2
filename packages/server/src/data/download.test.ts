import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { locationsOf } from '../images/image.ts'
import { StoreError } from '../storage/port.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService } from '../testing/test-service.ts'

const producer = fakeToken('producer', 'member')
const octets = { 'content-type': 'application/octet-stream' }

const withImage = async () => {
  const service = await startTestService()
  const { call } = service
  const { id } = (await call('POST', '/v2/images', producer, { disk_format: 'raw', container_format: 'bare' })).json()
  await call('PUT', `/v2/images/${id}/file`, producer, Buffer.from('0123456789'), octets)
  return { ...service, id, file: `/v2/images/${id}/file` }
}

describe('downloads', () => {
  it('are never shown by a browser as a page of ours', async () => {
    const { call, file, close } = await withImage()
    const { headers } = await call('GET', file, producer)
    assert.equal(headers['content-type'], 'application/octet-stream')
    assert.equal(headers['content-disposition'], 'attachment')
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.match(String(headers['content-security-policy']), /sandbox/)
    await close()
  })

  it('end with 503 and without a byte when the store fails at once', async () => {
    const { call, file, close, service } = await withImage()
    const store = service.stores.byDefault
    const failing = new StoreError('unavailable', 'the disk /dev/secret is gone')
    Object.assign(store, {
      open: async () => ({
        sizeBytes: 10,
        read: () => Promise.reject(failing),
        close: async () => undefined,
      }),
    })
    const answer = await call('GET', file, producer)
    assert.equal(answer.statusCode, 503)
    assert.equal(answer.headers['content-md5'], undefined)
    assert.doesNotMatch(answer.body, /secret/)
    await close()
  })

  it('of bytes that have gone from the store are empty, as for an image without bytes', async () => {
    const { call, file, close, service, id } = await withImage()
    const row = await service.database.read
      .selectFrom('images')
      .select('locations')
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    const [location] = locationsOf(row)
    assert.ok(location)
    await service.stores.byDefault.remove(location.key)
    assert.equal((await call('GET', file, producer)).statusCode, 204)
    await close()
  })

  it('go on at the mark of a permission that is checked each time', async () => {
    const { call, file, close, id } = await withImage()
    await call('POST', `/v2/images/${id}/members`, producer, { member: 'consumer' })
    const consumer = fakeToken('consumer', 'member')
    assert.equal((await call('GET', file, consumer, undefined, { range: 'bytes=0-3' })).body, '0123')
    await call('DELETE', `/v2/images/${id}/members/consumer`, producer)
    assert.equal((await call('GET', file, consumer, undefined, { range: 'bytes=4-' })).statusCode, 404)
    await call('POST', `/v2/images/${id}/actions/deactivate`, producer)
    assert.equal((await call('GET', file, producer)).statusCode, 403)
    assert.equal((await call('GET', file, fakeToken('operator', 'admin'))).statusCode, 200)
    await close()
  })
})
