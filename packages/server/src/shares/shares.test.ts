import assert from 'node:assert/strict'
import { it } from 'node:test'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'

const producer = fakeToken('producer', 'member')
const producerReading = fakeToken('producer', 'reader')
const consumer = fakeToken('consumer', 'member')
const stranger = fakeToken('stranger', 'member')
const admin = fakeToken('operator', 'admin')

const dayMs = 24 * 60 * 60 * 1000
const wire = (instant: number) => `${new Date(instant).toISOString().slice(0, 19)}Z`

const newImage = async ({ call }: TestService, attributes: object = {}): Promise<string> => {
  const answer = await call('POST', '/v2/images', producer, attributes)
  assert.equal(answer.statusCode, 201)
  return answer.json().id
}

eachDatabase('shares', ({ newUrl, atEnd }) => {
  const start = async (settings: Parameters<typeof startTestService>[0] = {}, now = Date.now) => {
    const service = await startTestService({ ...settings, database_url: await newUrl() }, now)
    atEnd(service.close)
    return service
  }

  it('are listed with their terms for the owner alone', async () => {
    const service = await start()
    const { call } = service
    const image = await newImage(service)
    const ends = wire(Date.now() + 30 * dayMs)
    const body = { action: 'share', images: [image], projects: ['consumer', 'other'], message: 'Enjoy', ends_at: ends }
    const done = await call('POST', '/v2/shares', producer, body)
    assert.equal(done.statusCode, 200)
    assert.deepEqual(done.json(), {
      applied: true,
      results: ['consumer', 'other'].map((project) => ({ image_id: image, project, result: 'shared', error: null })),
    })
    const path = `/v2/images/${image}/shares`
    const { shares } = (await call('GET', path, producerReading)).json()
    assert.equal(shares.length, 2)
    const [first] = shares
    assert.deepEqual(first, {
      image_id: image,
      project_id: 'consumer',
      status: 'pending',
      shared_at: first.shared_at,
      answered_at: null,
      shared_by_user: 'user-of-producer',
      message: 'Enjoy',
      ends_at: ends,
      withdrawn: false,
      key_state: 'not_needed',
      usage: null,
    })
    assert.equal((await call('GET', path, admin)).statusCode, 200)
    assert.equal((await call('GET', path, consumer)).statusCode, 403)
    assert.equal((await call('GET', path, stranger)).statusCode, 404)
  })

  it('change message and end, each time an event, and only by the owner', async () => {
    const service = await start()
    const { call } = service
    const image = await newImage(service)
    await call('POST', `/v2/images/${image}/members`, producer, { member: 'consumer' })
    const path = `/v2/images/${image}/shares/consumer`
    const end = wire(Date.now() + 10 * dayMs)
    const changed = await call('PATCH', path, producer, { message: 'Until then', ends_at: end })
    assert.equal(changed.statusCode, 200)
    assert.equal(changed.json().ends_at, end)
    const again = await call('PATCH', path, producer, { message: 'Until then', ends_at: end })
    assert.deepEqual(again.json(), changed.json())
    assert.equal((await call('PATCH', path, producer, { ends_at: null })).json().ends_at, null)

    const events: { type: string; detail: object }[] = (
      await call('GET', `/v2/images/${image}/events`, consumer)
    ).json().events
    assert.deepEqual(
      events.filter(({ type }) => type === 'member.change').map(({ detail }) => detail),
      [
        { changed: ['ends_at'], status: 'pending', ends_at: null },
        { changed: ['message', 'ends_at'], status: 'pending', message: 'Until then', ends_at: end },
      ],
    )
    const codes = async (token: string, to: string) =>
      (await call('PATCH', `/v2/images/${image}/shares/${to}`, token, { message: 'x' })).statusCode
    assert.equal(await codes(consumer, 'consumer'), 403)
    assert.equal(await codes(producerReading, 'consumer'), 403)
    assert.equal(await codes(stranger, 'consumer'), 404)
    assert.equal(await codes(producer, 'nobody'), 404)
    assert.equal((await call('PATCH', path, stranger, {})).statusCode, 400)
    assert.equal((await call('PATCH', path, producer, { ends_at: '2020-01-01T00:00:00Z' })).statusCode, 400)
    assert.equal((await call('PATCH', path, producer, { status: 'accepted' })).statusCode, 400)
  })
})
