import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService } from '../testing/test-service.ts'
import { digestOfCode, hintOf, newCode } from './code.ts'

const producer = fakeToken('producer', 'member')
const consumer = fakeToken('consumer', 'member')
const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

eachDatabase('invitations', ({ newUrl, atEnd }) => {
  const start = async (settings: Parameters<typeof startTestService>[0] = {}) => {
    let passed = 0
    const assembly = await startTestService({ ...settings, database_url: await newUrl() }, () => Date.now() + passed)
    atEnd(assembly.close)
    const { call } = assembly
    const newImage = async (): Promise<string> =>
      (await call('POST', '/v2/images', producer, { name: 'deb' })).json().id
    const image = await newImage()
    return {
      ...assembly,
      image,
      newImage,
      pass: (ms: number) => {
        passed += ms
      },
      invite: async (terms: object = {}) => {
        const answer = await call('POST', '/v2/invitations', producer, { image_id: image, ...terms })
        assert.equal(answer.statusCode, 201, answer.body)
        return answer.json()
      },
      claim: (code: string, token = consumer) => call('POST', '/v2/invitation-claims', token, { code }),
      confirmed: (project: string, email: string, state: 'confirmed' | 'unconfirmed' | 'unsubscribed' = 'confirmed') =>
        assembly.service.database.read
          .insertInto('notice_addresses')
          .values({
            id: email,
            project_id: project,
            email,
            kinds: '[]',
            wants_listings: 0,
            mode: 'instant',
            confirm_sent_at: 0,
            state,
            confirm_digest: email,
            unsubscribe_key: email,
            created_at: 0,
          })
          .execute(),
    }
  }

  it('make the claimer a member, with the terms of the producer, once', async () => {
    const { call, image, invite, claim, service } = await start()
    const made = await invite({ message: 'Welcome', ends_at: '2999-01-01T00:00:00Z' })
    assert.match(made.code, /^vtr-[0-9A-HJKMNP-TV-Z]{5}(-[0-9A-HJKMNP-TV-Z]{5}){3}-[0-9A-HJKMNP-TV-Z]{6}$/)
    assert.deepEqual([made.state, made.uses, made.used, made.status], ['open', 1, 0, 'pending'])
    assert.ok(made.code.startsWith(made.hint))

    const claimed = await claim(made.code.toLowerCase().replaceAll('-', ' '))
    assert.equal(claimed.statusCode, 200, claimed.body)
    assert.deepEqual(
      [claimed.json().image_id, claimed.json().member_id, claimed.json().status, claimed.json().schema],
      [image, 'consumer', 'pending', '/v2/schemas/member'],
    )
    const [item] = (await call('GET', '/v2/inbox', consumer)).json().items
    assert.deepEqual([item.membership.message, item.membership.ends_at], ['Welcome', '2999-01-01T00:00:00Z'])
    const again = await claim(made.code)
    assert.deepEqual([again.statusCode, again.json()], [200, claimed.json()])
    assert.deepEqual((await claim(made.code, fakeToken('late', 'member'))).statusCode, 410)

    const shown = (await call('GET', `/v2/invitations/${made.id}`, producer)).json()
    assert.equal(shown.code, undefined)
    assert.deepEqual([shown.state, shown.used, shown.claims[0].project_id], ['used', 1, 'consumer'])
    const events = (await call('GET', `/v2/images/${image}/events`, producer)).json().events
    const types = events.map(({ type }: { type: string }) => type)
    assert.deepEqual(types.slice(0, 3), ['member.create', 'invitation.claim', 'invitation.create'])
    assert.doesNotMatch(JSON.stringify(events), new RegExp(made.code))
    const stored = await service.database.read.selectFrom('invitations').selectAll().execute()
    assert.doesNotMatch(JSON.stringify(stored), new RegExp(made.code))
  })

  it('accept at once if they say so', async () => {
    const { call, image, invite, claim } = await start()
    const { code } = await invite({ status: 'accepted' })
    assert.equal((await claim(code)).json().status, 'accepted')
    const list = (await call('GET', '/v2/images', consumer)).json().images
    assert.deepEqual(
      list.map(({ id }: { id: string }) => id),
      [image],
    )
  })

  it('are of the producer alone, in pages, and end when it says so', async () => {
    const { call, image, newImage, invite, claim, pass } = await start()
    const ids: string[] = []
    for (let count = 0; count < 3; count += 1) {
      pass(1000)
      ids.unshift((await invite()).id)
    }
    const other = await newImage()
    pass(1000)
    const last = await invite({ image_id: other })
    const first = (await call('GET', `/v2/invitations?limit=2&image=${image}`, producer)).json()
    const second = (await call('GET', first.next, producer)).json()
    const seen = [...first.invitations, ...second.invitations].map(({ id }: { id: string }) => id)
    assert.deepEqual(seen, ids)
    assert.equal((await call('GET', '/v2/invitations', producer)).json().invitations.length, 4)
    for (const method of ['GET', 'DELETE'] as const) {
      assert.equal((await call(method, `/v2/invitations/${last.id}`, consumer)).statusCode, 404)
    }
    assert.deepEqual((await call('GET', '/v2/invitations', consumer)).json().invitations, [])
    assert.equal((await call('POST', '/v2/invitations', consumer, { image_id: image })).statusCode, 404)
    assert.equal(
      (await call('POST', '/v2/invitations', fakeToken('producer', 'reader'), { image_id: image })).statusCode,
      403,
    )
    assert.equal((await call('DELETE', `/v2/invitations/${last.id}`, producer)).statusCode, 204)
    assert.equal((await call('DELETE', `/v2/invitations/${last.id}`, producer)).statusCode, 204)
    const ended = await claim(last.code)
    assert.equal(ended.statusCode, 410)
    assert.match(ended.json().error.message, /revoked/)
    assert.match((await call('GET', `/v2/images/${other}/events`, producer)).body, /invitation\.revoke/)
  })

  it('expire, and are refused with terms that make no sense', async () => {
    const { call, image, invite, claim, pass } = await start()
    const { code } = await invite()
    pass(14 * dayMs)
    assert.match((await claim(code)).json().error.message, /expired/)
    for (const terms of [
      { uses: 0 },
      { uses: 10_001 },
      { expires_at: '2001-01-01T00:00:00Z' },
      { expires_at: '2999-01-01T00:00:00Z' },
      { expires_at: '2030-13-45T00:00:00Z' },
      { ends_at: '2001-01-01T00:00:00Z' },
      { project: 'no-domain' },
      { project: 'a@b', uses: 2 },
      { project: 'a@b', email_domain: 'example.com' },
      { email_domain: 'example' },
      { status: 'rejected' },
      { code: 'mine' },
    ]) {
      const answer = await call('POST', '/v2/invitations', producer, { image_id: image, ...terms })
      assert.equal(answer.statusCode, 400, JSON.stringify(terms))
    }
    for (const body of [{}, { code: '' }, { code: 'a', invitation: 'b' }]) {
      assert.equal((await call('POST', '/v2/invitation-claims', consumer, body)).statusCode, 400)
    }
  })

  it('are refused to the owner, and while the image is not shared', async () => {
    const { call, image, invite, claim } = await start()
    const { code } = await invite()
    assert.equal((await claim(code, producer)).statusCode, 403)
    const headers = { 'content-type': 'application/openstack-images-v2.1-json-patch' }
    await call(
      'PATCH',
      `/v2/images/${image}`,
      producer,
      [{ op: 'replace', path: '/visibility', value: 'private' }],
      headers,
    )
    assert.match((await claim(code)).json().error.message, /private/)
    assert.equal((await call('POST', '/v2/invitations', producer, { image_id: image })).statusCode, 403)
    assert.equal((await claim(code, fakeToken('consumer', 'reader'))).statusCode, 403)
    assert.equal((await claim(code, fakeToken(null, 'member'))).statusCode, 403)
    assert.equal((await call('DELETE', `/v2/images/${image}`, producer)).statusCode, 204)
    assert.equal((await claim(code)).statusCode, 404)
  })

  it('addressed to a project by its name need no code and open to that project alone', async () => {
    const { call, image, invite } = await start()
    const made = await invite({ project: 'Consumer@Default', message: 'For you' })
    assert.deepEqual([made.code, made.hint, made.project], [undefined, null, 'consumer@default'])
    const same = await call('POST', '/v2/invitations', producer, { image_id: image, project: 'consumer@default' })
    assert.equal(same.statusCode, 409)
    const claimBy = (token: string) => call('POST', '/v2/invitation-claims', token, { invitation: made.id })
    assert.equal((await claimBy(fakeToken('other', 'member'))).statusCode, 404)
    const [item] = (await call('GET', '/v2/inbox', consumer)).json().items
    assert.deepEqual(
      [item.kind, item.invitation.message, item.invitation.shared_by],
      ['invitation', 'For you', 'producer'],
    )
    assert.doesNotMatch(JSON.stringify(item), new RegExp(image), 'the id of the image is told once it is shared')
    assert.deepEqual((await call('GET', '/v2/inbox', fakeToken('other', 'member'))).json().items, [])
    assert.equal((await claimBy(consumer)).statusCode, 200)
    const items = (await call('GET', '/v2/inbox', consumer)).json().items
    assert.deepEqual(
      items.map(({ kind }: { kind: string }) => kind),
      ['share'],
    )
  })

  it('are limited in number: those that can still be claimed', async () => {
    const { service } = await start()
    const { call, image, invite } = await start({ limits: { ...service.limits, invitations_per_project: 2 } })
    const { id } = await invite()
    const answers = await Promise.all(
      [1, 2, 3].map(() => call('POST', '/v2/invitations', producer, { image_id: image })),
    )
    assert.deepEqual(answers.map(({ statusCode }) => statusCode).sort(), [201, 413, 413])
    await call('DELETE', `/v2/invitations/${id}`, producer)
    await invite()
  })

  it('threat: a claim race on the last use of a code', async () => {
    const { call, invite, claim } = await start()
    const { code, id } = await invite({ uses: 2 })
    const projects = ['a', 'b', 'c', 'd', 'e', 'f']
    const codes = await Promise.all(
      projects.map(async (one) => (await claim(code, fakeToken(one, 'member'))).statusCode),
    )
    assert.deepEqual(codes.sort(), [200, 200, 410, 410, 410, 410])
    const shown = (await call('GET', `/v2/invitations/${id}`, producer)).json()
    assert.deepEqual([shown.used, shown.claims.length], [2, 2])
    const mine = await invite({ uses: 3 })
    const same = await Promise.all([1, 2, 3].map(() => claim(mine.code, fakeToken('g', 'member'))))
    assert.deepEqual(
      same.map(({ statusCode }) => statusCode),
      [200, 200, 200],
    )
    assert.equal((await call('GET', `/v2/invitations/${mine.id}`, producer)).json().used, 1)
  })

  it('threat: the domain of an invitation with tricks', async () => {
    const { invite, claim, confirmed } = await start()
    const { code } = await invite({ email_domain: 'Example.com', uses: 10 })
    const by = async (project: string) => (await claim(code, fakeToken(project, 'member'))).statusCode
    for (const [project, email, state] of [
      ['suffix', 'a@notexample.com', 'confirmed'],
      ['sub', 'a@mail.example.com', 'confirmed'],
      ['longer', 'a@example.com.evil.example', 'confirmed'],
      ['local', 'example.com@evil.example', 'confirmed'],
      ['quoted', '"a@example.com"@evil.example', 'confirmed'],
      ['waiting', 'b@example.com', 'unconfirmed'],
      ['gone', 'c@example.com', 'unsubscribed'],
    ] as const) {
      await confirmed(project, email, state)
      assert.equal(await by(project), 403, email)
    }
    assert.equal(await by('none'), 403)
    await confirmed('right', 'D@EXAMPLE.com')
    assert.equal(await by('right'), 200)
  })

  it('threat: guessing codes', async () => {
    const { invite, claim, pass } = await start()
    const { code } = await invite()
    for (let count = 0; count < 20; count += 1) assert.equal((await claim(newCode())).statusCode, 404)
    const refused = await claim(code)
    assert.equal(refused.statusCode, 429)
    assert.ok(Number(refused.headers['retry-after']) > 0)
    assert.equal((await claim('x', fakeToken('other', 'member'))).statusCode, 404, 'others need not wait')
    pass(10 * minuteMs)
    assert.equal((await claim(code)).statusCode, 200)
  })

  it('threat: enumeration of projects by invitations to names', async () => {
    const { invite } = await start()
    const shapes = new Set<string>()
    for (const project of ['consumer@default', 'no-such-project@default', 'producer@default']) {
      const { id, created_at, expires_at, ...rest } = await invite({ project })
      assert.ok(id !== '' && created_at < expires_at)
      shapes.add(JSON.stringify(rest).replace(project, 'P'))
    }
    assert.equal(shapes.size, 1)
  })
})

describe('codes', () => {
  it('are read as people write them', () => {
    const code = newCode()
    const digest = digestOfCode(code)
    assert.ok(digest !== undefined && hintOf(code).length === 9)
    const bare = code.slice(4).replaceAll('-', '')
    for (const written of [bare, bare.toLowerCase(), ` ${code} `, code.replaceAll('0', 'O').replaceAll('1', 'l')]) {
      assert.equal(digestOfCode(written), digest, written)
    }
    assert.equal(digestOfCode('VTR-VTRVT-RVTRV-TRVTR-VTRVT-RVTRVT'), digestOfCode('VTRVTRVTRVTRVTRVTRVTRVTRVT'))
    for (const wrong of ['', 'vtr-', bare.slice(1), `${bare}0`, `${bare.slice(1)}U`, `${bare.slice(1)}é`]) {
      assert.equal(digestOfCode(wrong), undefined, wrong)
    }
    assert.equal(new Set(Array.from({ length: 1000 }, newCode)).size, 1000)
  })
})
