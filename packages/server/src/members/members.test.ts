import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import fc from 'fast-check'
import { ApiError } from '../api-error.ts'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'
import { parseMemberCreate } from './rules.ts'

const producer = fakeToken('producer', 'member')
const consumer = fakeToken('consumer', 'member')
const admin = fakeToken('operator', 'admin')

const newImage = async ({ call }: TestService, attributes: object = {}): Promise<string> => {
  const answer = await call('POST', '/v2/images', producer, attributes)
  assert.equal(answer.statusCode, 201)
  return answer.json().id
}

eachDatabase('memberships', ({ newUrl, atEnd }) => {
  const start = async (settings: Parameters<typeof startTestService>[0] = {}, now = Date.now) => {
    const service = await startTestService({ ...settings, database_url: await newUrl() }, now)
    atEnd(service.close)
    return service
  }

  it('go from pending to any status and back, each time an event', async () => {
    const service = await start()
    const { call } = service
    const image = await newImage(service)
    const members = `/v2/images/${image}/members`
    const created = await call('POST', members, producer, { member: 'consumer', status: 'accepted' })
    assert.equal(created.statusCode, 200)
    const { created_at: createdAt, ...rest } = created.json()
    assert.deepEqual(rest, {
      member_id: 'consumer',
      image_id: image,
      status: 'pending',
      updated_at: createdAt,
      schema: '/v2/schemas/member',
    })
    const path = ['accepted', 'rejected', 'pending', 'rejected', 'accepted', 'pending', 'pending']
    for (const status of path) {
      const answer = await call('PUT', `${members}/consumer`, consumer, { member: 'consumer', status })
      assert.equal(answer.statusCode, 200)
      assert.equal(answer.json().status, status)
    }
    const events: { type: string }[] = (await call('GET', `/v2/images/${image}/events`, producer)).json().events
    const updates = events.filter(({ type }) => type === 'member.update')
    assert.equal(updates.length, path.length - 1, 'the same status again is no event')
  })

  it('count against the quota inside the transaction, before the duplicate', async () => {
    const service = await start()
    const limited = await start({ limits: { ...service.service.limits, members_per_image: 2 } })
    const image = await newImage(limited)
    const members = `/v2/images/${image}/members`
    const codes = await Promise.all(
      ['a', 'b', 'c', 'd'].map(
        async (member) => (await limited.call('POST', members, producer, { member })).statusCode,
      ),
    )
    assert.deepEqual(codes.sort(), [200, 200, 413, 413])
    const [first] = (await limited.call('GET', members, producer)).json().members
    assert.equal((await limited.call('POST', members, producer, { member: first.member_id })).statusCode, 413)
    assert.equal((await limited.call('DELETE', `${members}/${first.member_id}`, producer)).statusCode, 204)
    assert.equal((await limited.call('POST', members, producer, { member: 'e' })).statusCode, 200)
  })

  it('are made once when two ask for the same at once', async () => {
    const service = await start()
    const image = await newImage(service)
    const ask = () => service.call('POST', `/v2/images/${image}/members`, producer, { member: 'consumer' })
    const codes = (await Promise.all([ask(), ask(), ask()])).map(({ statusCode }) => statusCode)
    assert.deepEqual(codes.sort(), [200, 409, 409])
  })

  it('survive a change of visibility, without effect meanwhile', async () => {
    const service = await start()
    const { call } = service
    const image = await newImage(service)
    const path = `/v2/images/${image}`
    await call('POST', `${path}/members`, producer, { member: 'consumer' })
    await call('PUT', `${path}/members/consumer`, consumer, { status: 'accepted' })
    const show = (visibility: string) =>
      call('PATCH', path, producer, [{ op: 'replace', path: '/visibility', value: visibility }], {
        'content-type': 'application/openstack-images-v2.1-json-patch',
      })
    await show('private')
    assert.equal((await call('GET', path, consumer)).statusCode, 404)
    assert.equal((await call('GET', `${path}/members`, producer)).statusCode, 403)
    assert.equal((await call('GET', `${path}/members/consumer`, admin)).statusCode, 404)
    await show('shared')
    const [member] = (await call('GET', `${path}/members`, consumer)).json().members
    assert.equal(member.status, 'accepted')
  })

  it('start anew after they were removed', async () => {
    let instant = Date.now()
    const service = await start({}, () => {
      instant += 5000
      return instant
    })
    const { call } = service
    const image = await newImage(service)
    const members = `/v2/images/${image}/members`
    const first = (await call('POST', members, producer, { member: 'consumer' })).json()
    await call('PUT', `${members}/consumer`, consumer, { status: 'accepted' })
    assert.equal((await call('DELETE', `${members}/consumer`, producer)).statusCode, 204)
    assert.equal((await call('GET', `/v2/images/${image}`, consumer)).statusCode, 404)
    assert.equal((await call('DELETE', `${members}/consumer`, producer)).statusCode, 404)
    const again = (await call('POST', members, producer, { member: 'consumer' })).json()
    assert.equal(again.status, 'pending')
    assert.equal(again.created_at, again.updated_at)
    assert.ok(again.created_at > first.created_at)
  })

  it('tell a member only of itself and since the share, also in the events', async () => {
    const service = await start()
    const { call } = service
    const image = await newImage(service)
    await wait(5)
    for (const member of ['consumer', 'other']) {
      await call('POST', `/v2/images/${image}/members`, producer, { member })
    }
    const seenBy = async (
      token: string,
    ): Promise<{ type: string; member_id: string | null; user_id: string | null }[]> =>
      (await call('GET', `/v2/images/${image}/events`, token)).json().events
    const first = await seenBy(consumer)
    assert.deepEqual(
      first.map(({ type, member_id }) => [type, member_id]),
      [['member.create', 'consumer']],
      'nothing from before the share',
    )
    const headers = { 'content-type': 'application/openstack-images-v2.1-json-patch' }
    const patch = [{ op: 'add', path: '/secret_key', value: 'hunter2' }]
    assert.equal((await call('PATCH', `/v2/images/${image}`, producer, patch, headers)).statusCode, 200)
    const seen = await seenBy(consumer)
    assert.equal(seen[0]?.type, 'image.update')
    assert.ok(seen.every(({ user_id }) => user_id === null))
    assert.doesNotMatch(JSON.stringify(await seenBy(producer)), /hunter2/, 'values of properties are not kept')
    assert.equal((await call('GET', `/v2/images/${image}/events`, fakeToken('x', 'member'))).statusCode, 404)
    const all = (await call('GET', `/v2/images/${image}/events`, producer)).json().events
    assert.equal(all.length, 4)
    const page = (await call('GET', `/v2/images/${image}/events?limit=2`, producer)).json()
    assert.equal(page.events.length, 2)
    assert.equal((await call('GET', page.next, producer)).json().events.length, 2)
  })
})

describe('the body of POST members', () => {
  it('is a project id or an error of the table, whatever is sent', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.record({ member: fc.oneof(fc.string(), fc.jsonValue()) })), (body) => {
        try {
          const id = parseMemberCreate(body)
          assert.ok(id.length >= 1 && id.length <= 255 && id.trim() === id && !id.includes('/'))
        } catch (error) {
          assert.ok(error instanceof ApiError && error.status === 400)
        }
      }),
      { numRuns: 2000 },
    )
  })
})
