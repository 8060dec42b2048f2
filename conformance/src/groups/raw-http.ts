import type { Answer } from '../client.ts'
import { expectEqual, expectField, expectMatch, expectStatus } from '../expect.ts'
import { stringAt } from '../json.ts'
import { type Conversation, talk } from '../raw.ts'
import { checker, eventually, type Group, type Scene } from '../suite.ts'

const describe = ({ statuses, closed, text }: Conversation): string =>
  `${statuses.join(', ') || 'no answer'}${closed ? ', then closed' : ''}: ${text.slice(0, 200)}`

const expectAlive = async (scene: Scene) => {
  expectStatus(await scene.actors.nobody.get('/versions'), 200)
  expectStatus(await scene.actors.owner.api.get('/v2/images?limit=1'), 200)
}

const crlf = (...lines: string[]) => `${lines.join('\r\n')}\r\n\r\n`

/**
 * Requests that are broken as HTTP, and the statuses that are a clear answer. Where the client has hung up, or the
 * request is none that this server could ever serve, closing without a word is right as well.
 */
type Broken = [what: string, bytes: string, statuses: number[], silence?: 'hangs up' | 'may close']

const broken = (scene: Scene): Broken[] => {
  const { endpoint, actors } = scene
  const prefix = endpoint.pathname.replace(/\/+$/, '')
  const host = `Host: ${endpoint.host}`
  const token = `X-Auth-Token: ${actors.owner.token}`
  const request = (method: string, path: string, ...headers: string[]) =>
    crlf(`${method} ${prefix}${path} HTTP/1.1`, host, token, ...headers)
  const post = (...headers: string[]) => request('POST', '/v2/images', 'Content-Type: application/json', ...headers)
  return [
    ['garbage instead of a request', 'this is no request\r\n\r\n', [400]],
    ['no Host', crlf('GET /versions HTTP/1.1', 'Connection: close'), [400]],
    ['a Content-Length that is a word', post('Content-Length: many'), [400]],
    ['a negative Content-Length', post('Content-Length: -5'), [400]],
    ['two Content-Lengths that differ', `${post('Content-Length: 2', 'Content-Length: 3')}{}`, [400]],
    ['Content-Length beside chunks', `${post('Content-Length: 2', 'Transfer-Encoding: chunked')}0\r\n\r\n`, [400]],
    ['an unknown transfer encoding', `${post('Transfer-Encoding: mystery')}{}`, [400, 501]],
    ['a chunk whose length is no number', `${post('Transfer-Encoding: chunked')}zz\r\n{}\r\n0\r\n\r\n`, [400]],
    ['chunks without end, hung up', `${post('Transfer-Encoding: chunked')}2\r\n{}\r\n`, [400], 'hangs up'],
    ['a body shorter than announced, hung up', `${post('Content-Length: 50')}{}`, [400], 'hangs up'],
    ['a header without a colon', crlf('GET /versions HTTP/1.1', host, 'nonsense'), [400]],
    ['a NUL in a header', crlf('GET /versions HTTP/1.1', host, 'X-A: a\0b'), [400]],
    ['a header of 100 KB', request('GET', '/v2/images', `X-Long: ${'x'.repeat(100_000)}`), [400, 431]],
    [
      '5000 headers',
      request('GET', '/v2/images', ...Array.from({ length: 5000 }, (_, n) => `X-H${n}: ${n}`)),
      [400, 431],
    ],
    ['a path of 100 KB', request('GET', `/v2/images/${'x'.repeat(100_000)}`), [400, 414, 431]],
    ['a method nobody knows', request('FROB', '/v2/images'), [400, 405, 501]],
    ['CONNECT', crlf('CONNECT example.org:443 HTTP/1.1', 'Host: example.org:443'), [400, 404, 405, 501], 'may close'],
    ['a line feed smuggled into the path', request('GET', '/v2/images/a\nb'), [400]],
  ]
}

