import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock, fakeFetch, imageDocument, imageId, type Recorded } from '../test/fake-fetch.ts'
import { v2Token, v3Token } from '../test/identity-answers.ts'
import { ConfigurationError, InvalidArgumentError, UnauthorizedError, UnexpectedResponseError } from './errors.ts'
import { OpenStack, type OpenStackOptions, Rackspace } from './openstack.ts'

const auth = { username: 'joe', password: 'hunter2', projectName: 'producer' }
const refused = { status: 401, json: { error: { code: 401, title: 'Unauthorized', message: 'No.' } } }

/** A cloud whose identity service hands out T1, T2, ...; `accepts` decides which tokens the image service takes. */
const cloud = (options: Partial<OpenStackOptions> = {}, accepts: (token: string) => boolean = () => true) => {
  let tokens = 0
  const clock = fakeClock()
  const { fetch, requests } = fakeFetch((request: Recorded) => {
    if (request.path === '/v3/auth/tokens') return v3Token(`T${++tokens}`)
    return accepts(request.headers.get('x-auth-token') ?? '') ? { json: imageDocument() } : refused
  })
  const connection = new OpenStack({ authUrl: 'https://id.example.org/v3', auth, fetch, clock, ...options })
  const paths = () => requests.map(({ method, path }) => `${method} ${path}`)
  return { connection, requests, paths, clock }
}

test('a token is asked for once, and used', async () => {
  const { connection, requests, paths } = cloud()
  const images = connection.imageService()
  assert.deepEqual(paths(), [])
  await Promise.all([images.getImage(imageId), images.getImage(imageId), connection.authenticate()])
  const session = await connection.authenticate()
  assert.equal(paths().filter((path) => path === 'POST /v3/auth/tokens').length, 1)
  assert.equal(requests.at(-1)?.url, `https://public.regionone.example.org/v2/images/${imageId}`)
  assert.equal(requests.at(-1)?.headers.get('x-auth-token'), 'T1')
  assert.deepEqual(session.project, { id: 'p1', name: 'producer' })
  assert.deepEqual(session.user, { id: 'u1', name: 'joe' })
  assert.deepEqual(session.roles, ['member', 'reader'])
  assert.equal(requests[0]?.headers.get('content-type'), 'application/json')
  assert.equal(requests[0]?.headers.has('x-auth-token'), false)
})

test('region and interface choose the endpoint; the service overrides the connection', async () => {
  const { connection } = cloud({ region: 'RegionTwo', interface: 'internal' })
  assert.equal(await connection.imageService().endpoint(), 'https://internal.regiontwo.example.org/v2')
  const chosen = connection.imageService({ region: 'RegionOne', interface: 'admin' })
  assert.equal(await chosen.endpoint(), 'https://admin.regionone.example.org/v2')
  const fixed = cloud({ imageEndpoint: 'http://127.0.0.1:9292' })
  assert.equal(await fixed.connection.imageService().endpoint(), 'http://127.0.0.1:9292/v2')
})

test('a token is renewed before it expires', async () => {
  const { connection, clock } = cloud()
  assert.equal((await connection.authenticate()).token, 'T1')
  clock.nowMs += 59 * 60_000
  assert.equal((await connection.authenticate()).token, 'T1')
  clock.nowMs += 40_000
  assert.equal((await connection.authenticate()).token, 'T2')
})

test('a wrong clock neither keeps a dead token nor drops a living one', async () => {
  for (const skewMs of [-86_400_000, 86_400_000]) {
    const { connection, clock } = cloud()
    clock.nowMs += skewMs
    await connection.authenticate()
    clock.nowMs += 59 * 60_000
    assert.equal((await connection.authenticate()).token, 'T1')
    clock.nowMs += 60_000
    assert.equal((await connection.authenticate()).token, 'T2')
  }
})

test('a token that is refused is renewed exactly once, also for many requests at a time', async () => {
  const { connection, paths } = cloud({}, (token) => token !== 'T1')
  const images = connection.imageService()
  const found = await Promise.all([1, 2, 3, 4].map(() => images.getImage(imageId)))
  assert.equal(found.length, 4)
  assert.equal(paths().filter((path) => path === 'POST /v3/auth/tokens').length, 2)
})

test('a second refusal is final', async () => {
  const { connection, paths } = cloud({}, () => false)
  await assert.rejects(connection.imageService().getImage(imageId), UnauthorizedError)
  assert.deepEqual(paths(), [
    'POST /v3/auth/tokens',
    `GET /v2/images/${imageId}`,
    'POST /v3/auth/tokens',
    `GET /v2/images/${imageId}`,
  ])
})

