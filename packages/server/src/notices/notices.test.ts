import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { eachDatabase } from '../testing/databases.ts'
import { member, startScene, until } from './testing.ts'

const hourMs = 60 * 60 * 1000
const dayMs = 24 * hourMs

eachDatabase('notices', ({ newUrl, atEnd }) => {
  const start = (given: Parameters<typeof startScene>[1] = {}) => startScene({ newUrl, atEnd }, given)

  it('go by mail to the consumer of a share, with all that it needs to accept', async () => {
    const scene = await start()
    await scene.confirmed('consumer', 'someone@example.org')
    const image = await scene.newImage({ name: 'Debian 13' })
    await scene.share(image, 'consumer')
    const mail = await scene.nextMail()
    assert.deepEqual(mail.to, ['someone@example.org'])
    assert.equal(mail.from, 'vitrine@images.example.org')
    assert.equal(mail.parsed.subject, 'Shared with you: "Debian 13" by project producer')
    for (const text of [mail.parsed.text ?? '', mail.parsed.html ?? '']) {
      for (const wanted of [
        image,
        `vitrine accept ${image}`,
        `openstack image set --accept ${image}`,
        `openstack server create --image ${image}`,
        'https://images.example.org/catalogue/notices/unsubscribe/',
      ]) {
        assert.ok(text.includes(wanted), `${wanted} is missing in ${text}`)
      }
    }
    const headers = new Map(mail.parsed.headers.map(({ key, value }) => [key, value]))
    assert.match(
      headers.get('list-unsubscribe') ?? '',
      /^<https:\/\/images\.example\.org\/catalogue\/notices\/unsubscribe\/[\w-]{43}>$/,
    )
    assert.equal(headers.get('list-unsubscribe-post'), 'List-Unsubscribe=One-Click')
    assert.equal(headers.get('auto-submitted'), 'auto-generated')
  })

  it('tell each side of what the other did, and nobody of its own doing', async () => {
    const scene = await start()
    await scene.confirmed('consumer', 'consumer@example.org')
    await scene.confirmed('producer', 'producer@example.org')
    const image = await scene.newImage({ name: 'Debian 13' })
    await scene.share(image, 'consumer')
    assert.deepEqual((await scene.nextMail()).to, ['consumer@example.org'])
    const path = `/v2/images/${image}/members/consumer`
    await scene.call('PUT', path, member('consumer'), { status: 'accepted' })
    const answered = await scene.nextMail()
    assert.deepEqual(answered.to, ['producer@example.org'])
    assert.match(answered.parsed.subject ?? '', /^Accepted: "Debian 13" by project consumer$/)
    await scene.call('DELETE', `/v2/images/${image}`, member('producer'))
    const withdrawn = await scene.nextMail()
    assert.deepEqual(withdrawn.to, ['consumer@example.org'])
    assert.match(withdrawn.parsed.text ?? '', /Debian 13/, 'the name, although the image is gone')
    assert.match(withdrawn.parsed.text ?? '', /The image was deleted/)
    await scene.settle()
    assert.equal(scene.mail.mails.length, 5)
  })

  it('go to a webhook, signed; a forged or replayed call does not verify', async () => {
    const scene = await start()
    const hook = await scene.newHook()
    const { secret } = await scene.addWebhook('consumer', hook.url)
    const image = await scene.newImage({ name: 'Debian 13' })
    await scene.share(image, 'consumer')
    const [call] = await hook.waitFor(1)
    assert.ok(call)
    const headers = {
      'webhook-id': String(call.headers['webhook-id']),
      'webhook-timestamp': String(call.headers['webhook-timestamp']),
      'webhook-signature': String(call.headers['webhook-signature']),
    }
    const verifier = new Webhook(secret)
    verifier.verify(call.body, headers)
    const body = JSON.parse(call.body)
    assert.equal(body.type, 'share.created')
    assert.deepEqual([body.data.image_id, body.data.image_name, body.data.project_id], [image, 'Debian 13', 'consumer'])

    const forged = call.body.replace('share.created', 'share.withdrawn')
    assert.throws(() => verifier.verify(forged, headers), /No matching signature/)
    assert.throws(() => verifier.verify(call.body, { ...headers, 'webhook-id': 'another' }), /No matching signature/)
    const later = String(Number(headers['webhook-timestamp']) + 60)
    assert.throws(() => verifier.verify(call.body, { ...headers, 'webhook-timestamp': later }), /No matching signature/)
    const old = String(Number(headers['webhook-timestamp']) - 600)
    assert.throws(() => verifier.verify(call.body, { ...headers, 'webhook-timestamp': old }), /too old/)
    const other = new Webhook(`whsec_${Buffer.alloc(32).toString('base64')}`)
    assert.throws(() => other.verify(call.body, headers), /No matching signature/)
  })

  it('all targets down for the whole run and then back: everything arrives once per event, in order per image', async () => {
    const scene = await start()
    await scene.confirmed('consumer', 'consumer@example.org')
    const hook = await scene.newHook()
    await scene.addWebhook('consumer', hook.url)
    hook.answer = 'close'
    await scene.mail.down()

    const images = [await scene.newImage({ name: 'one' }), await scene.newImage({ name: 'two' })]
    for (let round = 0; round < 3; round += 1) {
      for (const image of images) {
        await scene.share(image, 'consumer')
        const gone = await scene.call('DELETE', `/v2/images/${image}/members/consumer`, member('producer'))
        assert.equal(gone.statusCode, 204)
      }
    }
    await scene.quiet()
    for (let hours = 0; hours < 12; hours += 1) {
      scene.clock.advance(hourMs)
      await scene.quiet()
    }
    assert.equal(scene.mail.mails.length, 1, 'only the confirmation')
    const failing: { last_error: string | null; state: string }[] = (
      await scene.call('GET', '/v2/deliveries?limit=100', member('consumer'))
    ).json().deliveries
    assert.equal(failing.length, 24)
    assert.ok(failing.some(({ last_error: why }) => why !== null))
    assert.ok(failing.every(({ state }) => state === 'waiting'))

    await scene.mail.up()
    hook.answer = 200
    // Each pause that a target has earned goes by.
    for (let turn = 0; turn < 40 && (scene.mail.mails.length < 13 || hook.calls.length < 12); turn += 1) {
      scene.clock.advance(hourMs)
      await scene.quiet()
    }
    await scene.quiet()
    const kinds = ['share.created', 'share.withdrawn']
    for (const image of images) {
      const called = hook.calls.map(({ body }) => JSON.parse(body)).filter(({ data }) => data.image_id === image)
      assert.deepEqual(
        called.map(({ type }) => type),
        [...kinds, ...kinds, ...kinds],
      )
      assert.equal(new Set(called.map(({ data }) => data.event_id)).size, 6)
      const mailed = scene.mail.mails.slice(1).filter(({ parsed }) => parsed.text?.includes(image))
      assert.deepEqual(
        mailed.map(({ parsed }) => parsed.subject?.split(':')[0]),
        [
          'Shared with you',
          'No longer shared',
          'Shared with you',
          'No longer shared',
          'Shared with you',
          'No longer shared',
        ],
      )
    }
    assert.equal(hook.calls.length, 12)
    assert.equal(scene.mail.mails.length, 13)
  })

  it('kill between sending and noting it: it is sent again when the lease is over, with the same ids', async () => {
    const scene = await start()
    const { database } = scene.service
    await scene.confirmed('consumer', 'consumer@example.org')
    const hook = await scene.newHook()
    await scene.addWebhook('consumer', hook.url)
    await scene.share(await scene.newImage(), 'consumer')
    const first = await scene.nextMail()
    await hook.waitFor(1)
    await scene.settle()
    // As the killed process left it: sent, but still claimed.
    const left = {
      state: 'waiting',
      claimed_until: Date.now() + 60_000,
      next_at: Date.now() - 1,
      finished_at: null,
    } as const
    await database.write((tx) => tx.updateTable('deliveries').set(left).where('event_id', 'is not', null).execute())
    scene.service.notices.kick()
    await new Promise((resolve) => setTimeout(resolve, 300))
    assert.deepEqual([scene.mail.mails.length, hook.calls.length], [2, 1], 'nothing before the lease is over')
    scene.clock.advance(61_000)
    const again = await scene.nextMail()
    assert.equal(again.parsed.messageId, first.parsed.messageId)
    const calls = await hook.waitFor(2)
    assert.equal(calls[1]?.headers['webhook-id'], calls[0]?.headers['webhook-id'])
    assert.equal(calls[1]?.body, calls[0]?.body)
  })

  it('a slow webhook that hangs delays nobody', async () => {
    const scene = await start()
    const slow = await scene.newHook()
    slow.answer = 'hang'
    const fast = await scene.newHook()
    await scene.addWebhook('slow', slow.url)
    await scene.addWebhook('fast', fast.url)
    await scene.confirmed('consumer', 'consumer@example.org')
    const image = await scene.newImage()
    await scene.share(image, 'slow')
    await slow.waitFor(1)
    const before = performance.now()
    await scene.share(image, 'fast')
    await scene.share(image, 'consumer')
    await fast.waitFor(1)
    await scene.nextMail()
    assert.ok(performance.now() - before < 3000, 'before the slow one can have timed out')
    assert.equal(slow.calls.length, 1)
  })

  it('threat: flooding by sending again', async () => {
    const scene = await start()
    const hook = await scene.newHook()
    await scene.addWebhook('consumer', hook.url)
    await scene.share(await scene.newImage(), 'consumer')
    await hook.waitFor(1)
    await scene.settle()
    const [{ id }] = (await scene.call('GET', '/v2/deliveries', member('consumer'))).json().deliveries
    const { database } = scene.service
    const resend = async () => {
      await database.write((tx) => tx.updateTable('deliveries').set({ state: 'sent', next_at: null }).execute())
      return (await scene.call('POST', `/v2/deliveries/${id}/resend`, member('consumer'))).statusCode
    }
    for (let count = 0; count < 60; count += 1) assert.equal(await resend(), 202)
    assert.equal(await resend(), 429)
    await database.write((tx) => tx.updateTable('deliveries').set({ state: 'failed' }).execute())
    assert.equal((await scene.call('POST', `/v2/deliveries/${id}/resend`, member('consumer'))).statusCode, 202)
  })

  it('threat: a project with many webhooks that hang takes its part of the calls, and no more', async () => {
    const scene = await start()
    const slow = await scene.newHook()
    slow.answer = 'hang'
    for (let count = 0; count < 10; count += 1) await scene.addWebhook('consumer', `${slow.url}/${count}`)
    await scene.share(await scene.newImage(), 'consumer')
    await slow.waitFor(4)
    await new Promise((resolve) => setTimeout(resolve, 300))
    assert.equal(slow.calls.length, 4)
  })

  it('mass shares: beyond the limit of an hour no mails are made, while the shares are', async () => {
    const scene = await start()
    const limits = { ...scene.service.limits, new_shares_per_project_hour: 2 }
    const limited = await start({ settings: { limits } })
    for (const project of ['a', 'b', 'c', 'd']) await limited.confirmed(project, `${project}@example.org`)
    const image = await limited.newImage()
    for (const project of ['a', 'b', 'c', 'd']) await limited.share(image, project)
    await limited.settle()
    assert.deepEqual(
      limited.mail.mails
        .slice(4)
        .flatMap(({ to }) => to)
        .sort(),
      ['a@example.org', 'b@example.org'],
    )
    const members = await limited.call('GET', `/v2/images/${image}/members`, member('producer'))
    assert.equal(members.json().members.length, 4)
    // Of an event of which nobody is told at all, the others after it still are.
    await limited.share(await limited.newImage(), 'd')
    await limited.settle()
    assert.equal(limited.mail.mails.length, 6)
    limited.clock.advance(hourMs)
    await limited.share(await limited.newImage(), 'c')
    await limited.settle()
    assert.equal(limited.mail.mails.length, 7)
  })

  it('many mails about one producer a day: the rest waits for a digest', async () => {
    const scene = await start()
    const limits = { ...scene.service.limits, notice_mails_per_pair_day: 2 }
    const limited = await start({ settings: { limits } })
    await limited.confirmed('consumer', 'consumer@example.org')
    for (let count = 0; count < 5; count += 1)
      await limited.share(await limited.newImage({ name: `image ${count}` }), 'consumer')
    await limited.settle()
    assert.equal(limited.mail.mails.length, 3)
    limited.clock.advance(dayMs)
    await until(() => limited.mail.mails.length === 4, 'the digest')
    const digest = limited.mail.mails[3]
    assert.equal(digest?.parsed.subject, '3 notices about shared images')
    for (const name of ['image 2', 'image 3', 'image 4']) assert.match(digest?.parsed.text ?? '', new RegExp(name))
    await limited.settle()
    assert.equal(limited.mail.mails.length, 4)
  })

  it('a daily address gets one mail in the morning, by producer', async () => {
    const scene = await start()
    await scene.confirmed('consumer', 'consumer@example.org', { mode: 'daily' })
    for (let count = 0; count < 3; count += 1) await scene.share(await scene.newImage(), 'consumer')
    await scene.settle()
    assert.equal(scene.mail.mails.length, 1)
    scene.clock.advance(dayMs)
    const digest = await scene.nextMail()
    assert.match(digest.parsed.text ?? '', /From project producer:/)
    assert.equal((digest.parsed.text ?? '').match(/Shared with you/g)?.length, 3)
  })

  it('threat: thousands of notices for a digest are one mail', async () => {
    const scene = await start()
    await scene.confirmed('consumer', 'consumer@example.org', { mode: 'daily' })
    await scene.share(await scene.newImage(), 'consumer')
    await scene.settle()
    const { database } = scene.service
    const row = await database.read
      .selectFrom('deliveries')
      .selectAll()
      .where('state', '=', 'digest')
      .executeTakeFirstOrThrow()
    const { sequence: _, ...first } = row
    await database.write(async (tx) => {
      for (let count = 1; count < 2500; count += 1) {
        const more = { ...first, id: `${first.id}-${count}`, event_id: `${first.event_id}-${count}` }
        await tx.insertInto('deliveries').values(more).execute()
      }
    })
    scene.clock.advance(dayMs)
    const digest = await scene.nextMail()
    assert.equal(digest.parsed.subject, '2500 notices about shared images')
    assert.match(digest.parsed.text ?? '', /And 2400 more\./)
    await scene.settle()
    assert.equal(scene.mail.mails.length, 2)
  })

  it('threat: a blocked producer that reaches its consumer by activity, feed or stream', async () => {
    const scene = await start()
    const { call } = scene
    const rule = await call('POST', '/v2/rules', member('consumer'), { kind: 'block', producer: 'producer' })
    assert.equal(rule.statusCode, 201, rule.body)
    const { url } = (await call('POST', '/v2/feeds', member('consumer'))).json()
    const streamed: string[] = []
    const stream = await scene.service.notices.listen({
      projectId: 'consumer',
      onEvent: ({ type }) => void streamed.push(type),
    })
    const image = await scene.newImage({ name: 'buy my images', visibility: 'shared' })
    await scene.share(image, 'consumer')
    const message = { message: 'buy' }
    await call('PATCH', `/v2/images/${image}/shares/consumer`, member('producer'), message)
    const at = new Date(Date.now() + dayMs).toISOString()
    await call('POST', `/v2/images/${image}/withdrawal`, member('producer'), { at, ...message })
    await call('DELETE', `/v2/images/${image}/withdrawal`, member('producer'))
    await call('DELETE', `/v2/images/${image}/members/consumer`, member('producer'))
    await scene.settle()
    stream.stop()
    assert.deepEqual((await call('GET', '/v2/activity', member('consumer'))).json().events, [])
    assert.doesNotMatch((await call('GET', new URL(url).pathname)).body, /<entry>/)
    assert.deepEqual(streamed, [])
    const seen = (await call('GET', '/v2/activity', member('producer'))).json().events
    const types = ['member.delete', 'member.keep', 'member.withdraw', 'member.change', 'member.create', 'image.create']
    assert.deepEqual(
      seen.map(({ type }: { type: string }) => type),
      types,
    )
  })

  it('a blocked producer never notifies', async () => {
    const scene = await start()
    await scene.confirmed('consumer', 'consumer@example.org')
    const hook = await scene.newHook()
    await scene.addWebhook('consumer', hook.url)
    await scene.service.database.write((tx) =>
      tx
        .insertInto('rules')
        .values({
          id: 'rule',
          project_id: 'consumer',
          kind: 'block',
          producer_id: 'producer',
          listing_id: '',
          mode: 'enforce',
          reported: 0,
          created_at: 0,
        })
        .execute(),
    )
    const image = await scene.newImage()
    await scene.share(image, 'consumer')
    await scene.call('DELETE', `/v2/images/${image}`, member('producer'))
    await scene.settle()
    assert.deepEqual([scene.mail.mails.length, hook.calls.length], [1, 0])
  })

  it('header injection: names and messages stay text, in headers and in markup', async () => {
    const scene = await start()
    await scene.confirmed('consumer', 'consumer@example.org')
    const name = '<img src=x onerror=alert(1)>\u202egnp.exe "quoted" &amp;'
    const image = await scene.newImage({ name })
    await scene.service.database.write((tx) =>
      tx
        .updateTable('images')
        .set({ name: `${name}\r\nBcc: victim@example.org\r\n\r\n<h1>Hello` })
        .where('id', '=', image)
        .execute(),
    )
    await scene.share(image, 'consumer')
    await scene.service.database.write((tx) =>
      tx
        .updateTable('events')
        .set({
          detail: JSON.stringify({
            message: 'Hi\r\n.\r\nRCPT TO:<victim@example.org>\r\n<script>alert(1)</script>\u202e',
          }),
        })
        .where('image_id', '=', image)
        .where('type', '=', 'member.create')
        .execute(),
    )
    const mail = await scene.nextMail()
    assert.deepEqual(mail.to, ['consumer@example.org'])
    assert.equal(mail.parsed.bcc, undefined)
    assert.ok(!/^Bcc:/im.test(mail.source.slice(0, mail.source.indexOf('\r\n\r\n'))))
    const { subject = '', html = '', text = '' } = mail.parsed
    assert.ok(!/[\p{Cc}\u202a-\u202e]/u.test(subject), 'nothing in the subject turns or hides')
    assert.ok(subject.length <= 200)
    assert.ok(!/<img|<script|<h1/i.test(html), html)
    assert.ok(!`${html}${text}`.includes('\u202e'))
    assert.match(text, /^> RCPT TO:<victim@example\.org>$/m, 'words of others are marked as such')
    await scene.settle()
    assert.equal(scene.mail.mails.length, 2)
  })

  it('unsubscribing by GET changes nothing; by POST it ends the mails, once and for all', async () => {
    const scene = await start()
    const id = await scene.confirmed('consumer', 'consumer@example.org')
    await scene.share(await scene.newImage(), 'consumer')
    const { parsed } = await scene.nextMail()
    const path =
      /https:\/\/images\.example\.org(\/catalogue\/notices\/unsubscribe\/[\w-]+)/.exec(parsed.text ?? '')?.[1] ?? ''
    const state = async () => {
      const { addresses } = (await scene.call('GET', '/v2/notice-addresses', member('consumer'))).json()
      return addresses.map((address: { state: string }) => address.state).join()
    }
    const page = await scene.call('GET', path)
    assert.equal(page.statusCode, 200)
    assert.match(page.body, /<form method="post"/)
    assert.equal(page.headers['cache-control'], 'private, no-store')
    assert.equal(await state(), 'confirmed')
    const head = await scene.call('HEAD', path)
    assert.equal(head.statusCode, 200)
    assert.equal(await state(), 'confirmed')
    const oneClick = { 'content-type': 'application/x-www-form-urlencoded' }
    for (const body of ['List-Unsubscribe=One-Click', '']) {
      assert.equal((await scene.call('POST', path, undefined, body, oneClick)).statusCode, 200)
      assert.equal(await state(), 'unsubscribed')
    }
    await scene.share(await scene.newImage(), 'consumer')
    await scene.settle()
    assert.equal(scene.mail.mails.length, 2)

    const soon = await scene.call('POST', '/v2/notice-addresses', member('consumer'), { email: 'consumer@example.org' })
    assert.equal(soon.statusCode, 429)
    scene.clock.advance(hourMs)
    const again = await scene.call('POST', '/v2/notice-addresses', member('consumer'), {
      email: 'Consumer@Example.org',
    })
    assert.deepEqual([again.statusCode, again.json().state, again.json().id], [200, 'unconfirmed', id])
    assert.equal((await scene.call('POST', '/catalogue/notices/unsubscribe/nothing')).statusCode, 404)
  })

  it('confirming by GET changes nothing; replayed and forged links confirm nothing', async () => {
    const scene = await start()
    const made = await scene.call('POST', '/v2/notice-addresses', member('consumer'), { email: 'a@example.org' })
    assert.equal(made.statusCode, 201)
    const { parsed } = await scene.nextMail()
    const path =
      /https:\/\/images\.example\.org(\/catalogue\/notices\/confirm\/[\w-]+)/.exec(parsed.text ?? '')?.[1] ?? ''
    const state = async () =>
      (await scene.call('GET', '/v2/notice-addresses', member('consumer'))).json().addresses[0].state
    assert.equal((await scene.call('GET', path)).statusCode, 200)
    assert.equal(await state(), 'unconfirmed')
    const forged = `${path.slice(0, -1)}${path.endsWith('A') ? 'B' : 'A'}`
    assert.equal((await scene.call('POST', forged)).statusCode, 404)
    const { database } = scene.service
    const { confirm_digest: digest } = await database.read
      .selectFrom('notice_addresses')
      .select('confirm_digest')
      .executeTakeFirstOrThrow()
    assert.equal(
      (await scene.call('POST', `/catalogue/notices/confirm/${digest}`)).statusCode,
      404,
      'what is stored is no link',
    )
    scene.clock.advance(8 * dayMs)
    assert.equal((await scene.call('POST', path)).statusCode, 404, 'too old')
    scene.clock.advance(-7 * dayMs)
    assert.equal((await scene.call('POST', path)).statusCode, 200)
    assert.equal((await scene.call('POST', path)).statusCode, 200)
    assert.equal(await state(), 'confirmed')

    await database.write((tx) => tx.updateTable('notice_addresses').set({ state: 'unsubscribed' }).execute())
    assert.equal((await scene.call('POST', path)).statusCode, 404, 'a former link brings no mails back')
  })

  it('a mailbox that refuses fails visibly and alone, and can be sent to again', async () => {
    const scene = await start()
    await scene.confirmed('consumer', 'gone@example.org')
    await scene.confirmed('other', 'other@example.org')
    scene.mail.refuse((to) => (to === 'gone@example.org' ? { code: 550, at: 'recipient' } : undefined))
    const image = await scene.newImage()
    await scene.share(image, 'consumer')
    await scene.share(image, 'other')
    assert.deepEqual((await scene.nextMail()).to, ['other@example.org'])
    await scene.settle()
    const failed = (await scene.call('GET', '/v2/deliveries?state=failed', member('consumer'))).json().deliveries
    assert.equal(failed.length, 1)
    assert.equal(failed[0].last_error, 'The mail server refused the mail (550).')
    const stranger = await scene.call('POST', `/v2/deliveries/${failed[0].id}/resend`, member('other'))
    assert.equal(stranger.statusCode, 404)
    scene.mail.refuse(() => undefined)
    assert.equal(
      (await scene.call('POST', `/v2/deliveries/${failed[0].id}/resend`, member('consumer'))).statusCode,
      202,
    )
    assert.deepEqual((await scene.nextMail()).to, ['gone@example.org'])
  })

  it('a mail that is put off comes later; what cannot be sent for three days fails', async () => {
    const scene = await start()
    await scene.confirmed('consumer', 'grey@example.org')
    scene.mail.refuse(() => ({ code: 451, at: 'data' }))
    await scene.share(await scene.newImage(), 'consumer')
    await scene.settle()
    const of = async () => (await scene.call('GET', '/v2/deliveries', member('consumer'))).json().deliveries[0]
    assert.deepEqual([(await of()).state, (await of()).attempts], ['waiting', 1])
    scene.mail.refuse(() => undefined)
    scene.clock.advance(10_000)
    await scene.nextMail()
    await scene.settle()
    assert.equal((await of()).state, 'sent')

    scene.mail.refuse(() => ({ code: 451, at: 'data' }))
    await scene.share(await scene.newImage(), 'consumer')
    for (let hours = 0; hours < 80; hours += 4) {
      scene.clock.advance(4 * hourMs)
      await scene.settle()
    }
    assert.equal((await of()).state, 'failed')
  })

  it('a webhook that fails for five days, or says that it is gone, is switched off', async () => {
    const scene = await start()
    const [failing, gone] = [await scene.newHook(), await scene.newHook()]
    failing.answer = 500
    gone.answer = 410
    const hooks = [await scene.addWebhook('consumer', failing.url), await scene.addWebhook('consumer', gone.url)]
    const enabled = async () => {
      const { webhooks } = (await scene.call('GET', '/v2/webhooks', member('consumer'))).json()
      return hooks.map(({ id }) => webhooks.find((one: { id: string }) => one.id === id).enabled)
    }
    await scene.share(await scene.newImage(), 'consumer')
    await failing.waitFor(1)
    await gone.waitFor(1)
    await scene.settle()
    assert.deepEqual(await enabled(), [true, false])
    for (let days = 0; days < 6; days += 1) {
      scene.clock.advance(dayMs)
      await scene.share(await scene.newImage(), 'consumer')
      await scene.settle()
    }
    assert.deepEqual(await enabled(), [false, false])
    assert.ok(failing.calls.length < 20, `called ${failing.calls.length} times`)
    const { deliveries } = (await scene.call('GET', '/v2/deliveries?limit=100', member('consumer'))).json()
    assert.ok(deliveries.every(({ state }: { state: string }) => state === 'failed'))
  })

  it('replays what happened, under the same ids and in order, also from before the webhook was there', async () => {
    const scene = await start()
    const image = await scene.newImage()
    await scene.share(image, 'consumer')
    await scene.settle()
    const hook = await scene.newHook()
    const { id } = await scene.addWebhook('consumer', hook.url)
    await scene.call('DELETE', `/v2/images/${image}/members/consumer`, member('producer'))
    await hook.waitFor(1)
    await scene.settle()
    const since = new Date(Date.now() - hourMs).toISOString().replace(/\.\d+Z/, 'Z')
    const replayed = await scene.call('POST', `/v2/webhooks/${id}/replay`, member('consumer'), { since })
    assert.deepEqual([replayed.statusCode, replayed.json()], [202, { queued: 2 }])
    const calls = await hook.waitFor(3)
    assert.deepEqual(
      calls.map(({ body }) => JSON.parse(body).type),
      ['share.withdrawn', 'share.created', 'share.withdrawn'],
    )
    assert.equal(calls[2]?.headers['webhook-id'], calls[0]?.headers['webhook-id'])
    assert.equal((await scene.call('POST', `/v2/webhooks/${id}/replay`, member('stranger'), { since })).statusCode, 404)

    assert.equal((await scene.call('POST', `/v2/webhooks/${id}/test`, member('consumer'))).statusCode, 202)
    const [, , , tried] = await hook.waitFor(4)
    assert.equal(JSON.parse(tried?.body ?? '{}').type, 'test')
  })

  it('SSRF: webhooks to forbidden addresses are refused, and secrets are told once', async () => {
    const scene = await start({ settings: { outbound_allow: '127.0.0.2/32' } })
    for (const url of [
      'http://127.0.0.1:8080/',
      'http://2130706433:8080/',
      'http://169.254.169.254/',
      'http://u:p@example.org/',
    ]) {
      const answer = await scene.call('POST', '/v2/webhooks', member('consumer'), { url })
      assert.equal(answer.statusCode, 400, url)
    }
    const { id, secret } = await scene.addWebhook('consumer', 'https://example.org/')
    assert.match(secret, /^whsec_/)
    for (const path of ['/v2/webhooks', `/v2/webhooks/${id}`]) {
      assert.ok(!(await scene.call('GET', path, member('consumer'))).body.includes(secret))
    }
    assert.equal((await scene.call('GET', `/v2/webhooks/${id}`, member('other'))).statusCode, 404)
    assert.equal(
      (await scene.call('PATCH', `/v2/webhooks/${id}`, member('consumer'), { url: 'http://[::1]:8080/' })).statusCode,
      400,
    )
  })

  it('OSSA-2013-002: the password of the mail server is in no answer, log, event or delivery', async () => {
    const password = 'canary-Zx9'
    const written: string[] = []
    const scene = await start({ login: { user: 'vitrine', password } })
    const { log } = scene.service
    for (const level of ['error', 'warn', 'info'] as const) {
      log[level] = (...all: unknown[]) => void written.push(all.map((one) => JSON.stringify(one) + String(one)).join())
    }
    await scene.confirmed('consumer', 'consumer@example.org')
    await scene.mail.down()
    await scene.share(await scene.newImage(), 'consumer')
    await scene.settle()
    scene.clock.advance(60_000)
    await scene.mail.up()
    scene.mail.refuse(() => ({ code: 535, at: 'recipient' }))
    await scene.settle()
    const { database } = scene.service
    const answers = [
      (await scene.call('GET', '/v2/deliveries', member('consumer'))).body,
      (await scene.call('GET', '/v2/notice-addresses', member('consumer'))).body,
      (await scene.call('GET', '/v2/activity', member('consumer'))).body,
      (await scene.call('GET', '/openapi.json')).body,
    ]
    const rows = JSON.stringify([
      await database.read.selectFrom('events').selectAll().execute(),
      await database.read.selectFrom('deliveries').selectAll().execute(),
    ])
    const mails = scene.mail.mails.map(({ source }) => source)
    assert.match(rows, /The mail server/, 'the failure itself is told')
    for (const text of [...answers, rows, ...mails, ...written]) assert.ok(!text.includes(password))
  })

  it('two processes share the queue without doubles', async (test) => {
    const databaseUrl = await newUrl()
    if (!databaseUrl.startsWith('postgres')) {
      // SQLite has one process; there the same is a restart in between.
      const scene = await start({ databaseUrl })
      await scene.confirmed('consumer', 'consumer@example.org')
      const image = await scene.newImage()
      await scene.share(image, 'consumer')
      await scene.close()
      const next = await start({ databaseUrl, mail: scene.mail })
      await next.settle()
      assert.equal(scene.mail.mails.length, 2)
      test.diagnostic('restarted')
      return
    }
    const one = await start({ databaseUrl })
    const two = await start({ databaseUrl, mail: one.mail })
    await one.confirmed('consumer', 'consumer@example.org')
    const hook = await one.newHook()
    await one.addWebhook('consumer', hook.url)
    const limits = one.service.limits.notice_mails_per_pair_day
    const images = await Promise.all(Array.from({ length: limits }, () => one.newImage()))
    await Promise.all(images.map((image, index) => (index % 2 === 0 ? one : two).share(image, 'consumer')))
    await one.settle()
    await two.settle()
    await hook.waitFor(images.length)
    await one.mail.waitFor(images.length + 1)
    await new Promise((resolve) => setTimeout(resolve, 200))
    assert.equal(hook.calls.length, images.length)
    assert.equal(one.mail.mails.length, images.length + 1)
    assert.equal(new Set(hook.calls.map(({ body }) => JSON.parse(body).data.event_id)).size, images.length)
  })
})
