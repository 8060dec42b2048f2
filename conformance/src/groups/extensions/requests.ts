import { AccessRequestReceiptSchema } from '@vitrine/contract'
import type { Answer } from '../../client.ts'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectField, expectMatch, expectStatus, header } from '../../expect.ts'
import { expectPrivate, expectRefusal, expectSafePage, pathOf, published, unique } from '../../extensions.ts'
import { type Json, objectAt, stringAt } from '../../json.ts'
import type { Group, Scene } from '../../suite.ts'
import { ask, type Body, fill, mailbox, queueOf, statusOf } from './asking.ts'
import { runConfirmed } from './requests-decided.ts'

const runAnonymous = async (scene: Scene, listing: string, image: string) => {
  const { actors, own } = scene
  const { owner, consumer, nobody } = actors
  let track = ''
  await own('anyone asks with project, mailbox and message, and is told what happens next', async () => {
    const body = { project: consumer.projectId, email: mailbox(), message: 'We boot it every night.' }
    const answer = expectDocument(expectStatus(await ask(scene, listing, body), 202), AccessRequestReceiptSchema)
    expectPrivate(answer)
    track = stringAt(answer.json, 'track')
    const status = await statusOf(scene, track)
    expectPrivate(status)
    const { state, project, email, image_id, reason } = objectAt(status.json)
    expectEqual([state, project, email, image_id, reason], ['unconfirmed', body.project, body.email, null, null], 'it')
    expectField(status, ['listing', 'path'], listing)
  })
  await own('the producer does not see it before the mailbox is confirmed', async () => {
    expectEqual(await queueOf(owner, image), [], 'the queue')
  })
  await own('enumeration of projects: one answer, whatever project is named', async () => {
    const answers: string[] = []
    for (const project of [unique(), owner.projectId, consumer.projectId]) {
      const answer = expectStatus(await ask(scene, listing, { project, email: mailbox() }), 202)
      const { track: own, ...rest } = objectAt(answer.json)
      const names = Object.keys(answer.headers).sort()
      answers.push(JSON.stringify({ rest, names, length: String(own).length }))
    }
    expectEqual(new Set(answers).size, 1, 'the number of different answers')
  })
  await own('the form of the page leads to the page that follows the request', async () => {
    const answer = await fill(scene, listing, { project: consumer.projectId, email: mailbox(), message: '' })
    const location = header(expectStatus(answer, 303), 'location') ?? ''
    expectMatch(location, /\/catalogue\/requests\/[\w-]{20,}$/, 'Location')
    const page = expectStatus(await nobody.get(pathOf(scene, location), { headers: { accept: 'text/html' } }), 200)
    expectSafePage(page)
    expectPrivate(page)
  })
  await own('a form that is wrong comes back with the sentence and what was typed, escaped', async () => {
    const typed = '"><script>alert(1)</script>'
    const answer = await fill(scene, listing, { project: consumer.projectId, email: typed, message: typed })
    expectSafePage(expectStatus(answer, 400))
    if (!answer.text.includes('&gt;&lt;script&gt;')) throw new Error('what was typed is not there')
  })
  await own('a form sent from another site is refused', async () => {
    const cross = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
    expectStatus(await fill(scene, listing, { project: 'p', email: mailbox() }, cross), 400, 403)
  })
  await own('a link that follows nothing is 404', async () => {
    for (const secret of ['x', 'a'.repeat(43), `${track.split('/').at(-1)}x`, '%00', 'confirm'])
      for (const tail of ['', '.json']) expectStatus(await nobody.get(`/catalogue/requests/${secret}${tail}`), 400, 404)
  })
  await own('a listing that is not there cannot be asked for', async () => {
    for (const path of ['/catalogue/producers/nobody-at-all/nothing', `${listing}-not`])
      expectRefusal(await ask(scene, path, { project: 'p', email: mailbox() }), 404)
  })
}

const hostileMailboxes: [what: string, email: Json][] = [
  ['a line end and a header', 'a@example.org\r\nBcc: b@example.org'],
  ['a line end in front', '\r\na@example.org'],
  ['an escaped line end', 'a@example.org%0d%0aBcc:b@example.org%0a\n'],
  ['a quoted local part', '"a b"@example.org'],
  ['a comment', 'a(comment)@example.org'],
  ['a display name', 'A <a@example.org>'],
  ['two mailboxes', 'a@example.org,b@example.org'],
  ['two mailboxes with a blank', 'a@example.org b@example.org'],
  ['a route', '@hop.example:a@example.org'],
  ['letters of other scripts', 'a@ex\u0430mple.org'],
  ['a literal address', 'a@[127.0.0.1]'],
  ['no at', 'example.org'],
  ['two ats', 'a@b@example.org'],
  ['NUL', 'a\u0000@example.org'],
  ['255 characters', `a@${'b'.repeat(249)}.org`],
  ['nothing', ''],
  ['a number', 5],
  ['a list', ['a@example.org']],
  ['null', null],
]