const runBroken = async (scene: Scene) => {
  for (const [what, bytes, statuses, silence] of broken(scene))
    await scene.check(`${what}: ${statuses.join(' or ')}, and the server lives`, async () => {
      const conversation = await talk(scene.endpoint, bytes, { hangUp: silence === 'hangs up' })
      const [status] = conversation.statuses
      const good = status === undefined ? silence !== undefined && conversation.closed : statuses.includes(status)
      if (!good) throw new Error(`expected ${statuses.join(' or ')}, got ${describe(conversation)}`)
      await expectAlive(scene)
    })
}

/** Paths that try to leave the place that they name. */
const paths: [path: string, statuses: number[], own?: 'own'][] = [
  ['/v2/images/..', [400, 404]],
  ['/v2/images/../../etc/passwd', [400, 404]],
  ['/v2/images/..%2f..%2fetc%2fpasswd', [400, 404]],
  ['/v2/images/%2e%2e%2f%2e%2e/file', [400, 404]],
  ['/v2/images/../../../../etc/passwd/file', [400, 404]],
  ['/v2/images/..%5c..%5cwindows/file', [400, 404]],
  ['/v2/images/%00', [400, 404]],
  ['/v2/images/%00/file', [400, 404]],
  ['/v2/images/%ff%fe', [400], 'own'],
  ['/v2/images/%', [400], 'own'],
  ['/v2/images/%zz', [400], 'own'],
  ['/v2/images/%c0%ae%c0%ae/file', [400], 'own'],
  ["/v2/images/'%20OR%201=1--", [404]],
  ['/v2/images/ID/members/..%2f..', [400, 404]],
  ['/v2/images/ID/members/%ff', [400], 'own'],
  ['/v2/images/ID/members/%00', [400, 404]],
  ['/v2/images/ID%00', [400, 404]],
  ['/v2/images//members', [404]],
  ['/v2//images', [404]],
  ['/v2/schemas/../images', [400, 404]],
  ['/v2/schemas/__proto__', [404]],
  ['/v2/schemas/constructor', [404]],
  ['/v2/schemas/..%2f..%2fpackage.json', [400, 404]],
]

const runPaths = async (scene: Scene) => {
  const { actors } = scene
  const id = await scene.images.active()
  for (const [path, statuses, flag] of paths)
    await checker(scene, flag === 'own')(`GET ${path} is ${statuses.join(' or ')}`, async () => {
      expectStatus(await actors.owner.api.get(path.replace('ID', id)), ...statuses)
      await expectAlive(scene)
    })
  await scene.check('a tag with a broken escape or a NUL is refused', async () => {
    for (const tag of ['%ff', '%', '%00'])
      expectStatus(await actors.owner.api.put(`/v2/images/${id}/tags/${tag}`), 400, 404)
    expectField(await actors.owner.api.get(`/v2/images/${id}`), ['tags'], [])
  })
  await scene.check('a query with a broken escape or a NUL is refused or finds nothing', async () => {
    const filters = [
      'name',
      'id',
      'owner',
      'checksum',
      'tag',
      'marker',
      'custom',
      'member_status',
      'size',
      'created_at',
    ]
    const queries = filters.flatMap((filter) => [`${filter}=%00`, `${filter}=%ff`, `${filter}=%`])
    for (const query of [...queries, '%00=x', '%ff=x'])
      expectStatus(await actors.owner.api.get(`/v2/images?${query}`), 200, 400)
  })
}

