import {
  AccessRequestReceiptSchema,
  AccessRequestSchema,
  AccessRequestStatusSchema,
  AccessRequestsSchema,
} from '@vitrine/contract'
import type { Actor } from '../../actors.ts'
import type { Answer } from '../../client.ts'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectField, expectMatch, expectStatus, header } from '../../expect.ts'
import {
  dayS,
  expectPrivate,
  expectRefusal,
  expectSafePage,
  inSeconds,
  published,
  unique,
  walk,
} from '../../extensions.ts'
import { type Json, objectAt, stringAt } from '../../json.ts'
import type { Mail, MailReceiver } from '../../receivers.ts'
import type { Group, Scene } from '../../suite.ts'

type Body = { [key: string]: Json }

const mailbox = () => `${unique()}@example.org`

/** A path of this service from an address that it gave. */
const pathOf = (scene: Scene, address: string): string => {
  const prefix = scene.endpoint.pathname.replace(/\/+$/, '')
  const { pathname, search } = new URL(address, scene.endpoint)
  return (pathname.startsWith(prefix) ? pathname.slice(prefix.length) : pathname) + search
}

const ask = (scene: Scene, listing: string, body: Json, headers: Record<string, string> = {}): Promise<Answer> =>
  scene.actors.nobody.post(`${listing}/requests`, body, { headers })

const fill = (scene: Scene, listing: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  scene.actors.nobody.send('POST', `${listing}/requests`, {
    body: new URLSearchParams(fields).toString(),
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'text/html,application/xhtml+xml',
      ...headers,
    },
  })

const statusOf = async (scene: Scene, track: string): Promise<Answer> =>
  expectDocument(
    expectStatus(await scene.actors.nobody.get(`${pathOf(scene, track)}.json`), 200),
    AccessRequestStatusSchema,
  )

const queueOf = async (actor: Actor, image: string, state = ''): Promise<Json[]> =>
  walk(actor.api, `/v2/access-requests?image=${image}${state === '' ? '' : `&state=${state}`}`, 'requests')

/** The address in a mail that confirms a request. */
const confirmation = (mail: Mail): string => {
  const found = /https?:\/\/\S*\/catalogue\/requests\/confirm\/[\w-]+/.exec(mail.content.text ?? '')?.[0]
  if (found === undefined) throw new Error(`the mail has no link to confirm: ${mail.content.text}`)
  return found
}

/** Asks, opens the link of the mail and presses its button. Gives the address to follow the request. */
const asked = async (scene: Scene, mail: MailReceiver, listing: string, project: string, message = 'please') => {
  const to = mailbox()
  const receipt = expectStatus(await ask(scene, listing, { project, email: to, message }), 202)
  const link = confirmation(await mail.arrival(to, ({ content }) => /confirm/.test(content.text ?? '')))
  expectStatus(await scene.actors.nobody.send('POST', pathOf(scene, link)), 200, 303)
  return { to, track: stringAt(receipt.json, 'track'), link }
}

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