const runBodies = async (scene: Scene, listing: string) => {
  const { own } = scene
  for (const [what, email] of hostileMailboxes)
    await own(`addresses with injection: a mailbox with ${what} is 400`, async () => {
      expectRefusal(await ask(scene, listing, { project: 'p', email }), 400)
    })
  const refused: [what: string, body: Json][] = [
    ['nothing', {}],
    ['an array', []],
    ['without a project', { email: 'a@example.org' }],
    ['an empty project', { project: '', email: 'a@example.org' }],
    ['a project with a line end', { project: 'a\nb', email: 'a@example.org' }],
    ['a project with a slash', { project: 'a/b', email: 'a@example.org' }],
    ['a message of 2001 characters', { project: 'p', email: 'a@example.org', message: 'm'.repeat(2001) }],
    ['a message that turns the writing', { project: 'p', email: 'a@example.org', message: '\u202e' }],
    ['an unknown key', { project: 'p', email: 'a@example.org', name: 'n' }],
  ]
  for (const [what, body] of refused)
    await own(`a request of ${what} is 400`, async () => {
      expectRefusal(await ask(scene, listing, body), 400)
    })
  await own('a request that is huge, no JSON, or of another type is refused', async () => {
    const path = `${listing}/requests`
    const send = (body: string, type: string) =>
      scene.actors.nobody.send('POST', path, { body, headers: { 'content-type': type } })
    expectStatus(await send(`{"project":"${'p'.repeat(1_100_000)}"}`, 'application/json'), 413)
    expectStatus(await send('{"project":', 'application/json'), 400)
    expectStatus(await send(`project=${'p'.repeat(1_100_000)}`, 'application/x-www-form-urlencoded'), 413)
    expectStatus(await send('', 'application/json'), 400)
    expectStatus(await send('<a/>', 'application/xml'), 400, 415)
  })
}

const runSignedIn = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { consumer, consumerReader } = actors
  const image = await images.active()
  const { path } = await published(scene, image)
  const listing = path.replace('/catalogue/producers/', '')
  await own('who is signed in asks for its own project, which is proven then', async () => {
    const answer = await consumer.api.post('/v2/access-requests', { listing, email: mailbox(), message: 'hi' })
    expectDocument(expectStatus(answer, 202), AccessRequestReceiptSchema)
    expectField(await statusOf(scene, stringAt(answer.json, 'track')), ['project'], consumer.projectId)
  })
  await own('a reader does not ask', async () => {
    expectRefusal(await consumerReader.api.post('/v2/access-requests', { listing, email: mailbox() }), 403)
  })
  const refused: [what: string, body: Body, status: number][] = [
    ['no listing', { email: 'a@example.org' }, 400],
    ['a listing that is no pair', { listing: 'handle', email: 'a@example.org' }, 400],
    ['a listing with a way out', { listing: '../x', email: 'a@example.org' }, 400],
    ['an unknown listing', { listing: 'nobody-at-all/nothing', email: 'a@example.org' }, 404],
    ['no mailbox', { listing }, 400],
    ['an unknown key', { listing, email: 'a@example.org', status: 'approved' }, 400],
  ]
  for (const [what, body, status] of refused)
    await own(`a signed-in request with ${what} is ${status}`, async () => {
      expectRefusal(await consumer.api.post('/v2/access-requests', body), status)
    })
  for (const query of ['state=new', 'limit=-1', 'marker=nobody'])
    await own(`a queue asked with ${query} is 400`, async () => {
      expectRefusal(await consumer.api.get(`/v2/access-requests?${query}`), 400)
    })
}

const runLimits = async (scene: Scene) => {
  const { actors, images, own } = scene
  const listing = (await published(scene, await images.active())).path
  await own('mass requests: soon 429 with a time to wait, and a forged network does not help', async () => {
    let last: Answer | undefined
    for (let tries = 0; tries < 45 && last?.status !== 429; tries++) {
      last = await ask(scene, listing, { project: `p${tries}`, email: mailbox() })
      expectStatus(last, 202, 429)
    }
    if (last === undefined) throw new Error('nothing was asked')
    expectRefusal(last, 429)
    expectMatch(header(last, 'retry-after'), /^[1-9]\d*$/, 'Retry-After')
    const forged = await ask(scene, listing, { project: 'p', email: mailbox() }, { 'x-forwarded-for': '203.0.113.7' })
    expectRefusal(forged, 429)
    const page = await fill(scene, listing, { project: 'p', email: mailbox() })
    expectSafePage(expectStatus(page, 429))
  })
  await own('the limit for requests says nothing of the projects named', async () => {
    const { owner, consumer } = actors
    const answers = [owner.projectId, consumer.projectId, unique()].map((project) =>
      ask(scene, listing, { project, email: mailbox() }),
    )
    const texts = (await Promise.all(answers)).map((answer) => expectRefusal(answer, 429).replace(/\d+/g, 'N'))
    expectEqual(new Set(texts).size, 1, 'the number of different answers')
  })
}

/** Whether requests can be made at all: they need mail, and the limit of this network may be used up. */
const obstacle = async (scene: Scene, listing: string): Promise<string | undefined> => {
  const { status } = await ask(scene, listing, { project: 'p', email: mailbox() })
  if (status === 503) return 'the service sends no mail'
  return status === 429 ? 'this network has used up its requests; try again in an hour' : undefined
}

export const requests: Group = {
  name: 'requests for access',
  own: true,
  async run(scene) {
    const image = await scene.images.active()
    const listing = (await published(scene, image)).path
    await runBodies(scene, listing)
    const why = await obstacle(scene, listing)
    if (why !== undefined) return scene.skip('a request is made', why)
    await runAnonymous(scene, listing, image)
    const { mail } = scene.receivers
    if (mail) await runConfirmed(scene, mail)
    else await scene.skip('a request is confirmed and decided', 'no mails are received; see --smtp')
    await runSignedIn(scene)
    await runLimits(scene)
  },
}