const runBodies = async (scene: Scene) => {
  const { actors, images, check, own } = scene
  const { api } = actors.owner
  const headers = { 'content-type': 'application/json' }
  const post = (body: string | Uint8Array) => api.send('POST', '/v2/images', { body, headers })
  const bad: [what: string, body: string | Uint8Array, own?: 'own'][] = [
    ['broken UTF-8', Buffer.concat([Buffer.from('{"name": "'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')])],
    ['UTF-8 cut off', Buffer.concat([Buffer.from('{"name": "'), Buffer.from([0xe2, 0x82]), Buffer.from('"}')])],
    ['a raw control character in a string', '{"name": "a\u0001"}'],
    ['a lone surrogate', '{"name": "\\ud800"}', 'own'],
    ['100000 arrays inside each other', '['.repeat(100_000) + ']'.repeat(100_000), 'own'],
    ['100000 objects inside each other', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, 'own'],
    ['a comma too many', '{"name": "a",}'],
    ['a comment', '{"name": "a" /* b */}'],
    ['NaN', '{"min_disk": NaN}'],
    ['a number beyond all measure', '{"min_disk": 1e999}'],
  ]
  for (const [what, body, flag] of bad)
    await checker(scene, flag === 'own')(`a body with ${what} is 400`, async () => {
      expectStatus(await post(body), 400)
      await expectAlive(scene)
    })
  await own('a JSON body above 1 MiB is 413, announced or chunked', async () => {
    const large = `{"name": "a"${' '.repeat(1024 * 1024)}}`
    const pieces = async function* () {
      for (let start = 0; start < large.length; start += 65_536) yield Buffer.from(large.slice(start, start + 65_536))
    }
    expectStatus(await post(large), 413)
    expectStatus(await api.send('POST', '/v2/images', { body: pieces(), headers }), 413)
    await expectAlive(scene)
  })
  await check('a name may hold NUL, or it is refused, but nothing breaks', async () => {
    const answer = await post('{"name": "a\\u0000b"}')
    if (expectStatus(answer, 201, 400).status === 201) images.remember(stringAt(answer.json, 'id'))
    await expectAlive(scene)
  })
  await runManyKeys(scene)
}

const manyKeys = Array.from({ length: 10_000 }, (_, index) => `key${index}`)
// A server that looks at every key once is done in a twentieth of this; one that copies all it has for each is not.
const manyKeysLimitMs = 3000

/** Bodies that are small enough to be read and hold far too much to be kept. */
const runManyKeys = async (scene: Scene) => {
  const { actors, images, check, own } = scene
  const { api } = actors.owner
  const id = await images.queued()
  const rows: [what: string, send: () => Promise<Answer>][] = [
    [
      'an image of 10000 properties',
      () => api.post('/v2/images', Object.fromEntries(manyKeys.map((key) => [key, 'v']))),
    ],
    ['an image of 10000 tags', () => api.post('/v2/images', { tags: manyKeys })],
    [
      'a PATCH that adds 10000 properties',
      () =>
        api.patch(
          `/v2/images/${id}`,
          manyKeys.map((key) => ({ op: 'add', path: `/${key}`, value: 'v' })),
        ),
    ],
  ]
  for (const [what, send] of rows) {
    let tookMs = 0
    await check(`${what} is refused with 413`, async () => {
      const start = performance.now()
      const answer = await send()
      tookMs = performance.now() - start
      expectStatus(answer, 413)
      await expectAlive(scene)
    })
    await own(`${what} is refused within ${manyKeysLimitMs / 1000} seconds`, () => {
      if (tookMs > manyKeysLimitMs) throw new Error(`it took ${Math.round(tookMs)} ms, and nobody else was served`)
    })
  }
}

const runConnections = async (scene: Scene) => {
  const { actors, endpoint, images, check } = scene
  const prefix = endpoint.pathname.replace(/\/+$/, '')
  const common = [`Host: ${endpoint.host}`, `X-Auth-Token: ${actors.owner.token}`]
  const get = (path: string) => crlf(`GET ${prefix}${path} HTTP/1.1`, ...common)
  await check('requests sent in one go are answered in their order', async () => {
    const id = await images.active()
    const { statuses } = await talk(
      endpoint,
      get(`/v2/images/${id}`) + get('/v2/images/unknown') + get(`/v2/images/${id}/file`) + get('/versions'),
      { answers: 4 },
    )
    expectEqual(statuses, [200, 404, 200, 200], 'the answers')
  })
  await check('a body sent in one go with the next request is not mistaken for it', async () => {
    const body = '{"name": "pipelined", "limit": "GET /v2/images HTTP/1.1"}'
    const post = crlf(`POST ${prefix}/v2/images HTTP/1.1`, ...common, `Content-Length: ${body.length}`) + body
    const conversation = await talk(endpoint, post + get('/v2/images/unknown'), { answers: 2 })
    expectEqual(conversation.statuses, [201, 404], 'the answers')
    const id = /\/v2\/images\/([0-9a-f-]{36})/.exec(conversation.text)?.[1]
    if (id) images.remember(id)
  })
  await check('what follows a body that is longer than announced is no part of it', async () => {
    const post = crlf(`POST ${prefix}/v2/images/unknown/members HTTP/1.1`, ...common, 'Content-Length: 2')
    const conversation = await talk(endpoint, `${post}{}{"more": 1}\r\n\r\n`, { answers: 2 })
    // The rest is no request: it is refused, or the connection is closed.
    const [first, second] = conversation.statuses
    if (first !== 400 || (second === undefined ? !conversation.closed : second !== 400))
      throw new Error(describe(conversation))
    await expectAlive(scene)
  })
  await check('a refused upload does not poison the connection', async () => {
    const body = 'x'.repeat(100_000)
    const put = crlf(`PUT ${prefix}/v2/images/unknown/file HTTP/1.1`, ...common, `Content-Length: ${body.length}`)
    const conversation = await talk(endpoint, put + body + get('/v2/images/unknown'), { answers: 2 })
    // Closing after the refusal is right as well; answering bytes of the body as a request is not.
    expectEqual(conversation.statuses[0], 415, 'the first answer')
    const [, second] = conversation.statuses
    if (second === undefined ? !conversation.closed : second !== 404) throw new Error(describe(conversation))
  })
  await check('Expect: 100-continue is answered', async () => {
    const id = await images.queued()
    const headers = ['Content-Type: application/octet-stream', 'Content-Length: 3', 'Expect: 100-continue']
    const put = crlf(`PUT ${prefix}/v2/images/${id}/file HTTP/1.1`, ...common, ...headers)
    const { statuses } = await talk(endpoint, `${put}abc`, { answers: 2 })
    expectEqual(statuses.at(-1), 204, 'the last answer')
  })
  for (const [what, framing, sent] of [
    ['a shorter body than announced', 'Content-Length: 50', 'abc'],
    ['chunks without end', 'Transfer-Encoding: chunked', '3\r\nabc\r\n'],
    ['a chunk that is broken', 'Transfer-Encoding: chunked', '3\r\nabc\r\nzz\r\n'],
  ] as const)
    await check(`an upload with ${what} never becomes an image: it is queued again`, async () => {
      const id = await images.queued()
      const type = 'Content-Type: application/octet-stream'
      const put = crlf(`PUT ${prefix}/v2/images/${id}/file HTTP/1.1`, ...common, type, framing)
      const conversation = await talk(endpoint, put + sent, { hangUp: true })
      if (conversation.statuses.some((status) => status < 400)) throw new Error(describe(conversation))
      // The broken upload may still be on its way in or out: then another one is refused with 409, for a moment.
      const repeat = async () => (await actors.owner.api.upload(`/v2/images/${id}/file`, 'abcd')).status
      const status = await eventually(repeat, (value) => value !== 409, 'an end of the broken upload')
      expectEqual(status, 204, 'the status of the upload repeated')
      expectEqual((await images.read(id)).size, 4, 'the size')
    })
  await check('HTTP/1.0 is understood', async () => {
    const { text } = await talk(endpoint, crlf(`GET ${prefix}/versions HTTP/1.0`, `Host: ${endpoint.host}`))
    expectMatch(text.split('\r\n')[0], /^HTTP\/1\.[01] 200/, 'the status line')
  })
}

export const rawHttp: Group = {
  name: 'raw HTTP',
  async run(scene) {
    await runBroken(scene)
    await runPaths(scene)
    await runBodies(scene)
    await runConnections(scene)
  },
}
