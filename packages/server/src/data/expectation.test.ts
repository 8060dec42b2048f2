import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { it } from 'node:test'
import { ended, importsFromHere, newImage, octets, producer, show, startWeb } from '../imports/testing.ts'
import { eachDatabase } from '../testing/databases.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'

const bytes = randomBytes(80_000)
const hex = (algorithm: string) => createHash(algorithm).update(bytes).digest('hex')
const base64 = (algorithm: string) => createHash(algorithm).update(bytes).digest('base64')

eachDatabase('bytes that were described beforehand', ({ newUrl, atEnd }) => {
  const start = async (): Promise<TestService> => {
    const service = await startTestService({ ...importsFromHere, database_url: await newUrl() })
    atEnd(service.close)
    return service
  }
  const put = ({ call }: TestService, id: string, headers: Record<string, string> = {}) =>
    call('PUT', `/v2/images/${id}/file`, producer, bytes, { ...octets, ...headers })

  it('OSSA-2024-004: become active only when they are those, by any digest', async () => {
    const service = await start()
    for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512']) {
      const right = `${algorithm}:${hex(algorithm).toUpperCase()}`
      const wrong = `${algorithm}:${'0'.repeat(hex(algorithm).length)}`
      const id = await newImage(service, { vitrine_expected_hash: wrong, vitrine_expected_size: '80000' })
      const refused = await put(service, id)
      assert.equal(refused.statusCode, 400)
      assert.match(refused.json().error.message, new RegExp(hex(algorithm)))
      assert.equal((await show(service, id)).status, 'queued')
      const good = await newImage(service, { vitrine_expected_hash: right, vitrine_expected_size: '80000' })
      assert.equal((await put(service, good)).statusCode, 204)
    }
    const sized = await newImage(service, { vitrine_expected_size: '79999' })
    assert.match((await put(service, sized)).json().error.message, /79999/)
    const left = await service.service.database.read.selectFrom('blobs').select('state').execute()
    assert.equal(left.filter(({ state }) => state === 'stored').length, 4)
  })

  it('are described in a form that can be read, or not at all', async () => {
    const { call } = await start()
    for (const properties of [
      { vitrine_expected_size: '1e3' },
      { vitrine_expected_size: '-1' },
      { vitrine_expected_hash: 'sha512' },
      { vitrine_expected_hash: 'sha512:abc' },
      { vitrine_expected_hash: `crc32:${'0'.repeat(8)}` },
      { vitrine_expected_hash: `sha256:${'g'.repeat(64)}` },
    ]) {
      assert.equal((await call('POST', '/v2/images', producer, properties)).statusCode, 400, JSON.stringify(properties))
    }
  })

  it('are described by the headers of RFC 9530 as well', async () => {
    const service = await start()
    const id = await newImage(service)
    const other = createHash('sha256').update('other').digest('base64')
    assert.equal((await put(service, id, { 'repr-digest': `sha-256=:${other}:` })).statusCode, 400)
    assert.equal((await put(service, id, { 'content-digest': 'sha-256=unquoted' })).statusCode, 400)
    assert.equal((await put(service, id, { 'content-digest': `sha-256=:${base64('sha1')}:` })).statusCode, 400)
    const both = {
      'repr-digest': `sha-256=:${base64('sha256')}:, unixsum=:AAAA:`,
      'content-digest': `sha-512=:${base64('sha512')}:`,
    }
    assert.equal((await put(service, id, both)).statusCode, 204)
  })

  it('are described in an import, too', async () => {
    const service = await start()
    const web = await startWeb((_request, response) => response.end(bytes))
    atEnd(web.close)
    const begin = (id: string, expected: object) =>
      service.call('POST', `/v2/images/${id}/import`, producer, {
        method: { name: 'web-download', uri: web.url },
        expected,
      })
    const id = await newImage(service)
    assert.equal((await begin(id, { os_hash_algo: 'sha256' })).statusCode, 400)
    assert.equal((await begin(id, { os_hash_algo: 'sha256', os_hash_value: 'zz' })).statusCode, 400)
    assert.equal((await begin(id, { size: 3 })).statusCode, 202)
    assert.match((await ended(service, id)).message, /80000, and 3 was stated/)
    assert.equal(
      (await begin(id, { size: 80_000, os_hash_algo: 'sha256', os_hash_value: hex('sha256') })).statusCode,
      202,
    )
    await ended(service, id)
    assert.equal((await show(service, id)).status, 'active')
  })
})
