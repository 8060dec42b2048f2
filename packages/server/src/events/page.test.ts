import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Tx } from '../database/database.ts'
import { dispatch } from '../notices/dispatch.ts'
import { eachDatabase } from '../testing/databases.ts'
import { startTestService } from '../testing/test-service.ts'
import { projectEvents } from './activity.ts'
import { recordEvent } from './events.ts'

eachDatabase('a page of activity', ({ newUrl, open, atEnd }) => {
  it('telling racing reading: an event that is told of just now is on the page, once', async () => {
    const { config, close } = await startTestService({ database_url: await newUrl() })
    atEnd(close)
    const database = await open()
    const record = (imageId: string) =>
      database.write((tx: Tx) => {
        const cause = { projectId: 'producer', userId: 'u', requestId: null, at: 1 }
        return recordEvent(tx, cause, { type: 'image.create', imageId, ownerId: 'producer' })
      })
    const tell = () => dispatch(database, { limits: config.limits, newListings: true }, 1)
    const first = await record('one')
    await tell()
    const second = await record('two')
    let isTold = false
    const reader = database.read.withPlugin({
      transformQuery: ({ node }) => node,
      transformResult: async ({ result }) => {
        if (!isTold) {
          isTold = true
          await tell()
        }
        return result
      },
    })
    const rows = await projectEvents(reader, 'producer', { limit: 25, before: undefined })
    assert.deepEqual(
      rows.map(({ id }) => id),
      [second, first],
    )
  })
})
