import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { test } from 'node:test'
import type { Actor, Actors } from './actors.ts'
import { type Client, closeAgents, createAgents, createClient } from './client.ts'
import { expectField, expectMembers, expectStatus } from './expect.ts'
import { readClouds, readOptions } from './options.ts'
import { talk } from './raw.ts'
import { line, summary } from './report.ts'
import { type Group, type Outcome, runGroup } from './suite.ts'
import { table } from './table.ts'

/** A server that answers what it was asked, for as long as the body of the test runs. */
const withEcho = async (body: (client: Client, endpoint: URL) => Promise<void>): Promise<void> => {
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const status = Number(request.headers['x-answer'] ?? 200)
      response.writeHead(status, { 'content-type': 'application/json' })
      const { method, url, headers } = request
      response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString() }))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  const agents = createAgents()
  const endpoint = new URL(`http://127.0.0.1:${address.port}/image`)
  try {
    await body(createClient(endpoint, 'the-token', agents), endpoint)
  } finally {
    closeAgents(agents)
    server.close()
  }
}

test('the client sends the path as it is, below the base, with the token', () =>
  withEcho(async (client) => {
    const answer = await client.get('/v2/images/../%2e%2e')
    expectField(answer, ['url'], '/image/v2/images/../%2e%2e')
    expectField(answer, ['headers', 'x-auth-token'], 'the-token')
    expectField(await client.get('/', { token: null }), ['headers', 'x-auth-token'], undefined)
  }))

test('the client frames bodies: with a length, chunked, also on GET; and none where there is none', () =>
  withEcho(async (client) => {
    const onGet = await client.send('GET', '/', { json: { a: 1 } })
    expectField(onGet, ['body'], '{"a":1}')
    expectField(onGet, ['headers', 'content-length'], '7')
    const pieces = async function* () {
      yield Buffer.from('ab')
      yield Buffer.from('cd')
    }
    const chunked = await client.upload('/', pieces())
    expectField(chunked, ['body'], 'abcd')
    expectField(chunked, ['headers', 'transfer-encoding'], 'chunked')
    expectField(await client.delete('/'), ['headers', 'transfer-encoding'], undefined)
    expectField(
      await client.patch('/', []),
      ['headers', 'content-type'],
      'application/openstack-images-v2.1-json-patch',
    )
  }))

test('expectations fail with what was asked and what came', () =>
  withEcho(async (client) => {
    const answer = await client.get('/v2/x', { headers: { 'x-answer': '403' } })
    assert.equal(expectStatus(answer, 404, 403), answer)
    assert.throws(() => expectStatus(answer, 404), /GET \/image\/v2\/x: expected 404, got 403/)
    assert.throws(() => expectField(answer, ['method'], 'PUT'), /method: expected "PUT", got "GET"/)
    assert.throws(() => expectMembers(answer, []), /expected 200, got 403/)
  }))

test('talk sends bytes as they are and counts the answers', () =>
  withEcho(async (_, endpoint) => {
    const get = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
    const two = await talk(endpoint, get + get, { answers: 2 })
    assert.deepEqual(two.statuses, [200, 200])
    const broken = await talk(endpoint, 'nonsense\r\n\r\n')
    assert.deepEqual(broken.statuses, [400])
  }))

test('a table reads cells by column and refuses what is no rectangle', () => {
  const [row] = table(`
    actor | GET | note
    owner | 200 | two words
  `)
  assert.equal(row?.text('actor'), 'owner')
  assert.equal(row?.status('GET'), 200)
  assert.deepEqual(row?.columns, ['GET', 'note'])
  assert.throws(() => row?.status('note'), /not a status code/)
  assert.throws(() => row?.text('PUT'), /no column PUT/)
  assert.throws(() => table('a | b\n1'), /1 of 2 cells/)
})

/** Actors without a service: enough for groups that send nothing. */
const idle = (): Actors => {
  const agents = createAgents()
  const api = createClient(new URL('http://127.0.0.1:9'), null, agents)
  const actor: Actor = { name: 'idle', projectId: 'p', projectName: 'p@d', token: '', api }
  return {
    admin: actor,
    owner: actor,
    ownerReader: actor,
    consumer: actor,
    consumerReader: actor,
    other: actor,
    stranger: actor,
    strangerReader: actor,
    roleless: 'not here',
    unscoped: actor,
    nobody: api,
  }
}

const sample: Group = {
  name: 'sample',
  async run({ check, own, skip }) {
    await check('holds', () => {})
    await check('does not hold', () => {
      throw new Error('because')
    })
    await own('is decided here', async () => {})
    await skip('cannot be tried', 'no role')
  },
}

