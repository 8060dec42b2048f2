import {
  DeliveriesSchema,
  NoticeAddressesSchema,
  NoticeAddressSchema,
  NoticeSchema,
  WebhookSchema,
  WebhooksSchema,
} from '@vitrine/contract'
import { defaultNoticeKinds } from '@vitrine/contract/words'
import type { Actor } from '../../actors.ts'
import type { Answer } from '../../client.ts'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectField, expectMatch, expectStatus, header } from '../../expect.ts'
import {
  change,
  expectPrivate,
  expectRefusal,
  expectSafePage,
  expectWellFormed,
  unique,
  walk,
} from '../../extensions.ts'
import { at, type Json, listAt, objectAt, stringAt } from '../../json.ts'
import { type HookReceiver, type Mail, type MailReceiver, signedBy } from '../../receivers.ts'
import { eventually, type Group, type Scene, sleep } from '../../suite.ts'

const addresses = '/v2/notice-addresses'
const webhooks = '/v2/webhooks'

/** Where a link that the service gave leads, for the clients of this suite. */
const pathOf = (scene: Scene, address: string): string => {
  const prefix = scene.endpoint.pathname.replace(/\/+$/, '')
  const { pathname, search } = new URL(address, scene.endpoint)
  return (pathname.startsWith(prefix) ? pathname.slice(prefix.length) : pathname) + search
}

/** Adds a mailbox that goes with the group; the answer is that of the call. */
const added = async (scene: Scene, actor: Actor, email: string, more: { [key: string]: Json } = {}) => {
  const answer = await actor.api.post(addresses, { email, ...more })
  if (answer.status < 300) {
    const id = stringAt(answer.json, 'id')
    scene.afterwards(() => actor.api.delete(`${addresses}/${id}`))
  }
  return answer
}

const hooked = async (scene: Scene, actor: Actor, url: string, more: { [key: string]: Json } = {}) => {
  const answer = await actor.api.post(webhooks, { url, ...more })
  if (answer.status < 300) {
    const id = stringAt(answer.json, 'id')
    scene.afterwards(() => actor.api.delete(`${webhooks}/${id}`))
  }
  return answer
}

const runAddresses = async (scene: Scene) => {
  const { actors, own } = scene
  const { consumer, consumerReader, other } = actors
  await own('a mailbox is added unconfirmed, with the usual notices, changed and removed', async () => {
    const email = `${unique()}@example.org`
    const made = expectDocument(expectStatus(await added(scene, consumer, email), 201), NoticeAddressSchema)
    const { email: kept, state, kinds, mode } = objectAt(made.json)
    expectEqual([kept, state, mode], [email, 'unconfirmed', 'instant'], 'the address')
    expectEqual(kinds, [...defaultNoticeKinds], 'the kinds')
    const path = `${addresses}/${stringAt(made.json, 'id')}`
    const list = expectDocument(expectStatus(await consumerReader.api.get(addresses), 200), NoticeAddressesSchema)
    expectEqual(
      listAt(list.json, 'addresses').some((item) => at(item, 'email') === email),
      true,
      'it is listed',
    )
    const changed = await change(consumer.api, path, { kinds: ['share.created'], mode: 'daily' })
    expectDocument(expectStatus(changed, 200), NoticeAddressSchema)
    expectField(changed, ['kinds'], ['share.created'])
    expectField(changed, ['mode'], 'daily')
    expectField(changed, ['state'], 'unconfirmed')
    expectRefusal(await added(scene, consumer, email), 429)
    expectRefusal(await change(other.api, path, { mode: 'daily' }), 404)
    expectRefusal(await other.api.delete(path), 404)
    expectStatus(await consumer.api.delete(path), 204)
    expectRefusal(await consumer.api.delete(path), 404)
  })
  const refused: [what: string, body: Json][] = [
    ['nothing', {}],
    ['an array', []],
    ['a header in the mailbox', { email: 'a@example.org\r\nBcc: b@example.org' }],
    ['a display name', { email: 'A <a@example.org>' }],
    ['two mailboxes', { email: 'a@example.org, b@example.org' }],
    ['an unknown kind', { email: 'a@example.org', kinds: ['image.create'] }],
    ['a kind twice', { email: 'a@example.org', kinds: ['share.created', 'share.created'] }],
    ['an unknown mode', { email: 'a@example.org', mode: 'weekly' }],
    ['a state of its own', { email: 'a@example.org', state: 'confirmed' }],
  ]
  for (const [what, body] of refused)
    await own(`an address with ${what} is 400`, async () => {
      expectRefusal(await consumer.api.post(addresses, body), 400)
    })
}

