import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { eachDatabase } from '../testing/databases.ts'
import { authenticate as authenticateBy } from './authentication.ts'
import type { EmbeddedContext } from './context.ts'
import { revocationBoundMs } from './embedded.ts'
import { createLockout } from './lockout.ts'
import { deleteExpiredTokens, digestOf } from './sessions.ts'
import {
  createMember,
  credentialAuth,
  grant,
  openTestIdentity,
  passwordAuth,
  prepareTestAccounts,
  projectScope,
  roleId,
  type TestIdentity,
  testAdminPassword,
  testClock,
  tokenAuth,
  tokenOf,
} from './testing.ts'
import { findUserRow, replacePassword } from './users.ts'

const imageCall = { method: 'GET', path: '/v2/images' }

eachDatabase('what must never happen', (databases) => {
  const clock = testClock()
  let service: TestIdentity
  /** A second process on the same database. */
  let other: TestIdentity
  let names = 0
  const newName = () => {
    names += 1
    return `user${names}`
  }

  before(async () => {
    const database = await databases.open()
    await prepareTestAccounts(database, clock)
    service = await openTestIdentity(database, clock)
    other = await openTestIdentity(database, clock)
    databases.atEnd(() => service.close())
    databases.atEnd(() => other.close())
  })

  const admin = () => service.logIn('admin', testAdminPassword)
  const authenticate = (body: unknown) => service.call('POST', '/v3/auth/tokens', { body })
  const validate = (token: string) => service.identity.validate(token, imageCall)
  const rolesOf = async (token: string) => [...(await validate(token)).roles].sort()
  const newCredential = async (
    user: { userId: string },
    token: string,
    values: object,
  ): Promise<{ id: string; secret: string; status: number }> => {
    const answer = await service.call('POST', `/v3/users/${user.userId}/application_credentials`, {
      token,
      body: { application_credential: { name: newName(), ...values } },
    })
    const { application_credential: made } = answer.json<{ application_credential?: { id: string; secret: string } }>()
    return { id: made?.id ?? '', secret: made?.secret ?? '', status: answer.statusCode }
  }
  const byCredential = async (credential: { id: string; secret: string }) =>
    tokenOf(await authenticate(credentialAuth({ id: credential.id, secret: credential.secret })))

  test('neither tokens nor secrets are in the database in the clear', async () => {
    const user = await createMember(service, newName())
    const credential = await newCredential(user, user.token, { secret: 'a canary secret' })
    const dump = JSON.stringify([
      await service.database.read.selectFrom('identity_tokens').selectAll().execute(),
      await service.database.read.selectFrom('identity_users').selectAll().execute(),
      await service.database.read.selectFrom('identity_application_credentials').selectAll().execute(),
    ])
    assert.ok(dump.includes(digestOf(user.token)), 'the dump is of the right tables')
    for (const secret of [user.token, 'a canary secret', credential.secret, testAdminPassword, 'user1 password']) {
      assert.ok(!dump.includes(secret), secret)
    }
  })

  test('OSSA-2021-003: no answer tells whether an account, a project or a domain exists', async () => {
    const { userId } = await createMember(service, 'known')
    const stranger = await createMember(service, 'stranger')
    const token = await admin()
    await service.call('PATCH', `/v3/users/${stranger.userId}`, { token, body: { user: { enabled: false } } })
    const user = (ref: object) => ({ auth: { identity: { methods: ['password'], password: { user: ref } } } })
    const answers = await Promise.all(
      [
        passwordAuth('known', 'wrong'),
        passwordAuth('unknown', 'wrong'),
        passwordAuth('stranger', 'stranger password'),
        passwordAuth("known' or '1'='1", 'wrong'),
        user({ id: userId, password: 'wrong' }),
        user({ id: 'unknown', password: 'wrong' }),
        user({ name: 'known', domain: { id: 'elsewhere' }, password: 'known password' }),
        passwordAuth('known', 'known password', projectScope('admin')),
        passwordAuth('known', 'known password', projectScope('unknown')),
        passwordAuth('known', 'known password', { project: { id: 'unknown' } }),
        passwordAuth('known', 'known password', { domain: { id: 'default' } }),
        passwordAuth('known', 'known password', { domain: { id: 'unknown' } }),
        credentialAuth({ id: 'unknown', secret: 'x' }),
        credentialAuth({ name: 'x', user: { id: userId }, secret: 'x' }),
        tokenAuth('unknown'),
        { auth: { identity: { methods: ['oauth1'], oauth1: {} } } },
      ].map((body, index) => service.call('POST', '/v3/auth/tokens', { body, address: `10.0.0.${index}` })),
    )
    const shown = answers.map(({ statusCode, body, headers }) => {
      const { date: _, ...others } = headers
      return JSON.stringify([statusCode, body, others])
    })
    assert.deepEqual([...new Set(shown)].length, 1, shown.join('\n'))
    assert.equal(answers[0]?.statusCode, 401)
  })

  test('OSSA-2021-003: a member cannot tell which projects and users there are', async () => {
    const one = await createMember(service, newName())
    const another = await createMember(service, newName())
    for (const [kind, id] of [
      ['projects', another.projectId],
      ['users', another.userId],
      ['domains', 'default'],
      ['roles', await roleId(service, await admin(), 'member')],
    ] as const) {
      const there = await service.call('GET', `/v3/${kind}/${id}`, { token: one.token })
      const not = await service.call('GET', `/v3/${kind}/nothing`, { token: one.token })
      const list = await service.call('GET', `/v3/${kind}?name=x`, { token: one.token })
      assert.deepEqual([there.statusCode, not.statusCode, list.statusCode], [403, 403, 403], kind)
      assert.equal(there.body, not.body)
    }
    const own = await service.call('GET', `/v3/projects/${one.projectId}`, { token: one.token })
    assert.equal(own.statusCode, 200)
  })

  test('guessing is slowed down alike for accounts that exist and that do not, and success elsewhere goes on', async () => {
    await createMember(service, 'guessed')
    const seen: number[][] = []
    for (const name of ['guessed', 'not there']) {
      const codes: number[] = []
      for (let guess = 0; guess < 7; guess += 1) {
        const body = passwordAuth(name, 'wrong')
        codes.push((await service.call('POST', '/v3/auth/tokens', { body, address: '203.0.113.9' })).statusCode)
      }
      seen.push(codes)
    }
    assert.deepEqual(seen[0], [401, 401, 401, 401, 401, 429, 429])
    assert.deepEqual(seen[1], seen[0])
    const right = passwordAuth('guessed', 'guessed password')
    const locked = await service.call('POST', '/v3/auth/tokens', { body: right, address: '203.0.113.9' })
    assert.equal(locked.statusCode, 429, 'not even the right password ends the wait')
    assert.match(String(locked.headers['retry-after']), /^[1-9]\d*$/)
    const elsewhere = await service.call('POST', '/v3/auth/tokens', { body: right, address: '203.0.113.10' })
    assert.equal(elsewhere.statusCode, 201)
    clock.advance(60_000)
    const later = await service.call('POST', '/v3/auth/tokens', { body: right, address: '203.0.113.9' })
    assert.equal(later.statusCode, 201)
  })

  test('guesses sent all at once are not all tried', async () => {
    await createMember(service, 'flooded')
    const answers = await Promise.all(
      Array.from({ length: 30 }, () =>
        service.call('POST', '/v3/auth/tokens', { body: passwordAuth('flooded', 'wrong'), address: '203.0.113.11' }),
      ),
    )
    const tried = answers.filter(({ statusCode }) => statusCode === 401).length
    assert.ok(tried <= 7, `${tried} were tried`)
  })

  test('OSSA-2026-001: headers that name a caller are not read', async () => {
    const headers = {
      'x-identity-status': 'Confirmed',
      'x-roles': 'admin',
      'x-user-id': 'admin',
      'x-project-id': 'admin',
    }
    assert.equal((await service.call('GET', '/v3/projects', { headers })).statusCode, 401)
    const { token } = await createMember(service, newName())
    assert.equal((await service.call('GET', '/v3/projects', { token, headers })).statusCode, 403)
  })

  test('OSSA-2026-005: a restricted application credential makes no credentials, accounts or roles', async () => {
    const name = newName()
    const user = await createMember(service, name, 'admin')
    const limited = await newCredential(user, user.token, {})
    const token = await byCredential(limited)
    assert.equal((await newCredential(user, token, {})).status, 403)
    const renewed = tokenOf(await authenticate(tokenAuth(token)))
    assert.equal((await newCredential(user, renewed, {})).status, 403, 'nor does a token made from it')
    const member = await roleId(service, await admin(), 'member')
    for (const [method, path, body] of [
      ['POST', '/v3/users', { user: { name: newName(), password: 'x' } }],
      ['PATCH', `/v3/users/${user.userId}`, { user: { password: 'x' } }],
      ['POST', '/v3/projects', { project: { name: newName() } }],
      ['PUT', `/v3/projects/${user.projectId}/users/${user.userId}/roles/${member}`, undefined],
      ['DELETE', `/v3/users/${user.userId}/application_credentials/${limited.id}`, undefined],
      ['DELETE', `/v3/users/${user.userId}`, undefined],
    ] as const) {
      const answer = await service.call(method, path, { token, ...(body === undefined ? {} : { body }) })
      assert.equal(answer.statusCode, 403, `${method} ${path}`)
    }
    assert.equal(
      (await service.call('GET', '/v3/users', { token })).statusCode,
      200,
      'but it reads what its roles allow',
    )
  })

  test('OSSA-2026-005: an unrestricted one makes no credential that is wider than itself', async () => {
    const user = await createMember(service, newName())
    const reader = { roles: [{ name: 'reader' }], unrestricted: true, expires_at: '2026-03-01T00:00:00' }
    const parent = await byCredential(await newCredential(user, user.token, reader))
    assert.equal((await newCredential(user, parent, { roles: [{ name: 'member' }] })).status, 400)
    const child = await newCredential(user, parent, { expires_at: '2027-01-01T00:00:00' })
    assert.equal(child.status, 201)
    assert.deepEqual(await rolesOf(await byCredential(child)), ['reader'])
    const shown = await service.call('GET', `/v3/users/${user.userId}/application_credentials/${child.id}`, {
      token: user.token,
    })
    assert.match(shown.body, /"expires_at":"2026-03-01T00:00:00\.000000"/)
    const ruled = await newCredential(user, user.token, {
      unrestricted: true,
      access_rules: [
        { service: 'identity', method: 'POST', path: '/v3/users/*/application_credentials' },
        { service: 'image', method: 'GET', path: '/v2/images' },
      ],
    })
    const limited = await byCredential(ruled)
    assert.equal((await newCredential(user, limited, {})).status, 403)
    await validate(limited)
    await assert.rejects(service.identity.validate(limited, { method: 'POST', path: '/v2/images' }), {
      code: 'token_invalid',
    })
    assert.equal((await service.call('GET', '/v3/auth/projects', { token: limited })).statusCode, 401)
    const renewed = tokenOf(await authenticate(tokenAuth(limited)))
    await assert.rejects(service.identity.validate(renewed, { method: 'POST', path: '/v2/images' }), {
      code: 'token_invalid',
    })
  })

  test('access rules are shown only to services that say they know them', async () => {
    const user = await createMember(service, newName())
    const rules = { access_rules: [{ service: 'image', method: 'GET', path: '/v2/images' }] }
    const subject = await byCredential(await newCredential(user, user.token, rules))
    const ask = async (headers: Record<string, string>) =>
      service.call('GET', '/v3/auth/tokens', { token: await admin(), subject, headers })
    assert.equal((await ask({})).statusCode, 404)
    const answer = await ask({ 'openstack-identity-access-rules': '1' })
    assert.equal(answer.statusCode, 200)
    assert.match(answer.body, /"access_rules":\[/)
  })

  test('an application credential is for its own project only', async () => {
    const user = await createMember(service, newName())
    const elsewhere = await createMember(service, newName())
    await grant(service, await admin(), user.userId, elsewhere.projectId, 'member')
    const credential = await newCredential(user, user.token, { unrestricted: true })
    const scoped = credentialAuth({ id: credential.id, secret: credential.secret }, { project: { id: user.projectId } })
    assert.equal((await authenticate(scoped)).statusCode, 401, 'a scope beside it is refused')
    const token = await byCredential(credential)
    assert.equal((await authenticate(tokenAuth(token, { project: { id: elsewhere.projectId } }))).statusCode, 401)
    assert.equal((await authenticate(tokenAuth(token, 'unscoped'))).statusCode, 401)
    assert.equal((await authenticate(tokenAuth(token, { project: { id: user.projectId } }))).statusCode, 201)
  })

  test('an application credential gives no more than its user still has', async () => {
    const user = await createMember(service, newName())
    const token = await admin()
    await grant(service, token, user.userId, user.projectId, 'reader')
    const credential = await newCredential(user, user.token, {})
    const before = await byCredential(credential)
    assert.deepEqual(await rolesOf(before), ['member', 'reader'])
    await grant(service, token, user.userId, user.projectId, 'member', 'DELETE')
    assert.deepEqual(await rolesOf(before), ['reader'])
    assert.deepEqual(await rolesOf(await byCredential(credential)), ['reader'])
    await grant(service, token, user.userId, user.projectId, 'reader', 'DELETE')
    await assert.rejects(validate(before), { code: 'token_invalid' })
    const again = await authenticate(credentialAuth({ id: credential.id, secret: credential.secret }))
    assert.equal(again.statusCode, 401)
  })

  test('an application credential ends when it says, with its tokens', async () => {
    const user = await createMember(service, newName())
    const expires = new Date(clock.now() + 60_000).toISOString().slice(0, -1)
    const credential = await newCredential(user, user.token, { expires_at: expires })
    const token = await byCredential(credential)
    await validate(token)
    clock.advance(60_000)
    await assert.rejects(validate(token), { code: 'token_invalid' })
    const again = await authenticate(credentialAuth({ id: credential.id, secret: credential.secret }))
    assert.equal(again.statusCode, 401)
  })

  test('a token made from another outranks it nowhere, not even by a detour', async () => {
    const name = newName()
    const user = await createMember(service, name, 'reader')
    const elsewhere = await createMember(service, newName())
    await grant(service, await admin(), user.userId, elsewhere.projectId, 'admin')
    const there = { project: { id: elsewhere.projectId } }
    const direct = tokenOf(await authenticate(tokenAuth(user.token, there)))
    assert.deepEqual(await rolesOf(direct), ['reader'])
    const unscoped = tokenOf(await authenticate(tokenAuth(user.token, 'unscoped')))
    assert.deepEqual(await rolesOf(tokenOf(await authenticate(tokenAuth(unscoped, there)))), ['reader'])
    assert.equal((await service.call('GET', '/v3/users', { token: direct })).statusCode, 403)
    assert.equal((await newCredential(user, direct, { roles: [{ name: 'admin' }] })).status, 400)
    const fresh = tokenOf(await authenticate(passwordAuth(name, `${name} password`, there)))
    assert.ok((await rolesOf(fresh)).includes('admin'), 'with the password itself it is another matter')
  })

  test('a token made from another ends with it', async () => {
    const user = await createMember(service, newName())
    const child = tokenOf(await authenticate(tokenAuth(user.token)))
    const grandchild = tokenOf(await authenticate(tokenAuth(child)))
    await validate(grandchild)
    await service.call('DELETE', '/v3/auth/tokens', { token: user.token, subject: user.token })
    for (const token of [user.token, child, grandchild])
      await assert.rejects(validate(token), { code: 'token_invalid' })
  })

  /** What ends the validity of a token, and must at once. */
  const endings: Record<
    string,
    (user: { userId: string; projectId: string; token: string }, name: string) => Promise<unknown>
  > = {
    'the token is revoked': ({ token }) => service.call('DELETE', '/v3/auth/tokens', { token, subject: token }),
    'the user is disabled': async ({ userId }) =>
      service.call('PATCH', `/v3/users/${userId}`, { token: await admin(), body: { user: { enabled: false } } }),
    'the user is deleted': async ({ userId }) =>
      service.call('DELETE', `/v3/users/${userId}`, { token: await admin() }),
    'the user changes the password': ({ userId, token }, name) =>
      service.call('POST', `/v3/users/${userId}/password`, {
        token,
        body: { user: { password: 'another', original_password: `${name} password` } },
      }),
    'an administrator sets the password': async ({ userId }) =>
      service.call('PATCH', `/v3/users/${userId}`, { token: await admin(), body: { user: { password: 'another' } } }),
    'the project is disabled': async ({ projectId }) =>
      service.call('PATCH', `/v3/projects/${projectId}`, {
        token: await admin(),
        body: { project: { enabled: false } },
      }),
    'the project is deleted': async ({ projectId }) =>
      service.call('DELETE', `/v3/projects/${projectId}`, { token: await admin() }),
    'the role is taken away': async ({ userId, projectId }) =>
      grant(service, await admin(), userId, projectId, 'member', 'DELETE'),
  }
  for (const [what, end] of Object.entries(endings)) {
    test(`when ${what}, tokens end here at once and in other processes within ${revocationBoundMs} ms`, async () => {
      const name = newName()
      const user = await createMember(service, name)
      await validate(user.token)
      await other.identity.validate(user.token, imageCall)
      await end(user, name)
      await assert.rejects(validate(user.token), { code: 'token_invalid' })
      assert.equal((await other.call('GET', '/v3/auth/projects', { token: user.token })).statusCode, 401)
      clock.advance(revocationBoundMs)
      await assert.rejects(other.identity.validate(user.token, imageCall), { code: 'token_invalid' })
    })
  }

  test('what was disabled and is enabled again does not bring old tokens back', async () => {
    const token = await admin()
    const user = await createMember(service, newName())
    const another = await createMember(service, newName())
    const set = (path: string, body: unknown) => service.call('PATCH', path, { token, body })
    for (const enabled of [false, true]) {
      assert.equal((await set(`/v3/users/${user.userId}`, { user: { enabled } })).statusCode, 200)
      assert.equal((await set(`/v3/projects/${another.projectId}`, { project: { enabled } })).statusCode, 200)
    }
    for (const old of [user.token, another.token]) await assert.rejects(validate(old), { code: 'token_invalid' })
  })

  test("a project that is disabled gives no tokens, and is nobody's default", async () => {
    const token = await admin()
    const name = newName()
    const { projectId } = await createMember(service, name)
    await service.call('PATCH', `/v3/projects/${projectId}`, { token, body: { project: { enabled: false } } })
    const password = `${name} password`
    const scoped = await authenticate(passwordAuth(name, password, { project: { id: projectId } }))
    assert.equal(scoped.statusCode, 401)
    const unscoped = await authenticate(passwordAuth(name, password))
    assert.equal(unscoped.statusCode, 201)
    assert.equal('project' in unscoped.json<{ token: object }>().token, false)
  })

  test('an account that goes while its password is being checked gives no token', async () => {
    const name = newName()
    const { userId } = await createMember(service, name)
    const context: EmbeddedContext = {
      database: service.database,
      now: clock.now,
      lockout: createLockout(clock.now),
      tokenLifetimeMs: 1000,
      change: service.database.write,
      imageUrl: () => '',
      identityUrl: () => '',
      hasher: {
        hash: async () => '',
        verify: async () => {
          await service.call('DELETE', `/v3/users/${userId}`, { token: await admin() })
          return true
        },
      },
    }
    const proof = { method: 'password' as const, user: { id: userId }, password: 'x' }
    await assert.rejects(authenticateBy(context, { proofs: [proof], scope: { kind: 'unscoped' } }, '10.0.0.1'), {
      code: 'credentials_refused',
    })
  })

  test('a password that was changed meanwhile is not changed back', async () => {
    const { userId } = await createMember(service, newName())
    const before = await findUserRow(service.database.read, userId)
    assert.ok(before !== undefined)
    const replace = (hash: string) => service.database.write((tx) => replacePassword(tx, before, hash))
    assert.equal(await replace('first'), true)
    assert.equal(await replace('second'), false)
    assert.equal((await findUserRow(service.database.read, userId))?.password_hash, 'first')
  })

  test('there is always an administrator left', async () => {
    const token = await admin()
    const { id } = (await service.call('GET', '/v3/users?name=admin', { token })).json<{ users: { id: string }[] }>()
      .users[0] ?? { id: '' }
    // Administrators made by other tests.
    const others = await service.database.read
      .selectFrom('identity_grants')
      .innerJoin('identity_roles', 'identity_roles.id', 'identity_grants.role_id')
      .select('user_id')
      .where('identity_roles.name', '=', 'admin')
      .where('user_id', '!=', id)
      .execute()
    for (const { user_id } of others) {
      assert.equal((await service.call('DELETE', `/v3/users/${user_id}`, { token })).statusCode, 204)
    }
    assert.equal((await service.call('DELETE', `/v3/users/${id}`, { token })).statusCode, 409)
    const disabled = await service.call('PATCH', `/v3/users/${id}`, { token, body: { user: { enabled: false } } })
    assert.equal(disabled.statusCode, 409)
    assert.equal((await service.call('GET', '/v3/users', { token })).statusCode, 200, 'and nothing of it stayed')
  })

  test('a role cannot be made that passes for a built-in one', async () => {
    const token = await admin()
    for (const name of ['Admin', 'ADMIN', 'member', ' admin ']) {
      const answer = await service.call('POST', '/v3/roles', { token, body: { role: { name } } })
      assert.equal(answer.statusCode, 409, name)
    }
    const builtIn = await roleId(service, token, 'reader')
    assert.equal((await service.call('DELETE', `/v3/roles/${builtIn}`, { token })).statusCode, 409)
  })

  test('what one user can make the service keep is bounded', async () => {
    const user = await createMember(service, newName())
    const { read } = service.database
    const row = await read
      .selectFrom('identity_tokens')
      .selectAll()
      .where('digest', '=', digestOf(user.token))
      .executeTakeFirstOrThrow()
    await service.database.write(async (tx) => {
      for (let batch = 0; batch < 26; batch += 1) {
        const rows = Array.from({ length: 200 }, (_, index) => ({
          ...row,
          digest: `${user.userId} ${batch} ${index}`,
          issued_at: row.issued_at - 10_000 + batch * 200 + index,
        }))
        await tx.insertInto('identity_tokens').values(rows).execute()
      }
    })
    const newest = tokenOf(await authenticate(tokenAuth(user.token)))
    const kept = await read.selectFrom('identity_tokens').select('digest').where('user_id', '=', user.userId).execute()
    assert.ok(kept.length <= 5001, `${kept.length} tokens`)
    await validate(newest)
  })

  test('expired tokens are removed once nobody can ask for them', async () => {
    const user = await createMember(service, newName())
    const rows = () =>
      service.database.read
        .selectFrom('identity_tokens')
        .select('digest')
        .where('digest', '=', digestOf(user.token))
        .execute()
    const sweep = () => service.database.write((tx) => deleteExpiredTokens(tx, clock.now()))
    clock.advance(48 * 3_600_000)
    await sweep()
    assert.equal((await rows()).length, 1)
    clock.advance(3_600_001)
    await sweep()
    assert.equal((await rows()).length, 0)
  })

  test('names and ids are values, never part of a statement', async () => {
    const token = await admin()
    const hostile = `x'; drop table identity_users; --`
    for (const path of [
      `/v3/users?name=`,
      `/v3/projects?name=`,
      `/v3/role_assignments?user.id=`,
      `/v3/users/`,
      `/v3/projects/`,
    ]) {
      for (const text of [hostile, '%00', '\u{1f600}', '../../x']) {
        const answer = await service.call('GET', path + encodeURIComponent(text === '%00' ? '\0' : text), { token })
        assert.ok([200, 404].includes(answer.statusCode), `${path}${text}: ${answer.statusCode} ${answer.body}`)
      }
    }
    assert.equal((await service.call('GET', '/v3/users', { token })).statusCode, 200)
  })
})