test('refused credentials say so, and nothing of themselves', async () => {
  const { fetch, requests } = fakeFetch(refused)
  const connection = new OpenStack({ authUrl: 'https://id.example.org/v3', auth, fetch })
  await assert.rejects(connection.imageService().getImage(imageId), (error) => {
    return error instanceof UnauthorizedError && !`${error.stack}${JSON.stringify(error)}`.includes('hunter2')
  })
  assert.equal(requests.length, 1)
})

test('after a failure the next call authenticates anew', async () => {
  const { fetch } = fakeFetch(refused, v3Token('T1'))
  const connection = new OpenStack({ authUrl: 'https://id.example.org/v3', auth, fetch })
  await assert.rejects(connection.authenticate(), UnauthorizedError)
  assert.equal((await connection.authenticate()).token, 'T1')
})

test('credentials travel as JSON', async () => {
  const first = cloud()
  assert.throws(() => first.connection.exportCredentials(), ConfigurationError)
  await first.connection.authenticate()
  const exported = JSON.parse(JSON.stringify(first.connection.exportCredentials()))
  assert.equal(exported.token, 'T1')
  assert.equal(exported.expiration, '2026-03-01T13:00:00.000Z')
  assert.deepEqual(exported.tenant, { id: 'p1', name: 'producer' })

  const second = cloud()
  second.connection.importCredentials(exported)
  await second.connection.imageService().getImage(imageId)
  assert.deepEqual(second.paths(), [`GET /v2/images/${imageId}`])
  assert.deepEqual((await second.connection.authenticate()).catalog, (await first.connection.authenticate()).catalog)
  second.clock.nowMs += 3_600_000
  await second.connection.authenticate()
  assert.equal(second.paths().at(-1), 'POST /v3/auth/tokens')
})

test('what is no exported session is not imported', () => {
  const { connection } = cloud()
  for (const wrong of [null, {}, [], 'x', { token: 'T' }, { token: 'T', expiration: 'soon' }]) {
    assert.throws(() => connection.importCredentials(wrong), InvalidArgumentError)
  }
})

test('Identity v2.0 is spoken where the address says so', async () => {
  const { fetch, requests } = fakeFetch(v2Token('T1'))
  const connection = new OpenStack({ authUrl: 'https://id.example.org/v2.0/', auth, fetch, clock: fakeClock() })
  const session = await connection.authenticate()
  assert.equal(session.token, 'T1')
  assert.deepEqual(session.project, { id: 't1', name: 'customer-x' })
  assert.deepEqual(session.roles, ['member'])
  assert.equal(requests[0]?.path, '/v2.0/tokens')
  assert.equal(await connection.imageService().endpoint(), 'https://image.example.org:9292/v2')
  assert.equal(
    await connection.imageService({ interface: 'internal' }).endpoint(),
    'https://internal.example.org:9292/v2',
  )
  const named = connection.imageService({ name: 'cloudImages', region: 'RegionOne' })
  assert.equal(await named.endpoint(), 'https://image.example.org:9292/v2/t1')
})

test('Rackspace sends its API key to v2.0', async () => {
  for (const authUrl of ['https://id.example.org/v2.0', 'https://id.example.org']) {
    const { fetch, requests } = fakeFetch(v2Token('T1'))
    const connection = new Rackspace({
      authUrl,
      username: 'joe',
      apiKey: 'k',
      tenantId: 123,
      fetch,
      clock: fakeClock(),
    })
    await connection.authenticate()
    assert.deepEqual(
      requests.map(({ path, body }) => [path, JSON.parse(body)]),
      [
        [
          '/v2.0/tokens',
          { auth: { 'RAX-KSKEY:apiKeyCredentials': { username: 'joe', apiKey: 'k' }, tenantId: '123' } },
        ],
      ],
    )
  }
})

const discovery = (...ids: string[]) => ({
  status: 300,
  json: {
    versions: {
      values: ids.map((id) => ({
        id,
        status: 'stable',
        links: [{ rel: 'self', href: 'https://evil.example.org/v3/' }],
      })),
    },
  },
})

test('an address without a version is asked for it, and followed nowhere else', async () => {
  const { fetch, requests } = fakeFetch(discovery('v3.14', 'v2.0'), v3Token('T1'))
  await new OpenStack({ authUrl: 'https://cloud.example.org/identity', auth, fetch, clock: fakeClock() }).authenticate()
  assert.deepEqual(
    requests.map(({ method, url }) => `${method} ${url}`),
    ['GET https://cloud.example.org/identity', 'POST https://cloud.example.org/identity/v3/auth/tokens'],
  )
  const old = fakeFetch(discovery('v2.0'), v2Token('T1'))
  await new OpenStack({ authUrl: 'https://id.example.org', auth, fetch: old.fetch, clock: fakeClock() }).authenticate()
  assert.equal(old.requests[1]?.path, '/v2.0/tokens')
})