/** Every spelling of an address that no service should be made to call. */
const forbidden = [
  'http://127.0.0.2/',
  'http://127.1.1.1:8080/',
  'http://0.0.0.0/',
  'http://0/',
  'http://2130706434/',
  'http://0x7f000002/',
  'http://0x7f.0.0.2/',
  'http://0177.0.0.2/',
  'http://127.2/',
  'http://10.0.0.1/',
  'http://172.16.0.1/',
  'http://192.168.1.1/',
  'http://100.64.0.1/',
  'http://169.254.169.254/latest/meta-data/',
  'http://2852039166/',
  'http://0xa9fea9fe/',
  'http://0251.0376.0251.0376/',
  'http://[::]/',
  'http://[::1]/',
  'http://[0:0:0:0:0:0:0:1]/',
  'http://[::ffff:127.0.0.2]/',
  'http://[::ffff:7f00:2]/',
  'http://[::ffff:169.254.169.254]/',
  'http://[64:ff9b::7f00:2]/',
  'http://[64:ff9b::a9fe:a9fe]/',
  'http://[2002:7f00:2::]/',
  'http://[fe80::1]/',
  'http://[fc00::1]/',
  'http://[fd00:ec2::254]/',
  'http://[ff02::1]/',
  'http://224.0.0.1/',
  'http://255.255.255.255/',
  'http://198.18.0.1/',
  'http://\u2460\u2461\u2466.0.0.2/',
  'http://user:secret@example.org/',
  'http://example.org@169.254.169.254/',
  'http://example.org:22/',
  'http://example.org:25/',
  'https://example.org:6/',
  'ftp://example.org/',
  'file:///etc/passwd',
  'gopher://example.org/',
  'javascript:alert(1)',
  '//example.org/',
  'example.org',
  'http://',
  'http://exa mple.org/',
  'http://example.org/\r\nX-Header: 1',
  `http://example.org/${'a'.repeat(2000)}`,
]

