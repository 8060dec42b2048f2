import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { it } from 'node:test'
import { eachDatabase } from '../testing/databases.ts'
import { startTestService } from '../testing/test-service.ts'
import { ended, newImage, octets, producer, show } from './testing.ts'

const bytes = randomBytes(60_000)

eachDatabase('imports from another region', ({ newUrl, atEnd }) => {
  it('bring its bytes, verified, and what it says of its hardware', async () => {
    const there = await startTestService({ database_url: await newUrl() })
    atEnd(there.close)
    await there.app.listen({ host: '127.0.0.1', port: 0 })
    const address = there.app.server.address()
    assert.ok(typeof address === 'object' && address !== null)
    const here = await startTestService({
      database_url: await newUrl(),
      import_methods: 'glance-direct,glance-download',
      regions: `north=http://127.0.0.1:${address.port}/`,
    })
    atEnd(here.close)
    const remote = await newImage(there, {
      hw_disk_bus: 'scsi',
      os_distro: 'debian',
      secret_note: 'ours',
      os_type: 'linux',
    })
    await there.call('PUT', `/v2/images/${remote}/file`, producer, bytes, octets)
    const begin = (id: string, method: object) =>
      here.call('POST', `/v2/images/${id}/import`, producer, { method: { name: 'glance-download', ...method } })

    const id = await newImage(here, { os_type: 'windows' })
    assert.equal((await begin(id, { glance_region: 'north' })).statusCode, 400)
    assert.equal((await begin(id, { glance_region: 'north', glance_image_id: 'no-uuid' })).statusCode, 400)
    assert.equal((await begin(id, { glance_region: 'south', glance_image_id: remote })).statusCode, 400)
    assert.equal((await begin(id, { glance_region: 'north', glance_image_id: remote })).statusCode, 202)
    assert.equal((await ended(here, id)).status, 'success')
    const image = await show(here, id)
    assert.equal(image.status, 'active')
    assert.equal(image.os_hash_value, (await show(there, remote)).os_hash_value)
    assert.deepEqual(
      [image.hw_disk_bus, image.os_distro, image.os_type, image.secret_note],
      ['scsi', 'debian', 'windows', undefined],
    )

    const missing = await newImage(here)
    const other = '00000000-0000-4000-8000-000000000000'
    assert.equal((await begin(missing, { glance_region: 'north', glance_image_id: other })).statusCode, 202)
    assert.match((await ended(here, missing)).message, /404/)
    assert.equal((await show(here, missing)).status, 'queued')
    assert.equal((await here.call('GET', '/v2/tasks', producer)).statusCode, 403)
    const stored = await here.service.database.read.selectFrom('tasks').selectAll().execute()
    assert.ok(!JSON.stringify(stored).includes(JSON.stringify(producer).slice(1, -1)), 'a token was written down')
  })
})