const runConfirmed = async (scene: Scene, mail: MailReceiver) => {
  const { actors, images, own } = scene
  const { owner, ownerReader, consumer, other, stranger, nobody } = actors
  const listed = async () => {
    const image = await images.active()
    return { image, listing: (await published(scene, image)).path }
  }

  await own('confirmation by GET changes nothing, by POST it does, and once more it is the same', async () => {
    const { image, listing } = await listed()
    const to = mailbox()
    const receipt = expectStatus(await ask(scene, listing, { project: consumer.projectId, email: to }), 202)
    const track = stringAt(receipt.json, 'track')
    const link = pathOf(scene, confirmation(await mail.arrival(to, () => true)))
    for (const method of ['GET', 'HEAD', 'GET'])
      expectStatus(
        await nobody.send(method, link, { headers: { accept: 'text/html' } }),
        200,
        ...(method === 'HEAD' ? [405] : []),
      )
    expectField(await statusOf(scene, track), ['state'], 'unconfirmed')
    expectEqual(await queueOf(owner, image), [], 'the queue')
    for (let times = 0; times < 2; times++) {
      expectStatus(await nobody.send('POST', link, { headers: { accept: 'text/html' } }), 200, 303)
      expectField(await statusOf(scene, track), ['state'], 'waiting')
    }
    expectEqual((await queueOf(ownerReader, image)).length, 1, 'the requests in the queue')
  })
  await own('replayed and forged confirmation links: forged ones are 404', async () => {
    const { listing } = await listed()
    const { link } = await asked(scene, mail, listing, consumer.projectId)
    const path = pathOf(scene, link)
    const base = path.slice(0, path.lastIndexOf('/'))
    for (const forged of [`${path}x`, path.slice(0, -1), `${base}/${'a'.repeat(43)}`, `${base}/x`])
      for (const method of ['GET', 'POST']) expectStatus(await nobody.send(method, forged), 404)
  })
  await own('the link in the mail leads to this service, whatever Host was sent', async () => {
    const { listing } = await listed()
    const to = mailbox()
    const poisoned = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'gopher',
      forwarded: 'host=evil.example',
    }
    expectStatus(await ask(scene, listing, { project: 'p', email: to }, poisoned), 202)
    const { raw, content } = await mail.arrival(to, () => true)
    if (raw.includes('evil.example') || (content.html ?? '').includes('evil.example'))
      throw new Error('the mail names the host that was sent')
  })
  await own('approve shares the image with message and end, mails the id, and the requester sees it', async () => {
    const { image, listing } = await listed()
    const { to, track } = await asked(scene, mail, listing, consumer.projectId, 'for the night builds')
    const [request] = await queueOf(owner, image)
    const { id, state, project, project_proven, email, message } = objectAt(request)
    expectEqual(
      [state, project, project_proven, email, message],
      ['waiting', consumer.projectId, false, to, 'for the night builds'],
      'the request',
    )
    expectDocument(expectStatus(await owner.api.get('/v2/access-requests'), 200), AccessRequestsSchema)
    const path = `/v2/access-requests/${String(id)}`
    expectDocument(expectStatus(await ownerReader.api.get(path), 200), AccessRequestSchema)
    const ends = inSeconds(30 * dayS)
    const approved = await owner.api.post(`${path}/approve`, { message: 'welcome', ends_at: ends })
    expectField(expectDocument(expectStatus(approved, 200), AccessRequestSchema), ['state'], 'approved')
    const shown = expectStatus(await consumer.api.get(`/v2/images/${image}?include=membership`), 200)
    const membership = objectAt(shown.json, 'membership')
    expectEqual([membership.status, membership.message, membership.ends_at], ['pending', 'welcome', ends], 'the share')
    const { content } = await mail.arrival(to, (arrived) => (arrived.content.text ?? '').includes(image))
    for (const part of [image, String((await images.read(image)).os_hash_value).slice(0, 32), 'welcome', 'accept'])
      if (!(content.text ?? '').includes(part)) throw new Error(`the mail does not say ${part}`)
    const status = await statusOf(scene, track)
    expectField(status, ['state'], 'approved')
    expectField(status, ['image_id'], image)
    expectRefusal(await owner.api.post(`${path}/approve`, {}), 409)
    expectRefusal(await owner.api.post(`${path}/deny`, { reason: 'late' }), 409)
    expectEqual(await queueOf(owner, image), [], 'the queue')
    expectEqual((await queueOf(owner, image, 'approved')).length, 1, 'the approved')
  })
  await own('deny needs a reason, tells it, and shares nothing', async () => {
    const { image, listing } = await listed()
    const { to, track } = await asked(scene, mail, listing, other.projectId)
    const id = stringAt((await queueOf(owner, image))[0], 'id')
    for (const body of [{}, { reason: 5 }, { reason: 'r'.repeat(2001) }, []] satisfies Json[])
      expectRefusal(await owner.api.post(`/v2/access-requests/${id}/deny`, body), 400)
    const denied = await owner.api.post(`/v2/access-requests/${id}/deny`, { reason: 'Licence for one site only.' })
    expectField(expectDocument(expectStatus(denied, 200), AccessRequestSchema), ['state'], 'denied')
    await mail.arrival(to, ({ content }) => (content.text ?? '').includes('Licence for one site only.'))
    const status = await statusOf(scene, track)
    expectField(status, ['state'], 'denied')
    expectField(status, ['image_id'], null)
    expectField(status, ['reason'], 'Licence for one site only.')
    expectStatus(await other.api.get(`/v2/images/${image}`), 404)
  })
  await own('approve racing deny: one wins, the other is 409', async () => {
    for (let round = 0; round < 3; round++) {
      const { image, listing } = await listed()
      const { track } = await asked(scene, mail, listing, consumer.projectId)
      const path = `/v2/access-requests/${stringAt((await queueOf(owner, image))[0], 'id')}`
      const answers = await Promise.all([
        owner.api.post(`${path}/approve`, {}),
        owner.api.post(`${path}/deny`, { reason: 'no' }),
        owner.api.post(`${path}/approve`, {}),
      ])
      expectEqual(answers.map(({ status }) => status).sort(), [200, 409, 409], 'the answers')
      const denied = answers[1]?.status === 200
      expectField(await statusOf(scene, track), ['state'], denied ? 'denied' : 'approved')
      expectStatus(await consumer.api.get(`/v2/images/${image}`), denied ? 404 : 200)
    }
  })
  await own('only the producer decides', async () => {
    const { image, listing } = await listed()
    await asked(scene, mail, listing, consumer.projectId)
    const path = `/v2/access-requests/${stringAt((await queueOf(owner, image))[0], 'id')}`
    for (const actor of [consumer, stranger]) {
      expectRefusal(await actor.api.get(path), 404)
      expectRefusal(await actor.api.post(`${path}/approve`, {}), 404)
      expectRefusal(await actor.api.post(`${path}/deny`, { reason: 'no' }), 404)
      expectEqual(await queueOf(actor, image), [], 'the queue')
    }
    expectRefusal(await ownerReader.api.post(`${path}/approve`, {}), 403)
  })
  await own('an image deleted under a pending request closes it', async () => {
    const { image, listing } = await listed()
    const { track } = await asked(scene, mail, listing, consumer.projectId)
    const id = stringAt((await queueOf(owner, image))[0], 'id')
    expectStatus(await owner.api.delete(`/v2/images/${image}`), 204)
    expectField(await statusOf(scene, track), ['state'], 'closed')
    expectRefusal(await owner.api.post(`/v2/access-requests/${id}/approve`, {}), 404, 409)
  })
  await own('what the requester writes becomes neither header nor markup of a mail', async () => {
    const { image, listing } = await listed()
    const message = 'Hello\r\n.\r\nBcc: evil@example.org\r\n\r\n<script>alert(1)</script><img src=x>'.replaceAll(
      '\r',
      '',
    )
    const { to } = await asked(scene, mail, listing, consumer.projectId, message)
    const id = stringAt((await queueOf(owner, image))[0], 'id')
    const body = { message: 'Subject: x\n<b>bold</b>' }
    expectStatus(await owner.api.post(`/v2/access-requests/${id}/approve`, body), 200)
    await mail.arrival(to, (arrived) => (arrived.content.text ?? '').includes(image))
    for (const { content, to: recipients } of mail.to(to)) {
      expectEqual(recipients, [to], 'the recipients')
      expectEqual(content.headers.filter(({ key }) => key === 'bcc').length, 0, 'the Bcc')
      if (/<script|<b>bold|<img src=x/.test(content.html ?? ''))
        throw new Error('the mail holds the markup that was sent')
    }
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