const runWebhooks = async (scene: Scene) => {
  const { actors, own } = scene
  const { consumer, consumerReader, other } = actors
  await own('a webhook is added with a secret shown once, changed and removed', async () => {
    const made = expectDocument(
      expectStatus(await hooked(scene, consumer, 'https://hooks.example.org/x'), 201),
      WebhookSchema,
    )
    const secret = stringAt(made.json, 'secret')
    expectMatch(secret, /^whsec_[A-Za-z0-9+/]{32,}={0,2}$/, 'the secret')
    const { enabled, failing_since, kinds } = objectAt(made.json)
    expectEqual([enabled, failing_since], [true, null], 'the webhook')
    expectEqual(kinds, [...defaultNoticeKinds], 'the kinds')
    const path = `${webhooks}/${stringAt(made.json, 'id')}`
    const list = expectDocument(expectStatus(await consumerReader.api.get(webhooks), 200), WebhooksSchema)
    const changed = await change(consumer.api, path, { url: 'https://hooks.example.org/y', enabled: false })
    expectDocument(expectStatus(changed, 200), WebhookSchema)
    expectField(changed, ['enabled'], false)
    for (const { text } of [list, changed]) if (text.includes(secret)) throw new Error('the secret is told again')
    for (const method of ['test', 'replay'])
      expectRefusal(
        await other.api.post(`${path}/${method}`, method === 'replay' ? { since: '2026-01-01T00:00:00Z' } : undefined),
        404,
      )
    expectRefusal(await change(other.api, path, { enabled: true }), 404)
    expectRefusal(await other.api.delete(path), 404)
    expectStatus(await consumer.api.delete(path), 204)
  })
  for (const url of forbidden)
    await own(`a webhook to ${url.slice(0, 50).replaceAll(/[\r\n]/g, '?')} is refused`, async () => {
      expectRefusal(await hooked(scene, consumer, url), 400)
    })
  await own('neither is a webhook changed to such a target', async () => {
    const made = expectStatus(await hooked(scene, consumer, 'https://hooks.example.org/z'), 201)
    const path = `${webhooks}/${stringAt(made.json, 'id')}`
    for (const url of ['http://169.254.169.254/', 'http://[::1]/', 'ftp://example.org/'])
      expectRefusal(await change(consumer.api, path, { url }), 400)
    for (const body of [{}, [], { secret: 'mine' }, { enabled: 'no' }, { kinds: ['all'] }] satisfies Json[])
      expectRefusal(await change(consumer.api, path, body), 400)
    for (const body of [{}, { since: 'yesterday' }, { since: '2026-02-30T00:00:00Z' }, []] satisfies Json[])
      expectRefusal(await consumer.api.post(`${path}/replay`, body), 400)
  })
  await own('the answer for a forbidden target is the same whether anything listens there', async () => {
    const texts: string[] = []
    for (const url of ['http://10.0.0.1:9000/', 'http://192.168.0.1:443/', 'http://169.254.169.254/'])
      texts.push(expectRefusal(await hooked(scene, consumer, url), 400).replace(/\d+(\.\d+){3}(:\d+)?/g, 'ADDRESS'))
    expectEqual(new Set(texts).size, 1, 'the number of different answers')
  })
}

const deliveries = (actor: Actor, query = ''): Promise<Json[]> =>
  walk(actor.api, `/v2/deliveries${query}`, 'deliveries')

const delivered = (actor: Actor, target: string, state: string) =>
  eventually(
    async () => (await deliveries(actor)).filter((item) => at(item, 'target') === target),
    (found) => found.some((item) => at(item, 'state') === state),
    `a delivery ${state} to ${target}`,
  )

