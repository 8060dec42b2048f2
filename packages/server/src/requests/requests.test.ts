import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { letterOf } from '../notices/templates/letter.ts'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { networkOf } from './network.ts'
import { dropDecided, keptMs } from './queries.ts'
import { consumer, type ListedService, producer, requestsPath, startListedService } from './testing.ts'

const hourMs = 60 * 60 * 1000
const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
const asForm = { ...browser, 'content-type': 'application/x-www-form-urlencoded' }

eachDatabase('requests for access', ({ newUrl, atEnd }) => {
  const start = async (settings: Parameters<typeof startListedService>[0] | object = {}): Promise<ListedService> => {
    const service = await startListedService({ ...settings, database_url: await newUrl() })
    atEnd(service.close)
    return service
  }
  const queue = async ({ call }: ListedService, token = producer, query = '') =>
    (await call('GET', `/v2/access-requests${query}`, token)).json().requests
  const statusOf = async ({ call }: ListedService, track: string) => (await call('GET', `${track}.json`)).json()

  it('go from a form to an accepted share', async () => {
    const service = await start()
    const { call, image } = service
    const form = 'project=consumer&email=ann%40example.com&message=Please%0D%0Ado'
    const asked = await call('POST', requestsPath, undefined, form, asForm)
    assert.equal(asked.statusCode, 303)
    const track = String(asked.headers.location)
    assert.match(track, /^\/catalogue\/requests\/[\w-]{43}$/)
    assert.match((await call('GET', track, undefined, undefined, browser)).body, /ann@example\.com/)
    assert.deepEqual(await queue(service), [], 'the producer sees nothing before the mailbox has confirmed')

    const [mail] = await service.mails()
    assert.equal(mail?.target, 'ann@example.com')
    const confirm = new URL(mail?.content.confirmUrl ?? '').pathname
    assert.equal((await call('POST', confirm)).json().state, 'waiting')

    const [request] = await queue(service)
    assert.deepEqual(
      [request.project, request.email, request.message, request.project_proven, request.listing_title],
      ['consumer', 'ann@example.com', 'Please\ndo', false, 'Debian <13>'],
    )
    const path = `/v2/access-requests/${request.id}`
    const approved = await call('POST', `${path}/approve`, producer, {
      message: 'Welcome',
      ends_at: '2999-01-01T00:00:00Z',
    })
    assert.equal(approved.statusCode, 200, approved.body)
    assert.equal(approved.json().state, 'approved')
    assert.equal((await call('GET', `/v2/images/${image}`, consumer)).statusCode, 200)
    const last = (await service.mails()).at(-1)
    assert.deepEqual(
      [last?.notice, last?.target, last?.content.accepted],
      ['request.approved', 'ann@example.com', false],
    )

    const [item] = (await call('GET', '/v2/inbox', consumer)).json().items
    assert.deepEqual([item.membership.message, item.membership.ends_at], ['Welcome', '2999-01-01T00:00:00Z'])
    const status = await statusOf(service, track)
    assert.deepEqual([status.state, status.image_id, status.reason], ['approved', image, 'Welcome'])
    const types = (await call('GET', `/v2/images/${image}/events`, producer))
      .json()
      .events.map((event: { type: string }) => event.type)
    assert.deepEqual(types.slice(0, 3), ['request.approve', 'member.create', 'request.receive'])
    const seen = (await call('GET', `/v2/images/${image}/events`, consumer)).json().events
    assert.doesNotMatch(JSON.stringify(seen), /request\./, 'what is the producer’s stays with the producer')
    assert.equal((await call('POST', `${path}/deny`, producer, { reason: 'no' })).statusCode, 409)
  })

  it('are denied with a reason', async () => {
    const service = await start()
    const { track, confirm } = await service.ask()
    await service.call('POST', confirm)
    const [{ id }] = await queue(service)
    const headers = { 'content-type': 'application/openstack-images-v2.1-json-patch' }
    const patch = [{ op: 'replace', path: '/visibility', value: 'private' }]
    assert.equal((await service.call('PATCH', `/v2/images/${service.image}`, producer, patch, headers)).statusCode, 200)
    assert.equal((await service.call('POST', `/v2/access-requests/${id}/approve`, producer)).statusCode, 403)
    const denied = await service.call('POST', `/v2/access-requests/${id}/deny`, producer, { reason: 'Not yet' })
    assert.equal(denied.statusCode, 200)
    assert.deepEqual((await service.mails()).at(-1)?.content.reason, 'Not yet')
    const status = await statusOf(service, track)
    assert.deepEqual([status.state, status.reason, status.image_id], ['denied', 'Not yet', null])
    assert.equal((await service.call('GET', `/v2/images/${service.image}`, consumer)).statusCode, 404)
    assert.deepEqual(await queue(service), [])
    assert.equal((await queue(service, producer, '?state=denied')).length, 1)
    assert.equal((await service.call('GET', '/v2/access-requests?state=unconfirmed', producer)).statusCode, 400)
  })

  it('are forgotten half a year after they were decided, with the mailbox', async () => {
    const service = await start()
    const { confirm } = await service.ask()
    await service.call('POST', confirm)
    const [{ id }] = await queue(service)
    await service.call('POST', `/v2/access-requests/${id}/deny`, producer, { reason: 'no' })
    const { database, now } = service.service
    const clear = (at: number) => database.write((tx) => dropDecided(tx, at))
    await clear(now() + keptMs - 60_000)
    assert.equal((await queue(service, producer, '?state=denied')).length, 1)
    await clear(now() + keptMs)
    assert.equal((await queue(service, producer, '?state=denied')).length, 0)
  })

  it('keep a share that is there when they are approved', async () => {
    const service = await start()
    await service.call('POST', `/v2/images/${service.image}/members`, producer, { member: 'consumer' })
    const { confirm } = await service.ask()
    await service.call('POST', confirm)
    const [{ id }] = await queue(service)
    assert.equal((await service.call('POST', `/v2/access-requests/${id}/approve`, producer)).statusCode, 200)
    const { members } = (await service.call('GET', `/v2/images/${service.image}/members`, producer)).json()
    assert.equal(members.length, 1)
  })

  it('of who is signed in prove the project, and need no mail where the mailbox is known', async () => {
    const service = await start()
    const { call } = service
    const wish = { listing: 'acme/debian', email: 'Ann@example.com' }
    const other = await call('POST', '/v2/access-requests', consumer, { ...wish, project: 'someone-else' })
    assert.equal(other.json().state, 'unconfirmed')
    await service.service.database.read
      .insertInto('notice_addresses')
      .values({
        id: 'a',
        project_id: 'consumer',
        email: 'ann@example.com',
        kinds: '[]',
        wants_listings: 0,
        mode: 'instant',
        confirm_sent_at: 0,
        state: 'confirmed',
        confirm_digest: 'c',
        unsubscribe_key: 'u',
        created_at: 0,
      })
      .execute()
    const known = await call('POST', '/v2/access-requests', consumer, wish)
    assert.deepEqual([known.statusCode, known.json().state], [202, 'waiting'])
    const [request] = await queue(service)
    assert.deepEqual([request.project, request.project_proven], ['consumer', true])
    await call('POST', '/v2/access-requests', consumer, wish)
    assert.equal((await queue(service)).length, 1, 'the same again is the same request')
    assert.equal((await service.mails()).length, 1, 'only the one that nobody vouches for is mailed')
    assert.equal((await call('POST', '/v2/access-requests', fakeToken('consumer', 'reader'), wish)).statusCode, 403)
    assert.equal((await call('POST', '/v2/access-requests', fakeToken(null), wish)).statusCode, 403)
    assert.equal((await call('POST', '/v2/access-requests', undefined, wish)).statusCode, 401)
  })

  it('come in pages, oldest first, to nobody but who owns the image', async () => {
    const service = await start()
    for (const project of ['a', 'b', 'c']) {
      service.pass(1000)
      const { confirm } = await service.ask({ project })
      await service.call('POST', confirm)
    }
    const first = (await service.call('GET', '/v2/access-requests?limit=2', producer)).json()
    const second = (await service.call('GET', first.next, producer)).json()
    const projects = [...first.requests, ...second.requests].map(({ project }: { project: string }) => project)
    assert.deepEqual(projects, ['a', 'b', 'c'])
    assert.equal(second.next, undefined)
    assert.equal((await queue(service, producer, `?image=${service.image}`)).length, 3)
    assert.equal((await queue(service, producer, '?image=other')).length, 0)
    const stranger = fakeToken('stranger', 'member')
    assert.deepEqual(await queue(service, stranger), [])
    const path = `/v2/access-requests/${first.requests[0].id}`
    assert.equal((await service.call('GET', path, stranger)).statusCode, 404)
    assert.equal((await service.call('POST', `${path}/approve`, stranger)).statusCode, 404)
    assert.equal(
      (await service.call('GET', `/v2/access-requests?marker=${first.requests[0].id}`, stranger)).statusCode,
      400,
    )
    assert.equal((await service.call('POST', `${path}/approve`, fakeToken('producer', 'reader'))).statusCode, 403)
  })

  it('go with the image to its new owner, as do not the invitations', async () => {
    const service = await start()
    const { call, image } = service
    const { confirm } = await service.ask()
    await call('POST', confirm)
    const { code } = (await call('POST', '/v2/invitations', producer, { image_id: image })).json()
    const headers = { 'content-type': 'application/openstack-images-v2.1-json-patch' }
    const patch = [{ op: 'replace', path: '/owner', value: 'heir' }]
    assert.equal((await call('PATCH', `/v2/images/${image}`, fakeToken('op', 'admin'), patch, headers)).statusCode, 200)
    assert.deepEqual(await queue(service), [])
    const heir = fakeToken('heir', 'member')
    const [{ id }] = await queue(service, heir)
    assert.equal((await call('POST', `/v2/access-requests/${id}/approve`, producer)).statusCode, 404)
    assert.equal((await call('POST', '/v2/invitation-claims', fakeToken('x', 'member'), { code })).statusCode, 410)
    assert.equal((await call('POST', `/v2/access-requests/${id}/approve`, heir)).statusCode, 200)
  })

  it('threat: mass requests are limited by mailbox, network and listing, also when they come at once', async () => {
    const service = await start()
    const { call, pass } = service
    const codes = async (count: number, wish: (index: number) => object) =>
      (
        await Promise.all(
          Array.from({ length: count }, async (_, index) => call('POST', requestsPath, undefined, wish(index))),
        )
      ).map(({ statusCode }) => statusCode)
    const byMailbox = await codes(8, (index) => ({ project: `p${index}`, email: 'VICTIM@example.com' }))
    assert.equal(byMailbox.filter((code) => code === 202).length, 5)
    assert.equal((await service.mails()).length, 5)
    const byNetwork = await codes(20, (index) => ({ project: 'p', email: `m${index}@example.com` }))
    assert.equal(byNetwork.filter((code) => code === 202).length, 15)
    const refused = await call('POST', requestsPath, undefined, { project: 'p', email: 'new@example.com' })
    assert.equal(refused.statusCode, 429)
    assert.ok(Number(refused.headers['retry-after']) > 3500)
    const inBrowser = await call('POST', requestsPath, undefined, 'project=p&email=new%40example.com', asForm)
    assert.equal(inBrowser.statusCode, 429)
    assert.match(inBrowser.body, /value="new@example\.com"/, 'nothing that was typed is lost')
    pass(hourMs)
    assert.equal(
      (await call('POST', requestsPath, undefined, { project: 'p', email: 'new@example.com' })).statusCode,
      202,
    )
    assert.equal(
      (await call('POST', requestsPath, undefined, { project: 'q', email: 'victim@example.com' })).statusCode,
      429,
    )

    const { limits } = service.service
    const quiet = await start({ limits: { ...limits, requests_per_network_hour: -1, requests_per_listing_hour: 3 } })
    const byListing = await Promise.all(
      [1, 2, 3, 4, 5].map((one) =>
        quiet.call('POST', requestsPath, undefined, { project: 'p', email: `a${one}@b.example` }),
      ),
    )
    assert.equal(byListing.filter(({ statusCode }) => statusCode === 202).length, 3)
  })

  it('threat: one mailbox under many addresses', async () => {
    const { limits } = (await start()).service
    const { call } = await start({ limits: { ...limits, requests_per_network_hour: -1 } })
    const ask = async (email: string) =>
      (await call('POST', requestsPath, undefined, { project: 'p', email })).statusCode
    const codes = []
    for (const name of [
      'victim',
      'VICTIM',
      'vic.tim',
      'v.i.c.t.i.m',
      'victim+1',
      'victim+2',
      'vic.tim+a+b',
      'Victim+',
    ]) {
      codes.push(await ask(`${name}@example.com`))
    }
    assert.deepEqual(codes, [202, 202, 202, 202, 202, 429, 429, 429])
    for (const other of ['victor@example.com', 'victim@example.org', '+1@example.com', '+2@example.com']) {
      assert.equal(await ask(other), 202, other)
    }
  })

  it('threat: a visitor with many networks of IPv6', async () => {
    const { limits } = (await start()).service
    const { call } = await start({ trusted_proxies: '127.0.0.1', limits: { ...limits, requests_per_network_hour: 1 } })
    let count = 0
    const askFrom = async (address: string) => {
      count += 1
      const wish = { project: 'p', email: `m${count}@example.com` }
      return (await call('POST', requestsPath, undefined, wish, { 'x-forwarded-for': address })).statusCode
    }
    const codes = []
    for (let index = 0; index < 7; index += 1) codes.push(await askFrom(`2001:db8:1:${index}::1`))
    assert.deepEqual(codes, [202, 202, 202, 202, 202, 429, 429])
    for (const address of ['2001:db8:2::1', '2001:db8:10:1::1', '192.0.2.1']) {
      assert.equal(await askFrom(address), 202, address)
      assert.equal(await askFrom(address), 429, address)
    }
  })

  it('threat: the same request again brings no second mail within an hour, and one place in the queue', async () => {
    const service = await start()
    const { call } = service
    const first = await service.ask()
    const again = await call('POST', requestsPath, undefined, { project: 'consumer', email: 'ann@example.com' })
    assert.equal(again.statusCode, 202)
    assert.equal((await service.mails()).length, 1)
    service.pass(hourMs + 1)
    const third = await service.ask()
    assert.notEqual(third.confirm, first.confirm)
    assert.equal((await call('POST', first.confirm)).json().state, 'waiting')
    assert.equal((await call('POST', third.confirm)).json().state, 'waiting')
    const waiting = await queue(service)
    assert.equal(waiting.length, 1)
    assert.equal((await queue(service, producer, '?state=closed')).length, 0)
    const track = new URL(again.json().track).pathname
    assert.equal((await statusOf(service, track)).state, 'unconfirmed', 'who has not confirmed learns nothing of it')
    await call('POST', `/v2/access-requests/${waiting[0].id}/approve`, producer)
    assert.equal((await statusOf(service, third.track)).state, 'approved')
  })

  it('threat: enumeration of projects, members, blocks and mailboxes by request', async () => {
    const service = await start()
    const { call, image } = service
    await call('POST', `/v2/images/${image}/members`, producer, { member: 'consumer' })
    await call('POST', '/v2/rules', fakeToken('blocker', 'member'), { kind: 'block', producer: 'producer' })
    await service.service.database.read
      .insertInto('mailboxes')
      .values({ email: 'quiet@example.com', unsubscribe_key: 'key', unwanted: 1, mailed_at: 0 })
      .execute()
    const shapes = new Set<string>()
    for (const [project, email] of [
      ['consumer', 'a@example.com'],
      ['blocker', 'b@example.com'],
      ['producer', 'c@example.com'],
      ['no-such-project', 'd@example.com'],
      ['consumer', 'quiet@example.com'],
    ]) {
      const answer = await call('POST', requestsPath, undefined, { project, email })
      const { track, ...rest } = answer.json()
      assert.match(track, /^https:\/\/images\.example\/catalogue\/requests\/[\w-]{43}$/)
      const page = await call('GET', new URL(track).pathname, undefined, undefined, browser)
      const neutral = page.body
        .replaceAll(`<bdi>${project}</bdi>`, 'P')
        .replaceAll(String(email), 'E')
        .replace(/datetime="[^"]*"/g, '')
      shapes.add(JSON.stringify([answer.statusCode, rest, neutral, Object.keys(answer.headers).sort()]))
    }
    assert.equal(shapes.size, 1)
    assert.equal(
      (await service.mails()).some(({ target }) => target === 'quiet@example.com'),
      false,
    )
  })

  it('threat: confirmation by GET or HEAD changes nothing', async () => {
    const service = await start()
    const { confirm, track } = await service.ask()
    for (let count = 0; count < 3; count += 1) {
      const page = await service.call('GET', confirm, undefined, undefined, browser)
      assert.equal(page.statusCode, 200)
      assert.match(page.body, /<form method="post"/)
      assert.doesNotMatch(page.body, /<script/)
      assert.match(String(page.headers['cache-control']), /no-store/)
      assert.equal(page.headers['referrer-policy'], 'no-referrer')
    }
    assert.equal((await service.call('HEAD', confirm)).statusCode, 200)
    assert.equal((await statusOf(service, track)).state, 'unconfirmed')
    assert.deepEqual(await queue(service), [])
  })

  it('threat: replayed and forged confirmation links', async () => {
    const service = await start()
    const { call } = service
    const { confirm, track } = await service.ask()
    for (const forged of [
      'x',
      confirm.slice(0, -1),
      `${confirm}x`,
      track.replace('requests', 'requests/confirm'),
      confirm.toUpperCase(),
    ]) {
      const path = forged.startsWith('/catalogue/requests/confirm/') ? forged : `/catalogue/requests/confirm/${forged}`
      assert.equal((await call('POST', path)).statusCode, 404, path)
    }
    assert.equal((await call('GET', confirm.replace('/confirm', ''))).statusCode, 404, 'a link does one thing')
    const answers = await Promise.all([call('POST', confirm), call('POST', confirm), call('POST', confirm)])
    assert.deepEqual(
      answers.map((answer) => answer.json().state),
      ['waiting', 'waiting', 'waiting'],
    )
    assert.equal((await queue(service)).length, 1)
    const events = (await call('GET', `/v2/images/${service.image}/events`, producer)).json().events
    assert.equal(events.filter(({ type }: { type: string }) => type === 'request.receive').length, 1)
    const [{ id }] = await queue(service)
    await call('POST', `/v2/access-requests/${id}/deny`, producer, { reason: 'no' })
    assert.equal((await call('POST', confirm)).json().state, 'denied', 'an old link does not reopen it')
    assert.deepEqual(await queue(service), [])

    const late = await service.ask({ project: 'late' })
    service.pass(48 * hourMs)
    assert.equal((await call('POST', late.confirm)).statusCode, 404)
    assert.equal((await call('GET', late.track)).statusCode, 404)
    await service.ask({ project: 'next', email: 'next@example.com' })
    const left = await service.service.database.read.selectFrom('access_requests').select('project_id').execute()
    assert.deepEqual(left.map((row) => row.project_id).sort(), ['consumer', 'next'], 'it is removed')
  })

  it('threat: approve racing deny', async () => {
    const service = await start()
    const { confirm } = await service.ask()
    await service.call('POST', confirm)
    const [{ id }] = await queue(service)
    const path = `/v2/access-requests/${id}`
    const answers = await Promise.all([
      service.call('POST', `${path}/approve`, producer, {}),
      service.call('POST', `${path}/deny`, producer, { reason: 'no' }),
      service.call('POST', `${path}/approve`, producer, {}),
      service.call('POST', `${path}/deny`, producer, { reason: 'no' }),
    ])
    assert.deepEqual(answers.map(({ statusCode }) => statusCode).sort(), [200, 409, 409, 409])
    const { state } = (await service.call('GET', path, producer)).json()
    const isMember = (await service.call('GET', `/v2/images/${service.image}`, consumer)).statusCode === 200
    assert.equal(isMember, state === 'approved')
    assert.equal((await service.mails()).filter(({ notice }) => notice !== 'request.confirm').length, 1)
  })

  it('threat: an image deleted under a pending request', async () => {
    const service = await start()
    const { call } = service
    const first = await service.ask()
    await call('POST', first.confirm)
    const second = await service.ask({ project: 'other', email: 'bob@example.com' })
    const [{ id }] = await queue(service)
    const [, approved] = await Promise.all([
      call('DELETE', `/v2/images/${service.image}`, producer),
      call('POST', `/v2/access-requests/${id}/approve`, producer, {}),
    ])
    assert.equal((await call('POST', second.confirm)).json().state, 'closed')
    assert.equal((await call('GET', `/v2/images/${service.image}`, consumer)).statusCode, 404)
    const notices = (await service.mails()).filter(({ notice }) => notice !== 'request.confirm')
    if (approved.statusCode === 200)
      assert.deepEqual(
        notices.map(({ notice }) => notice),
        ['request.approved'],
      )
    else {
      assert.ok([404, 409].includes(approved.statusCode), String(approved.statusCode))
      assert.deepEqual(
        notices.map(({ notice, target }) => [notice, target]),
        [['request.closed', 'ann@example.com']],
      )
      assert.equal((await statusOf(service, first.track)).state, 'closed')
      assert.equal((await call('POST', `/v2/access-requests/${id}/approve`, producer, {})).statusCode, 409)
    }
  })

  it('threat: addresses with injection', async () => {
    const service = await start()
    const { call } = service
    const bad = [
      'a@example.com\r\nBcc: all@example.com',
      'a@example.com\n',
      '"a b"@example.com',
      '"a@example.com"@evil.example',
      'a(comment)@example.com',
      'Ann <a@example.com>',
      'a@example.com, b@example.com',
      'a@example.com;b@example.com',
      'a@exämple.com',
      'ä@example.com',
      'a@example.com\u202e',
      'a@[127.0.0.1]',
      'a@',
      '@example.com',
      'a@b@example.com',
      'a@example..com',
      'a@-example.com',
      `${'a'.repeat(65)}@example.com`,
      'a@example.com\u0000',
    ]
    for (const email of bad) {
      const answer = await call('POST', requestsPath, undefined, { project: 'p', email })
      assert.equal(answer.statusCode, 400, email)
      const typed = new URLSearchParams({ project: 'p', email: `x${email}`, message: '<script>alert(1)</script>' })
      const page = await call('POST', requestsPath, undefined, typed.toString(), asForm)
      if (email !== 'a@example.com\n' && !email.startsWith('@')) assert.equal(page.statusCode, 400, email)
      assert.doesNotMatch(page.body, /<script>/)
    }
    for (const project of ['', ' ', 'a/b', ' a', 'a\nb\n', `${'x'.repeat(256)}`, '\ud83d\ude00']) {
      assert.equal(
        (await call('POST', requestsPath, undefined, { project, email: 'a@example.com' })).statusCode,
        400,
        project,
      )
    }
    const more = { project: 'p', email: 'a@example.com', state: 'approved' }
    assert.equal((await call('POST', requestsPath, undefined, more)).statusCode, 400)
    // Blanks around an address are nobody's intent; these two forms were right without them.
    const targets = (await service.mails()).map(({ target }) => target)
    assert.deepEqual([...new Set(targets)].sort(), ['x@example.com', 'xa@example.com'])
  })

  it('threat: Host header poisoning of links', async () => {
    const service = await start()
    const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' }
    const body = { project: 'consumer', email: 'ann@example.com' }
    const answer = await service.call('POST', requestsPath, undefined, body, headers)
    assert.equal(answer.statusCode, 202)
    assert.doesNotMatch(JSON.stringify([answer.json(), await service.mails()]), /evil/)
    assert.match(JSON.stringify(await service.mails()), /https:\/\/images\.example\/catalogue\/requests\/confirm\//)
  })

  it('threat: a form that would keep everyone waiting while it is taken apart', async () => {
    const { call, ask } = await start()
    const { confirm } = await ask()
    const type = { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/html' }
    const body = 'a&'.repeat(500_000)
    const begin = performance.now()
    for (const path of [requestsPath, confirm, '/catalogue/notices/unsubscribe/x', '/catalogue/notices/confirm/x']) {
      assert.equal((await call('POST', path, undefined, body, type)).statusCode, 413, path)
      assert.equal((await call('POST', path, undefined, body.slice(0, 64_000), type)).statusCode < 413, true, path)
    }
    assert.ok(performance.now() - begin < 1000, 'bodies of 1 MB were taken apart')

    const message = '\u{10000}'.repeat(2000)
    const full = new URLSearchParams({ project: 'p'.repeat(255), email: `${'e'.repeat(64)}@example.com`, message })
    assert.equal((await call('POST', requestsPath, undefined, full.toString(), type)).statusCode, 303)
  })

  it('threat: a request in the name of somebody else, with words that are not theirs', async () => {
    const service = await start()
    const { confirm } = await service.ask({ message: 'I <b>hate</b> your images' })
    const page = await service.call('GET', confirm, undefined, undefined, browser)
    assert.match(page.body, /I &lt;b&gt;hate&lt;\/b&gt; your images/)
    const again = await service.ask({ email: 'bob@example.com' })
    const plain = await service.call('GET', again.confirm, undefined, undefined, browser)
    assert.doesNotMatch(plain.body, /message/)
  })

  it('threat: messages to strangers in the name of the project', () => {
    const mailFor = (projectId: string) => {
      const content = { template: 'request.confirm', listingTitle: 'Debian', listingUrl: 'u', projectId } as const
      return JSON.stringify(letterOf({ ...content, confirmUrl: 'c' }, { origin: 'https://images.example' }))
    }
    for (const evil of ['You won! See evil.example', 'evil.example', 'a@evil.example', 'x'.repeat(65), '<b>a</b>']) {
      assert.ok(!mailFor(evil).includes(evil.slice(0, 12)), evil)
    }
    assert.match(mailFor('edc89b490d7d4392898e19b2deb34797'), /for the project edc89b490d7d4392898e19b2deb34797\./)
  })

  it('threat: learning of the rules and shares of a project by asking in its name', async () => {
    const service = await start()
    const { call } = service
    const rule = await call('POST', '/v2/rules', consumer, { kind: 'accept', producer: 'producer' })
    assert.equal(rule.statusCode, 201, rule.body)
    const { confirm } = await service.ask()
    await call('POST', confirm)
    const approve = async () => {
      const [{ id }] = await queue(service)
      assert.equal((await call('POST', `/v2/access-requests/${id}/approve`, producer)).statusCode, 200)
      return (await service.mails()).at(-1)?.content
    }
    assert.equal((await approve())?.accepted, false)
    const { members } = (await call('GET', `/v2/images/${service.image}/members`, producer)).json()
    assert.equal(members[0].status, 'accepted')

    const endsAt = new Date(Date.now() + 24 * hourMs).toISOString().replace(/\.\d+/, '')
    await call('PATCH', `/v2/images/${service.image}/shares/consumer`, producer, { ends_at: endsAt })
    await call('POST', (await service.ask({ email: 'bob@example.com' })).confirm)
    const second = await approve()
    assert.deepEqual([second?.accepted, second?.endsAt], [false, null])
  })

  it('threat: forms sent by other sites', async () => {
    const service = await start()
    const foreign = { ...asForm, 'sec-fetch-site': 'cross-site' }
    const form = 'project=consumer&email=ann%40example.com'
    assert.equal((await service.call('POST', requestsPath, undefined, form, foreign)).statusCode, 400)
    const { confirm } = await service.ask()
    assert.equal((await service.call('POST', confirm, undefined, '', foreign)).statusCode, 400)
    assert.deepEqual(await queue(service), [])
  })

  it('threat: markup in what people type is shown as text', async () => {
    const service = await start()
    const evil = '"><img src=x onerror=alert(1)>'
    const { track } = await service.ask({ project: evil, message: evil })
    const page = await service.call('GET', track, undefined, undefined, browser)
    assert.doesNotMatch(page.body, /<img/)
    assert.match(page.body, /&quot;&gt;&lt;img/)
    assert.match(page.body, /Debian &lt;13&gt;/)
  })

  it('cannot be made where no mail is sent, or for what cannot be asked for', async () => {
    const service = await start()
    const wish = { project: 'consumer', email: 'ann@example.com' }
    assert.equal(
      (await service.call('POST', '/catalogue/producers/acme/none/requests', undefined, wish)).statusCode,
      404,
    )
    await service.call('POST', `/v2/images/${service.image}/actions/deactivate`, producer)
    assert.equal((await service.call('POST', requestsPath, undefined, wish)).statusCode, 409)
    const mute = await startListedService({ database_url: await newUrl() }).then((one) => {
      atEnd(one.close)
      return one
    })
    const silent = { ...mute.service, sendsMail: false }
    const { askAnonymously } = await import('./ask.ts')
    const cause = { projectId: null, userId: null, requestId: null, at: Date.now() }
    const asked = askAnonymously(silent, cause, {
      ...wish,
      message: undefined,
      listing: { handle: 'acme', slug: 'debian' },
      address: '127.0.0.1',
    })
    await assert.rejects(asked, { code: 'mail_missing' })
  })
})

describe('the network of an address', () => {
  it('is the address of IPv4 however it is written, and the /64 of IPv6', () => {
    assert.equal(networkOf('192.0.2.1'), '192.0.2.1')
    assert.equal(networkOf('::ffff:192.0.2.1'), '192.0.2.1')
    assert.equal(networkOf('2001:db8:1:2:aaaa::1'), networkOf('2001:DB8:0001:2::2'))
    assert.notEqual(networkOf('2001:db8:1:2::1'), networkOf('2001:db8:1:3::1'))
  })
})
