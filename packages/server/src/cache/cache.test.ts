import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type { CacheDocument } from '@vitrine/contract'
import type { Config } from '../config.ts'
import { admin, newImage, octets, producer } from '../imports/testing.ts'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { type S3Server, startS3Server } from '../testing/s3-server.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'

const stranger = fakeToken('stranger', 'member')
const bytes = randomBytes(700_000)

eachDatabase('the cache', ({ newUrl, atEnd }) => {
  const start = async (settings: Partial<Config> = {}): Promise<TestService> => {
    const service = await startTestService({ ...settings, database_url: settings.database_url ?? (await newUrl()) })
    atEnd(service.close)
    return service
  }
  /** A service whose bytes are in S3. */
  const startRemote = async (settings: Partial<Config> = {}): Promise<{ service: TestService; s3: S3Server }> => {
    const s3 = await startS3Server()
    atEnd(s3.close)
    return { s3, service: await start({ stores: `cloud=${s3.location('x')}`, ...settings }) }
  }
  const uploaded = async (service: TestService, content = bytes): Promise<string> => {
    const id = await newImage(service)
    assert.equal((await service.call('PUT', `/v2/images/${id}/file`, producer, content, octets)).statusCode, 204)
    return id
  }
  const cached = async ({ call }: TestService): Promise<CacheDocument> => (await call('GET', '/v2/cache', admin)).json()
  const read = async ({ call }: TestService, id: string, headers = {}, token = producer) =>
    call('GET', `/v2/images/${id}/file`, token, undefined, headers)
  const until = async (service: TestService, fits: (document: CacheDocument) => boolean): Promise<CacheDocument> => {
    for (let attempt = 0; attempt < 300; attempt += 1) {
      const document = await cached(service)
      if (fits(document)) return document
      await wait(20)
    }
    return assert.fail(`the cache is ${JSON.stringify(await cached(service))}`)
  }
  const status = (answer: Promise<{ statusCode: number }>): Promise<number> =>
    answer.then(({ statusCode }) => statusCode)

  it('keeps what is read from S3, and gives it back the same, ranges included', async () => {
    const { service, s3 } = await startRemote()
    const id = await uploaded(service)
    const first = await read(service, id)
    assert.deepEqual(first.rawPayload, bytes)
    const before = Date.now() / 1000
    await until(service, ({ cached_images: all }) => all.length === 1)
    const calls = s3.calls.length
    const second = await read(service, id)
    assert.deepEqual(second.rawPayload, bytes)
    const { 'x-openstack-request-id': _one, date: _first, ...headers } = first.headers
    const { 'x-openstack-request-id': _other, date: _second, ...headersFromCache } = second.headers
    assert.deepEqual(headersFromCache, headers)
    const part = await read(service, id, { range: 'bytes=1000-1999' })
    assert.equal(part.statusCode, 206)
    assert.deepEqual(part.rawPayload, bytes.subarray(1000, 2000))
    assert.equal(s3.calls.length, calls)
    const { cached_images: all } = await until(service, ({ cached_images: [one] }) => one?.hits === 2)
    const [entry] = all
    assert.deepEqual([entry?.image_id, entry?.size], [id, bytes.length])
    assert.ok(Math.abs((entry?.last_accessed ?? 0) - before) < 60 && (entry?.last_modified ?? 0) > before - 60)
  })

  it('keeps nothing of a part, nor of a read that breaks off', async () => {
    const { service, s3 } = await startRemote()
    const id = await uploaded(service)
    await read(service, id, { range: 'bytes=0-99999' })
    s3.fault = (call) => (call === 'get' ? 'short' : undefined)
    await read(service, id).catch(() => undefined)
    s3.fault = () => undefined
    assert.deepEqual((await cached(service)).cached_images, [])
    assert.deepEqual(await readdir(join(service.config.data, 'cache/incoming')), [])
  })

  it('serves what it has while the store is away', async () => {
    const { service, s3 } = await startRemote()
    const id = await uploaded(service)
    await read(service, id)
    s3.fault = () => 'error'
    assert.deepEqual((await read(service, id)).rawPayload, bytes)
  })

  it('OSSA-2013-027: asks who may read before it looks what is cached', async () => {
    const { service } = await startRemote()
    const { call } = service
    const id = await uploaded(service)
    await read(service, id)
    await until(service, ({ cached_images: all }) => all.length === 1)
    assert.equal(await status(read(service, id, {}, stranger)), 404)
    assert.equal(await status(read(service, id, {}, fakeToken('producer', 'reader'))), 403)
    await call('POST', `/v2/images/${id}/members`, producer, { member: 'stranger' })
    assert.equal(await status(read(service, id, {}, stranger)), 200)
    await call('DELETE', `/v2/images/${id}/members/stranger`, producer)
    assert.equal(await status(read(service, id, {}, stranger)), 404)
    await call('POST', `/v2/images/${id}/actions/deactivate`, admin)
    assert.equal(await status(read(service, id)), 403)
  })

  it('forgets an image that is deleted', async () => {
    const { service } = await startRemote()
    const id = await uploaded(service)
    await read(service, id)
    await until(service, ({ cached_images: all }) => all.length === 1)
    assert.equal(await status(service.call('DELETE', `/v2/images/${id}`, producer)), 204)
    assert.deepEqual((await cached(service)).cached_images, [])
    for (let attempt = 0; attempt < 200; attempt += 1) {
      if ((await readdir(join(service.config.data, 'cache/kept'))).length === 0) return
      await wait(20)
    }
    assert.fail('the copy is still there')
  })

  it('copies on request, also what is on a disk of this machine, and counts its use', async () => {
    const service = await start()
    const { call } = service
    const id = await uploaded(service)
    await read(service, id)
    assert.deepEqual(await cached(service), { cached_images: [], queued_images: [] })
    assert.equal(await status(call('PUT', `/v2/cache/${id}`, admin)), 202)
    await until(service, ({ cached_images: all, queued_images: queued }) => all.length === 1 && queued.length === 0)
    assert.equal(await status(call('PUT', `/v2/cache/${id}`, admin)), 202)
    assert.deepEqual((await cached(service)).queued_images, [])
    assert.deepEqual((await read(service, id)).rawPayload, bytes)
    await until(service, ({ cached_images: [one] }) => one?.hits === 1)
    assert.equal(await status(call('DELETE', `/v2/cache/${id}`, admin)), 204)
    assert.equal(await status(call('DELETE', `/v2/cache/${id}`, admin)), 404)
    assert.deepEqual((await read(service, id)).rawPayload, bytes)
  })

  it('tries again to copy what waits, and knows it after a restart', async () => {
    const data = await mkdtemp(join(tmpdir(), 'vitrine-cache-'))
    atEnd(() => rm(data, { recursive: true, force: true }))
    const s3 = await startS3Server()
    atEnd(s3.close)
    const settings = { data, database_url: await newUrl(), stores: `cloud=${s3.location('x')}` }
    const first = await start(settings)
    const id = await uploaded(first)
    s3.fault = (call) => (call === 'get' ? 'error' : undefined)
    assert.equal(await status(first.call('PUT', `/v2/cache/${id}`, admin)), 202)
    await wait(100)
    assert.deepEqual((await cached(first)).queued_images, [id])
    // What a process that was killed leaves behind.
    await mkdir(join(data, 'cache/incoming'), { recursive: true })
    await writeFile(join(data, 'cache/incoming', `${randomBytes(16).toString('hex')}.abcd`), 'half')
    await first.close()
    s3.fault = () => undefined
    await mkdir(data, { recursive: true })
    const second = await start(settings)
    await until(second, ({ cached_images: all, queued_images: queued }) => all.length === 1 && queued.length === 0)
    assert.deepEqual(await readdir(join(data, 'cache/incoming')), [])
  })

  it('stays within its size: what was used longest ago goes first', async () => {
    const { service } = await startRemote({ cache_size_bytes: 2 * bytes.length + 1000 })
    const ids: string[] = []
    for (let image = 0; image < 3; image += 1) {
      const id = await uploaded(service, randomBytes(bytes.length))
      ids.push(id)
      await read(service, id)
      await until(service, ({ cached_images: all }) => all.some(({ image_id: of }) => of === id))
      // The times of files must differ.
      await wait(15)
      if (image === 1) await read(service, ids[0] ?? '')
      await until(service, ({ cached_images: all }) => image !== 1 || all.some(({ hits }) => hits === 1))
    }
    const left = (await cached(service)).cached_images.map(({ image_id: of }) => of)
    assert.deepEqual(left.toSorted(), [ids[0] ?? '', ids[2] ?? ''].toSorted())
    const large = await uploaded(service, randomBytes(3 * bytes.length))
    assert.equal((await read(service, large)).rawPayload.length, 3 * bytes.length)
    assert.equal((await cached(service)).cached_images.length, 2)
    const pruned = await service.call('POST', '/v2/cache/prune', admin)
    assert.deepEqual(pruned.json(), { total_files_pruned: 0, total_bytes_pruned: 0 })
  })

  it('is cleared, cleaned and pruned', async () => {
    const { service } = await startRemote()
    const { call } = service
    const id = await uploaded(service)
    await read(service, id)
    await until(service, ({ cached_images: all }) => all.length === 1)
    const orphan = join(service.config.data, 'cache/kept', randomBytes(16).toString('hex'))
    await writeFile(orphan, 'of an image that is gone')
    assert.equal((await cached(service)).cached_images.length, 1)
    const cleaned = await call('POST', '/v2/cache/clean', admin)
    assert.deepEqual([cleaned.statusCode, cleaned.body], [200, ''])
    assert.equal((await readdir(join(service.config.data, 'cache/kept'))).length, 1)
    const clear = (target?: string) =>
      status(
        call(
          'DELETE',
          '/v2/cache',
          admin,
          undefined,
          target === undefined ? {} : { 'x-image-cache-clear-target': target },
        ),
      )
    assert.equal(await clear('everything'), 400)
    assert.equal(await clear('queue'), 204)
    assert.equal((await cached(service)).cached_images.length, 1)
    assert.equal(await clear('cache'), 204)
    assert.equal((await cached(service)).cached_images.length, 0)
    assert.equal(await clear(''), 204)
    assert.equal(await clear(), 204)
  })

  it('answers in the order of checks', async () => {
    const service = await start()
    const { call } = service
    const queued = await newImage(service)
    const none = '00000000-0000-4000-8000-000000000000'
    assert.equal(await status(call('PUT', `/v2/cache/${queued}`, admin)), 400)
    assert.equal(await status(call('PUT', `/v2/cache/${none}`, admin)), 404)
    assert.equal(await status(call('DELETE', `/v2/cache/${none}`, admin)), 404)
    assert.equal(await status(call('DELETE', '/v2/cache/..%2F..%2Fetc', admin)), 404)
    assert.equal(await status(call('GET', `/v2/cache/nodes/${none}`, admin)), 404)
    assert.equal(await status(call('GET', `/v2/cache/nodes/${queued}`, admin)), 409)
    assert.equal(await status(call('GET', '/v2/cache', admin, {})), 400)
    const off = await start({ cache_size_bytes: 0 })
    const id = await newImage(off)
    for (const [method, path] of [
      ['GET', '/v2/cache'],
      ['DELETE', '/v2/cache'],
      ['PUT', `/v2/cache/${id}`],
      ['DELETE', `/v2/cache/${id}`],
      ['POST', '/v2/cache/clean'],
      ['POST', '/v2/cache/prune'],
      ['GET', `/v2/cache/nodes/${id}`],
    ] as const) {
      assert.equal(await status(call(method, path)), 401)
      assert.equal(await status(call(method, path, producer)), 403)
      assert.equal(await status(off.call(method, path, producer)), 403)
      assert.equal(await status(off.call(method, path, admin)), 404)
    }
  })
})