const runHookCalls = async (scene: Scene, hooks: HookReceiver) => {
  const { actors, images, own } = scene
  const { consumer, owner, other } = actors
  await own('the test button posts a signed notice', async () => {
    const path = `/${unique()}`
    const made = expectStatus(await hooked(scene, consumer, hooks.url + path), 201)
    expectStatus(await consumer.api.post(`${webhooks}/${stringAt(made.json, 'id')}/test`), 202)
    const [call] = await eventually(
      async () => hooks.calls(path),
      (calls) => calls.length > 0,
      'the call',
    )
    if (call === undefined) throw new Error('there is no call')
    expectField({ ...made, json: call.json }, ['type'], 'test')
    const secret = stringAt(made.json, 'secret')
    expectEqual(signedBy(call, secret), true, 'the signature')
    expectEqual(signedBy({ ...call, body: `${call.body} ` }, secret), false, 'the signature of a forged body')
    const age = Date.now() / 1000 - Number(call.headers['webhook-timestamp'])
    if (!(Math.abs(age) < 60)) throw new Error(`the timestamp is ${age} seconds old`)
  })
  await own('a share is posted once to the consumer, and to nobody else', async () => {
    const [mine, others] = [`/${unique()}`, `/${unique()}`]
    const made = expectStatus(await hooked(scene, consumer, hooks.url + mine, { kinds: ['share.created'] }), 201)
    expectStatus(await hooked(scene, other, hooks.url + others), 201)
    const image = await images.active({ name: 'told' })
    await images.share(image, consumer)
    const calls = await eventually(
      async () => hooks.calls(mine),
      (all) => all.length > 0,
      'the call',
    )
    expectDocument({ ...made, json: calls[0]?.json }, NoticeSchema)
    const notice = calls[0]?.json
    expectEqual(at(notice, 'type'), 'share.created', 'type')
    const { image_id, image_name, project_id, owner_id } = objectAt(notice, 'data')
    expectEqual(
      [image_id, image_name, project_id, owner_id],
      [image, 'told', consumer.projectId, owner.projectId],
      'the notice',
    )
    const found = await delivered(consumer, hooks.url + mine, 'sent')
    expectEqual(found.length, 1, 'the deliveries')
    await sleep(500)
    expectEqual(hooks.calls(mine).length, 1, 'the calls')
    expectEqual(hooks.calls(others).length, 0, 'the calls of another project')
  })
  await own('notices of one image come in order', async () => {
    const path = `/${unique()}`
    expectStatus(await hooked(scene, owner, hooks.url + path, { kinds: ['share.answered'] }), 201)
    const image = await images.active()
    await images.share(image, consumer)
    const answers = ['accepted', 'rejected', 'accepted', 'rejected']
    for (const status of answers)
      expectStatus(await consumer.api.put(`/v2/images/${image}/members/${consumer.projectId}`, { status }), 200)
    const calls = await eventually(
      async () => hooks.calls(path),
      (all) => all.length >= 4,
      'four calls',
    )
    expectEqual(
      calls.map(({ json }) => at(json, 'data', 'detail', 'to')),
      answers,
      'the order',
    )
    expectEqual(new Set(calls.map(({ headers }) => headers['webhook-id'])).size, 4, 'the ids')
  })
  await own('a redirect is not followed, and its delivery shows that it failed', async () => {
    const [path, trap] = [`/${unique()}`, `/${unique()}`]
    hooks.answer(path, 302, { location: hooks.url + trap })
    const made = expectStatus(await hooked(scene, consumer, hooks.url + path), 201)
    expectStatus(await consumer.api.post(`${webhooks}/${stringAt(made.json, 'id')}/test`), 202)
    await eventually(
      async () => hooks.calls(path),
      (calls) => calls.length > 0,
      'the call',
    )
    const found = await eventually(
      async () => (await deliveries(consumer)).filter((item) => at(item, 'target') === hooks.url + path),
      (items) => typeof at(items[0], 'last_error') === 'string',
      'the error of the delivery',
    )
    expectEqual(hooks.calls(trap).length, 0, 'the calls of the target of the redirect')
    expectEqual(at(found[0], 'state') === 'sent', false, 'it is sent')
  })
  await own('410 turns a webhook off', async () => {
    const path = `/${unique()}`
    hooks.answer(path, 410)
    const made = expectStatus(await hooked(scene, consumer, hooks.url + path), 201)
    const id = stringAt(made.json, 'id')
    expectStatus(await consumer.api.post(`${webhooks}/${id}/test`), 202)
    await eventually(
      async () => listAt((await consumer.api.get(webhooks)).json, 'webhooks').find((item) => at(item, 'id') === id),
      (item) => at(item, 'enabled') === false,
      'the webhook is off',
    )
  })
  await own('replay posts again what happened, under the ids that it had', async () => {
    const path = `/${unique()}`
    const since = new Date(Date.now() - 1000).toISOString().replace(/\.\d+Z/, 'Z')
    const made = expectStatus(await hooked(scene, consumer, hooks.url + path, { kinds: ['share.created'] }), 201)
    const image = await images.active()
    await images.share(image, consumer)
    const ofImage = () => hooks.calls(path).filter(({ json }) => at(json, 'data', 'image_id') === image)
    await eventually(
      async () => ofImage(),
      (calls) => calls.length === 1,
      'the first call',
    )
    await delivered(consumer, hooks.url + path, 'sent')
    expectStatus(await consumer.api.post(`${webhooks}/${stringAt(made.json, 'id')}/replay`, { since }), 202)
    const calls = await eventually(
      async () => ofImage(),
      (all) => all.length === 2,
      'the second call',
    )
    expectEqual(calls[0]?.headers['webhook-id'], calls[1]?.headers['webhook-id'], 'webhook-id')
  })
  await own("deliveries are one's own, and can be sent again", async () => {
    const path = `/${unique()}`
    const made = expectStatus(await hooked(scene, consumer, hooks.url + path), 201)
    expectStatus(await consumer.api.post(`${webhooks}/${stringAt(made.json, 'id')}/test`), 202)
    const [item] = await delivered(consumer, hooks.url + path, 'sent')
    expectDocument(expectStatus(await consumer.api.get('/v2/deliveries'), 200), DeliveriesSchema)
    const id = stringAt(item, 'id')
    expectEqual(
      (await deliveries(other)).some((delivery) => at(delivery, 'id') === id),
      false,
      'another sees it',
    )
    expectRefusal(await other.api.post(`/v2/deliveries/${id}/resend`), 404)
    expectStatus(await consumer.api.post(`/v2/deliveries/${id}/resend`), 202)
    await eventually(
      async () => hooks.calls(path),
      (calls) => calls.length === 2,
      'the call again',
    )
    const failed = await deliveries(consumer, '?state=failed')
    expectEqual(
      failed.every((delivery) => at(delivery, 'state') === 'failed'),
      true,
      'state=failed',
    )
    for (const query of ['state=lost', 'limit=-1', 'marker=nobody'])
      expectRefusal(await consumer.api.get(`/v2/deliveries?${query}`), 400)
  })
}

