import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { eachDatabase } from '../testing/databases.ts'
import {
  createMember,
  openTestIdentity,
  prepareTestAccounts,
  type TestIdentity,
  testAdminPassword,
  testClock,
} from './testing.ts'

interface Access {
  access: {
    token: { id: string; expires: string; tenant?: { id: string; name: string } }
    user: { id: string; name: string; roles: { id: string; name: string; tenantId: string }[] }
    serviceCatalog: { type: string; name: string; endpoints: Record<string, string>[] }[]
  }
}

eachDatabase('Identity v2.0', (databases) => {
  let service: TestIdentity
  let alice: Awaited<ReturnType<typeof createMember>>
  const clock = testClock()

  before(async () => {
    const database = await databases.open()
    await prepareTestAccounts(database, clock)
    service = await openTestIdentity(database, clock)
    databases.atEnd(() => service.close())
    alice = await createMember(service, 'alice')
  })

  const logIn = (auth: unknown, headers: Record<string, string> = {}) =>
    service.call('POST', '/v2.0/tokens', { body: { auth }, headers })
  const passwordCredentials = { username: 'alice', password: 'alice password' }

  test('a password gives a token, in the body, with a catalog for both kinds of clients', async () => {
    // php-opencloud sends an empty token when it logs in.
    const answer = await logIn({ passwordCredentials, tenantName: 'alice' }, { 'x-auth-token': '' })
    assert.equal(answer.statusCode, 200)
    assert.equal(answer.headers['content-type'], 'application/json')
    const { token, user, serviceCatalog } = answer.json<Access>().access
    assert.equal(token.expires, '2026-01-31T13:34:56Z')
    assert.equal(token.tenant?.id, alice.projectId)
    assert.equal(token.tenant?.name, 'alice')
    assert.deepEqual(
      user.roles.map(({ name, tenantId }) => [name, tenantId]),
      [
        ['member', alice.projectId],
        ['reader', alice.projectId],
      ],
    )
    const images = serviceCatalog.filter(({ type }) => type === 'image')
    assert.deepEqual(
      images.map(({ name, endpoints }) => [name, endpoints[0]?.publicURL, endpoints[0]?.internalURL]),
      [
        ['glance', 'http://cloud.test', 'http://cloud.test'],
        ['cloudImages', 'http://cloud.test/v2', 'http://cloud.test/v2'],
      ],
    )
    for (const { endpoints } of serviceCatalog) {
      assert.deepEqual([endpoints[0]?.region, endpoints[0]?.tenantId], ['RegionOne', alice.projectId])
    }
    const actor = await service.identity.validate(token.id, { method: 'GET', path: '/v2/images' })
    assert.equal(actor.projectId, alice.projectId)
  })

  test('the tenant is named by name or id, which must agree, or is the default one', async () => {
    const other = await createMember(service, 'other')
    const tried = async (tenant: object) => {
      const answer = await logIn({ passwordCredentials, ...tenant })
      return answer.statusCode === 200 ? answer.json<Access>().access.token.tenant?.id : answer.statusCode
    }
    assert.equal(await tried({}), alice.projectId)
    assert.equal(await tried({ tenantId: alice.projectId }), alice.projectId)
    assert.equal(await tried({ tenantName: null, tenantId: '' }), alice.projectId)
    assert.equal(await tried({ tenantName: 'alice', tenantId: alice.projectId }), alice.projectId)
    assert.equal(await tried({ tenantName: 'other', tenantId: alice.projectId }), 401)
    assert.equal(await tried({ tenantName: 'other' }), 401)
    assert.equal(await tried({ tenantId: other.projectId }), 401)
    assert.equal(await tried({ tenantId: 42 }), 401)
  })

  test('a token gives another', async () => {
    const answer = await logIn({ token: { id: alice.token }, tenantId: alice.projectId })
    assert.equal(answer.statusCode, 200)
    assert.notEqual(answer.json<Access>().access.token.id, alice.token)
  })

  test('an API key is an application credential, written id:secret, of the user named', async () => {
    const made = await service.call('POST', `/v3/users/${alice.userId}/application_credentials`, {
      token: alice.token,
      body: { application_credential: { name: 'legacy', roles: [{ name: 'reader' }], secret: 'with:a colon' } },
    })
    const { id } = made.json<{ application_credential: { id: string } }>().application_credential
    const byKey = (username: string, apiKey: string, tenant: object = {}) =>
      logIn({ 'RAX-KSKEY:apiKeyCredentials': { username, apiKey }, ...tenant })
    const answer = await byKey('alice', `${id}:with:a colon`, { tenantName: 'alice' })
    assert.equal(answer.statusCode, 200, answer.body)
    const { token, user } = answer.json<Access>().access
    assert.equal(token.tenant?.id, alice.projectId)
    assert.deepEqual(
      user.roles.map(({ name }) => name),
      ['reader'],
    )
    assert.equal((await byKey('alice', `${id}:with:a colon`, { tenantName: 'other' })).statusCode, 401)
    assert.equal((await byKey('other', `${id}:with:a colon`)).statusCode, 401)
    assert.equal((await byKey('alice', `${id}:wrong`)).statusCode, 401)
    assert.equal((await byKey('alice', 'with:a colon')).statusCode, 401)
    assert.equal((await byKey('alice', 'wrong')).statusCode, 401)
  })

  test('wrong credentials are 401, malformed ones 400, both as JSON', async () => {
    for (const [code, auth] of [
      [401, { passwordCredentials: { username: 'alice', password: 'wrong' } }],
      [401, { passwordCredentials: { username: 'nobody', password: 'wrong' } }],
      [401, { token: { id: 'x' } }],
      [400, {}],
      [400, { passwordCredentials: { username: 'alice' } }],
      [400, { passwordCredentials: { password: 'x' } }],
      [400, { passwordCredentials, token: { id: 'x' } }],
      [400, { passwordCredentials, tenantName: {} }],
    ] as const) {
      const answer = await logIn(auth, { accept: 'text/html' })
      assert.equal(answer.statusCode, code, JSON.stringify(auth))
      assert.equal(answer.json<{ error: { code: number } }>().error.code, code)
    }
    assert.equal((await service.call('POST', '/v2.0/tokens', { body: '{' })).statusCode, 400)
  })

  test('tenants, extensions, and what administrators ask about tokens', async () => {
    const admin = await service.logIn('admin', testAdminPassword)
    const tenants = await service.call('GET', '/v2.0/tenants', { token: alice.token })
    assert.deepEqual(tenants.json(), {
      tenants: [{ id: alice.projectId, name: 'alice', enabled: true, description: '' }],
      tenants_links: [],
    })
    assert.equal((await service.call('GET', '/v2.0/tenants')).statusCode, 401)
    assert.deepEqual((await service.call('GET', '/v2.0/extensions')).json(), { extensions: { values: [] } })

    const path = `/v2.0/tokens/${alice.token}`
    const shown = await service.call('GET', path, { token: admin })
    assert.equal(shown.json<Access>().access.token.tenant?.id, alice.projectId)
    assert.equal((await service.call('HEAD', path, { token: admin })).statusCode, 200)
    assert.equal((await service.call('GET', path, { token: alice.token })).statusCode, 403)
    for (const method of ['GET', 'HEAD', 'DELETE'] as const) {
      assert.equal((await service.call(method, '/v2.0/tokens/x', { token: admin })).statusCode, 404)
    }
    const other = await service.logIn('other', 'other password')
    assert.equal((await service.call('DELETE', path, { token: other })).statusCode, 403)
    assert.equal((await service.call('DELETE', path, { token: admin })).statusCode, 204)
    assert.equal((await service.call('GET', path, { token: admin })).statusCode, 404)
  })
})
