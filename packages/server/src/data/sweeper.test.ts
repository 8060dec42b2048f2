import assert from 'node:assert/strict'
import { it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { newImage, octets, producer } from '../imports/testing.ts'
import { eachDatabase } from '../testing/databases.ts'
import { startTestService } from '../testing/test-service.ts'
import { insertBlob, newBlobKey } from './blobs.ts'

eachDatabase('what is swept', ({ newUrl, atEnd }) => {
  it('OSSA-2015-003: goes, and is given back to the project, also when a store that is gone has thousands', async () => {
    const started = await startTestService({ database_url: await newUrl() })
    atEnd(started.close)
    const { call } = started
    const { database, presence, sweeper } = started.service
    const id = await newImage(started)
    await database.write(async (tx) => {
      for (let count = 0; count < 2100; count += 1) {
        await insertBlob(tx, {
          // Before those of others, whichever order is taken.
          key: `00000000${newBlobKey().slice(8)}`,
          store: 'gone',
          image_id: id,
          project_id: 'another',
          state: 'doomed',
          reserved_bytes: 1,
          process_id: presence.processId,
          created_at: 0,
        })
      }
    })
    await call('PUT', `/v2/images/${id}/file`, producer, Buffer.from('bytes'), octets)
    const own = () => database.read.selectFrom('blobs').select('key').where('project_id', '=', 'producer').execute()
    assert.equal((await own()).length, 1)
    assert.equal((await call('DELETE', `/v2/images/${id}`, producer)).statusCode, 204)
    for (let attempt = 0; attempt < 150 && (await own()).length > 0; attempt += 1) {
      sweeper.kick()
      await wait(20)
    }
    assert.equal((await own()).length, 0)
  })
})
