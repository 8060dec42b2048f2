import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { it } from 'node:test'
import { eachDatabase } from '../testing/databases.ts'
import { startTestService } from '../testing/test-service.ts'
import { ended, newImage, octets, producer, show, startWeb } from './testing.ts'

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

    const otherwise = await newImage(here)
    const expected = { os_hash_algo: 'sha256', os_hash_value: 'a'.repeat(64) }
    const stated = { method: { name: 'glance-download', glance_region: 'north', glance_image_id: remote }, expected }
    assert.equal((await here.call('POST', `/v2/images/${otherwise}/import`, producer, stated)).statusCode, 202)
    assert.match((await ended(here, otherwise)).message, /not those that were expected: their sha256/)

    const missing = await newImage(here)
    const other = '00000000-0000-4000-8000-000000000000'
    assert.equal((await begin(missing, { glance_region: 'north', glance_image_id: other })).statusCode, 202)
    assert.match((await ended(here, missing)).message, /404/)
    assert.equal((await show(here, missing)).status, 'queued')
    assert.equal((await here.call('GET', '/v2/tasks', producer)).statusCode, 403)
    const stored = await here.service.database.read.selectFrom('tasks').selectAll().execute()
    assert.ok(!JSON.stringify(stored).includes(JSON.stringify(producer).slice(1, -1)), 'a token was written down')
  })

  it('OSSA-2026-004: lead nowhere but to the region itself, not even to another port of its machine', async () => {
    const inside = await startWeb((_request, response) => response.end(bytes))
    const region = await startWeb((request, response) => {
      const path = request.url ?? ''
      if (path.startsWith('/moved')) response.writeHead(200, { 'content-type': 'application/json' })
      const document = { status: 'active', disk_format: 'raw', container_format: 'bare' }
      if (path.includes('0001/file')) response.writeHead(302, { location: inside.url }).end()
      else if (path.endsWith('0002')) response.writeHead(302, { location: `${inside.url}/image` }).end()
      else if (path.includes('0003'))
        response.writeHead(302, { location: path.replace('/v2/', '/moved/').replace('0003', '0004') }).end()
      else response.end(path.endsWith('/file') ? bytes : JSON.stringify(document))
    })
    atEnd(inside.close)
    atEnd(region.close)
    const here = await startTestService({
      database_url: await newUrl(),
      import_methods: 'glance-download',
      regions: `north=${region.url}`,
    })
    atEnd(here.close)
    for (const [digit, status] of [
      [1, 'failure'],
      [2, 'failure'],
      [3, 'success'],
    ] as const) {
      const id = await newImage(here)
      const method = {
        name: 'glance-download',
        glance_region: 'north',
        glance_image_id: `00000000-0000-4000-8000-00000000000${digit}`,
      }
      assert.equal((await here.call('POST', `/v2/images/${id}/import`, producer, { method })).statusCode, 202)
      const task = await ended(here, id)
      assert.equal(task.status, status, task.message)
      if (status === 'failure') assert.match(task.message, /leads on to one that may not be called: the port/)
    }
  })

  it('take over no more properties than an image can have here', async () => {
    const document = {
      status: 'active',
      disk_format: 'raw',
      container_format: 'bare',
      hw_number: 7,
      hw_astral: '\u{1f600}',
      hw_zero: 'a\0b',
      hw_long: 'x'.repeat(70_000),
      __proto__: { hw_inherited: 'x' },
      hw_fits: 'yes',
      ...Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`hw_${index}`, 'x'])),
    }
    const region = await startWeb((request, response) => {
      response.end(request.url?.endsWith('/file') ? bytes : JSON.stringify(document))
    })
    atEnd(region.close)
    const config = { database_url: await newUrl(), import_methods: 'glance-download', regions: `north=${region.url}` }
    const here = await startTestService(config)
    atEnd(here.close)
    const id = await newImage(here, { own: 'value' })
    const method = {
      name: 'glance-download',
      glance_region: 'north',
      glance_image_id: '00000000-0000-4000-8000-000000000001',
    }
    assert.equal((await here.call('POST', `/v2/images/${id}/import`, producer, { method })).statusCode, 202)
    assert.equal((await ended(here, id)).status, 'success')
    const image = await show(here, id)
    assert.equal(image.hw_fits, 'yes')
    const taken = Object.keys(image).filter((key) => key.startsWith('hw_'))
    assert.equal(taken.length, here.config.limits.properties_per_image - 1)
    for (const name of ['hw_number', 'hw_astral', 'hw_zero', 'hw_long', 'hw_inherited'])
      assert.ok(!taken.includes(name))
  })
})
