import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService } from '../testing/test-service.ts'
import { weekOf, wireWeek } from './dates.ts'
import { startUsage } from './usage.ts'

const producer = fakeToken('producer', 'member')

describe('a week', () => {
  it('begins on Monday, UTC', () => {
    const week = (text: string) => wireWeek(weekOf(Date.parse(text)))
    assert.equal(week('2026-02-02T00:00:00Z'), '2026-02-02')
    assert.equal(week('2026-02-08T23:59:59.999Z'), '2026-02-02')
    assert.equal(week('2026-02-09T00:00:00Z'), '2026-02-09')
    assert.equal(week('2024-02-29T12:00:00Z'), '2024-02-26')
  })
})

eachDatabase('counts of downloads', ({ newUrl, atEnd }) => {
  it('add up, survive a database that fails, and leave out what is gone', async () => {
    const { service, call, close } = await startTestService({ database_url: await newUrl() })
    atEnd(close)
    const image: string = (await call('POST', '/v2/images', producer, {})).json().id
    const { database } = service
    let at = Date.parse('2026-02-08T12:00:00Z')
    let fails = true
    const errors: unknown[] = []
    const usage = startUsage({
      database: {
        ...database,
        write: (work) => (fails ? Promise.reject(new Error('the database is away')) : database.write(work)),
      },
      now: () => at,
      onError: (error) => errors.push(error),
    })
    const stored = () => database.read.selectFrom('share_usage').selectAll().orderBy('project_id').execute()
    usage.count(image, 'a')
    usage.count(image, 'b')
    await usage.flush()
    assert.equal(errors.length, 1)
    assert.deepEqual(await stored(), [])

    fails = false
    usage.count(image, 'a')
    usage.count('an image that is gone', 'a')
    await usage.flush()
    at += 24 * 60 * 60 * 1000
    usage.count(image, 'b')
    await usage.stop()
    const week = Date.parse('2026-02-02T00:00:00Z')
    assert.deepEqual(
      (await stored()).map((row) => ({ ...row })),
      [
        { image_id: image, project_id: 'a', downloads: 2, last_used_week: week },
        { image_id: image, project_id: 'b', downloads: 2, last_used_week: week + 7 * 24 * 60 * 60 * 1000 },
      ],
    )
  })
})
