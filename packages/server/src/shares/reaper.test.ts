import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { EventType } from '@vitrine/contract'
import type { Tx } from '../database/database.ts'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'
import { reap, tidy } from './reaper.ts'

const producer = fakeToken('producer', 'member')
const consumer = fakeToken('consumer', 'member')

const dayMs = 24 * 60 * 60 * 1000
const wire = (instant: number) => `${new Date(instant).toISOString().slice(0, 19)}Z`

interface SeenEvent {
  readonly type: string
  readonly member_id: string | null
  readonly project_id: string | null
  readonly detail: Readonly<Record<string, unknown>>
}

eachDatabase('what is due', ({ newUrl, atEnd }) => {
  const start = async (url?: string, now = Date.now) => {
    const service = await startTestService({ database_url: url ?? (await newUrl()) }, now)
    atEnd(service.close)
    return service
  }
  const newImage = async ({ call }: TestService, attributes: object = {}): Promise<string> => {
    const answer = await call('POST', '/v2/images', producer, attributes)
    assert.equal(answer.statusCode, 201)
    return answer.json().id
  }
  const share = async ({ call }: TestService, images: string[], endsAt?: number) => {
    const body = { action: 'share', images, projects: ['consumer'] }
    const terms = endsAt === undefined ? {} : { ends_at: wire(endsAt) }
    const answer = await call('POST', '/v2/shares', producer, { ...body, ...terms })
    assert.equal(answer.statusCode, 200)
  }
  /** Oldest first. */
  const eventsOf = async ({ service }: TestService, imageId: string, type: EventType): Promise<SeenEvent[]> => {
    const rows = await service.database.read
      .selectFrom('events')
      .selectAll()
      .where('image_id', '=', imageId)
      .where('type', '=', type)
      .orderBy('sequence')
      .execute()
    return rows.map((row) => ({ ...row, detail: JSON.parse(row.detail) }))
  }

  it('is reminded of once, then ended at its date, whoever reaps at the same time', async () => {
    let at = Math.floor(Date.now() / 1000) * 1000
    const end = at + 10 * dayMs
    const one = await start(undefined, () => at)
    // Two of SQLite's writers in one process would wait for each other.
    const shared = one.service.database.kind === 'postgres'
    const other = shared ? await start(one.config.database_url, () => at) : one
    const images = [await newImage(one), await newImage(one)]
    await share(one, images, end)

    const everybody = () => Promise.all([reap(one.service), reap(other.service), reap(one.service)])
    at = end - 3 * dayMs - 1
    await everybody()
    for (const image of images) assert.deepEqual(await eventsOf(one, image, 'member.expiring'), [])
    at += 1
    await everybody()
    at = end - 1
    await everybody()
    for (const image of images) {
      const [reminder, ...more] = await eventsOf(one, image, 'member.expiring')
      assert.deepEqual(more, [])
      assert.equal(reminder?.member_id, 'consumer')
      assert.equal(reminder.project_id, null)
      assert.deepEqual(reminder.detail, { status: 'pending', ends_at: wire(end), withdrawn: false })
      assert.equal((await one.call('GET', `/v2/images/${image}`, consumer)).statusCode, 200)
    }
    at = end
    for (const image of images) {
      assert.equal(
        (await one.call('GET', `/v2/images/${image}`, consumer)).statusCode,
        404,
        'before it is cleared away',
      )
    }
    await everybody()
    for (const image of images) {
      const [ended, ...more] = await eventsOf(one, image, 'member.delete')
      assert.deepEqual(more, [])
      assert.deepEqual(ended?.detail, { status: 'pending', reason: 'expired', name: null })
      assert.equal(ended.project_id, null)
      assert.deepEqual((await one.call('GET', `/v2/images/${image}/members`, producer)).json().members, [])
    }
  })

  it('is done by a new process before it listens', async () => {
    let at = Date.now()
    const first = await startTestService({ database_url: await newUrl() }, () => at)
    const image = await newImage(first)
    await share(first, [image], at + dayMs)
    const doomed = await newImage(first)
    await first.call('POST', `/v2/images/${doomed}/withdrawal`, producer, { at: wire(at + dayMs), delete_image: true })
    await first.close()
    at += 2 * dayMs
    const second = await start(first.config.database_url, () => at)
    assert.equal((await eventsOf(second, image, 'member.delete')).length, 1)
    assert.equal((await second.call('GET', `/v2/images/${doomed}`, producer)).statusCode, 404)
  })

  it('ends with a withdrawal, and with its image only if that was said and it is not protected', async () => {
    let at = Math.floor(Date.now() / 1000) * 1000
    const service = await start(undefined, () => at)
    const { call } = service
    const when = at + 5 * dayMs
    const [kept, deleted, guarded] = [await newImage(service), await newImage(service), await newImage(service)]
    await share(service, [kept, deleted, guarded])
    for (const image of [kept, deleted, guarded]) {
      const body = { at: wire(when), delete_image: image !== kept, message: 'Use the next one' }
      const announced = await call('POST', `/v2/images/${image}/withdrawal`, producer, body)
      assert.equal(announced.statusCode, 200)
      const [told] = await eventsOf(service, image, 'member.withdraw')
      const { delete_image } = body
      assert.deepEqual(told?.detail, { status: 'pending', ends_at: wire(when), delete_image, message: body.message })
    }
    const protect = [{ op: 'replace', path: '/protected', value: true }]
    await call('PATCH', `/v2/images/${guarded}`, producer, protect, {
      'content-type': 'application/openstack-images-v2.1-json-patch',
    })
    at = when
    await reap(service.service)

    const reasons = async (image: string) =>
      (await eventsOf(service, image, 'member.delete')).map(({ detail }) => [detail.reason, detail.message])
    assert.deepEqual(await reasons(kept), [['withdrawn', 'Use the next one']])
    assert.deepEqual(await reasons(deleted), [['image_deleted', 'Use the next one']])
    assert.deepEqual(await reasons(guarded), [['withdrawn', 'Use the next one']])
    const codes = await Promise.all(
      [kept, deleted, guarded].map(async (image) => (await call('GET', `/v2/images/${image}`, producer)).statusCode),
    )
    assert.deepEqual(codes, [200, 404, 200])
    const updates = await eventsOf(service, guarded, 'image.update')
    assert.deepEqual(updates.at(-1)?.detail, { changed: [], not_deleted: 'image_protected' })
    assert.equal((await call('GET', `/v2/images/${kept}/withdrawal`, producer)).json().planned, null)
    assert.equal(await reap(service.service), 0, 'nothing is left to do')
  })

  it('does not wait for an image whose turn fails', async () => {
    let at = Date.now()
    const service = await start(undefined, () => at)
    const images = [await newImage(service), await newImage(service), await newImage(service)]
    await share(service, images, at + dayMs)
    at += 2 * dayMs
    let turns = 0
    const { database } = service.service
    const write = async <Result>(work: (tx: Tx) => Promise<Result>): Promise<Result> => {
      turns += 1
      if (turns === 1) throw new Error('no luck')
      return database.write(work)
    }
    await reap({ ...service.service, database: { ...database, write } })
    const ended = await Promise.all(
      images.map(async (image) => (await eventsOf(service, image, 'member.delete')).length),
    )
    assert.deepEqual(ended.sort(), [0, 1, 1])
    await reap(service.service)
    for (const image of images) assert.equal((await eventsOf(service, image, 'member.delete')).length, 1)
  })

  it('takes away jobs after a week', async () => {
    let at = Date.now()
    const service = await start(undefined, () => at)
    const { call } = service
    const body = { images: [await newImage(service)], projects: ['consumer'] }
    const { job_id: id } = (await call('POST', '/v1/cloudimages/members', producer, body)).json()
    const job = async () => (await call('GET', `/v1/producer/jobs/${id}`, producer)).statusCode
    at += 7 * dayMs
    await tidy(service.service)
    assert.equal(await job(), 200)
    at += 1
    await tidy(service.service)
    assert.equal(await job(), 404)
  })
})
