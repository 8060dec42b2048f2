import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { eachDatabase } from '../testing/databases.ts'
import { createKeystoneIdentity, keystoneFreshMs } from './keystone.ts'
import type { KeystoneCredentials, KeystoneOptions } from './keystone-client.ts'
import {
  createMember,
  credentialAuth,
  openTestIdentity,
  passwordAuth,
  prepareTestAccounts,
  type TestIdentity,
  testAdminPassword,
  testClock,
  tokenOf,
} from './testing.ts'

const call = { method: 'GET', path: '/v2/images' }
const credentials: KeystoneCredentials = {
  kind: 'password',
  username: 'vitrine',
  password: 'vitrine password',
  userDomainName: 'Default',
  projectName: 'vitrine',
  projectDomainName: 'Default',
}

interface Asked {
  readonly method: string
  readonly url: URL
  readonly headers: Headers
  readonly body: string | null
}

type Answer = (asked: Asked) => Response | Promise<Response>

/** A Keystone that answers as it is told; counts what it is asked. */
const fakeKeystone = (answer: Answer, changes: Partial<KeystoneOptions> = {}) => {
  const clock = testClock()
  const asked: Asked[] = []
  const failures: string[] = []
  const identity = createKeystoneIdentity({
    url: 'http://keystone.test:5000/v3/',
    credentials,
    now: clock.now,
    onFailure: (error) => failures.push(error.message),
    fetch: async (input, init) => {
      const body = typeof init?.body === 'string' ? init.body : null
      const one = {
        method: init?.method ?? 'GET',
        url: new URL(String(input)),
        headers: new Headers(init?.headers),
        body,
      }
      asked.push(one)
      assert.equal(init?.redirect, 'error', 'tokens are not sent after a redirect')
      assert.ok(init?.signal instanceof AbortSignal, 'every call has a time limit')
      return answer(one)
    },
    ...changes,
  })
  return {
    clock,
    identity,
    asked,
    failures,
    count: (method: string) => asked.filter((one) => one.method === method).length,
  }
}

const document = (expiresAt: string, changes: object = {}) => ({
  token: {
    expires_at: expiresAt,
    user: { id: 'u1', name: 'joe' },
    project: { id: 'p1', name: 'customer' },
    roles: [{ id: 'r1', name: 'Member' }],
    ...changes,
  },
})
const late = '2026-01-31T14:00:00.000000Z'

/** Gives out tokens to this service, and says what is given about those of others. */
const keystone =
  (about: Answer): Answer =>
  (asked) =>
    asked.method === 'POST'
      ? Response.json(document(late), { status: 201, headers: { 'x-subject-token': 'own-token' } })
      : about(asked)