const outcomesOf = async (group: Group, options: { glance?: boolean; only?: RegExp } = {}): Promise<Outcome[]> => {
  const outcomes: Outcome[] = []
  const service = { endpoint: new URL('http://127.0.0.1:9'), actors: idle() }
  await runGroup(group, service, { glance: false, ...options, report: (outcome) => void outcomes.push(outcome) })
  return outcomes
}

const brief = (outcomes: Outcome[]) => outcomes.map(({ name, result }) => `${name}: ${result}`)

test('a failure is noted and the group goes on', async () => {
  assert.deepEqual(brief(await outcomesOf(sample)), [
    'holds: passed',
    'does not hold: failed',
    'is decided here: passed',
    'cannot be tried: skipped',
  ])
})

test('own expectations are left out for another service', async () => {
  const names = brief(await outcomesOf(sample, { glance: true }))
  assert.equal(names.includes('is decided here: passed'), false)
  assert.equal(names.length, 3)
})

test('a pattern picks by group and name', async () => {
  assert.deepEqual(brief(await outcomesOf(sample, { only: /sample holds/ })), ['holds: passed'])
  assert.deepEqual(brief(await outcomesOf(sample, { only: /another/ })), [])
})

test('a group that cannot be prepared has failed', async () => {
  const outcomes = await outcomesOf({
    name: 'broken',
    async run() {
      throw new Error('no image')
    },
  })
  assert.deepEqual(brief(outcomes), ['the group could be prepared: failed'])
})

test('the report names what failed and sums up', async () => {
  const outcomes = await outcomesOf(sample)
  const lines = outcomes.map(line).filter((text) => text !== undefined)
  assert.deepEqual(lines, [
    'FAILED   sample > does not hold\n         because',
    'skipped  sample > cannot be tried: no role',
  ])
  assert.equal(
    summary(outcomes),
    ['group   passed  failed  skipped', 'sample       2       1        1', 'all          2       1        1'].join(
      '\n',
    ),
  )
})

test('a group about what only Vitrine has is not begun for another service', async () => {
  const group: Group = {
    name: 'own',
    own: true,
    async run() {
      throw new Error('begun')
    },
  }
  assert.deepEqual(await outcomesOf(group, { glance: true }), [])
  assert.deepEqual(brief(await outcomesOf(group)), ['the group could be prepared: failed'])
})

test('what a group does is taken back, newest first, also after a failure', async () => {
  const steps: string[] = []
  await outcomesOf({
    name: 'undoing',
    async run({ afterwards, atLast }) {
      atLast(async () => steps.push('needed by all'))
      afterwards(async () => steps.push('first made'))
      afterwards(async () => {
        steps.push('last made')
        throw new Error('gone already')
      })
      throw new Error('in the middle')
    },
  })
  assert.deepEqual(steps, ['last made', 'first made', 'needed by all'])
})

const file = `
clouds:
  admin:
    auth: { auth_url: 'http://x/v3', username: root, password: 12345, project_name: admin, user_domain_id: default }
  consumer:
    auth: { auth_url: 'http://x/v3', username: c, password: p, project_name: c }
`

test('clouds are read from a clouds.yaml', () => {
  const clouds = readClouds(file)
  assert.deepEqual(clouds.admin, {
    authUrl: 'http://x/v3',
    username: 'root',
    password: '12345',
    projectName: 'admin',
    userDomain: { id: 'default' },
    projectDomain: { name: 'Default' },
  })
  assert.equal(clouds.consumer?.username, 'c')
  assert.equal(clouds.producer, undefined)
  assert.throws(() => readClouds('clouds: {}'), /no cloud named admin/)
})

test('arguments are read, and what is missing is said', () => {
  const options = readOptions(['--auth-url', 'http://x', '--glance', '--only', 'members'], { OS_PASSWORD: 'p' })
  assert.equal(options.clouds.admin.password, 'p')
  assert.equal(options.glance, true)
  assert.equal(options.only?.test('life of MEMBERS'), true)
  assert.equal(options.smtp, undefined)
  const receiving = readOptions(['--auth-url', 'http://x', '--password', 'p', '--smtp', '127.0.0.1:2525'], {})
  assert.deepEqual(receiving.smtp, { host: '127.0.0.1', port: 2525 })
  assert.throws(() => readOptions(['--auth-url', 'http://x', '--smtp', 'here'], {}), /here is not HOST:PORT/)
  assert.throws(() => readOptions([], {}), /--clouds FILE or --auth-url URL/)
  assert.throws(() => readOptions(['--auth-url', 'http://x'], {}), /--password/)
  assert.throws(() => readOptions(['--what'], {}), /--what/)
})
