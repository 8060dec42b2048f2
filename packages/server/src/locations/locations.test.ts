import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { it } from 'node:test'
import { admin, ended, importsFromHere, newImage, octets, producer, show, startWeb } from '../imports/testing.ts'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService } from '../testing/test-service.ts'

const bytes = randomBytes(50_000)
const service = fakeToken('nova', 'reader', 'service')
const owningService = fakeToken('producer', 'reader', 'service')

eachDatabase('locations', ({ newUrl, atEnd }) => {
  const start = async (settings: Parameters<typeof startTestService>[0] = {}) => {
    const test = await startTestService({ ...importsFromHere, ...settings, database_url: await newUrl() })
    atEnd(test.close)
    const web = await startWeb((_request, response) => response.end(bytes))
    atEnd(web.close)
    const locate = (id: string, body: object, token = producer, headers: Record<string, string> = {}) =>
      test.call('POST', `/v2/images/${id}/locations`, token, body, headers)
    return { test, web, locate }
  }

  it('are told to administrators and services that see the image, and to nobody else', async () => {
    const { test } = await start()
    const id = await newImage(test)
    assert.deepEqual((await test.call('GET', `/v2/images/${id}/locations`, admin)).json(), [])
    await test.call('PUT', `/v2/images/${id}/file`, producer, bytes, octets)
    for (const token of [admin, owningService]) {
      const [one, ...others] = (await test.call('GET', `/v2/images/${id}/locations`, token)).json()
      assert.match(one.url, /^file:\/\/\/.*\/[0-9a-f]{32}$/)
      assert.deepEqual(one.metadata, { store: 'file' })
      assert.equal(others.length, 0)
    }
    assert.equal((await test.call('GET', `/v2/images/${id}/locations`, producer)).statusCode, 403)
    assert.equal((await test.call('GET', `/v2/images/${id}/locations`, service)).statusCode, 404)
    assert.equal((await test.call('PUT', `/v2/images/${id}/locations`, admin)).statusCode, 405)
  })

  it('OSSA-2014-041, OSSA-2015-002: nobody makes an image of a file of the host', async () => {
    const { test, locate } = await start({ web_locations: true })
    const id = await newImage(test)
    for (const url of [
      'file:///etc/passwd',
      'filesystem:///etc/passwd',
      's3://bucket/key',
      'FILE:///etc/passwd',
      '/etc',
    ]) {
      assert.equal((await locate(id, { url })).statusCode, 403, url)
      assert.equal((await locate(id, { url }, owningService)).statusCode, 400, url)
      assert.equal((await locate(id, { url }, admin)).statusCode, 403, url)
    }
    assert.equal((await show(test, id)).status, 'queued')
  })

  it('on the web are refused unless the operator takes them, and then copied and verified', async () => {
    const closed = await start()
    const there = await newImage(closed.test)
    assert.equal((await closed.locate(there, { url: closed.web.url })).statusCode, 403)
    const { test, web, locate } = await start({ web_locations: true })
    for (const os_hash_algo of ['md5', 'sha1', 'sha256', 'sha512']) {
      const id = await newImage(test)
      const os_hash_value = createHash(os_hash_algo).update(bytes).digest('hex')
      const right = { url: web.url, validation_data: { os_hash_algo, os_hash_value } }
      const wrong = { url: web.url, validation_data: { os_hash_algo, os_hash_value: '0'.repeat(os_hash_value.length) } }
      assert.equal((await locate(id, wrong)).statusCode, 202)
      assert.match((await ended(test, id)).message, /was stated/)
      const after = await show(test, id)
      assert.equal(after.status, 'queued')
      assert.equal(after.os_hash_value, null)
      assert.equal((await locate(id, right)).statusCode, 202)
      const task = await ended(test, id)
      assert.equal(task.type, 'location_import')
      assert.equal((await show(test, id)).status, 'active')
      assert.equal((await locate(id, right)).statusCode, 409)
    }
    const id = await newImage(test)
    assert.equal((await locate(id, { url: web.url, validation_data: {} })).statusCode, 202)
    await ended(test, id)
  })

  it('are checked before anything is looked up, and hidden with their image', async () => {
    const { locate, test, web } = await start({ web_locations: true })
    const id = await newImage(test)
    const bad = [
      {},
      { url: 5 },
      { url: web.url, validation_data: { os_hash_algo: 'sha512' } },
      { url: web.url, validation_data: { os_hash_value: 'ab' } },
      { url: web.url, validation_data: { os_hash_algo: 'sha999', os_hash_value: 'ab' } },
      { url: web.url, validation_data: { os_hash_algo: 'md5', os_hash_value: 'xyz' } },
    ]
    for (const body of bad) assert.equal((await locate('no-image', body)).statusCode, 400, JSON.stringify(body))
    const fine = { url: web.url }
    assert.equal((await locate(id, fine, fakeToken('stranger', 'member'))).statusCode, 404)
    assert.equal((await locate(id, fine, fakeToken('producer', 'reader'))).statusCode, 403)
    const beside = { 'x-service-token': fakeToken('glance', 'service') }
    assert.equal((await locate(id, { url: 'file:///etc/passwd' }, producer, beside)).statusCode, 400)
    assert.equal((await locate(id, { url: 'http://169.254.169.254/latest' })).statusCode, 400)
  })
})
