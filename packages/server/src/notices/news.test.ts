import assert from 'node:assert/strict'
import { it } from 'node:test'
import { eachDatabase } from '../testing/databases.ts'
import { mailboxFor, setUnwanted } from './mailboxes.ts'
import { queueMail } from './queue.ts'
import { member, type Scene, startScene } from './testing.ts'

const approved = (image: string) =>
  ({
    template: 'request.approved',
    listingTitle: 'Debian 13',
    listingUrl: 'https://images.example/catalogue/producers/debian/debian-13',
    producer: '@debian',
    image: { id: image, name: 'debian', sizeBytes: 2048, hashAlgorithm: 'sha512', hashValue: 'abc' },
    projectId: 'consumer',
    accepted: false,
    message: 'Enjoy\nit',
    endsAt: Date.parse('2030-01-02T03:04:05Z'),
  }) as const

eachDatabase('notices around a share', ({ newUrl, atEnd }) => {
  const start = (given: Parameters<typeof startScene>[1] = {}) => startScene({ newUrl, atEnd }, given)

  const publish = async (scene: Scene, image: string): Promise<{ id: string }> => {
    const profile = await scene.call('PUT', '/v2/producer', member('producer'), { handle: 'debian', name: 'Debian' })
    assert.ok(profile.statusCode < 300, profile.body)
    const listing = await scene.call('POST', '/v2/listings', member('producer'), {
      image_id: image,
      title: 'Debian 13',
    })
    assert.ok(listing.statusCode < 300, listing.body)
    return listing.json()
  }

  it('an invitation by name reaches the project of that name, without the id of the image', async () => {
    const scene = await start()
    await scene.confirmed('web', 'web@example.org')
    await scene.confirmed('other', 'other@example.org')
    const hook = await scene.newHook()
    await scene.addWebhook('web', hook.url)
    const image = await scene.newImage({ name: 'Debian 13' })
    const invited = await scene.call('POST', '/v2/invitations', member('producer'), {
      image_id: image,
      project: 'Web@Default',
      message: 'For you',
    })
    assert.ok(invited.statusCode < 300, invited.body)
    const mail = await scene.nextMail()
    assert.deepEqual(mail.to, ['web@example.org'])
    assert.equal(mail.parsed.subject, 'Invitation: "Debian 13" by project producer')
    assert.match(mail.parsed.text ?? '', /^> For you$/m)
    const [call] = await hook.waitFor(1)
    assert.equal(JSON.parse(call?.body ?? '{}').type, 'invitation.received')
    const deliveries = (await scene.call('GET', '/v2/deliveries', member('web'))).body
    for (const text of [mail.source, mail.parsed.html, call?.body, deliveries]) {
      assert.ok(text !== undefined && !text.includes(image), 'the id is told by the claim, not before')
    }
  })

  it('a new listing reaches those who asked for it, and not its producer; the id of the image stays hidden', async () => {
    const scene = await start()
    const kinds = ['listing.published']
    await scene.confirmed('curious', 'curious@example.org', { kinds })
    await scene.confirmed('producer', 'producer@example.org', { kinds })
    await scene.confirmed('consumer', 'consumer@example.org')
    const hook = await scene.newHook()
    await scene.addWebhook('curious', hook.url, { kinds })
    const image = await scene.newImage({ name: 'internal-name' })
    await publish(scene, image)
    const mail = await scene.nextMail()
    assert.deepEqual(mail.to, ['curious@example.org'])
    assert.equal(mail.parsed.subject, 'New in the catalogue: "Debian 13" by @debian')
    assert.match(mail.parsed.text ?? '', /https:\/\/images\.example\.org\/catalogue\/producers\/debian\/debian-13/)
    const [call] = await hook.waitFor(1)
    for (const text of [mail.parsed.text, mail.parsed.html, call?.body]) {
      assert.ok(text !== undefined && !text.includes(image) && !text.includes('internal-name'))
    }
    await scene.settle()
    assert.equal(scene.mail.mails.length, 4)
  })

  it('threat: announcing and withdrawing all day long', async () => {
    const { limits } = (await start()).service
    const scene = await start({ settings: { limits: { ...limits, listings_per_project: 2 } } })
    const hook = await scene.newHook()
    await scene.addWebhook('curious', hook.url, { kinds: ['listing.published'] })
    const image = await scene.newImage()
    const again = async () => {
      const { id } = await publish(scene, image)
      await scene.settle()
      assert.equal((await scene.call('DELETE', `/v2/listings/${id}`, member('producer'))).statusCode, 204)
    }
    for (let count = 0; count < 4; count += 1) await again()
    await scene.settle()
    assert.equal(hook.calls.length, 2)
    scene.clock.advance(24 * 60 * 60 * 1000)
    await again()
    await scene.settle()
    assert.equal(hook.calls.length, 3)
  })

  it('an operator can switch news of listings off', async () => {
    const scene = await start({ settings: { notices_of_new_listings: false } })
    await scene.confirmed('curious', 'curious@example.org', { kinds: ['listing.published'] })
    await publish(scene, await scene.newImage())
    await scene.settle()
    assert.equal(scene.mail.mails.length, 1)
  })

  it('whoever is told of an event by a direct mail gets no notice of it besides', async () => {
    const scene = await start()
    await scene.confirmed('consumer', 'asked@example.org')
    await scene.confirmed('consumer', 'colleague@example.org')
    const image = await scene.newImage()
    const { database } = scene.service
    // An approval: the share and its mail in one transaction.
    await scene.share(image, 'consumer')
    const { id: eventId } = await database.read
      .selectFrom('events')
      .select('id')
      .where('type', '=', 'member.create')
      .executeTakeFirstOrThrow()
    await database.write(async (tx) => {
      await tx.deleteFrom('deliveries').where('event_id', '=', eventId).execute()
      await tx.updateTable('events').set({ position: null }).where('id', '=', eventId).execute()
      const mail = { to: 'Asked@example.org', content: approved(image), imageId: image, eventId, projectId: null }
      await queueMail(tx, mail, Date.now())
    })
    const before = scene.mail.mails.length
    await scene.settle()
    const fresh = scene.mail.mails.slice(before).map(({ to, parsed }) => `${to}: ${parsed.subject}`)
    assert.ok(fresh.includes('Asked@example.org: Approved: "Debian 13"'), fresh.join('\n'))
    assert.ok(!fresh.some((one) => one.startsWith('asked@example.org: Shared')))
    assert.ok(fresh.some((one) => one.startsWith('colleague@example.org: Shared')))
  })

  it('direct mails can be ended by their own link and brought back; nothing happens by GET', async () => {
    const scene = await start()
    const { database, notices } = scene.service
    const image = await scene.newImage()
    const send = async () => {
      const mail = {
        to: 'asked@example.org',
        content: approved(image),
        imageId: image,
        eventId: null,
        projectId: null,
      }
      await database.write((tx) => queueMail(tx, mail, Date.now()))
      notices.kick()
    }
    await send()
    const { parsed } = await scene.nextMail()
    for (const wanted of [
      `vitrine accept ${image}`,
      '> Enjoy',
      '> it',
      '2.0 KiB (2048 bytes)',
      '2030-01-02 03:04 UTC',
    ]) {
      assert.ok(parsed.text?.includes(wanted), wanted)
    }
    const path =
      /https:\/\/images\.example\.org(\/catalogue\/notices\/unsubscribe\/[\w-]+)/.exec(parsed.text ?? '')?.[1] ?? ''
    assert.equal((await scene.call('GET', path)).statusCode, 200)
    await send()
    await scene.nextMail()
    const oneClick = { 'content-type': 'application/x-www-form-urlencoded' }
    assert.equal((await scene.call('POST', path, undefined, 'List-Unsubscribe=One-Click', oneClick)).statusCode, 200)
    await send()
    await scene.settle()
    assert.equal(scene.mail.mails.length, 2)
    await scene.call('POST', path, undefined, 'undo=1', oneClick)
    await scene.mail.down()
    await send()
    await scene.call('POST', path, undefined, 'List-Unsubscribe=One-Click', oneClick)
    await scene.mail.up()
    await scene.settle()
    assert.equal(scene.mail.mails.length, 2, 'what waits in the queue does not come any more')
    const page = await scene.call('GET', path)
    assert.match(page.body, /name="undo"/)
    assert.equal((await scene.call('POST', path, undefined, 'undo=1', oneClick)).statusCode, 200)
    await send()
    await scene.nextMail()
  })

  it('a producer is mailed of a request, with what the requester wrote', async () => {
    const scene = await start()
    await scene.confirmed('producer', 'producer@example.org')
    const image = await scene.newImage({ disk_format: 'raw', container_format: 'bare' })
    const upload = { 'content-type': 'application/octet-stream' }
    const stored = await scene.call('PUT', `/v2/images/${image}/file`, member('producer'), Buffer.alloc(1024), upload)
    assert.equal(stored.statusCode, 204)
    await publish(scene, image)
    const asked = await scene.call('POST', '/catalogue/producers/debian/debian-13/requests', undefined, {
      project: 'consumer',
      email: 'asker@example.org',
      message: 'Please\nshare',
    })
    assert.ok(asked.statusCode < 300, asked.body)
    const confirm = await scene.nextMail()
    assert.deepEqual(confirm.to, ['asker@example.org'])
    const path = /https:\/\/images\.example\.org(\/\S*confirm\S*)/.exec(confirm.parsed.text ?? '')?.[1] ?? ''
    const done = await scene.call('POST', path, undefined, '', { 'content-type': 'application/x-www-form-urlencoded' })
    assert.ok(done.statusCode < 400, done.body)
    const told = await scene.nextMail()
    assert.deepEqual(told.to, ['producer@example.org'])
    assert.equal(told.parsed.subject, 'Access requested: "Debian 13"')
    assert.match(told.parsed.text ?? '', /^> Please$/m)
    assert.match(told.parsed.text ?? '', /asker@example\.org/)
    assert.match(told.parsed.text ?? '', /Project consumer asks/)
  })

  it('notices of a project are nobody else’s to see or change', async () => {
    const scene = await start()
    const id = await scene.confirmed('consumer', 'consumer@example.org')
    const hook = await scene.newHook()
    const { id: webhook } = await scene.addWebhook('consumer', hook.url)
    await scene.share(await scene.newImage(), 'consumer')
    await hook.waitFor(1)
    const stranger = member('stranger')
    for (const [method, path, body] of [
      ['PATCH', `/v2/notice-addresses/${id}`, { mode: 'daily' }],
      ['DELETE', `/v2/notice-addresses/${id}`, undefined],
      ['PATCH', `/v2/webhooks/${webhook}`, { enabled: false }],
      ['DELETE', `/v2/webhooks/${webhook}`, undefined],
      ['POST', `/v2/webhooks/${webhook}/test`, undefined],
    ] as const) {
      assert.equal((await scene.call(method, path, stranger, body)).statusCode, 404, `${method} ${path}`)
    }
    assert.deepEqual((await scene.call('GET', '/v2/notice-addresses', stranger)).json(), { addresses: [] })
    assert.deepEqual((await scene.call('GET', '/v2/webhooks', stranger)).json(), { webhooks: [] })
    assert.deepEqual((await scene.call('GET', '/v2/deliveries', stranger)).json().deliveries, [])
  })

  it('addresses and webhooks are limited, and so are mails that ask for consent', async () => {
    const scene = await start()
    const limits = { ...scene.service.limits, notice_addresses_per_project: 1, webhooks_per_project: 1 }
    const limited = await start({ settings: { limits } })
    await limited.confirmed('consumer', 'one@example.org')
    const add = (project: string, email: string) =>
      limited.call('POST', '/v2/notice-addresses', member(project), { email })
    assert.equal((await add('consumer', 'two@example.org')).statusCode, 413)
    assert.equal((await add('consumer', 'one@example.org')).statusCode, 409)
    await limited.addWebhook('consumer', 'https://example.org/')
    const second = await limited.call('POST', '/v2/webhooks', member('consumer'), { url: 'https://example.org/2' })
    assert.equal(second.statusCode, 413)
    const codes = []
    for (const project of ['a', 'b', 'c', 'd', 'e', 'f'])
      codes.push((await add(project, 'victim@example.org')).statusCode)
    assert.deepEqual(codes, [201, 201, 201, 201, 201, 429])
    for (const email of [
      'a@example.org\r\nBcc: b@example.org',
      'a@example.org, b@example.org',
      '"a b"@example.org',
      'a',
    ]) {
      assert.equal((await add('g', email)).statusCode, 400, email)
    }
  })

  it('threat: a project that has mails of confirmation sent to strangers', async () => {
    const scene = await start()
    const spammer = member('spammer')
    const addAndRemove = async (email: string) => {
      const made = await scene.call('POST', '/v2/notice-addresses', spammer, { email })
      if (made.statusCode === 201) await scene.call('DELETE', `/v2/notice-addresses/${made.json().id}`, spammer)
      return made.statusCode
    }
    const codes = []
    for (let count = 0; count < 8; count += 1) codes.push(await addAndRemove(`vic.tim+${count}@example.org`))
    assert.deepEqual(codes, [201, 201, 201, 201, 201, 429, 429, 429])
    for (let count = 0; count < 55; count += 1) assert.equal(await addAndRemove(`stranger${count}@example.org`), 201)
    assert.equal(await addAndRemove('one-more@example.org'), 429)
  })

  it('threat: asking a mailbox again and again that wants no such mail', async () => {
    const scene = await start()
    const ask = async (project: string) =>
      (await scene.call('POST', '/v2/notice-addresses', member(project), { email: 'victim@example.org' })).statusCode
    await scene.service.database.write(async (tx) => {
      await mailboxFor(tx, 'victim@example.org', 0)
      await setUnwanted(tx, 'victim@example.org', 1)
    })
    assert.deepEqual([await ask('a'), await ask('b'), await ask('c')], [201, 429, 429])
  })
})
