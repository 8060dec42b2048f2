import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import * as made from '../inspect/handmade.ts'
import { StoreError } from '../storage/port.ts'
import { abandonedTasks } from '../tasks/queries.ts'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'
import { admin, ended, importsFromHere, newImage, octets, producer, show, startWeb } from './testing.ts'

const digest = (bytes: Buffer) => createHash('sha512').update(bytes).digest('hex')
const bytes = randomBytes(700_000)

eachDatabase('imports', ({ newUrl, atEnd }) => {
  const start = async (settings: Parameters<typeof startTestService>[0] = {}): Promise<TestService> => {
    const folder = await mkdtemp(join(tmpdir(), 'vitrine-stores-'))
    const stores = ['one', 'two', 'three'].map((name) => `${name}=file://${folder}/${name}`).join(',')
    const service = await startTestService({ stores, ...importsFromHere, ...settings, database_url: await newUrl() })
    atEnd(async () => {
      await service.close()
      await rm(folder, { recursive: true, force: true })
    })
    return service
  }
  const stage = ({ call }: TestService, id: string, body: Buffer = bytes) =>
    call('PUT', `/v2/images/${id}/stage`, producer, body, octets)
  const begin = (
    { call }: TestService,
    id: string,
    body: object,
    token = producer,
    headers: Record<string, string> = {},
  ) => call('POST', `/v2/images/${id}/import`, token, body, headers)
  const direct = { method: { name: 'glance-direct' } }
  const blobs = ({ service }: TestService) => service.database.read.selectFrom('blobs').selectAll().execute()
  const filesIn = async ({ service }: TestService, name: string): Promise<number> => {
    let count = 0
    for await (const _ of service.stores.byName(name)?.keys() ?? []) count += 1
    return count
  }
  /** Waits until what was given up is gone. */
  const swept = async (service: TestService, left: number) => {
    for (let attempt = 0; attempt < 200; attempt += 1) {
      service.service.sweeper.kick()
      if ((await blobs(service)).length === left) return
      await wait(20)
    }
    assert.equal((await blobs(service)).length, left)
  }
  const download = async ({ call }: TestService, id: string, query = '') =>
    call('GET', `/v2/images/${id}/file${query}`, producer)

  it('by glance-direct keep what was staged, hashed when it came', async () => {
    const service = await start()
    const id = await newImage(service)
    assert.equal((await stage(service, id)).statusCode, 204)
    const staged = await show(service, id)
    assert.equal(staged.status, 'uploading')
    assert.equal(staged.size, bytes.length)
    assert.equal(staged.os_hash_value, null)
    assert.equal(staged.stores, undefined)
    assert.equal((await download(service, id)).statusCode, 204)
    assert.equal((await stage(service, id)).statusCode, 409)
    assert.equal((await begin(service, id, direct)).statusCode, 202)
    const task = await ended(service, id)
    assert.equal(task.status, 'success')
    assert.deepEqual(task.result, { image_id: id })
    const image = await show(service, id)
    assert.equal(image.status, 'active')
    assert.equal(image.os_hash_value, digest(bytes))
    assert.equal(image.stores, 'one')
    assert.equal(image.os_glance_import_task, undefined)
    assert.equal(image.os_glance_importing_to_stores, '')
    assert.equal(image.os_glance_failed_import, '')
    assert.deepEqual((await download(service, id)).rawPayload, bytes)
    await swept(service, 1)
    assert.equal(await filesIn(service, 'one'), 1)
  })

  it('begin only when all bytes are staged: what nobody has looked at never becomes active', async () => {
    const service = await start()
    const hostile = made.qcow2({ backingFile: '/etc/passwd' })
    const id = await newImage(service, { disk_format: 'qcow2' })
    const payload = new PassThrough()
    payload.write(hostile.subarray(0, 1000))
    const headers = { ...octets, 'x-auth-token': producer }
    const staging = service.app.inject({ method: 'PUT', url: `/v2/images/${id}/stage`, headers, payload })
    const answered = staging.then(({ statusCode }) => statusCode)
    while ((await show(service, id)).status !== 'uploading') await wait(5)
    const early = await begin(service, id, direct)
    assert.equal(early.statusCode, 409)
    assert.match(early.json().error.message, /still arriving/)
    payload.end(hostile.subarray(1000))
    assert.equal(await answered, 204)
    assert.equal((await begin(service, id, direct)).statusCode, 202)
    assert.equal((await ended(service, id)).status, 'failure')
    assert.equal((await show(service, id)).status, 'queued')
    await swept(service, 0)
  })

  it('bring the bytes to the stores that are named, or to all', async () => {
    const service = await start()
    const named = await newImage(service)
    await stage(service, named)
    assert.equal((await begin(service, named, { ...direct, stores: ['two', 'three'] })).statusCode, 202)
    await ended(service, named)
    assert.equal((await show(service, named)).stores, 'two,three')
    await swept(service, 2)
    assert.equal(await filesIn(service, 'one'), 0)
    assert.deepEqual((await download(service, named, '?prefer=three,two')).rawPayload, bytes)
    const all = await newImage(service)
    await stage(service, all)
    assert.equal((await begin(service, all, { ...direct, all_stores: true })).statusCode, 202)
    await ended(service, all)
    assert.equal((await show(service, all)).stores, 'one,two,three')
    const header = await newImage(service)
    await stage(service, header)
    const answer = await begin(service, header, direct, producer, { 'x-image-meta-store': 'three' })
    assert.equal(answer.statusCode, 202)
    await ended(service, header)
    assert.equal((await show(service, header)).stores, 'three')
  })

  it('by web-download fetch the bytes, and say in task and image why they could not', async () => {
    const service = await start()
    const web = await startWeb((request, response) => {
      if (request.url === '/missing') response.writeHead(404).end('no')
      else if (request.url === '/short') response.writeHead(200, { 'content-length': '900' }).write('only this')
      else response.end(bytes)
      if (request.url === '/short') setTimeout(() => response.destroy(), 50)
    })
    atEnd(web.close)
    const from = (path: string) => ({ method: { name: 'web-download', uri: `${web.url}${path}` } })
    const id = await newImage(service)
    assert.equal((await begin(service, id, from('/disk.raw'))).statusCode, 202)
    assert.equal((await ended(service, id)).status, 'success')
    const image = await show(service, id)
    assert.equal(image.status, 'active')
    assert.equal(image.os_hash_value, digest(bytes))
    for (const [path, why] of [
      ['/missing', /404/],
      ['/short', /broke off/],
    ] as const) {
      const broken = await newImage(service)
      assert.equal((await begin(service, broken, from(path))).statusCode, 202)
      const task = await ended(service, broken)
      assert.equal(task.status, 'failure')
      assert.match(task.message, why)
      const after = await show(service, broken)
      assert.equal(after.status, 'queued')
      assert.equal(after.size, null)
      assert.equal(after.os_glance_failed_import, 'one')
      assert.equal(after.os_glance_import_task, undefined)
      const { events } = (await service.call('GET', `/v2/images/${broken}/events`, producer)).json()
      assert.ok(events.some((event: { type: string }) => event.type === 'image.import_failed'))
    }
    await swept(service, 1)
  })

  it('look at what they bring, whatever way it comes', async () => {
    const service = await start()
    const hostile = made.qcow2({ backingFile: '/etc/passwd' })
    const web = await startWeb((_request, response) => response.end(hostile))
    atEnd(web.close)
    const staged = await newImage(service, { disk_format: 'qcow2' })
    assert.equal((await stage(service, staged, hostile)).statusCode, 204)
    await begin(service, staged, direct)
    assert.match((await ended(service, staged)).message, /backing file/)
    const fetched = await newImage(service, { disk_format: 'qcow2' })
    await begin(service, fetched, { method: { name: 'web-download', uri: web.url } })
    assert.match((await ended(service, fetched)).message, /backing file/)
    for (const id of [staged, fetched]) assert.equal((await show(service, id)).status, 'queued')
    await swept(service, 0)
  })

  it('by copy-image are for administrators, and verify each copy', async () => {
    const service = await start()
    const id = await newImage(service)
    await service.call('PUT', `/v2/images/${id}/file`, producer, bytes, octets)
    const copy = { method: { name: 'copy-image' }, stores: ['two'] }
    assert.equal((await begin(service, id, copy)).statusCode, 403)
    assert.equal((await begin(service, id, copy, fakeToken('stranger', 'member'))).statusCode, 404)
    assert.equal((await begin(service, id, copy, admin)).statusCode, 202)
    await ended(service, id)
    assert.equal((await show(service, id)).stores, 'one,two')
    assert.equal((await begin(service, id, copy, admin)).statusCode, 400)
    const all = { method: { name: 'copy-image' }, all_stores: true }
    assert.equal((await begin(service, id, all, admin)).statusCode, 202)
    await ended(service, id)
    assert.equal((await show(service, id)).stores, 'one,two,three')
    assert.equal((await begin(service, id, all, admin)).statusCode, 202)
    assert.equal((await show(service, id)).status, 'active')
  })

  it('fail as a whole when a store does, or go on without it', async () => {
    const service = await start()
    const two = service.service.stores.byName('two')
    assert.ok(two)
    Object.assign(two, { write: () => Promise.reject(new StoreError('full', 'no room')) })
    const whole = await newImage(service)
    await stage(service, whole)
    await begin(service, whole, { ...direct, all_stores: true })
    const failure = await ended(service, whole)
    assert.equal(failure.status, 'failure')
    assert.match(failure.message, /no room/)
    const queued = await show(service, whole)
    assert.equal(queued.status, 'queued')
    assert.equal(queued.os_glance_failed_import, 'two')
    assert.equal(queued.stores, undefined)
    await swept(service, 0)

    const partly = await newImage(service)
    await stage(service, partly)
    await begin(service, partly, { ...direct, all_stores: true, all_stores_must_succeed: false })
    assert.equal((await ended(service, partly)).status, 'success')
    const active = await show(service, partly)
    assert.equal(active.status, 'active')
    assert.equal(active.stores, 'one,three')
    assert.equal(active.os_glance_failed_import, 'two')

    const copied = await newImage(service)
    await service.call('PUT', `/v2/images/${copied}/file`, producer, bytes, octets)
    await begin(service, copied, { method: { name: 'copy-image' }, stores: ['three', 'two'] }, admin)
    assert.equal((await ended(service, copied)).status, 'failure')
    const still = await show(service, copied)
    assert.equal(still.status, 'active')
    assert.equal(still.stores, 'one')
    assert.equal(still.os_glance_failed_import, 'two')
    await swept(service, 3)
  })

  /** An image with bytes in store one, and a store that is full or takes copies once it is let. */
  const copying = async (service: TestService, name: string, then: 'full' | 'goes on') => {
    const { promise: arrived, resolve: onArrived } = Promise.withResolvers<void>()
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    const store = service.service.stores.byName(name)
    assert.ok(store)
    const { write } = store
    const gated: typeof write = async (key) => {
      onArrived()
      await gate
      if (then === 'full') throw new StoreError('full', 'no room')
      return write(key)
    }
    Object.assign(store, { write: gated })
    const id = await newImage(service)
    await service.call('PUT', `/v2/images/${id}/file`, producer, bytes, octets)
    return { id, arrived, open }
  }

  it('CVE-2015-5251: never take the last copy of an active image, also when the others are removed meanwhile', async () => {
    const service = await start()
    const { id, arrived, open } = await copying(service, 'three', 'full')
    await begin(service, id, { method: { name: 'copy-image' }, stores: ['two', 'three'] }, admin)
    await arrived
    assert.equal((await service.call('DELETE', `/v2/stores/one/${id}`, admin)).statusCode, 204)
    open()
    assert.equal((await ended(service, id)).status, 'failure')
    assert.equal((await show(service, id)).stores, 'two')
    await swept(service, 1)
    assert.deepEqual((await download(service, id)).rawPayload, bytes)
  })

  it('leave an image deactivated that is deactivated while copies are made', async () => {
    const service = await start()
    const { id, arrived, open } = await copying(service, 'two', 'goes on')
    await begin(service, id, { method: { name: 'copy-image' }, stores: ['two'] }, admin)
    await arrived
    assert.equal((await service.call('POST', `/v2/images/${id}/actions/deactivate`, admin)).statusCode, 204)
    open()
    assert.equal((await ended(service, id)).status, 'success')
    const image = await show(service, id)
    assert.deepEqual([image.status, image.stores], ['deactivated', 'one,two'])
    assert.equal((await download(service, id)).statusCode, 403)
  })

  it('of a project are not held up by those of others that never end', async () => {
    const service = await start()
    const held = Promise.withResolvers<void>()
    let asked = 0
    const web = await startWeb((request, response) => {
      if (request.url === '/quick') return response.end(bytes)
      response.write('slowly')
      asked += 1
      if (asked === 16) held.resolve()
      return response
    })
    atEnd(web.close)
    const importFor = async (project: string, path: string): Promise<string> => {
      const token = fakeToken(project, 'member')
      const attributes = { disk_format: 'raw', container_format: 'bare' }
      const { id } = (await service.call('POST', '/v2/images', token, attributes)).json()
      const method = { name: 'web-download', uri: `${web.url}${path}` }
      assert.equal((await begin(service, id, { method }, token)).statusCode, 202)
      return id
    }
    for (const project of ['a', 'b', 'c', 'd']) {
      for (let count = 0; count < 5; count += 1) await importFor(project, '/slow')
    }
    await held.promise
    assert.equal((await ended(service, await importFor('e', '/quick'))).status, 'success')
    assert.equal(asked, 16)
  })

  it('OSSN-0076: keep of a request what it means, and nothing that only fills the database', async () => {
    const service = await start()
    const id = await newImage(service)
    await stage(service, id)
    const junk = 'x'.repeat(200_000)
    const stores = Array.from({ length: 10_000 }, () => 'one')
    const method = { ...direct.method, glance_service_interface: junk, uri: junk, junk }
    assert.equal((await begin(service, id, { method, junk, stores })).statusCode, 202)
    const { input } = await ended(service, id)
    assert.ok(JSON.stringify(input).length < 1000, JSON.stringify(input).slice(0, 2000))
    assert.deepEqual(input.import_req.stores, ['one'])
  })

  it('tell consumers nothing of how they went wrong: neither of quotas nor of addresses', async () => {
    const service = await start()
    const web = await startWeb((_request, response) => response.writeHead(418).end())
    atEnd(web.close)
    Object.assign(service.service.limits, { project_storage_bytes: 1000 })
    const consumer = fakeToken('consumer', 'member')
    const id = await newImage(service)
    await service.call('POST', `/v2/images/${id}/members`, producer, { member: 'consumer' })
    assert.equal((await service.call('PUT', `/v2/images/${id}/file`, producer, bytes, octets)).statusCode, 413)
    await stage(service, id)
    await begin(service, id, { method: { name: 'web-download', uri: web.url } })
    await ended(service, id)
    const seenBy = async (token: string): Promise<string> =>
      (await service.call('GET', `/v2/images/${id}/events`, token)).body
    assert.match(await seenBy(producer), /upload_failed.*may store 1000 bytes|may store 1000 bytes.*upload_failed/)
    assert.match(await seenBy(producer), /status 418/)
    assert.match(await seenBy(consumer), /member.create/)
    assert.doesNotMatch(await seenBy(consumer), /failed|1000|418/)
    assert.deepEqual((await service.call('GET', `/v2/images/${id}/tasks`, consumer)).json().tasks, [])
  })

  it('of an image that is deleted meanwhile end as failed, with nothing left', async () => {
    const service = await start()
    const { promise: asked, resolve: onAsked } = Promise.withResolvers<void>()
    const web = await startWeb((_request, response) => {
      response.write(bytes)
      onAsked()
    })
    atEnd(web.close)
    const id = await newImage(service)
    await begin(service, id, { method: { name: 'web-download', uri: web.url } })
    const task = (await show(service, id)).os_glance_import_task
    await asked
    assert.equal((await service.call('DELETE', `/v2/images/${id}`, producer)).statusCode, 204)
    for (let attempt = 0; attempt < 200; attempt += 1) {
      const { status } = (await service.call('GET', `/v2/tasks/${task}`, admin)).json()
      if (status === 'failure') break
      await wait(20)
    }
    const { status, message } = (await service.call('GET', `/v2/tasks/${task}`, admin)).json()
    assert.equal(status, 'failure')
    assert.match(message, /deleted/)
    await swept(service, 0)
  })

  it('of processes that died are taken up by the next one', async () => {
    const url = await newUrl()
    const folder = await mkdtemp(join(tmpdir(), 'vitrine-stores-'))
    const settings = { ...importsFromHere, database_url: url, stores: `one=file://${folder}` }
    let answers = false
    const web = await startWeb((_request, response) => {
      if (answers) response.end(bytes)
      else response.write(bytes.subarray(0, 1000))
    })
    atEnd(async () => {
      await web.close()
      await rm(folder, { recursive: true, force: true })
    })
    const first = await startTestService(settings)
    const id = await newImage(first)
    await begin(first, id, { method: { name: 'web-download', uri: web.url } })
    for (;;) {
      const [task] = (await first.call('GET', `/v2/images/${id}/tasks`, admin)).json().tasks
      if (task.status === 'processing') break
      await wait(10)
    }
    await first.close()
    answers = true
    const second = await startTestService(settings)
    atEnd(second.close)
    assert.equal((await ended(second, id)).status, 'success')
    assert.equal((await show(second, id)).os_hash_value, digest(bytes))
    await swept(second, 1)
  })

  it('that a living process lost sight of, when the database failed, are not stuck for ever', async () => {
    const url = await newUrl()
    const folder = await mkdtemp(join(tmpdir(), 'vitrine-stores-'))
    const web = await startWeb((_request, response) => response.end(bytes))
    const settings = { ...importsFromHere, database_url: url, stores: `one=file://${folder}` }
    const service = await startTestService(settings)
    atEnd(async () => {
      await service.close()
      await web.close()
      await rm(folder, { recursive: true, force: true })
    })
    const { tasks, database, presence, now } = service.service
    Object.assign(service.service, { tasks: { ...tasks, begin: () => undefined } })
    const id = await newImage(service)
    assert.equal((await begin(service, id, { method: { name: 'web-download', uri: web.url } })).statusCode, 202)
    const task = await database.read.selectFrom('tasks').selectAll().executeTakeFirstOrThrow()
    assert.equal(task.process_id, presence.processId)
    const isOurs = () => false
    assert.deepEqual(await abandonedTasks(database.read, presence.processId, now(), isOurs), [])
    assert.equal((await abandonedTasks(database.read, presence.processId, now() + 61_000, isOurs)).length, 1)
    await database.write((tx) =>
      tx
        .updateTable('tasks')
        .set({ updated_at: now() - 61_000 })
        .execute(),
    )
    assert.equal((await ended(service, id)).status, 'success')
    assert.equal((await show(service, id)).status, 'active')
  })

  it('that have ended the service too often are given up', async () => {
    const url = await newUrl()
    const folder = await mkdtemp(join(tmpdir(), 'vitrine-stores-'))
    const settings = { ...importsFromHere, database_url: url, stores: `one=file://${folder}` }
    const web = await startWeb((_request, response) => response.write('slowly'))
    atEnd(async () => {
      await web.close()
      await rm(folder, { recursive: true, force: true })
    })
    const first = await startTestService(settings)
    const id = await newImage(first)
    await begin(first, id, { method: { name: 'web-download', uri: web.url } })
    await first.service.database.write((tx) => tx.updateTable('tasks').set({ attempts: 9 }).execute())
    await first.close()
    const second = await startTestService(settings)
    atEnd(second.close)
    assert.match((await ended(second, id)).message, /does not begin it again/)
    assert.equal((await show(second, id)).status, 'queued')
  })

  it('of sealed images are sealed in every store, and open', async () => {
    const service = await start()
    const id = await newImage(service)
    assert.equal((await service.call('PUT', `/v2/images/${id}/encryption`, producer, {})).statusCode, 200)
    await stage(service, id)
    await begin(service, id, { ...direct, stores: ['one', 'two'] })
    assert.equal((await ended(service, id)).status, 'success')
    assert.equal((await show(service, id)).os_hash_value, digest(bytes))
    for (const name of ['one', 'two']) {
      assert.deepEqual((await download(service, id, `?prefer=${name}`)).rawPayload, bytes)
    }
    const again = await newImage(service, { disk_format: 'qcow2' })
    await service.call('PUT', `/v2/images/${again}/encryption`, producer, {})
    await stage(service, again)
    await begin(service, again, direct)
    assert.equal((await ended(service, again)).status, 'failure')
    const qcow2 = made.qcow2()
    assert.equal((await stage(service, again, qcow2)).statusCode, 204)
    await begin(service, again, direct)
    assert.equal((await ended(service, again)).status, 'success')
    assert.deepEqual((await download(service, again)).rawPayload, qcow2)
  })

  it('count against what a project may have', async () => {
    const test = await start()
    const { limits } = test.service
    Object.assign(limits, { project_staged_bytes: 1_000_000, uploads_per_project: 2 })
    const [one, two, three] = await Promise.all([newImage(test), newImage(test), newImage(test)])
    assert.ok(one && two && three)
    const both = await Promise.all([stage(test, one), stage(test, two)])
    assert.deepEqual(both.map(({ statusCode }) => statusCode).sort(), [204, 413])
    assert.match(both.find(({ statusCode }) => statusCode === 413)?.json().error.message, /1000000/)
    Object.assign(limits, { project_staged_bytes: -1, uploads_per_project: 1 })
    const refused = await stage(test, three)
    assert.equal(refused.statusCode, 413)
    assert.match(refused.json().error.message, /at the same time/)
  })
})
