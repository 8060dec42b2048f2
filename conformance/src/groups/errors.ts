import { randomUUID } from 'node:crypto'
import type { Answer } from '../client.ts'
import { expectEqual, expectMatch, expectStatus, header } from '../expect.ts'
import { objectAt } from '../json.ts'
import type { Group, Scene } from '../suite.ts'

type Shape = 'json' | 'html' | 'text'

/** What a request accepts, and the shape of its error. */
const shapes: [accept: string | undefined, shape: Shape][] = [
  [undefined, 'json'],
  ['', 'json'],
  ['*/*', 'json'],
  ['application/json', 'json'],
  ['text/html, application/json', 'json'],
  ['application/json;q=0.1, text/html', 'json'],
  ['text/html', 'html'],
  ['text/html,application/xhtml+xml,application/xml;q=0.9', 'html'],
  ['text/plain', 'text'],
]

const expectShape = (answer: Answer, shape: Shape): void => {
  const type = header(answer, 'content-type')
  if (shape === 'json') {
    expectMatch(type, /^application\/json/, 'Content-Type')
    expectEqual(Object.keys(objectAt(answer.json)), ['error'], 'the keys of the body')
    const { message, ...rest } = objectAt(answer.json, 'error')
    expectEqual(rest, { code: 404, title: 'Not Found' }, 'the error without its message')
    expectMatch(String(message), /^[^<>]{10,}$/, 'the message')
  } else if (shape === 'html') {
    expectMatch(type, /^text\/html; ?charset=utf-8/i, 'Content-Type')
    expectMatch(answer.text, /<title>\s*404 Not Found\s*<\/title>.*<h1>\s*404 Not Found\s*<\/h1>/s, 'the page')
  } else {
    expectMatch(type, /^text\/plain/, 'Content-Type')
    expectMatch(answer.text, /^404 Not Found\r?\n\r?\n\S/, 'the text')
  }
}

const runShapes = async (scene: Scene) => {
  const { actors, images, check, own } = scene
  const path = `/v2/images/${randomUUID()}`
  for (const [accept, shape] of shapes)
    await own(`an error to Accept ${accept === undefined ? 'absent' : `"${accept}"`} is ${shape}`, async () => {
      const headers: Record<string, string> = accept === undefined ? {} : { accept }
      expectShape(expectStatus(await actors.owner.api.get(path, { headers }), 404), shape)
    })
  await check('nothing is ever 406', async () => {
    expectStatus(await actors.owner.api.get('/v2/images', { headers: { accept: 'image/png' } }), 200)
    expectStatus(await actors.owner.api.get(path, { headers: { accept: 'image/png' } }), 404)
  })
  await own('what the caller sent comes back without markup', async () => {
    const marked = '/v2/images/%3Cscript%3Ealert(1)%3C%2Fscript%3E'
    const page = await actors.owner.api.get(marked, { headers: { accept: 'text/html' } })
    if (expectStatus(page, 404).text.includes('<script>')) throw new Error('the page carries a script')
    const json = expectStatus(await actors.owner.api.get(marked), 404)
    expectMatch(String(objectAt(json.json, 'error').message), /^[^<>]*$/, 'the message')
  })
  await check('an image that is invisible answers as one that is not there', async () => {
    const invisible = await images.active({ visibility: 'private', name: 'a very secret name' })
    const answers = []
    for (const id of [invisible, randomUUID()])
      for (const tail of ['', '/file', '/members', `/members/${actors.consumer.projectId}`]) {
        const answer = expectStatus(await actors.stranger.api.get(`/v2/images/${id}${tail}`), 404)
        answers.push(answer.text.replaceAll(id, 'ID'))
      }
    expectEqual(answers.slice(0, 4), answers.slice(4), 'the bodies')
  })
}

const requestId = 'x-openstack-request-id'