eachDatabase('a Keystone, played by the embedded identity service', (databases) => {
  const clock = testClock()
  let service: TestIdentity
  let alice: Awaited<ReturnType<typeof createMember>>

  before(async () => {
    const database = await databases.open()
    await prepareTestAccounts(database, clock)
    service = await openTestIdentity(database, clock)
    await service.app.listen({ host: '127.0.0.1', port: 0 })
    databases.atEnd(() => service.close())
    await createMember(service, 'vitrine', 'service')
    alice = await createMember(service, 'alice')
  })

  const open = (given: KeystoneCredentials = credentials) => {
    const [address] = service.app.addresses()
    assert.ok(typeof address === 'object')
    return createKeystoneIdentity({
      url: `http://127.0.0.1:${address.port}/identity`,
      credentials: given,
      fetch,
      now: clock.now,
    })
  }

  test('vouches for a project and its roles', async () => {
    assert.deepEqual(await open().validate(alice.token, call), {
      userId: alice.userId,
      userName: 'alice',
      projectId: alice.projectId,
      projectNames: ['alice@default'],
      roles: new Set(['member', 'reader']),
    })
  })

  test('a token without a project has no roles', async () => {
    for (const scope of ['unscoped', { system: { all: true } }]) {
      const body = passwordAuth('admin', testAdminPassword, scope)
      const token = tokenOf(await service.call('POST', '/v3/auth/tokens', { body }))
      const { projectId, roles } = await open().validate(token, call)
      assert.deepEqual({ projectId, roles }, { projectId: null, roles: new Set() })
    }
  })

  test('logs in by application credential as well, and wrong credentials of this service are 503 for its callers', async () => {
    const worker = await createMember(service, 'worker', 'service')
    const made = await service.call('POST', `/v3/users/${worker.userId}/application_credentials`, {
      token: worker.token,
      body: { application_credential: { name: 'vitrine', secret: 's' } },
    })
    const { id } = made.json<{ application_credential: { id: string } }>().application_credential
    const identity = open({ kind: 'application_credential', id, secret: 's' })
    assert.equal((await identity.validate(alice.token, call)).userId, alice.userId)
    const wrong = open({ kind: 'application_credential', id, secret: 'x' })
    await assert.rejects(wrong.validate(alice.token, call), { code: 'identity_unavailable' })
  })

  test('access rules of an application credential are kept', async () => {
    const made = await service.call('POST', `/v3/users/${alice.userId}/application_credentials`, {
      token: alice.token,
      body: {
        application_credential: {
          name: 'list',
          secret: 's',
          access_rules: [{ service: 'image', method: 'GET', path: '/v2/images' }],
        },
      },
    })
    const { id } = made.json<{ application_credential: { id: string } }>().application_credential
    const token = tokenOf(await service.call('POST', '/v3/auth/tokens', { body: credentialAuth({ id, secret: 's' }) }))
    const identity = open()
    assert.equal((await identity.validate(token, call)).projectId, alice.projectId)
    await assert.rejects(identity.validate(token, { method: 'POST', path: '/v2/images' }), { code: 'token_invalid' })
  })

  test('a token revoked in Keystone is out here within the bound', async () => {
    const identity = open()
    const token = await service.logIn('alice', 'alice password')
    await identity.validate(token, call)
    await service.call('DELETE', '/v3/auth/tokens', { token, subject: token })
    clock.advance(keystoneFreshMs)
    await assert.rejects(identity.validate(token, call), { code: 'token_invalid' })
  })

  test('with a service token an expired token counts, and a bad service token spoils a good one', async () => {
    const token = await service.logIn('alice', 'alice password')
    clock.advance(3_600_000)
    const identity = open()
    const serviceToken = await service.logIn('worker', 'worker password')
    const member = await service.logIn('alice', 'alice password')
    await assert.rejects(identity.validate(token, call), { code: 'token_invalid' })
    assert.equal((await identity.validate(token, { ...call, serviceToken })).userId, alice.userId)
    await assert.rejects(identity.validate(token, { ...call, serviceToken: member }), { code: 'token_invalid' })
    await assert.rejects(identity.validate(member, { ...call, serviceToken: 'x' }), { code: 'token_invalid' })
  })
})

test('asks with its own token, and says that it knows access rules', async () => {
  const { identity, asked } = fakeKeystone(keystone(() => Response.json(document(late))))
  const actor = await identity.validate('user-token', call)
  assert.deepEqual(actor, {
    userId: 'u1',
    userName: 'joe',
    projectId: 'p1',
    projectNames: [],
    roles: new Set(['member', 'reader']),
  })
  const [login, question] = asked
  assert.equal(login?.url.href, 'http://keystone.test:5000/v3/auth/tokens?nocatalog')
  assert.match(login?.body ?? '', /"password":"vitrine password"/)
  assert.equal(question?.url.pathname, '/v3/auth/tokens')
  assert.equal(question?.headers.get('x-auth-token'), 'own-token')
  assert.equal(question?.headers.get('x-subject-token'), 'user-token')
  assert.equal(question?.headers.get('openstack-identity-access-rules'), '1')
  assert.equal(identity.authUrl('http://image.test'), 'http://keystone.test:5000')
})

test('remembers a valid token for its bound and no longer than the token lives', async () => {
  const { identity, clock, count } = fakeKeystone(
    keystone(() => Response.json(document('2026-01-31T12:36:06.000000Z'))),
  )
  await Promise.all([identity.validate('t', call), identity.validate('t', call)])
  clock.advance(keystoneFreshMs - 1)
  await identity.validate('t', call)
  assert.equal(count('GET'), 1)
  clock.advance(1)
  await identity.validate('t', call)
  assert.equal(count('GET'), 2)
  clock.advance(10_000)
  await assert.rejects(identity.validate('t', call), { code: 'token_invalid' }, 'expired meanwhile')
})

