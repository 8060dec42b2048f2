import { type Answer, type Client, closeAgents, createAgents, createClient } from '../client.ts'
import { expectEqual, expectMatch, expectStatus, header } from '../expect.ts'
import { at, type Json, listAt, objectAt, stringAt } from '../json.ts'
import type { Group, Scene } from '../suite.ts'

/** The identity service in the name of anybody; `root` without a version, `v3` with it. */
interface Identity {
  root: Client
  v3: Client
  url: URL
}

/** Where the image service sends those who have no token. */
const findIdentity = async ({ actors, afterwards }: Scene): Promise<Identity> => {
  const refused = expectStatus(await actors.nobody.get('/v2/images'), 401)
  const uri = /uri="([^"]+)"/.exec(header(refused, 'www-authenticate') ?? '')?.[1] ?? ''
  const base = uri.replace(/\/+$/, '').replace(/\/v3$/, '')
  const agents = createAgents()
  afterwards(async () => closeAgents(agents))
  const url = new URL(`${base}/v3`)
  return { root: createClient(new URL(base), null, agents), v3: createClient(url, null, agents), url }
}

const microseconds = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/

const expectIdentityError = (answer: Answer, status: number): void => {
  expectStatus(answer, status)
  expectMatch(header(answer, 'content-type'), /^application\/json/, 'Content-Type')
  expectEqual(at(answer.json, 'error', 'code'), status, 'the code in the body')
  expectMatch(stringAt(answer.json, 'error', 'message'), /\S/, 'the message')
}

const runDiscovery = async ({ check }: Scene, { root, v3 }: Identity) => {
  await check('the root is 300, with the values of versions', async () => {
    const answer = expectStatus(await root.get('/'), 300)
    const ids = listAt(answer.json, 'versions', 'values').map((version) => stringAt(version, 'id'))
    expectEqual(
      ids.some((id) => /^v3(\.\d+)?$/.test(id)),
      true,
      `whether v3 is among ${ids.join()}`,
    )
  })
  await check('/v3 is 200, with its own entry', async () => {
    const answer = expectStatus(await v3.get('/'), 200)
    expectMatch(stringAt(answer.json, 'version', 'id'), /^v3\.\d+$/, 'the id')
    expectEqual(at(answer.json, 'version', 'links', 0, 'rel'), 'self', 'the link')
    expectMatch(stringAt(answer.json, 'version', 'links', 0, 'href'), /\/v3\/$/, 'the address')
  })
}

const runValidation = async ({ actors, check }: Scene, { v3 }: Identity) => {
  const { admin, owner, stranger, unscoped } = actors
  const validate = (caller: string, subject: string | undefined, query = '') =>
    v3.get(`/auth/tokens${query}`, {
      token: caller,
      headers: subject === undefined ? {} : { 'x-subject-token': subject },
    })
  await check('a token tells what it stands for', async () => {
    const answer = expectStatus(await validate(owner.token, owner.token), 200)
    expectEqual(header(answer, 'x-subject-token'), owner.token, 'X-Subject-Token')
    const token = at(answer.json, 'token')
    expectEqual(at(token, 'project', 'id'), owner.projectId, 'the project')
    expectEqual(at(token, 'is_domain'), false, 'is_domain')
    expectMatch(stringAt(token, 'issued_at'), microseconds, 'issued_at')
    expectMatch(stringAt(token, 'expires_at'), microseconds, 'expires_at')
    const roles = listAt(token, 'roles').map((role) => stringAt(role, 'name'))
    expectEqual(roles.includes('member') && roles.includes('reader'), true, `member and reader among ${roles.join()}`)
  })
  await check('nocatalog leaves the catalog out', async () => {
    const answer = expectStatus(await validate(owner.token, owner.token, '?nocatalog'), 200)
    expectEqual(at(answer.json, 'token', 'catalog'), undefined, 'the catalog')
  })
  await check('HEAD says as much without a body', async () => {
    const headers = { 'x-subject-token': owner.token }
    expectStatus(await v3.send('HEAD', '/auth/tokens', { token: owner.token, headers }), 200, 204)
  })
  await check('an administrator validates the token of somebody else', async () => {
    expectStatus(await validate(admin.token, owner.token), 200)
  })
  await check('nobody else does, 403', async () => {
    expectIdentityError(await validate(stranger.token, owner.token), 403)
  })
  await check('a caller without a good token is 401', async () => {
    expectIdentityError(await validate('nobody-issued-this', owner.token), 401)
  })
  await check('a subject that is unknown is 404', async () => {
    expectIdentityError(await validate(admin.token, 'nobody-issued-this'), 404)
  })
  await check('a token without a scope has neither roles nor catalog', async () => {
    const token = objectAt(expectStatus(await validate(unscoped.token, unscoped.token), 200).json, 'token')
    for (const key of ['roles', 'catalog', 'project']) expectEqual(key in token, false, `whether it has ${key}`)
  })
}

