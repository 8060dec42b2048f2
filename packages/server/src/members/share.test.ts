import assert from 'node:assert/strict'
import { it } from 'node:test'
import { MembershipSchema } from '@vitrine/contract'
import { Compile } from 'typebox/compile'
import { findImageForChange } from '../images/queries.ts'
import { noClearances } from '../keys/clearance.ts'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'
import { reminderBefore } from './rules.ts'
import { beginShare, plainTerms, type ShareTerms } from './share.ts'

const hourMs = 60 * 60 * 1000
const producer = fakeToken('producer', 'member')
const consumer = fakeToken('consumer', 'member')
const checkMembership = Compile(MembershipSchema)

eachDatabase('shares with terms', ({ newUrl, atEnd }) => {
  const start = async () => {
    const clock = { at: Date.parse('2026-01-01T00:00:00Z') }
    const service = await startTestService({ database_url: await newUrl() }, () => clock.at)
    atEnd(() => service.close())
    const created = await service.call('POST', '/v2/images', producer, { name: 'debian' })
    clock.at += 1000
    return { service, clock, id: String(created.json().id) }
  }

  const share = ({ service }: TestService, id: string, at: number, terms: Partial<ShareTerms> = {}) =>
    service.database.write(async (tx) => {
      const cause = { projectId: 'producer', userId: 'u', requestId: null, at }
      const found = await findImageForChange(tx, id, 'producer', at)
      assert.ok(found)
      return beginShare(
        tx,
        service.limits,
        cause,
        found.row,
        'consumer',
        { ...plainTerms(cause), ...terms },
        noClearances,
      )
    })

  const addRule = ({ service }: TestService, kind: 'accept' | 'block', mode: 'enforce' | 'audit', listing = '') =>
    service.database.write((tx) =>
      tx
        .insertInto('rules')
        .values({
          id: `${kind}-${mode}-${listing}`,
          project_id: 'consumer',
          kind,
          producer_id: 'producer',
          listing_id: listing,
          mode,
          reported: 0,
          created_at: 0,
        })
        .execute(),
    )

  const listed = async (service: TestService, query = ''): Promise<string[]> => {
    const answer = await service.call('GET', `/v2/images?${query}`, consumer)
    assert.equal(answer.statusCode, 200, answer.body)
    return answer.json().images.map((image: { id: string }) => image.id)
  }

  it('expiry racing accept: from its end on a share is none, whether or not it was cleared away', async () => {
    const { service, clock, id } = await start()
    const endsAt = clock.at + hourMs
    await share(service, id, clock.at, { endsAt })
    clock.at = endsAt - 1
    assert.equal((await service.call('GET', `/v2/images/${id}`, consumer)).statusCode, 200)
    clock.at = endsAt
    const calls = [
      ['GET', `/v2/images/${id}`],
      ['GET', `/v2/images/${id}/file`],
      ['GET', `/v2/images/${id}/members`],
      ['GET', `/v2/images/${id}/events`],
      ['PUT', `/v2/images/${id}/members/consumer`],
    ] as const
    for (const [method, path] of calls) {
      const body = method === 'PUT' ? { status: 'accepted' } : undefined
      assert.equal((await service.call(method, path, consumer, body)).statusCode, 404, `${method} ${path}`)
    }
    const again = await service.call('POST', `/v2/images/${id}/members`, producer, { member: 'consumer' })
    assert.equal(again.statusCode, 200, 'one that has ended makes room for a new one')
    assert.equal((await service.call('GET', `/v2/images/${id}`, consumer)).statusCode, 200)
  })

  it('tell the consumer of its own share in list and show, if it asks, and nobody else', async () => {
    const { service, clock, id } = await start()
    await share(service, id, clock.at, { message: 'for you <b>', endsAt: clock.at + hourMs })
    const plain = (await service.call('GET', `/v2/images/${id}`, consumer)).body
    const shown = (await service.call('GET', `/v2/images/${id}?include=membership`, consumer)).json()
    const { membership, ...rest } = shown
    assert.deepEqual(rest, JSON.parse(plain))
    assert.ok(checkMembership.Check(membership))
    assert.deepEqual(membership, {
      status: 'pending',
      shared_by: 'producer',
      producer: null,
      shared_at: '2026-01-01T00:00:01Z',
      message: 'for you <b>',
      ends_at: '2026-01-01T01:00:01Z',
      withdrawn: false,
      key_state: 'not_needed',
    })
    const query = '/v2/images?include=membership&member_status=pending'
    assert.deepEqual((await service.call('GET', query, consumer)).json().images[0].membership, membership)
    for (const token of [producer, fakeToken('operator', 'admin')]) {
      for (const path of [`/v2/images/${id}?include=membership`, query]) {
        assert.ok(!(await service.call('GET', path, token)).body.includes('"membership"'), path)
      }
    }
    assert.ok(!(await service.call('GET', '/v2/images?member_status=pending', consumer)).body.includes('"membership"'))
  })

  it('are accepted at once by a rule, while the producer is answered as always', async () => {
    const { service, id } = await start()
    await addRule(service, 'accept', 'enforce')
    const answer = await service.call('POST', `/v2/images/${id}/members`, producer, { member: 'consumer' })
    assert.equal(answer.json().status, 'pending')
    assert.deepEqual(await listed(service), [id])
    const { events } = (await service.call('GET', `/v2/images/${id}/events`, consumer)).json()
    const [seen] = (await service.call('GET', `/v2/images/${id}/events`, producer)).json().events
    assert.deepEqual(
      [seen.type, seen.request_id, seen.detail],
      ['member.update', null, { from: 'pending', to: 'accepted' }],
    )
    assert.deepEqual(
      events.map(({ type, project_id: by }: { type: string; project_id: string }) => [type, by]),
      [
        ['member.update', 'consumer'],
        ['member.create', 'producer'],
      ],
    )
  })

  it('of a blocked producer appear nowhere, yet boot by id, and the producer sees no difference', async () => {
    const { service, clock, id } = await start()
    await addRule(service, 'block', 'enforce')
    const answer = await service.call('POST', `/v2/images/${id}/members`, producer, { member: 'consumer' })
    assert.equal(answer.statusCode, 200)
    assert.deepEqual(await listed(service, 'member_status=all'), [])
    assert.equal((await service.call('GET', `/v2/images/${id}`, consumer)).statusCode, 200)
    await service.call('PATCH', `/v2/images/${id}`, producer, [{ op: 'replace', path: '/os_hidden', value: true }], {
      'content-type': 'application/openstack-images-v2.1-json-patch',
    })
    assert.deepEqual(await listed(service, 'member_status=all&os_hidden=true'), [], 'also after a change of the image')
    const { events } = (await service.call('GET', `/v2/images/${id}/events`, producer)).json()
    assert.ok(!JSON.stringify(events).includes('block'))

    clock.at += 1
    const accepted = await service.call('PUT', `/v2/images/${id}/members/consumer`, consumer, { status: 'accepted' })
    assert.equal(accepted.statusCode, 200)
    assert.deepEqual(await listed(service, 'os_hidden=true'), [id], 'what is accepted by hand is shown')
  })

  it('are only reported on by a rule in audit, to the consumer alone', async () => {
    const { service, id } = await start()
    await addRule(service, 'accept', 'audit')
    await addRule(service, 'block', 'audit', 'other-listing')
    await service.call('POST', `/v2/images/${id}/members`, producer, { member: 'consumer' })
    assert.deepEqual(await listed(service), [])
    const typesFor = async (token: string): Promise<string[]> => {
      const { events } = (await service.call('GET', `/v2/images/${id}/events`, token)).json()
      return events.map((event: { type: string }) => event.type)
    }
    assert.deepEqual(await typesFor(consumer), ['rule.report', 'member.create'])
    assert.ok(!(await typesFor(producer)).includes('rule.report'))
  })
})

it('are reminded of three days before their end, or halfway to a near one', () => {
  const dayMs = 24 * hourMs
  assert.equal(reminderBefore(100 * dayMs, 0), 97 * dayMs)
  assert.equal(reminderBefore(2 * dayMs, 0), dayMs)
})
