import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { StoreError } from '../storage/port.ts'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'
import { insertBlob } from './blobs.ts'

const producer = fakeToken('producer', 'member')
const admin = fakeToken('operator', 'admin')
const octets = { 'content-type': 'application/octet-stream' }
const digest = (algorithm: string, bytes: Buffer) => createHash(algorithm).update(bytes).digest('hex')

const newImage = async ({ call }: TestService, attributes: object = {}): Promise<string> => {
  const body = { disk_format: 'raw', container_format: 'bare', ...attributes }
  return (await call('POST', '/v2/images', producer, body)).json().id
}

const show = async ({ call }: TestService, id: string) => (await call('GET', `/v2/images/${id}`, admin)).json()

/** An upload over a real connection that sends only what it is told to. */
const openUpload = async ({ app }: TestService, id: string, headers: Record<string, string> = {}) => {
  if (!app.server.listening) await app.listen({ host: '127.0.0.1', port: 0 })
  const address = app.server.address()
  assert.ok(typeof address === 'object' && address !== null)
  const request = httpRequest({
    host: '127.0.0.1',
    port: address.port,
    method: 'PUT',
    path: `/v2/images/${id}/file`,
    headers: { 'x-auth-token': producer, ...octets, ...headers },
  })
  const answer = new Promise<number | undefined>((resolve) => {
    request.once('response', (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    request.once('error', () => resolve(undefined))
  })
  return { request, answer }
}

const until = async (condition: () => Promise<boolean>): Promise<void> => {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (await condition()) return
    await wait(20)
  }
  assert.fail('it did not come to that')
}

eachDatabase('uploads', ({ newUrl, atEnd }) => {
  const start = async (settings: Parameters<typeof startTestService>[0] = {}) => {
    const service = await startTestService({ ...settings, database_url: await newUrl() })
    atEnd(service.close)
    return service
  }
  const blobs = ({ service }: TestService) => service.database.read.selectFrom('blobs').selectAll().execute()
  const filesOf = async ({ service }: TestService): Promise<string[]> => {
    const keys: string[] = []
    for await (const { key } of service.stores.byDefault.keys()) keys.push(key)
    return keys
  }

  it('make the image active with its size and digests, and give the same bytes back', async () => {
    const service = await start()
    const bytes = randomBytes(3_000_001)
    const id = await newImage(service)
    assert.equal((await service.call('GET', `/v2/images/${id}/file`, producer)).statusCode, 204)
    const put = await service.call('PUT', `/v2/images/${id}/file`, producer, bytes, octets)
    assert.equal(put.statusCode, 204)
    const image = await show(service, id)
    assert.equal(image.status, 'active')
    assert.equal(image.size, bytes.length)
    assert.equal(image.virtual_size, bytes.length)
    assert.equal(image.checksum, digest('md5', bytes))
    assert.equal(image.os_hash_algo, 'sha512')
    assert.equal(image.os_hash_value, digest('sha512', bytes))
    assert.equal(image.stores, 'file')
    const whole = await service.call('GET', `/v2/images/${id}/file`, producer)
    assert.equal(whole.statusCode, 200)
    assert.deepEqual(whole.rawPayload, bytes)
    assert.equal(whole.headers['content-md5'], image.checksum)
    const part = await service.call('GET', `/v2/images/${id}/file`, producer, undefined, { range: 'bytes=10-19' })
    assert.equal(part.statusCode, 206)
    assert.deepEqual(part.rawPayload, bytes.subarray(10, 20))
  })

  it('never change the bytes of an image that has some (OSSA-2015-019, OSSN-0065)', async () => {
    const service = await start()
    const id = await newImage(service)
    await service.call('PUT', `/v2/images/${id}/file`, producer, Buffer.from('first'), octets)
    const before = await show(service, id)
    for (const token of [producer, admin]) {
      const again = await service.call('PUT', `/v2/images/${id}/file`, token, Buffer.from('second'), octets)
      assert.equal(again.statusCode, 409)
    }
    await service.call('POST', `/v2/images/${id}/actions/deactivate`, producer)
    const locked = await service.call('PUT', `/v2/images/${id}/file`, admin, Buffer.from('second'), octets)
    assert.equal(locked.statusCode, 409)
    await service.call('POST', `/v2/images/${id}/actions/reactivate`, producer)
    const { updated_at: _before, ...kept } = before
    const { updated_at: _after, ...after } = await show(service, id)
    assert.deepEqual(after, kept)
  })

  it('of two at once, one wins', async () => {
    const service = await start()
    const id = await newImage(service)
    const put = (text: string) => service.call('PUT', `/v2/images/${id}/file`, producer, Buffer.from(text), octets)
    const answers = await Promise.all([put('one'), put('two'), put('six')])
    assert.deepEqual(answers.map(({ statusCode }) => statusCode).sort(), [204, 409, 409])
    assert.equal((await filesOf(service)).length, 1)
  })

  it('that stop at a limit leave a queued image and nothing else (OSSA-2014-028)', async () => {
    const service = await start()
    const { limits } = service.service
    const small = await start({ limits: { ...limits, image_size_bytes: 1000 } })
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      const id = await newImage(small)
      const { request, answer } = await openUpload(small, id, headers)
      request.end(Buffer.alloc(2000))
      assert.equal(await answer, 413)
      const image = await show(small, id)
      assert.deepEqual([image.status, image.size, image.checksum], ['queued', null, null])
    }
    assert.deepEqual(await filesOf(small), [])
    assert.deepEqual(await blobs(small), [])
  })

  it('share the quota of their project, exactly, also at once', async () => {
    const { service } = await start()
    const limited = await start({ limits: { ...service.limits, project_storage_bytes: 10_000 } })
    const ids = await Promise.all(Array.from({ length: 5 }, () => newImage(limited)))
    const codes = await Promise.all(
      ids.map(async (id) => {
        const { request, answer } = await openUpload(limited, id)
        request.end(Buffer.alloc(3000))
        return answer
      }),
    )
    assert.deepEqual(codes.sort(), [204, 204, 204, 413, 413])
    const [kept] = await limited.service.database.read
      .selectFrom('images')
      .select('id')
      .where('status', '=', 'active')
      .execute()
    assert.ok(kept)
    await limited.call('DELETE', `/v2/images/${kept.id}`, producer)
    await until(async () => (await blobs(limited)).length === 2)
    const id = await newImage(limited)
    const put = await limited.call('PUT', `/v2/images/${id}/file`, producer, Buffer.alloc(4000), octets)
    assert.equal(put.statusCode, 204)
  })

  it('whose client breaks off leave a queued image and nothing on disk', async () => {
    const service = await start()
    const id = await newImage(service)
    const { request } = await openUpload(service, id, { 'content-length': '1000000' })
    request.write(Buffer.alloc(300_000))
    await until(async () => (await show(service, id)).status === 'saving')
    request.destroy()
    await until(async () => (await show(service, id)).status === 'queued')
    await until(async () => (await blobs(service)).length === 0)
    assert.deepEqual(await filesOf(service), [])
    const put = await service.call('PUT', `/v2/images/${id}/file`, producer, Buffer.from('again'), octets)
    assert.equal(put.statusCode, 204)
  })

  it('of an image that is deleted meanwhile end with 410 and leave nothing (OSSA-2015-003)', async () => {
    const service = await start()
    const id = await newImage(service)
    const { request, answer } = await openUpload(service, id, { 'content-length': '1000000' })
    request.write(Buffer.alloc(300_000))
    await until(async () => (await show(service, id)).status === 'saving')
    assert.equal((await service.call('DELETE', `/v2/images/${id}`, producer)).statusCode, 204)
    assert.equal(await answer, 410)
    request.destroy()
    assert.deepEqual(await filesOf(service), [])
    assert.deepEqual(await blobs(service), [])
  })

  it('refuse what is not the format that the image declares', async () => {
    const service = await start()
    const id = await newImage(service, { disk_format: 'qcow2' })
    const put = await service.call('PUT', `/v2/images/${id}/file`, producer, Buffer.from('no qcow2'), octets)
    assert.equal(put.statusCode, 415)
    const image = await show(service, id)
    assert.deepEqual([image.status, image.size, image.checksum, image.os_hash_value], ['queued', null, null, null])
    assert.deepEqual(await filesOf(service), [])
  })

  it('are checked before the image is looked at, and then in order', async () => {
    const service = await start()
    const id = await newImage(service, { disk_format: null })
    const stranger = fakeToken('stranger', 'member')
    const put = async (token: string, headers: Record<string, string>, body = Buffer.from('x')) =>
      (await service.call('PUT', `/v2/images/${id}/file`, token, body, headers)).statusCode
    assert.equal(await put(stranger, { 'content-type': 'application/json' }), 415)
    assert.equal(await put(stranger, { ...octets, 'x-openstack-image-size': 'x' }), 400)
    assert.equal(await put(stranger, { ...octets, 'x-image-meta-store': 'nowhere' }), 400)
    assert.equal(await put(stranger, octets), 404)
    assert.equal(await put(fakeToken('producer', 'reader'), octets), 403)
    assert.equal(await put(producer, octets), 400)
    const other = await newImage(service)
    const wrong = { ...octets, 'x-openstack-image-size': '2' }
    assert.equal(
      (await service.call('PUT', `/v2/images/${other}/file`, producer, Buffer.from('x'), wrong)).statusCode,
      400,
    )
    assert.equal((await show(service, other)).status, 'queued')
  })

  it('that cannot be taken back at once are taken back later', async () => {
    const service = await start()
    const store = service.service.stores.byDefault
    const { remove } = store
    const id = await newImage(service, { disk_format: 'qcow2' })
    Object.assign(store, { remove: () => Promise.reject(new StoreError('unavailable', 'gone')) })
    const put = await service.call('PUT', `/v2/images/${id}/file`, producer, Buffer.from('no qcow2'), octets)
    assert.equal(put.statusCode, 415)
    assert.equal((await show(service, id)).status, 'queued')
    assert.equal((await blobs(service)).length, 1)
    Object.assign(store, { remove })
    service.service.sweeper.kick()
    await until(async () => (await blobs(service)).length === 0)

    const { database } = service.service
    await database.write((tx) => tx.updateTable('images').set({ status: 'saving' }).where('id', '=', id).execute())
    await database.write((tx) =>
      insertBlob(tx, {
        key: 'c'.repeat(32),
        store: 'file',
        image_id: id,
        project_id: 'producer',
        state: 'writing',
        reserved_bytes: 0,
        process_id: service.service.presence.processId,
        created_at: 0,
      }),
    )
    service.service.sweeper.kick()
    await until(async () => (await show(service, id)).status === 'queued')
  })

  it('that were given up by another process never become active', async () => {
    const service = await start()
    const id = await newImage(service)
    const { request, answer } = await openUpload(service, id, { 'content-length': '600000' })
    request.write(Buffer.alloc(300_000))
    await until(async () => (await show(service, id)).status === 'saving')
    const { database } = service.service
    await database.write((tx) => tx.updateTable('blobs').set({ state: 'doomed' }).execute())
    await database.write((tx) => tx.updateTable('images').set({ status: 'queued' }).execute())
    request.end(Buffer.alloc(300_000))
    assert.equal(await answer, 503)
    const row = await database.read.selectFrom('images').select(['status', 'locations']).executeTakeFirst()
    assert.deepEqual({ ...row }, { status: 'queued', locations: null })
    service.service.sweeper.kick()
    await until(async () => (await blobs(service)).length === 0)
    assert.deepEqual(await filesOf(service), [])
  })

  it('that end when the database is away for a moment are refused for that moment, and can be sent again', async () => {
    const test = await start()
    const { call, service } = test
    const id = await newImage(test)
    const { write } = service.database
    let wasAway = false
    Object.assign(service.database, {
      write: (work: Parameters<typeof write>[0]) =>
        write(async (tx) => {
          const result = await work(tx)
          const row = await tx.selectFrom('images').select('status').where('id', '=', id).executeTakeFirst()
          if (wasAway || row?.status !== 'active') return result
          wasAway = true
          throw new Error('Connection terminated unexpectedly')
        }),
    })
    assert.equal((await call('PUT', `/v2/images/${id}/file`, producer, Buffer.from('bytes'), octets)).statusCode, 503)
    assert.ok(wasAway)
    assert.equal((await show(test, id)).status, 'queued')
    assert.equal((await call('PUT', `/v2/images/${id}/file`, producer, Buffer.from('bytes'), octets)).statusCode, 204)
  })

  it('whose last word is lost keep the bytes of their image', async () => {
    const service = await start()
    const { database } = service.service
    const id = await newImage(service)
    const { write } = database
    Object.assign(database, {
      write: async (work: Parameters<typeof write>[0]) => {
        const result = await write(work)
        const [row] = await database.read.selectFrom('images').select('status').where('id', '=', id).execute()
        if (row?.status !== 'active') return result
        Object.assign(database, { write })
        throw new Error('the answer to the commit was lost')
      },
    })
    const put = await service.call('PUT', `/v2/images/${id}/file`, producer, Buffer.from('kept'), octets)
    assert.equal(put.statusCode, 204)
    assert.equal((await show(service, id)).status, 'active')
    assert.equal((await service.call('GET', `/v2/images/${id}/file`, producer)).body, 'kept')
  })

  it('under way are left alone by a sweep', async () => {
    const service = await start()
    const id = await newImage(service)
    const { request, answer } = await openUpload(service, id, { 'content-length': '600000' })
    request.write(Buffer.alloc(300_000))
    await until(async () => (await show(service, id)).status === 'saving')
    const { database_url, stores } = service.config
    const other = await startTestService({ database_url, stores })
    atEnd(other.close)
    service.service.sweeper.kick()
    other.service.sweeper.kick()
    await wait(100)
    assert.equal((await show(service, id)).status, 'saving')
    request.end(Buffer.alloc(300_000))
    assert.equal(await answer, 204)
  })

  it('are taken back at the next start when their process died', async () => {
    const url = await newUrl()
    const folder = await mkdtemp(join(tmpdir(), 'vitrine-crashed-'))
    atEnd(() => rm(folder, { recursive: true }))
    const first = await startTestService({ database_url: url, stores: `file=file://${folder}` })
    const id = await newImage(first)
    const gone = await newImage(first)
    await first.service.database.write(async (tx) => {
      for (const [image, key] of [
        [id, 'a'.repeat(32)],
        [gone, 'b'.repeat(32)],
      ] as const) {
        await tx
          .insertInto('blobs')
          .values({
            key,
            store: 'file',
            image_id: image,
            project_id: 'producer',
            state: 'writing',
            reserved_bytes: 5,
            process_id: 'a process that died',
            created_at: 0,
          })
          .execute()
        await writeFile(join(folder, 'incoming', key), 'half')
      }
      await tx.updateTable('images').set({ status: 'saving' }).where('id', '=', id).execute()
      await tx.deleteFrom('images').where('id', '=', gone).execute()
    })
    await first.close()

    const second = await startTestService({ database_url: url, stores: `file=file://${folder}` })
    atEnd(second.close)
    assert.equal((await show(second, id)).status, 'queued')
    assert.deepEqual(await filesOf(second), [])
    assert.deepEqual(await blobs(second), [])
    assert.deepEqual(await readdir(join(folder, 'incoming')), [])
  })
})
