import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'
import { withoutOrigin } from './versions.ts'

const producer = fakeToken('producer', 'member')

describe('bodies', () => {
  let service: TestService
  before(async () => {
    service = await startTestService()
  })
  after(() => service.close())

  it('threat: a long list of the same, whose elements would all be compared', async () => {
    const begin = performance.now()
    for (const kind of ['share.created', 'x', 5, null, ['x']]) {
      const kinds = Array.from({ length: 60_000 }, () => kind)
      const answer = await service.call('POST', '/v2/webhooks', producer, { url: 'https://example.com/', kinds })
      assert.equal(answer.statusCode, 400, answer.body)
    }
    const deep = `{"url":"https://example.com/","kinds":[${'['.repeat(100_000)}${']'.repeat(100_000)}]}`
    assert.equal((await service.call('POST', '/v2/webhooks', producer, deep)).statusCode, 400)
    assert.ok(performance.now() - begin < 2000, 'everyone else had to wait')
  })

  const cases: readonly (readonly [name: string, body: string | Buffer, status: number])[] = [
    ['an object', '{}', 201],
    ['nothing', '', 400],
    ['half of an object', '{"name":', 400],
    ['an array', '[]', 400],
    ['a text', '"x"', 400],
    ['no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 400],
    ['U+0000 in a name', '{"name":"a\\u0000b"}', 400],
    ['U+0000 after an escaped backslash', '{"name":"a\\\\\\u0000b"}', 400],
    ['the text \\u0000 itself', '{"name":"a\\\\u0000b"}', 201],
    ['half of a surrogate pair', '{"name":"\\ud800"}', 400],
    ['more than a mebibyte', JSON.stringify({ name: 'x'.repeat(1024 * 1024) }), 413],
    ['ten thousand arrays in each other', `{"tags":${'['.repeat(10_000)}${']'.repeat(10_000)}}`, 400],
    ['a hundred thousand arrays and U+0000', `{"a\\u0000":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 400],
    [
      'ten thousand properties',
      JSON.stringify(Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`p${i}`, 'x']))),
      413,
    ],
  ]
  for (const [name, body, status] of cases) {
    it(`${name}: ${status}`, async () => {
      const answer = await service.call('POST', '/v2/images', producer, body)
      assert.equal(answer.statusCode, status, answer.body)
    })
  }

  it('are refused where none is taken, unless they are empty', async () => {
    const { id } = (await service.call('POST', '/v2/images', producer, {})).json()
    assert.equal((await service.call('GET', `/v2/images/${id}`, producer, 'x')).statusCode, 400)
    assert.equal((await service.call('GET', `/v2/images/${id}`, producer, '')).statusCode, 200)
    assert.equal((await service.call('POST', `/v2/images/${id}/members`, producer, { member: 'c' })).statusCode, 200)
    assert.equal((await service.call('DELETE', `/v2/images/${id}/members/c`, producer, '{}')).statusCode, 400)
    assert.equal((await service.call('DELETE', `/v2/images/${id}/members/c`, producer)).statusCode, 204)
  })

  it('take no time out of proportion for many properties', async () => {
    const { id } = (await service.call('POST', '/v2/images', producer, {})).json()
    const patch = Array.from({ length: 20_000 }, (_, i) => ({ op: 'add', path: `/p${i}`, value: 'x' }))
    const headers = { 'content-type': 'application/openstack-images-v2.1-json-patch' }
    const started = performance.now()
    const answer = await service.call('PATCH', `/v2/images/${id}`, producer, patch, headers)
    assert.equal(answer.statusCode, 413)
    assert.ok(performance.now() - started < 5000, 'it was quadratic once, and took minutes')
  })
})

describe('addresses', () => {
  it('with # are refused, before access rules and routes could read them differently', async () => {
    const service = await startTestService()
    await service.app.listen({ host: '127.0.0.1', port: 0 })
    const address = service.app.server.address()
    assert.ok(typeof address === 'object' && address !== null)
    const path = '/v2/images/x#/tags/y'
    const status = await new Promise((resolve, reject) => {
      request({ port: address.port, host: '127.0.0.1', method: 'DELETE', path, headers: { 'x-auth-token': producer } })
        .once('response', (response) => resolve(response.resume().statusCode))
        .once('error', reject)
        .end()
    })
    assert.equal(status, 400)
    await service.close()
  })

  it('may name the origin, as for a proxy', async () => {
    assert.equal(withoutOrigin('http://h:1/v2.5/images?x'), '/v2.5/images?x')
    assert.equal(withoutOrigin('HTTPS://h'), '/')
    assert.equal(withoutOrigin('/v2/http://h'), '/v2/http://h')
  })

  it('with U+0000 are refused before anything reads them', async () => {
    const service = await startTestService()
    for (const path of [
      '/v2/images/%00',
      '/v2/images?name=%00',
      '/v2/images/x/members/%00',
      '/v2/images/a%00b/file',
      '/v2/images/%ff',
    ]) {
      const answer = await service.call('GET', path, producer)
      assert.equal(answer.statusCode, 400, path)
      assert.match(String(answer.headers['x-openstack-request-id']), /^req-/)
    }
    await service.close()
  })
})
