import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Tx } from '../database/database.ts'
import { eachDatabase } from '../testing/databases.ts'
import { startTestService } from '../testing/test-service.ts'
import { dispatch } from './dispatch.ts'

eachDatabase('telling of events', ({ newUrl, atEnd, open }) => {
  const events = 120
  const hooks = 30

  const fill = async (tx: Tx): Promise<void> => {
    for (let index = 0; index < hooks; index += 1) {
      const id = `hook-${index}`
      const url = `http://192.0.2.1/${index}`
      const kinds = '["share.created"]'
      const fine = { failing_since: null, failures: 0, retry_at: null, created_at: 0 }
      const row = { id, project_id: 'consumer', url, secret: 's', kinds, wants_listings: 0, enabled: 1 } as const
      await tx
        .insertInto('webhooks')
        .values({ ...row, ...fine })
        .execute()
    }
    for (let index = 0; index < events; index += 1) {
      await tx
        .insertInto('events')
        .values({
          id: `event-${index}`,
          type: 'member.create',
          image_id: 'image',
          member_id: 'consumer',
          project_id: 'producer',
          user_id: null,
          request_id: null,
          created_at: 0,
          detail: '{"status":"pending"}',
          audience: 'members',
          owner_id: 'producer',
        })
        .execute()
    }
  }

  it('mass shares: events that concern many are told of in small transactions, in order and each once', async () => {
    const { config, close } = await startTestService({ database_url: await newUrl() })
    atEnd(close)
    const database = await open()
    await database.write(fill)
    let transactions = 0
    const counting = {
      ...database,
      write: async <Result>(work: (tx: Tx) => Promise<Result>): Promise<Result> => {
        transactions += 1
        const before = await database.read.selectFrom('deliveries').select('id').execute()
        const result = await database.write(work)
        const after = await database.read.selectFrom('deliveries').select('id').execute()
        assert.ok(after.length - before.length <= 1000, 'no transaction keeps everybody waiting')
        return result
      },
    }
    const told = await dispatch(counting, { limits: config.limits, newListings: true }, 1)
    assert.deepEqual(told, { events, deliveries: events * hooks })
    assert.ok(transactions > 1)
    const rows = await database.read.selectFrom('events').select(['id', 'position']).orderBy('position').execute()
    assert.deepEqual(
      rows.map(({ id }) => id),
      Array.from({ length: events }, (_, index) => `event-${index}`),
    )
    const queue = await database.read
      .selectFrom('deliveries')
      .select('event_id')
      .where('target_id', '=', 'hook-7')
      .orderBy('sequence')
      .execute()
    assert.deepEqual(
      queue.map(({ event_id: id }) => id),
      rows.map(({ id }) => id),
    )
    assert.deepEqual(await dispatch(database, { limits: config.limits, newListings: true }, 1), {
      events: 0,
      deliveries: 0,
    })
  })
})