const runRequestIds = async (scene: Scene) => {
  const { actors, images, check, own } = scene
  const { owner, nobody } = actors
  const image = `/v2/images/${await images.active()}`
  const made = /^req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
  const everywhere: [what: string, send: () => Promise<Answer>][] = [
    ['a list', () => owner.api.get('/v2/images')],
    ['an image', () => owner.api.get(image)],
    ['a download', () => owner.api.get(`${image}/file`)],
    ['an empty answer', () => owner.api.put(`${image}/tags/t`)],
    ['400', () => owner.api.get('/v2/images?limit=x')],
    ['401', () => nobody.get('/v2/images')],
    ['404', () => owner.api.get('/v2/images/unknown')],
    ['404 of a route', () => owner.api.get('/v2/nothing')],
    ['405', () => owner.api.send('PATCH', '/v2/images')],
  ]
  for (const [what, send] of everywhere)
    await check(`${what} carries a request id of the service`, async () =>
      expectMatch(header(await send(), requestId), made, requestId),
    )
  const chosen: [given: string, expected: string][] = [
    ['req-mine', 'req-mine'],
    ['mine', 'req-mine'],
    ['x'.repeat(64), `req-${'x'.repeat(64)}`],
  ]
  for (const [given, expected] of chosen)
    await check(
      `the request id ${given.slice(0, 20)} of the caller comes back as ${expected.slice(0, 20)}`,
      async () => {
        const answer = expectStatus(await owner.api.get(image, { headers: { [requestId]: given } }), 200)
        expectEqual(header(answer, requestId), expected, requestId)
      },
    )
  await own('an empty answer has no Content-Type, every other has its length', async () => {
    const empty = expectStatus(await owner.api.put(`${image}/tags/t`), 204)
    expectEqual(header(empty, 'content-type'), undefined, 'Content-Type')
    for (const answer of [await owner.api.get('/v2/images'), await owner.api.get('/v2/nothing')])
      expectEqual(header(answer, 'content-length'), String(answer.bytes.length), 'Content-Length')
  })
  await own('a request id of 65 characters is 431', async () => {
    expectStatus(await owner.api.get(image, { headers: { [requestId]: 'x'.repeat(65) } }), 431)
  })
}

/** Which refusal wins when several apply: the body before the image, the image before the permission. */
const runOrder = async (scene: Scene) => {
  const { actors, images, check } = scene
  const { stranger, consumer, owner } = actors
  const image = `/v2/images/${await images.active({ protected: true })}`
  const foreign = `/v2/images/${await images.active({ visibility: 'community' })}`
  const rows: [what: string, status: number, send: () => Promise<Answer>][] = [
    ['a bad member body to an invisible image', 400, () => stranger.api.post(`${image}/members`, {})],
    ['a good member body to an invisible image', 404, () => stranger.api.post(`${image}/members`, { member: 'm' })],
    ['PATCH of the wrong type to an invisible image', 415, () => stranger.api.send('PATCH', image, { json: [] })],
    ['a bad PATCH to an invisible image', 400, () => stranger.api.patch(image, {})],
    [
      'PATCH of a read-only attribute of an invisible image',
      403,
      () => stranger.api.patch(image, [{ op: 'replace', path: '/size', value: 1 }]),
    ],
    [
      'a good PATCH of an invisible image',
      404,
      () => stranger.api.patch(image, [{ op: 'replace', path: '/name', value: 'x' }]),
    ],
    ['upload of the wrong type to an invisible image', 415, () => stranger.api.put(`${image}/file`, {})],
    ['upload to an invisible image', 404, () => stranger.api.upload(`${image}/file`, 'x')],
    ['upload to an active image of somebody else', 403, () => stranger.api.upload(`${foreign}/file`, 'x')],
    [
      'a member for a community image of somebody else',
      403,
      () => consumer.api.post(`${foreign}/members`, { member: 'm' }),
    ],
    ['DELETE of a protected image by the owner', 403, () => owner.api.delete(image)],
    ['DELETE of a protected, invisible image', 404, () => stranger.api.delete(image)],
    ['a wrong token with a wrong body', 401, () => stranger.api.post('/v2/images', [], { token: 'nobody' })],
  ]
  for (const [what, status, send] of rows)
    await check(`${what} is ${status}`, async () => {
      expectStatus(await send(), status)
    })
}

export const errors: Group = {
  name: 'errors',
  async run(scene) {
    await runShapes(scene)
    await runRequestIds(scene)
    await runOrder(scene)
  },
}