const runCatalog = async ({ actors, check }: Scene, { v3 }: Identity) => {
  await check('the catalog has the image service without a version, under three interfaces', async () => {
    const answer = expectStatus(await v3.get('/auth/catalog', { token: actors.owner.token }), 200)
    const service = listAt(answer.json, 'catalog').find((entry) => at(entry, 'type') === 'image')
    const endpoints = listAt(service ?? null, 'endpoints')
    const interfaces = new Set(endpoints.map((endpoint) => at(endpoint, 'interface')))
    for (const name of ['public', 'internal', 'admin'])
      expectEqual(interfaces.has(name), true, `whether ${name} is there`)
    for (const endpoint of endpoints) {
      expectEqual(/\/v2\/?$/.test(stringAt(endpoint, 'url')), false, 'whether the URL ends in a version')
      expectEqual(at(endpoint, 'region'), at(endpoint, 'region_id'), 'the region, by both of its names')
    }
  })
  await check('a token without a scope gets no catalog, 403', async () => {
    expectIdentityError(await v3.get('/auth/catalog', { token: actors.unscoped.token }), 403)
  })
  await check('and learns for which projects it can get one', async () => {
    const answer = expectStatus(await v3.get('/auth/projects', { token: actors.unscoped.token }), 200)
    const ids = listAt(answer.json, 'projects').map((project) => stringAt(project, 'id'))
    expectEqual(ids.includes(actors.unscoped.projectId) || ids.includes(actors.stranger.projectId), true, 'its project')
  })
}

const runProjects = async ({ actors, check }: Scene, { v3 }: Identity) => {
  const { admin, owner, stranger } = actors
  const nowhere = '0123456789abcdef0123456789abcdef'
  await check('who is no administrator lists no projects, 403', async () => {
    expectIdentityError(await v3.get('/projects', { token: owner.token }), 403)
    expectIdentityError(await v3.get('/projects?name=anything', { token: owner.token }), 403)
  })
  await check('sees the own one', async () => {
    const answer = expectStatus(await v3.get(`/projects/${owner.projectId}`, { token: owner.token }), 200)
    expectEqual(at(answer.json, 'project', 'id'), owner.projectId, 'the id')
  })
  await check('and any other is 403, there or not', async () => {
    for (const id of [stranger.projectId, nowhere, 'a-name'])
      expectIdentityError(await v3.get(`/projects/${id}`, { token: owner.token }), 403)
  })
  await check('an administrator sees all, and 404 for what is not there', async () => {
    expectStatus(await v3.get(`/projects/${stranger.projectId}`, { token: admin.token }), 200)
    expectIdentityError(await v3.get(`/projects/${nowhere}`, { token: admin.token }), 404)
    const answer = expectStatus(await v3.get('/projects', { token: admin.token }), 200)
    const ids = listAt(answer.json, 'projects').map((project) => stringAt(project, 'id'))
    expectEqual(ids.includes(owner.projectId), true, 'whether the list has the owner')
  })
}

const passwordOf = (user: Json, password = 'a guess'): Json => ({
  methods: ['password'],
  password: { user: { ...objectAt(user), password } },
})
const inDefault = { domain: { id: 'default' } }

