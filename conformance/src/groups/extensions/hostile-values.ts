import type { Answer } from '../../client.ts'
import { expectEqual, expectStatus } from '../../expect.ts'
import { type Json, objectAt } from '../../json.ts'
import type { Group, Scene } from '../../suite.ts'

/** Values that have broken services: as a segment of a path or a value of a query, percent-encoded. */
const hostile = [
  '%00',
  '%ff',
  '%C0%80',
  'a%00b',
  '%0d%0aX-Header:%201',
  '..%2f..%2fimages',
  '%2e%2e',
  "'%20or%20'1'='1",
  '%25',
  '%F0%9F%92%BF',
  '%ED%A0%80',
  'x'.repeat(300),
  '00000000-0000-0000-0000-00000000000g',
  '-1',
  '9'.repeat(30),
  '__proto__',
]

const queries: [path: string, ...parameters: string[]][] = [
  ['/v2/inbox', 'status', 'limit', 'marker'],
  ['/v2/access-requests', 'state', 'image', 'limit', 'marker'],
  ['/v2/invitations', 'image', 'limit', 'marker'],
  ['/v2/listings', 'limit', 'marker'],
  ['/v2/deliveries', 'state', 'limit', 'marker'],
  ['/v2/activity', 'type', 'limit', 'marker'],
  ['/v2/images', 'include'],
  ['/catalogue.json', 'q', 'os', 'architecture', 'producer', 'after'],
]

const texts: Json[] = ['\u0000', 'a\u0000b', '\ud800', '\uffff', "'; --", '%s%n', '../..', '\u{1f4bf}', 'x'.repeat(255)]

/** Calls that take ids or words in their body. */
const bodies: [method: string, path: string, body: (text: Json) => Json][] = [
  ['POST', '/v2/shares', (text) => ({ action: 'share', images: [text], projects: ['p'] })],
  ['POST', '/v2/shares', (text) => ({ action: 'unshare', images: [crypto.randomUUID()], projects: [text] })],
  ['POST', '/v2/inbox/answers', (text) => ({ answer: 'accepted', images: [text] })],
  ['POST', '/v2/inbox/answers', (text) => ({ answer: 'accepted', invitations: [text] })],
  ['POST', '/v2/invitation-claims', (text) => ({ invitation: text })],
  ['POST', '/v2/invitations', (text) => ({ image_id: text })],
  ['POST', '/v2/listings', (text) => ({ image_id: text, title: 't' })],
  ['POST', '/v2/rules', (text) => ({ kind: 'block', producer: text, mode: 'audit' })],
  ['POST', '/v1/cloudimages/members', (text) => ({ images: [text], projects: ['p'] })],
  ['DELETE', '/v1/cloudimages/members', (text) => ({ images: [crypto.randomUUID()], projects: [text] })],
  ['PUT', '/v1/cloudimages/members', (text) => ({ images: [text], project_id: text, status: 'accepted' })],
]

/** Whatever was sent, the service answers that it cannot, and does not fall over. */
const expectCalm = (answer: Answer): void => {
  if (answer.status >= 500) throw new Error(`${answer.request}: ${answer.status} with ${answer.text.slice(0, 200)}`)
  expectEqual(/select |insert |sqlite|postgres|at \/|node_modules/i.test(answer.text), false, 'it tells of its inside')
}

const runPaths = async ({ actors, own }: Scene) => {
  const { json } = expectStatus(await actors.nobody.get('/openapi.json'), 200)
  for (const [template, methods] of Object.entries(objectAt(json, 'paths'))) {
    if (!/^\/(v2|v1|catalogue)\/.*\{/.test(template)) continue
    await own(`${template} with ids that are none is 404 or 400`, async () => {
      for (const id of hostile)
        for (const method of Object.keys(objectAt(methods)).filter((name) => name === 'get' || name === 'delete')) {
          const { api } = /^\/v2\/(tasks|cache)\//.test(template) ? actors.admin : actors.owner
          // Resumable uploads say which version of tus they speak.
          const headers = { 'tus-resumable': '1.0.0' }
          const answer = await api.send(method.toUpperCase(), template.replace(/\{\w+\}/g, id), { headers })
          expectCalm(answer)
          // Tags are words: one that is not there is 404, too. Of an unknown store that is said before the image.
          expectStatus(answer, 400, 404, ...(template.startsWith('/v2/stores/') ? [409] : []))
        }
    })
  }
}

const runQueries = async ({ actors, own }: Scene) => {
  for (const [path, ...parameters] of queries)
    for (const parameter of parameters)
      await own(`${path}?${parameter}= takes whatever is sent calmly`, async () => {
        for (const value of ['', ...hostile]) {
          const answer = await actors.owner.api.get(`${path}?${parameter}=${value}`)
          expectCalm(answer)
          expectStatus(answer, 200, 400)
        }
        const twice = await actors.owner.api.get(`${path}?${parameter}=1&${parameter}=2`)
        expectCalm(twice)
        expectStatus(twice, 200, 400)
      })
  await own('explain takes whatever project is asked about calmly', async () => {
    for (const value of ['', ...hostile])
      expectCalm(await actors.owner.api.get(`/v2/images/${crypto.randomUUID()}/explain?project=${value}`))
  })
}

const runBodies = async ({ actors, own }: Scene) => {
  for (const [method, path, body] of bodies)
    await own(
      `${method} ${path} takes whatever is named calmly: ${JSON.stringify(body('…')).slice(0, 60)}`,
      async () => {
        for (const text of texts) {
          const answer = await actors.other.api.send(method, path, { json: body(text) })
          expectCalm(answer)
          expectStatus(answer, 200, 201, 400, 404, 409, 429)
          if (path === '/v2/rules' && answer.status === 201)
            await actors.other.api.delete(`/v2/rules/${String(objectAt(answer.json).id)}`)
        }
      },
    )
}

export const hostileValues: Group = {
  name: 'hostile values in the extensions',
  own: true,
  async run(scene) {
    await runPaths(scene)
    await runQueries(scene)
    await runBodies(scene)
  },
}
