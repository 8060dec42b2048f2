import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { eachDatabase } from '../testing/databases.ts'
import {
  createMember,
  credentialAuth,
  openTestIdentity,
  passwordAuth,
  prepareTestAccounts,
  projectScope,
  type TestIdentity,
  testAdminPassword,
  testClock,
  tokenAuth,
  tokenOf,
} from './testing.ts'

interface TokenDocument {
  token: {
    methods: string[]
    user: Record<string, unknown>
    audit_ids: string[]
    issued_at: string
    expires_at: string
    project?: { id: string; name: string; domain: unknown }
    is_domain?: boolean
    domain?: unknown
    system?: unknown
    roles?: { id: string; name: string }[]
    catalog?: { type: string; name: string; endpoints: Record<string, string>[] }[]
    application_credential?: unknown
  }
}

eachDatabase('tokens of Identity v3', (databases) => {
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

  const authenticate = (body: unknown, query = '') => service.call('POST', `/v3/auth/tokens${query}`, { body })
  const alicePassword = (scope?: unknown) => passwordAuth('alice', 'alice password', scope)

  test('versions: v3 is advertised, v2.0 is there but not in the list', async () => {
    for (const path of ['', '/']) {
      const answer = await service.call('GET', path)
      assert.equal(answer.statusCode, 300)
      assert.equal(answer.headers.location, 'http://cloud.test/identity/v3/')
      const { versions } = answer.json<{ versions: { values: { id: string; status: string; links: unknown }[] } }>()
      assert.deepEqual(
        versions.values.map(({ id, status, links }) => ({ id, status, links })),
        [{ id: 'v3.14', status: 'stable', links: [{ rel: 'self', href: 'http://cloud.test/identity/v3/' }] }],
      )
    }
    for (const path of ['/v3', '/v3/', '/v2.0', '/v2.0/']) {
      const answer = await service.call('GET', path)
      assert.equal(answer.statusCode, 200)
      assert.ok('version' in answer.json<object>())
    }
  })

  test('a password gives a token for the project asked for', async () => {
    const answer = await authenticate(alicePassword(projectScope('alice')))
    assert.equal(answer.statusCode, 201)
    assert.equal(answer.headers['content-type'], 'application/json')
    assert.equal(answer.headers.vary, 'X-Auth-Token')
    assert.match(tokenOf(answer), /^[\w-]{43}$/)
    const { token } = answer.json<TokenDocument>()
    const domain = { id: 'default', name: 'Default' }
    assert.deepEqual(token.methods, ['password'])
    assert.deepEqual(token.user, { id: alice.userId, name: 'alice', domain, password_expires_at: null })
    assert.deepEqual(token.project, { id: alice.projectId, name: 'alice', domain })
    assert.equal(token.is_domain, false)
    assert.deepEqual(
      token.roles?.map(({ name }) => name),
      ['member', 'reader'],
    )
    assert.equal(token.audit_ids.length, 1)
    assert.equal(token.issued_at, '2026-01-31T12:34:56.000000Z')
    assert.equal(token.expires_at, '2026-01-31T13:34:56.000000Z')
    assert.match(alice.projectId, /^[0-9a-f]{32}$/)
  })

  test('the catalog has the image service without a version, on three interfaces, with both names of the region', async () => {
    const { token } = (await authenticate(alicePassword())).json<TokenDocument>()
    const endpoints = (type: string) => token.catalog?.find((entry) => entry.type === type)?.endpoints ?? []
    assert.deepEqual(
      endpoints('image').map(({ interface: name, region, region_id, url }) => [name, region, region_id, url]),
      ['public', 'internal', 'admin'].map((name) => [name, 'RegionOne', 'RegionOne', 'http://cloud.test']),
    )
    assert.equal(endpoints('identity')[0]?.url, 'http://cloud.test/identity/v3')
    const without = (await authenticate(alicePassword(), '?nocatalog')).json<TokenDocument>()
    assert.equal('catalog' in without.token, false)
  })

  test('users and projects are named by id, or by name and domain', async () => {
    const user = (ref: object) => ({
      auth: { identity: { methods: ['password'], password: { user: { ...ref, password: 'alice password' } } } },
    })
    for (const ref of [
      { id: alice.userId },
      { name: 'alice', domain: { name: 'Default' } },
      { name: 'alice', domain: { id: 'default', name: 'Default' } },
    ]) {
      assert.equal((await authenticate(user(ref))).statusCode, 201, JSON.stringify(ref))
    }
    for (const project of [{ id: alice.projectId }, { name: 'alice', domain: { name: 'Default' } }]) {
      const answer = await authenticate(alicePassword({ project }))
      assert.equal(answer.json<TokenDocument>().token.project?.id, alice.projectId)
    }
  })

  test('without a scope the default project is taken, and none when unscoped is asked for', async () => {
    assert.equal((await authenticate(alicePassword())).json<TokenDocument>().token.project?.id, alice.projectId)
    for (const scope of ['unscoped', { unscoped: {} }]) {
      const { token } = (await authenticate(alicePassword(scope))).json<TokenDocument>()
      for (const key of ['project', 'roles', 'catalog', 'is_domain']) assert.equal(key in token, false, key)
    }
  })

  test('system and domain scope need a role there', async () => {
    const admin = (scope: unknown) => authenticate(passwordAuth('admin', testAdminPassword, scope))
    const { token } = (await admin({ system: { all: true } })).json<TokenDocument>()
    assert.deepEqual(token.system, { all: true })
    assert.ok(token.roles?.some(({ name }) => name === 'admin'))
    assert.equal((await admin({ domain: { id: 'default' } })).statusCode, 401)
    assert.equal((await authenticate(alicePassword({ system: { all: true } }))).statusCode, 401)
  })

  test('what is malformed is 400, also with a right password', async () => {
    const user = { name: 'alice', domain: { id: 'default' }, password: 'alice password' }
    const identity = (identity: unknown) => ({ auth: { identity } })
    for (const [what, body] of Object.entries({
      'no json': '{"auth":',
      'no object': [],
      'no auth': {},
      'no identity': { auth: {} },
      'no methods': identity({ password: { user } }),
      'empty methods': identity({ methods: [], password: { user } }),
      'methods no list': identity({ methods: 'password', password: { user } }),
      'no block': identity({ methods: ['password'] }),
      'no user': identity({ methods: ['password'], password: {} }),
      'user without id and name': identity({ methods: ['password'], password: { user: { password: 'x' } } }),
      'user name without domain': identity({
        methods: ['password'],
        password: { user: { name: 'alice', password: 'x' } },
      }),
      'domain without id and name': identity({ methods: ['password'], password: { user: { ...user, domain: {} } } }),
      'number for a password': identity({ methods: ['password'], password: { user: { ...user, password: 1 } } }),
      'number for a name': identity({ methods: ['password'], password: { user: { ...user, name: 1 } } }),
      'project name without domain': alicePassword({ project: { name: 'alice' } }),
      'project without id and name': alicePassword({ project: {} }),
      'two scopes': alicePassword({ project: { id: alice.projectId }, domain: { id: 'default' } }),
      'empty scope': alicePassword({}),
      'unknown scope': alicePassword('everything'),
      'system but not all': alicePassword({ system: {} }),
      'credential without user': credentialAuth({ name: 'x', secret: 'y' }),
      'credential without secret': credentialAuth({ id: 'x' }),
    })) {
      const answer = await authenticate(body)
      assert.equal(answer.statusCode, 400, `${what}: ${answer.body}`)
      assert.equal(answer.headers['content-type'], 'application/json')
      assert.equal(answer.json<{ error: { code: number } }>().error.code, 400)
    }
    assert.equal((await service.call('POST', '/v3/auth/tokens')).statusCode, 400)
  })

  test('errors are JSON whatever the client accepts', async () => {
    const answer = await service.call('GET', '/v3/projects', { headers: { accept: 'text/html' } })
    assert.equal(answer.statusCode, 401)
    assert.equal(answer.headers['content-type'], 'application/json')
    assert.equal(answer.headers['www-authenticate'], 'Keystone uri="http://cloud.test/identity"')
    const empty = await service.call('GET', '/v3/projects', { token: ' ' })
    assert.match(empty.body, /carries no token/)
  })

  test('a token gives a token for another project of the user, which ends no later', async () => {
    const unscoped = tokenOf(await authenticate(alicePassword('unscoped')))
    clock.advance(60_000)
    const answer = await authenticate(tokenAuth(unscoped, projectScope('alice')))
    assert.equal(answer.statusCode, 201)
    const { token } = answer.json<TokenDocument>()
    assert.deepEqual(token.methods, ['password', 'token'])
    assert.equal(token.project?.id, alice.projectId)
    const parent = await service.call('GET', '/v3/auth/tokens', { token: unscoped, subject: unscoped })
    const { token: before } = parent.json<TokenDocument>()
    assert.equal(token.expires_at, before.expires_at)
    assert.notEqual(token.issued_at, before.issued_at)
    assert.equal(token.audit_ids.length, 2)
    assert.equal(token.audit_ids[1], before.audit_ids[0])
    assert.equal((await authenticate(tokenAuth('no-such-token'))).statusCode, 401)
  })

  test('several methods count together', async () => {
    const token = tokenOf(await authenticate(alicePassword()))
    const both = (password: object, id: string) => ({
      auth: { identity: { methods: ['password', 'token'], password: { user: password }, token: { id } } },
    })
    const right = { id: alice.userId, password: 'alice password' }
    assert.equal((await authenticate(both(right, token))).statusCode, 201)
    assert.equal((await authenticate(both({ ...right, password: 'x' }, token))).statusCode, 401)
    assert.equal((await authenticate(both(right, 'x'))).statusCode, 401)
    const admin = await service.logIn('admin', testAdminPassword)
    assert.equal((await authenticate(both(right, admin))).statusCode, 401, 'two users')
  })

  test('GET and HEAD tell about a token: to its user, to administrators and to services', async () => {
    const admin = await service.logIn('admin', testAdminPassword)
    const worker = await createMember(service, 'worker', 'service')
    const bob = await createMember(service, 'bob')
    const ask = (token: string | undefined, subject: string | undefined, query = '', method: 'GET' | 'HEAD' = 'GET') =>
      service.call(method, `/v3/auth/tokens${query}`, {
        ...(token === undefined ? {} : { token }),
        ...(subject === undefined ? {} : { subject }),
      })
    for (const caller of [alice.token, admin, worker.token]) {
      const answer = await ask(caller, alice.token)
      assert.equal(answer.statusCode, 200)
      assert.equal(answer.headers['x-subject-token'], alice.token)
      assert.equal(answer.json<TokenDocument>().token.user.id, alice.userId)
      const head = await ask(caller, alice.token, '', 'HEAD')
      assert.equal(head.statusCode, 200)
      assert.equal(head.body, '')
    }
    assert.equal('catalog' in (await ask(admin, alice.token)).json<TokenDocument>().token, true)
    assert.equal('catalog' in (await ask(admin, alice.token, '?nocatalog')).json<TokenDocument>().token, false)
    assert.equal((await ask(bob.token, alice.token)).statusCode, 403)
    assert.equal((await ask(undefined, alice.token)).statusCode, 401)
    assert.equal((await ask('x', alice.token)).statusCode, 401)
    assert.equal((await ask(admin, undefined)).statusCode, 404)
    assert.equal((await ask(admin, 'x')).statusCode, 404)
    assert.equal((await ask(admin, 'x', '', 'HEAD')).statusCode, 404)
  })

  test('an expired token is unknown, unless a service asks about expired ones', async () => {
    const worker = await createMember(service, 'worker2', 'service')
    const old = tokenOf(await authenticate(alicePassword()))
    clock.advance(3_600_000)
    const caller = await service.logIn('worker2', 'worker2 password')
    assert.equal((await service.call('GET', '/v3/auth/projects', { token: worker.token })).statusCode, 401)
    const ask = (query: string) => service.call('GET', `/v3/auth/tokens${query}`, { token: caller, subject: old })
    assert.equal((await ask('')).statusCode, 404)
    assert.equal((await ask('?allow_expired=1')).statusCode, 200)
    assert.equal((await ask('?allow_expired=0')).statusCode, 404)
    clock.advance(48 * 3_600_000)
    const later = await service.logIn('worker2', 'worker2 password')
    const answer = await service.call('GET', '/v3/auth/tokens?allow_expired=1', { token: later, subject: old })
    assert.equal(answer.statusCode, 404)
  })

  test('DELETE ends a token: by its user and by administrators', async () => {
    const admin = await service.logIn('admin', testAdminPassword)
    const bob = await service.logIn('bob', 'bob password')
    for (const own of [true, false]) {
      const subject = tokenOf(await authenticate(alicePassword()))
      assert.equal((await service.call('DELETE', '/v3/auth/tokens', { token: bob, subject })).statusCode, 403)
      const token = own ? subject : admin
      assert.equal((await service.call('DELETE', '/v3/auth/tokens', { token, subject })).statusCode, 204)
      assert.equal((await service.call('DELETE', '/v3/auth/tokens', { token: admin, subject })).statusCode, 404)
      assert.equal((await service.call('GET', '/v3/auth/projects', { token: subject })).statusCode, 401)
    }
  })

  test('what the token can be made good for, and the catalog', async () => {
    const unscoped = tokenOf(await authenticate(alicePassword('unscoped')))
    const projects = await service.call('GET', '/v3/auth/projects', { token: unscoped })
    assert.deepEqual(
      projects.json<{ projects: { id: string }[] }>().projects.map(({ id }) => id),
      [alice.projectId],
    )
    const domains = await service.call('GET', '/v3/auth/domains', { token: unscoped })
    assert.deepEqual(domains.json<{ domains: unknown[] }>().domains, [])
    assert.equal((await service.call('GET', '/v3/auth/catalog', { token: unscoped })).statusCode, 403)
    const scoped = tokenOf(await authenticate(alicePassword()))
    const catalog = await service.call('GET', '/v3/auth/catalog', { token: scoped })
    assert.deepEqual(
      catalog.json<{ catalog: { type: string }[] }>().catalog.map(({ type }) => type),
      ['image', 'identity'],
    )
  })

  test('the image service takes a token for an actor of its project', async () => {
    const call = { method: 'GET', path: '/v2/images' }
    const actor = await service.identity.validate(tokenOf(await authenticate(alicePassword())), call)
    assert.deepEqual(actor, {
      userId: alice.userId,
      userName: 'alice',
      projectId: alice.projectId,
      projectNames: ['alice@default'],
      roles: new Set(['member', 'reader']),
    })
    const unscoped = tokenOf(await authenticate(alicePassword('unscoped')))
    const system = await authenticate(passwordAuth('admin', testAdminPassword, { system: { all: true } }))
    for (const token of [unscoped, tokenOf(system)]) {
      const { projectId, roles } = await service.identity.validate(token, call)
      assert.deepEqual({ projectId, roles }, { projectId: null, roles: new Set() })
    }
    for (const token of ['x', '\0', 'ü', 'x'.repeat(10_000)]) {
      await assert.rejects(service.identity.validate(token, call), { code: 'token_invalid' })
    }
  })

  test('with the token of a service beside it, a token may have expired lately', async () => {
    const user = tokenOf(await authenticate(alicePassword()))
    clock.advance(3_600_000)
    const call = { method: 'GET', path: '/v2/images' }
    const worker = await service.logIn('worker', 'worker password')
    const member = await service.logIn('bob', 'bob password')
    const validate = (token: string, serviceToken?: string) =>
      service.identity.validate(token, { ...call, serviceToken })
    await assert.rejects(validate(user), { code: 'token_invalid' })
    assert.equal((await validate(user, worker)).userId, alice.userId)
    await assert.rejects(validate(user, member), { code: 'token_invalid' })
    await assert.rejects(validate(member, 'x'), { code: 'token_invalid' }, 'a bad service token spoils a good one')
    clock.advance(48 * 3_600_000)
    await assert.rejects(validate(user, await service.logIn('worker', 'worker password')), { code: 'token_invalid' })
  })
})