test('a version that is told is not asked for', async () => {
  const { fetch, requests } = fakeFetch(v3Token('T1'))
  const options = { authUrl: 'https://id.example.org', identityVersion: '3', auth, fetch, clock: fakeClock() } as const
  await new OpenStack(options).authenticate()
  assert.deepEqual(
    requests.map(({ path }) => path),
    ['/v3/auth/tokens'],
  )
  const contrary = new OpenStack({ ...options, authUrl: 'https://id.example.org/v2.0' })
  await assert.rejects(contrary.authenticate(), ConfigurationError)
})

test('an address where no identity service is says so', async () => {
  for (const answer of [{ status: 404 }, { text: '<html>' }, { json: {} }, discovery('v4')]) {
    const { fetch } = fakeFetch(answer)
    const connection = new OpenStack({ authUrl: 'https://id.example.org', auth, fetch })
    await assert.rejects(connection.authenticate(), /Name the version/)
  }
})

test('an answer without a token is not taken for one', async () => {
  for (const answer of [
    { status: 201, json: {} },
    { status: 201, text: 'ok' },
    { ...v3Token(''), headers: {} },
  ]) {
    const { fetch } = fakeFetch(answer)
    const connection = new OpenStack({ authUrl: 'https://id.example.org/v3', auth, fetch })
    await assert.rejects(connection.authenticate(), UnexpectedResponseError)
  }
})

test('a caller that gives up does not wait for the identity service, and does not stop it for others', async () => {
  const reason = new Error('enough')
  let answer = () => {}
  const { fetch } = fakeFetch(v3Token('T1'), { json: imageDocument() })
  const held = new Promise<void>((resolve) => {
    answer = resolve
  })
  const slow: typeof fetch = async (url, init) => {
    await held
    return fetch(url, init)
  }
  const connection = new OpenStack({ authUrl: 'https://id.example.org/v3', auth, fetch: slow, clock: fakeClock() })
  const images = connection.imageService()
  const controller = new AbortController()
  const impatient = images.getImage(imageId, { signal: controller.signal })
  const patient = images.getImage(imageId)
  controller.abort(reason)
  await assert.rejects(impatient, reason)
  answer()
  assert.equal((await patient).id, imageId)
})

const project = (id: string, name: string) => ({ id, name, domain_id: 'default', enabled: true })

test('the projects of the caller are listed, and one is found by id or name', async () => {
  const projects = [project('p1', 'producer'), project('p2', 'team'), project('p3', 'team'), project('p4', 'p1')]
  const { fetch, requests } = fakeFetch(v3Token('T1'), { json: { projects, links: { next: null } } })
  const connection = new OpenStack({ authUrl: 'https://id.example.org/v3', auth, fetch, clock: fakeClock() })
  const listed = await connection.listProjects().toArray()
  assert.deepEqual(listed[0], { id: 'p1', name: 'producer', domainId: 'default' })
  assert.equal(listed.length, 4)
  assert.deepEqual(
    [requests[1]?.method, requests[1]?.path, requests[1]?.headers.get('x-auth-token')],
    ['GET', '/v3/auth/projects', 'T1'],
  )
  assert.equal((await connection.resolveProject('producer')).id, 'p1')
  assert.equal((await connection.resolveProject('p2')).id, 'p2')
  assert.equal((await connection.resolveProject('p1')).name, 'producer', 'an id goes before a name')
  await assert.rejects(connection.resolveProject('team'), /more than one .*: p2, p3/)
  await assert.rejects(connection.resolveProject('nobody'), InvalidArgumentError)
})

test('the tenants of an older cloud are its projects', async () => {
  const { fetch, requests } = fakeFetch(v2Token('T1'), { json: { tenants: [{ id: 12345, name: 'customer-x' }] } })
  const connection = new Rackspace({ authUrl: 'https://id.example.org/v2.0', username: 'joe', apiKey: 'k', fetch })
  assert.deepEqual(await connection.listProjects().toArray(), [
    { id: '12345', name: 'customer-x', domainId: undefined },
  ])
  assert.equal(requests[1]?.path, '/v2.0/tenants')
})

test('an answer that is no list of projects is told from one', async () => {
  for (const json of [{}, { projects: [{ name: 'x' }] }, { projects: ['x'] }, []]) {
    const { fetch } = fakeFetch(v3Token('T1'), { json })
    const connection = new OpenStack({ authUrl: 'https://id.example.org/v3', auth, fetch, clock: fakeClock() })
    await assert.rejects(connection.listProjects().toArray(), UnexpectedResponseError)
  }
})
