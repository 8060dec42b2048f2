import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { ConfigError } from '../config.ts'
import { admin, ended, newImage, octets, producer, show } from '../imports/testing.ts'
import { openStores } from '../storage/stores.ts'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'

const stranger = fakeToken('stranger', 'member')
const bytes = randomBytes(100_000)

eachDatabase('stores', ({ newUrl, atEnd }) => {
  const start = async (settings: Parameters<typeof startTestService>[0] = {}): Promise<TestService> => {
    const folder = await mkdtemp(join(tmpdir(), 'vitrine-stores-'))
    const stores = `one=file://${folder}/one?description=Fast%20disks,two=file://${folder}/two?weight=5`
    const service = await startTestService({ stores, ...settings, database_url: await newUrl() })
    atEnd(async () => {
      await service.close()
      await rm(folder, { recursive: true, force: true })
    })
    return service
  }
  const inBoth = async (service: TestService): Promise<string> => {
    const id = await newImage(service)
    await service.call('PUT', `/v2/images/${id}/file`, producer, bytes, octets)
    const copy = { method: { name: 'copy-image' }, all_stores: true }
    assert.equal((await service.call('POST', `/v2/images/${id}/import`, admin, copy)).statusCode, 202)
    await ended(service, id)
    return id
  }

  it('are told of, with true as a text and false left out', async () => {
    const { call } = await start()
    assert.deepEqual((await call('GET', '/v2/info/stores', producer)).json(), {
      stores: [{ id: 'one', description: 'Fast disks', default: 'true' }, { id: 'two' }],
    })
    assert.equal((await call('GET', '/v2/info/stores/detail', producer)).statusCode, 403)
    const [one, two] = (await call('GET', '/v2/info/stores/detail', admin)).json().stores
    assert.equal(one.type, 'file')
    assert.match(one.properties.data_dir, /one$/)
    assert.equal(two.weight, 5)
    const { value } = (await call('GET', '/v2/info/import', producer)).json()['import-methods']
    assert.deepEqual(value, ['glance-direct', 'web-download', 'copy-image'])
    assert.equal((await call('GET', '/v2/info/stores', producer, {})).statusCode, 400)
    assert.equal((await call('PUT', '/v2/info/stores', producer)).headers.allow, 'GET')
  })

  it('give up one copy of an image, and never the last', async () => {
    const service = await start()
    const { call } = service
    const id = await inBoth(service)
    const remove = (store: string, token = admin, image = id) =>
      call('DELETE', `/v2/stores/${store}/${image}`, token).then(({ statusCode }) => statusCode)
    assert.equal(await remove('three'), 409)
    assert.equal(await remove('one', stranger), 404)
    assert.equal(await remove('one', producer), 403)
    assert.equal(await remove('one', admin, 'no-image'), 404)
    assert.equal(await remove('one'), 204)
    assert.equal(await remove('one'), 404)
    assert.equal(await remove('two'), 403)
    assert.equal((await show(service, id)).stores, 'two')
    assert.deepEqual((await call('GET', `/v2/images/${id}/file`, producer)).rawPayload, bytes)
    assert.equal(await remove('one', admin, await newImage(service)), 409)
  })

  it('stand in for each other when one has lost its copy', async () => {
    const service = await start()
    const id = await inBoth(service)
    const rows = await service.service.database.read.selectFrom('blobs').select(['key', 'store']).execute()
    const key = rows.find(({ store }) => store === 'two')?.key ?? ''
    await service.service.stores.byName('two')?.remove(key)
    assert.deepEqual((await service.call('GET', `/v2/images/${id}/file?prefer=two`, producer)).rawPayload, bytes)
  })

  it('tell what a project uses of what it may have', async () => {
    const service = await start()
    const { call } = service
    Object.assign(service.service.limits, {
      project_storage_bytes: 10 * 1024 ** 2,
      project_staged_bytes: 5 * 1024 ** 2,
      images_per_project: 7,
      uploads_per_project: 3,
    })
    const active = await newImage(service)
    await call('PUT', `/v2/images/${active}/file`, producer, bytes, octets)
    const staged = await newImage(service)
    await call('PUT', `/v2/images/${staged}/stage`, producer, randomBytes(2 * 1024 ** 2), octets)
    assert.deepEqual((await call('GET', '/v2/info/usage', producer)).json(), {
      usage: {
        image_size_total: { usage: 3, limit: 10 },
        image_stage_total: { usage: 2, limit: 5 },
        image_count_total: { usage: 2, limit: 7 },
        image_count_uploading: { usage: 1, limit: 3 },
      },
    })
    Object.assign(service.service.limits, { images_per_project: -1, uploads_per_project: -1 })
    const { usage } = (await call('GET', '/v2/info/usage', stranger)).json()
    assert.deepEqual(Object.keys(usage), ['image_size_total', 'image_stage_total'])
  })
})

it('settings of stores that cannot be used are named', async () => {
  for (const [setting, why] of [
    ['one=nfs://host/dir', /file:\/\/\/dir/],
    ['os_glance_tasks=file:///tmp/x', /reserved/],
    ['one=file:///tmp/vitrine-x?weight=heavy', /whole number/],
    ['=file:///tmp/x', /cannot be the name/],
  ] as const) {
    await assert.rejects(openStores(setting), (error) => error instanceof ConfigError && why.test(error.message))
  }
})