const runRefusals = async ({ check }: Scene, { v3 }: Identity) => {
  const malformed: [what: string, body: Json][] = [
    ['nothing', {}],
    ['no identity', { auth: {} }],
    ['no methods', { auth: { identity: {} } }],
    ['a user without name and id', { auth: { identity: passwordOf({}) } }],
    ['a name without domain', { auth: { identity: passwordOf({ name: 'somebody' }) } }],
    [
      'two scopes',
      {
        auth: {
          identity: passwordOf({ name: 'somebody', ...inDefault }),
          scope: { project: { id: 'a' }, domain: { id: 'default' } },
        },
      },
    ],
  ]
  for (const [what, body] of malformed)
    await check(`a request for a token with ${what} is 400`, async () => {
      expectIdentityError(await v3.post('/auth/tokens', body), 400)
    })
  await check('a method that nobody knows is 401', async () => {
    expectIdentityError(
      await v3.post('/auth/tokens', { auth: { identity: { methods: ['telepathy'], telepathy: {} } } }),
      401,
    )
  })
  await check('a user that does not exist is 401, and it names the identity service', async () => {
    const identity = passwordOf({ name: 'nobody-has-this-name', ...inDefault })
    const answer = await v3.post('/auth/tokens', { auth: { identity } })
    expectIdentityError(answer, 401)
    expectMatch(header(answer, 'www-authenticate'), /^Keystone uri="/, 'WWW-Authenticate')
  })
}

const runTokens = async ({ actors, check }: Scene, { v3 }: Identity) => {
  const { owner } = actors
  const rescope = (scope: Json) =>
    v3.post('/auth/tokens', { auth: { identity: { methods: ['token'], token: { id: owner.token } }, scope } })
  await check('a token gets another one of the same project, which remembers how', async () => {
    const answer = expectStatus(await rescope({ project: { id: owner.projectId } }), 201)
    const methods = listAt(answer.json, 'token', 'methods')
    expectEqual(methods.includes('token') && methods.includes('password'), true, 'whether both methods are told')
    expectEqual(at(answer.json, 'token', 'project', 'id'), owner.projectId, 'the project')
  })
  await check('and none of a project that its user has no role on, 401', async () => {
    expectIdentityError(await rescope({ project: { id: actors.stranger.projectId } }), 401)
  })
  await check('a revoked token is gone: 204, then 404 and 401', async () => {
    const token =
      header(expectStatus(await rescope({ project: { id: owner.projectId } }), 201), 'x-subject-token') ?? ''
    const subject = { token: owner.token, headers: { 'x-subject-token': token } }
    expectStatus(await v3.delete('/auth/tokens', subject), 204)
    expectIdentityError(await v3.get('/auth/tokens', subject), 404)
    expectIdentityError(await v3.get('/auth/projects', { token }), 401)
  })
}

const runOldVersion = async ({ actors, own }: Scene, { root }: Identity) => {
  const { owner } = actors
  await own('v2.0: a token gets another one, also beside an empty X-Auth-Token', async () => {
    const auth = { token: { id: owner.token }, tenantId: owner.projectId }
    const answer = expectStatus(await root.post('/v2.0/tokens', { auth }, { headers: { 'x-auth-token': '' } }), 200)
    expectEqual(at(answer.json, 'access', 'token', 'tenant', 'id'), owner.projectId, 'the tenant')
    const catalog = listAt(answer.json, 'access', 'serviceCatalog')
    const urlOf = (name: string) =>
      stringAt(catalog.find((entry) => at(entry, 'name') === name) ?? null, 'endpoints', 0, 'publicURL')
    expectMatch(urlOf('cloudImages'), /\/v2$/, 'the endpoint for clients that add no version')
    expectEqual(/\/v2\/?$/.test(urlOf('glance')), false, 'whether the other endpoint has a version')
  })
  await own('v2.0: a malformed request is 400, a wrong password 401', async () => {
    expectIdentityError(await root.post('/v2.0/tokens', {}), 400)
    const passwordCredentials = { username: 'nobody-has-this-name', password: 'a guess' }
    expectIdentityError(await root.post('/v2.0/tokens', { auth: { passwordCredentials } }), 401)
  })
}

export const identityService: Group = {
  name: 'identity service',
  async run(scene) {
    const identity = await findIdentity(scene)
    await runDiscovery(scene, identity)
    await runValidation(scene, identity)
    await runCatalog(scene, identity)
    await runProjects(scene, identity)
    await runRefusals(scene, identity)
    await runTokens(scene, identity)
    await runOldVersion(scene, identity)
  },
}