const linkIn = (mail: Mail, pattern: RegExp): string => {
  const found = pattern.exec(mail.content.text ?? '')?.[0]
  if (found === undefined) throw new Error(`the mail has no such link: ${mail.content.text}`)
  return found
}

const headerOf = (mail: Mail, name: string): string => mail.content.headers.find(({ key }) => key === name)?.value ?? ''

/** Adds a mailbox and gives its consent. */
const confirmed = async (scene: Scene, mail: MailReceiver, actor: Actor, email: string, more = {}): Promise<string> => {
  const made: Answer = expectStatus(await added(scene, actor, email, more), 201)
  const link = linkIn(await mail.arrival(email, () => true), /https?:\/\/\S*\/catalogue\/notices\/confirm\/[\w-]+/)
  expectStatus(await scene.actors.nobody.send('POST', pathOf(scene, link)), 200, 303)
  return stringAt(made.json, 'id')
}

const runMails = async (scene: Scene, mail: MailReceiver) => {
  const { actors, images, own } = scene
  const { consumer, owner, nobody } = actors
  const stateOf = async (id: string) =>
    at(
      listAt((await consumer.api.get(addresses)).json, 'addresses').find((item) => at(item, 'id') === id),
      'state',
    )
  const about = (part: string) => (arrived: Mail) => (arrived.content.text ?? '').includes(part)

  await own('a mailbox gets nothing before it consents, by POST alone', async () => {
    const [witness, email] = [`${unique()}@example.org`, `${unique()}@example.org`]
    await confirmed(scene, mail, consumer, witness)
    const made = expectStatus(await added(scene, consumer, email), 201)
    const id = stringAt(made.json, 'id')
    const link = pathOf(
      scene,
      linkIn(await mail.arrival(email, () => true), /https?:\/\/\S*\/catalogue\/notices\/confirm\/[\w-]+/),
    )
    const page = expectStatus(await nobody.get(link, { headers: { accept: 'text/html' } }), 200)
    expectSafePage(page)
    expectPrivate(page)
    expectEqual(await stateOf(id), 'unconfirmed', 'after GET')
    const early = await images.active()
    await images.share(early, consumer)
    await mail.arrival(witness, about(early))
    for (let times = 0; times < 2; times++) expectStatus(await nobody.send('POST', link), 200, 303)
    expectEqual(await stateOf(id), 'confirmed', 'after POST')
    const image = await images.active()
    await images.share(image, consumer)
    await mail.arrival(email, about(image))
    expectEqual(mail.to(email).filter(about(early)).length, 0, 'mails of the time before')
    expectStatus(await nobody.send('POST', `${link}x`), 404)
  })
  await own('the mail of a share says what, who, size and hash, the id, and what to type', async () => {
    const email = `${unique()}@example.org`
    await confirmed(scene, mail, consumer, email)
    const image = await images.active({ name: 'Debian 13 with tools' })
    const body = { action: 'share', images: [image], projects: [consumer.projectId], message: 'Try it' }
    expectStatus(await owner.api.post('/v2/shares', body), 200)
    const arrived = await mail.arrival(email, about(image))
    const { text = '', html = '', subject = '' } = arrived.content
    const hash = String((await images.read(image)).os_hash_value)
    for (const part of [
      'Debian 13 with tools',
      'Try it',
      image,
      owner.projectId,
      hash,
      `vitrine accept ${image}`,
      'openstack',
    ])
      if (!text.replace(/\s+/g, ' ').includes(part) && !text.replace(/\s+/g, '').includes(part))
        throw new Error(`the mail does not say ${part}`)
    if (!html.includes(image) || subject === '') throw new Error('the mail has no HTML, or no subject')
    expectMatch(headerOf(arrived, 'list-unsubscribe'), /^<https?:\/\/.+>$/, 'List-Unsubscribe')
    expectEqual(headerOf(arrived, 'list-unsubscribe-post'), 'List-Unsubscribe=One-Click', 'List-Unsubscribe-Post')
    expectMatch(headerOf(arrived, 'auto-submitted'), /^auto-generated/, 'Auto-Submitted')
    await sleep(300)
    expectEqual(mail.to(email).filter(about(image)).length, 1, 'the mails of the share')
  })
  await own('unsubscribe by GET changes nothing, in one click it ends the mails', async () => {
    const email = `${unique()}@example.org`
    const id = await confirmed(scene, mail, consumer, email)
    const first = await images.active()
    await images.share(first, consumer)
    const arrived = await mail.arrival(email, about(first))
    const link = pathOf(scene, headerOf(arrived, 'list-unsubscribe').replace(/^<|>$/g, ''))
    const page = expectStatus(await nobody.get(link, { headers: { accept: 'text/html' } }), 200)
    expectSafePage(page)
    expectPrivate(page)
    expectEqual(await stateOf(id), 'confirmed', 'after GET')
    const oneClick = {
      body: 'List-Unsubscribe=One-Click',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    }
    for (let times = 0; times < 2; times++) expectStatus(await nobody.send('POST', link, oneClick), 200, 202, 204, 303)
    expectEqual(await stateOf(id), 'unsubscribed', 'after POST')
    const second = await images.active()
    await images.share(second, consumer)
    await sleep(1500)
    expectEqual(mail.to(email).filter(about(second)).length, 0, 'mails after the end')
    expectStatus(await nobody.send('POST', `${link}x`, oneClick), 404)
  })
  await own('names and messages inject neither headers nor markup', async () => {
    const email = `${unique()}@example.org`
    await confirmed(scene, mail, consumer, email)
    const name = `evil\r\nBcc: victim@example.org\r\n\r\n<script>alert(1)</script>\u202e`
    const image = await images
      .active({ name: name.replaceAll(/[\r\n]/g, '\n') })
      .catch(() => images.active({ name: '<script>alert(1)</script>' }))
    const body = {
      action: 'share',
      images: [image],
      projects: [consumer.projectId],
      message: 'a\nBcc: x@example.org\n<img src=x>',
    }
    expectStatus(await owner.api.post('/v2/shares', body), 200)
    const arrived = await mail.arrival(email, about(image))
    expectEqual(arrived.to, [email], 'the recipients')
    expectEqual(headerOf(arrived, 'bcc'), '', 'Bcc')
    const { html = '', subject = '' } = arrived.content
    if (/<script|<img src=x/.test(html)) throw new Error('the mail holds the markup that was sent')
    if (/[\p{Cc}\u202a-\u202e]/u.test(subject)) throw new Error('the subject holds control characters')
  })
  await own('a blocked producer never notifies', async () => {
    const email = `${unique()}@example.org`
    await confirmed(scene, mail, consumer, email)
    const rule = expectStatus(await consumer.api.post('/v2/rules', { kind: 'block', producer: owner.projectId }), 201)
    const image = await images.active()
    await images.share(image, consumer)
    await sleep(1500)
    expectEqual(mail.to(email).filter(about(image)).length, 0, 'mails of a blocked producer')
    expectStatus(await consumer.api.delete(`/v2/rules/${stringAt(rule.json, 'id')}`), 204)
  })
  await own('an invitation for a domain is claimed by who has a confirmed address in it, and no other', async () => {
    const domain = `${unique()}.example.org`
    const made = await owner.api.post('/v2/invitations', {
      image_id: await images.active(),
      email_domain: domain,
      uses: 3,
    })
    const code = stringAt(expectStatus(made, 201).json, 'code')
    const claim = () => consumer.api.post('/v2/invitation-claims', { code })
    for (const near of [`x@a${domain}`, `x@sub.${domain}`, `x@${domain}.evil.example`])
      await confirmed(scene, mail, consumer, near)
    expectRefusal(await claim(), 403)
    await confirmed(scene, mail, consumer, `x@${domain.toUpperCase()}`)
    expectStatus(await claim(), 200)
  })
}