test('404 is an invalid token, remembered for a moment', async () => {
  const { identity, clock, count } = fakeKeystone(keystone(() => new Response(null, { status: 404 })))
  for (let time = 0; time < 3; time += 1) {
    await assert.rejects(identity.validate('t', call), { code: 'token_invalid', status: 401 })
  }
  assert.equal(count('GET'), 1)
  clock.advance(5000)
  await assert.rejects(identity.validate('t', call), { code: 'token_invalid' })
  assert.equal(count('GET'), 2)
})

test('a token that Keystone calls valid but that has expired is invalid', async () => {
  for (const end of ['2026-01-31T12:34:56.000000Z', '2026-01-31T12:00:00Z', 'never']) {
    const { identity } = fakeKeystone(keystone(() => Response.json(document(end))))
    await assert.rejects(identity.validate('t', call), { code: 'token_invalid' }, end)
  }
})

test('401 renews the own token once and asks again', async () => {
  let own = 0
  const { identity, count } = fakeKeystone((asked) => {
    if (asked.method === 'POST') {
      own += 1
      return Response.json(document(late), { status: 201, headers: { 'x-subject-token': `own-${own}` } })
    }
    if (asked.headers.get('x-auth-token') === 'own-1') return new Response(null, { status: 401 })
    return Response.json(document(late))
  })
  const actors = await Promise.all(['a', 'b', 'c'].map((token) => identity.validate(token, call)))
  assert.equal(actors.length, 3)
  assert.equal(count('POST'), 2, 'callers share one renewal')
})

test('401 again is 503, and nothing is remembered of it', async () => {
  let refuse = true
  const answer = keystone(() => (refuse ? new Response(null, { status: 401 }) : Response.json(document(late))))
  const { identity, count, failures } = fakeKeystone(answer)
  await assert.rejects(identity.validate('t', call), { code: 'identity_unavailable', status: 503 })
  assert.deepEqual([count('POST'), count('GET')], [2, 2])
  assert.equal(failures.length, 1)
  refuse = false
  assert.equal((await identity.validate('t', call)).userId, 'u1')
})

test('whatever else Keystone answers is 503, and the operator is told', async () => {
  const answers: Record<string, Answer> = {
    '500': keystone(() => new Response('oops', { status: 500 })),
    '403': keystone(() => new Response(null, { status: 403 })),
    '300': keystone(() => new Response(null, { status: 300 })),
    'no JSON': keystone(() => new Response('<html>', { status: 200 })),
    'no token': keystone(() => Response.json({ token: { user: 'joe' } })),
    'not reachable': keystone(() => Promise.reject(new TypeError('fetch failed'))),
    'refuses this service': () => new Response(null, { status: 401 }),
    'no token for this service': () => Response.json(document(late), { status: 201 }),
  }
  for (const [what, answer] of Object.entries(answers)) {
    const { identity, failures } = fakeKeystone(answer)
    await assert.rejects(identity.validate('t', call), { code: 'identity_unavailable' }, what)
    assert.equal(failures.length, 1, what)
  }
})

test('a Keystone that does not answer is given up on in time', async () => {
  const silent: KeystoneOptions['fetch'] = (_input, init) =>
    new Promise((_resolve, reject) => {
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason))
    })
  const { identity } = fakeKeystone(() => new Response(null), { fetch: silent, timeoutMs: 20 })
  // The time limit alone does not keep the process alive.
  const alive = setTimeout(() => undefined, 10_000)
  await assert.rejects(identity.validate('t', call), { code: 'identity_unavailable' })
  clearTimeout(alive)
})

test('the own token is renewed before it ends', async () => {
  const { identity, clock, count } = fakeKeystone(keystone(() => Response.json(document('2026-01-31T18:00:00Z'))))
  await identity.validate('a', call)
  clock.advance(Date.parse(late) - clock.now() - 60_001)
  await identity.validate('b', call)
  assert.equal(count('POST'), 1)
  clock.advance(1)
  await identity.validate('c', call)
  assert.equal(count('POST'), 2)
})

test('what cannot be a token is not sent on', async () => {
  const { identity, asked } = fakeKeystone(keystone(() => Response.json(document(late))))
  for (const token of ['a b', 'ü', 'a\nX-Roles: admin', 'x'.repeat(20_000)]) {
    await assert.rejects(identity.validate(token, call), { code: 'token_invalid' })
  }
  assert.equal(asked.length, 0)
})