const runFeeds = async (scene: Scene) => {
  const { actors, images, own } = scene
  // The former address of a project ends: it must be a project of this run.
  const { other: consumer, consumerReader, nobody } = actors
  scene.afterwards(() => consumer.api.delete('/v2/feeds'))
  const made = async () => pathOf(scene, stringAt(expectStatus(await consumer.api.post('/v2/feeds'), 201).json, 'url'))
  await own('the feed of a project is read by whoever has its address, and kept by nobody', async () => {
    const path = await made()
    expectMatch(path, /\/catalogue\/feeds\/[\w-]{40,}\.atom$/, 'the address')
    const image = await images.active({ name: 'in <the> feed & more' })
    await images.share(image, consumer)
    const answer = await eventually(
      async () => expectStatus(await nobody.get(path), 200),
      ({ text }) => text.includes(image),
      'the share in the feed',
    )
    expectMatch(header(answer, 'content-type'), /^application\/atom\+xml/, 'Content-Type')
    expectPrivate(answer)
    if (!expectWellFormed(answer).includes('entry')) throw new Error('the feed has no entry')
  })
  await own('a new address ends the former one, and DELETE ends it at all', async () => {
    const first = await made()
    const second = await made()
    expectStatus(await nobody.get(first), 404)
    expectStatus(await nobody.get(second), 200)
    expectStatus(await consumer.api.delete('/v2/feeds'), 204)
    expectStatus(await nobody.get(second), 404)
    expectStatus(await nobody.get(second.replace(/\/[\w-]+\.atom/, `/${'a'.repeat(43)}.atom`)), 404)
  })
  await own('a reader makes no address', async () => {
    expectRefusal(await consumerReader.api.post('/v2/feeds'), 403)
  })
}

export const notices: Group = {
  name: 'notices',
  own: true,
  async run(scene) {
    const { mail, hooks } = scene.receivers
    const probe = await added(scene, scene.actors.other, `${unique()}@example.org`)
    if (probe.status === 503) await scene.skip('mailboxes are added', 'the service sends no mail')
    else await runAddresses(scene)
    await runWebhooks(scene)
    if (hooks) await runHookCalls(scene, hooks)
    else await scene.skip('webhooks are called', 'no webhooks are received; see --webhooks')
    if (mail) await runMails(scene, mail)
    else await scene.skip('mails are sent', 'no mails are received; see --smtp')
    await runFeeds(scene)
  },
}
