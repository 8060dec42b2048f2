import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { it } from 'node:test'
import fc from 'fast-check'
import { eachDatabase, type TestDatabases } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService } from '../testing/test-service.ts'
import { fileStore, type StoreKind, s3Store } from './test-stores.ts'
import {
  begin,
  blobsOf,
  digestOf,
  filesOf,
  newImage,
  offsetOf,
  openPart,
  partHeaders,
  producer,
  sendPart,
  show,
  tus,
  until,
} from './testing.ts'

const admin = fakeToken('operator', 'admin')
const hourMs = 3_600_000

const uploadsTo = (kind: StoreKind, { newUrl, atEnd }: TestDatabases): void => {
  const start = async (settings: Parameters<typeof startTestService>[0] = {}, now?: () => number) => {
    const database_url = settings.database_url ?? (await newUrl())
    const stores = settings.stores ?? (await kind.newPlace(atEnd)).stores
    const service = await startTestService({ ...settings, database_url, stores }, now)
    atEnd(service.close)
    return service
  }

  it('come in parts and make the image active with the digests of the whole', async () => {
    const service = await start()
    const bytes = randomBytes(700_001)
    const id = await newImage(service)
    const path = await begin(service, id, bytes.length)
    assert.equal((await show(service, id)).status, 'saving')
    for (const [from, to] of [
      [0, 100_000],
      [100_000, 100_000],
      [100_000, 500_000],
      [500_000, bytes.length],
    ] as const) {
      assert.equal(await offsetOf(service, path), from)
      const part = await sendPart(service, path, from, bytes.subarray(from, to))
      assert.equal(part.statusCode, 204, part.body)
      assert.equal(part.headers['upload-offset'], String(to))
    }
    const image = await show(service, id)
    assert.equal(image.status, 'active')
    assert.equal(image.size, bytes.length)
    assert.equal(image.virtual_size, bytes.length)
    assert.equal(image.checksum, digestOf('md5', bytes))
    assert.equal(image.os_hash_value, digestOf('sha512', bytes))
    const whole = await service.call('GET', `/v2/images/${id}/file`, producer)
    assert.ok(whole.rawPayload.equals(bytes))
    assert.equal(await offsetOf(service, path), bytes.length)
    const events = (await service.call('GET', `/v2/images/${id}/events`, producer)).json().events
    assert.deepEqual(
      events.map(({ type }: { type: string }) => type),
      ['image.upload', 'image.create'],
    )
  })

  it('may come in one part, with the request that begins them, or be empty', async () => {
    const service = await start()
    const bytes = randomBytes(300_000)
    const one = await newImage(service)
    const path = await begin(service, one, bytes.length)
    assert.equal((await sendPart(service, path, 0, bytes)).statusCode, 204)
    assert.equal((await show(service, one)).os_hash_value, digestOf('sha512', bytes))

    const other = await newImage(service)
    const headers = { ...partHeaders, 'upload-length': String(bytes.length) }
    const made = await service.call('POST', `/v2/images/${other}/uploads`, producer, bytes, headers)
    assert.equal(made.statusCode, 201)
    assert.equal(made.headers['upload-offset'], String(bytes.length))
    assert.equal((await show(service, other)).os_hash_value, digestOf('sha512', bytes))

    const empty = await newImage(service)
    await begin(service, empty, 0)
    const image = await show(service, empty)
    assert.deepEqual([image.status, image.size], ['active', 0])
  })

  it('go on where a connection broke off, wherever that was', async () => {
    const service = await start()
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 400_000 }),
        fc.array(fc.tuple(fc.nat(150_000), fc.boolean()), { maxLength: 6 }),
        async (sizeBytes, cuts) => {
          const bytes = randomBytes(sizeBytes)
          const id = await newImage(service)
          const path = await begin(service, id, sizeBytes)
          let offset = 0
          for (const [length, breaks] of cuts) {
            const piece = bytes.subarray(offset, Math.min(offset + length, sizeBytes - 1))
            if (breaks) {
              const part = await openPart(service, path, offset, sizeBytes - offset)
              await part.send(piece)
              part.request.destroy()
            } else await sendPart(service, path, offset, piece)
            const stands = await offsetOf(service, path)
            assert.ok(stands >= offset && stands <= offset + piece.length)
            offset = stands
          }
          // A request that was broken off may be looked at late, and then take the place of this one.
          await until(async () => {
            offset = await offsetOf(service, path)
            return (await sendPart(service, path, offset, bytes.subarray(offset))).statusCode === 204
          })
          const image = await show(service, id)
          assert.deepEqual([image.status, image.os_hash_value], ['active', digestOf('sha512', bytes)])
        },
      ),
      { numRuns: 12 },
    )
  })

  it('leave a request that hangs to a newer one, at once', async () => {
    const service = await start()
    const bytes = randomBytes(400_000)
    const id = await newImage(service)
    const path = await begin(service, id, bytes.length)
    const old = await openPart(service, path, 0, bytes.length)
    await old.send(bytes.subarray(0, 200_000))
    await until(async () => (await filesOf(service)).length === 1)
    const startedAt = performance.now()
    const offset = await offsetOf(service, path)
    assert.equal(await old.answer, 423)
    assert.ok(offset <= 200_000)
    assert.equal((await sendPart(service, path, offset, bytes.subarray(offset))).statusCode, 204)
    assert.ok(performance.now() - startedAt < 5_000)
    old.request.destroy()
    assert.equal((await show(service, id)).os_hash_value, digestOf('sha512', bytes))
  })

  it('of two parts at once, take one', async () => {
    const service = await start()
    const bytes = randomBytes(400_000)
    const id = await newImage(service)
    const path = await begin(service, id, bytes.length)
    const answers = await Promise.all([1, 2, 3].map(() => sendPart(service, path, 0, bytes)))
    const codes = answers.map(({ statusCode }) => statusCode)
    assert.ok(codes.includes(204) || (await offsetOf(service, path)) < bytes.length, codes.join())
    assert.ok(
      codes.every((code) => [204, 409, 423].includes(code)),
      codes.join(),
    )
    const offset = await offsetOf(service, path)
    if (offset < bytes.length) await sendPart(service, path, offset, bytes.subarray(offset))
    assert.equal((await show(service, id)).os_hash_value, digestOf('sha512', bytes))
  })

  it('go on after a crash from what was noted, whatever else reached the disk', async () => {
    const place = await kind.newPlace(atEnd)
    const shared = { database_url: await newUrl(), stores: place.stores }
    const first = await start(shared)
    const bytes = randomBytes(500_000)
    const id = await newImage(first)
    const path = await begin(first, id, bytes.length)
    await sendPart(first, path, 0, bytes.subarray(0, 200_000))
    const [blob] = await blobsOf(first)
    await first.close()
    assert.ok(blob)
    // As a process leaves it that is killed in the midst of a part.
    await place.spoil(blob.key)
    const second = await start(shared)
    await second.service.database.write((tx) =>
      tx.updateTable('uploads').set({ process_id: 'a process that is gone', unsettled: 1 }).execute(),
    )
    assert.equal((await show(second, id)).status, 'saving')
    assert.equal(await offsetOf(second, path), 200_000)
    assert.equal((await sendPart(second, path, 200_000, bytes.subarray(200_000))).statusCode, 204)
    assert.equal((await show(second, id)).os_hash_value, digestOf('sha512', bytes))
    const whole = await second.call('GET', `/v2/images/${id}/file`, producer)
    assert.ok(whole.rawPayload.equals(bytes))
  })

  it('are stopped and gone on with when the service stops and starts', async () => {
    const place = await kind.newPlace(atEnd)
    const shared = { database_url: await newUrl(), stores: place.stores }
    const first = await start(shared)
    const bytes = randomBytes(kind.manyBytes + 200_000)
    const id = await newImage(first)
    const path = await begin(first, id, bytes.length)
    const part = await openPart(first, path, 0, bytes.length)
    await part.send(bytes.subarray(0, kind.manyBytes))
    await until(async () => [...(await place.contents()).values()].some(({ length }) => length > 0))
    const closing = first.close()
    assert.equal(await part.answer, 503)
    part.request.destroy()
    await closing
    const second = await start(shared)
    const offset = await offsetOf(second, path)
    assert.ok(offset > 0 && offset <= kind.manyBytes, String(offset))
    assert.equal((await sendPart(second, path, offset, bytes.subarray(offset))).statusCode, 204)
    assert.equal((await show(second, id)).os_hash_value, digestOf('sha512', bytes))
  })

  it('change from one process to another, the newer request first', async () => {
    const place = await kind.newPlace(atEnd)
    const shared = { database_url: await newUrl(), stores: place.stores }
    const [one, other] = [await start(shared), await start(shared)]
    const bytes = randomBytes(500_000)
    const id = await newImage(one)
    const path = await begin(one, id, bytes.length)
    const part = await openPart(one, path, 0, bytes.length)
    await part.send(bytes.subarray(0, 300_000))
    await until(async () => (await filesOf(one)).length === 1)
    const offset = await offsetOf(other, path)
    assert.equal(await part.answer, 423)
    part.request.destroy()
    assert.equal((await sendPart(other, path, offset, bytes.subarray(offset))).statusCode, 204)
    assert.equal((await show(one, id)).os_hash_value, digestOf('sha512', bytes))
  })

  it('keep the image from any other way in, until they are called off', async () => {
    const service = await start()
    const id = await newImage(service)
    const path = await begin(service, id, 1000)
    await sendPart(service, path, 0, Buffer.alloc(500))
    const octets = { 'content-type': 'application/octet-stream' }
    const put = await service.call('PUT', `/v2/images/${id}/file`, producer, Buffer.from('x'), octets)
    assert.equal(put.statusCode, 409)
    const again = await service.call('POST', `/v2/images/${id}/uploads`, producer, undefined, {
      ...tus,
      'upload-length': '1',
    })
    assert.equal(again.statusCode, 409)
    assert.equal((await service.call('DELETE', path, producer, undefined, tus)).statusCode, 204)
    assert.equal((await show(service, id)).status, 'queued')
    assert.deepEqual([await filesOf(service), await blobsOf(service)], [[], []])
    assert.equal((await service.call('HEAD', path, producer, undefined, tus)).statusCode, 410)
    assert.equal((await sendPart(service, path, 500, Buffer.alloc(500))).statusCode, 410)
    assert.equal(
      (await service.call('PUT', `/v2/images/${id}/file`, producer, Buffer.from('x'), octets)).statusCode,
      204,
    )
    assert.equal((await show(service, id)).status, 'active')
  })

  it('end with their image, under way or not, and leave nothing (OSSA-2015-003)', async () => {
    const service = await start()
    const waiting = await newImage(service)
    const waitingPath = await begin(service, waiting, 1000)
    await sendPart(service, waitingPath, 0, Buffer.alloc(500))
    const running = await newImage(service)
    const runningPath = await begin(service, running, 1_000_000)
    const part = await openPart(service, runningPath, 0, 1_000_000)
    await part.send(Buffer.alloc(300_000))
    await until(async () => (await filesOf(service)).length === 2)
    for (const id of [waiting, running])
      assert.equal((await service.call('DELETE', `/v2/images/${id}`, producer)).statusCode, 204)
    assert.equal(await part.answer, 410)
    part.request.destroy()
    for (const path of [waitingPath, runningPath])
      assert.equal((await service.call('HEAD', path, producer, undefined, tus)).statusCode, 404)
    await until(async () => (await blobsOf(service)).length === 0)
    assert.deepEqual(await filesOf(service), [])
  })

  it('are given up when nothing comes for too long, and forgotten later', async () => {
    let nowMs = Date.now()
    const service = await start({}, () => nowMs)
    const id = await newImage(service)
    const path = await begin(service, id, 1000)
    nowMs += 23 * hourMs
    await sendPart(service, path, 0, Buffer.alloc(500))
    nowMs += 23 * hourMs
    service.service.sweeper.kick()
    assert.equal(await offsetOf(service, path), 500)
    nowMs += 2 * hourMs
    service.service.sweeper.kick()
    await until(async () => (await show(service, id)).status === 'queued')
    await until(async () => (await blobsOf(service)).length === 0)
    assert.deepEqual(await filesOf(service), [])
    assert.equal((await service.call('HEAD', path, producer, undefined, tus)).statusCode, 410)
    const told = (await service.call('GET', path, producer)).json()
    assert.equal(told.state, 'failed')
    assert.match(told.message, /given up/)
    nowMs += 25 * hourMs
    service.service.sweeper.kick()
    await until(async () => (await service.call('GET', path, producer)).statusCode === 404)
  })

  it('refuse what is not the format, at its beginning or at the end, with the cause', async () => {
    const service = await start()
    const early = await newImage(service, { disk_format: 'qcow2' })
    const earlyPath = await begin(service, early, 10_000_000)
    const bytes = randomBytes(3_000_000)
    const first = await sendPart(service, earlyPath, 0, bytes)
    assert.equal(first.statusCode, 415)
    // Only its last bytes tell a fixed vhd.
    const late = await newImage(service, { disk_format: 'vhd' })
    const latePath = await begin(service, late, 1_000_000)
    assert.equal((await sendPart(service, latePath, 0, bytes.subarray(0, 500_000))).statusCode, 204)
    const last = await sendPart(service, latePath, 500_000, bytes.subarray(500_000, 1_000_000))
    assert.equal(last.statusCode, 415)
    for (const [id, path] of [
      [early, earlyPath],
      [late, latePath],
    ] as const) {
      const image = await show(service, id)
      assert.deepEqual([image.status, image.size, image.checksum], ['queued', null, null])
      assert.equal((await service.call('HEAD', path, producer, undefined, tus)).statusCode, 415)
      assert.match((await sendPart(service, path, 0, bytes)).json().error.message, /do not match the disk_format/)
      const [event] = (await service.call('GET', `/v2/images/${id}/events`, producer)).json().events
      assert.equal(event.type, 'image.upload_failed')
      assert.equal(event.detail.reason, 'content_mismatch')
    }
    assert.deepEqual([await filesOf(service), await blobsOf(service)], [[], []])
  })

  it('keep nothing of a part whose checksum is another', async () => {
    const service = await start()
    const bytes = randomBytes(300_000)
    const id = await newImage(service)
    const path = await begin(service, id, bytes.length)
    const checksum = (algorithm: string, of: Buffer) => ({
      'upload-checksum': `${algorithm} ${createHash(algorithm).update(of).digest('base64')}`,
    })
    const piece = bytes.subarray(0, 100_000)
    const wrong = await sendPart(service, path, 0, piece, checksum('sha1', bytes))
    assert.equal(wrong.statusCode, 460)
    assert.equal(await offsetOf(service, path), 0)
    let offset = 0
    for (const algorithm of ['sha1', 'sha256', 'md5', 'sha512']) {
      const next = bytes.subarray(offset, algorithm === 'sha512' ? bytes.length : offset + 70_000)
      const right = await sendPart(service, path, offset, next, checksum(algorithm, next))
      assert.equal(right.statusCode, 204, right.body)
      offset += next.length
    }
    assert.equal((await show(service, id)).os_hash_value, digestOf('sha512', bytes))
    const broken = await newImage(service)
    const brokenPath = await begin(service, broken, bytes.length)
    const part = await openPart(service, brokenPath, 0, bytes.length, checksum('sha1', bytes))
    await part.send(piece)
    part.request.destroy()
    assert.equal(await offsetOf(service, brokenPath), 0)
    for (const value of ['crc32 AAAA', 'sha1', 'sha1 *', 'sha1 AAAA AAAA']) {
      const odd = await sendPart(service, brokenPath, 0, piece, { 'upload-checksum': value })
      assert.equal(odd.statusCode, 400, value)
    }
  })

  it('are refused when the whole is not what was stated when they began', async () => {
    const service = await start()
    const bytes = randomBytes(100_000)
    const post = async (id: string, digest: Buffer) => {
      const headers = {
        ...tus,
        'upload-length': String(bytes.length),
        'repr-digest': `sha-256=:${digest.toString('base64')}:`,
      }
      const made = await service.call('POST', `/v2/images/${id}/uploads`, producer, undefined, headers)
      assert.equal(made.statusCode, 201, made.body)
      return new URL(String(made.headers.location)).pathname
    }
    const id = await newImage(service)
    const wrong = await post(id, randomBytes(32))
    assert.equal((await sendPart(service, wrong, 0, bytes.subarray(0, 50_000))).statusCode, 204)
    const last = await sendPart(service, wrong, 50_000, bytes.subarray(50_000))
    assert.equal(last.statusCode, 400, last.body)
    assert.equal((await show(service, id)).status, 'queued')
    const right = await post(id, createHash('sha256').update(bytes).digest())
    assert.equal((await sendPart(service, right, 0, bytes)).statusCode, 204)
    assert.equal((await show(service, id)).status, 'active')
  })

  it('set their bytes aside at the beginning, and give them back', async () => {
    const { service: usual } = await start()
    const service = await start({
      limits: { ...usual.limits, project_storage_bytes: 10_000, image_size_bytes: 9_000 },
    })
    const post = async (sizeBytes: number) => {
      const id = await newImage(service)
      const headers = { ...tus, 'upload-length': String(sizeBytes) }
      return service.call('POST', `/v2/images/${id}/uploads`, producer, undefined, headers)
    }
    assert.equal((await post(9_001)).statusCode, 413)
    const answers = await Promise.all([post(4_000), post(4_000), post(4_000)])
    assert.deepEqual(answers.map(({ statusCode }) => statusCode).sort(), [201, 201, 413])
    const made = answers.find(({ statusCode }) => statusCode === 201)
    const path = new URL(String(made?.headers.location)).pathname
    assert.equal((await service.call('DELETE', path, producer, undefined, tus)).statusCode, 204)
    assert.equal((await post(6_000)).statusCode, 201)
  })

  it('take no more than was announced', async () => {
    const service = await start()
    const id = await newImage(service)
    const path = await begin(service, id, 100)
    assert.equal((await sendPart(service, path, 0, Buffer.alloc(101))).statusCode, 413)
    const chunked = await sendPart(service, path, 0, Buffer.alloc(500_000), { 'transfer-encoding': 'chunked' })
    assert.ok([400, 413].includes(chunked.statusCode))
    assert.equal((await show(service, id)).status, 'saving')
    assert.equal((await sendPart(service, path, 50, Buffer.alloc(10))).statusCode, 409)
    assert.equal(await offsetOf(service, path), 0)
    assert.equal((await sendPart(service, path, 0, Buffer.alloc(100))).statusCode, 204)
  })

  it('are for whoever may change the image, and checked in order', async () => {
    const service = await start()
    const id = await newImage(service)
    const stranger = fakeToken('stranger', 'member')
    const reader = fakeToken('producer', 'reader')
    const length = { ...tus, 'upload-length': '100' }
    const post = async (token: string, headers: Record<string, string>, image = id) =>
      (await service.call('POST', `/v2/images/${image}/uploads`, token, undefined, headers)).statusCode
    assert.equal(await post(stranger, {}), 412)
    assert.equal(await post(stranger, { 'tus-resumable': '0.2.2' }), 412)
    assert.equal(await post(stranger, tus), 400)
    assert.equal(await post(stranger, { ...length, 'upload-metadata': 'name ***' }), 400)
    assert.equal(await post(stranger, { ...length, 'x-image-meta-store': 'nowhere' }), 400)
    assert.equal(await post(stranger, length), 404)
    assert.equal(await post(reader, length), 403)
    const bare = await newImage(service, { disk_format: null })
    assert.equal(await post(producer, length, bare), 400)
    const path = await begin(service, id, 100)
    const other = await newImage(service)
    const elsewhere = path.replace(id, other)
    for (const [method, token, where, expected] of [
      ['HEAD', stranger, path, 404],
      ['HEAD', reader, path, 403],
      ['HEAD', producer, elsewhere, 404],
      ['HEAD', admin, path, 200],
      ['PATCH', stranger, path, 404],
      ['PATCH', reader, path, 403],
      ['DELETE', stranger, path, 404],
      ['GET', stranger, path, 404],
      ['GET', producer, path, 200],
    ] as const) {
      const headers = method === 'PATCH' ? { ...partHeaders, 'upload-offset': '0' } : method === 'GET' ? {} : tus
      const body = method === 'PATCH' ? Buffer.alloc(10) : undefined
      const answer = await service.call(method, where, token, body, headers)
      assert.equal(answer.statusCode, expected, `${method} ${where}`)
    }
    const json = { ...partHeaders, 'content-type': 'application/json', 'upload-offset': '0' }
    assert.equal((await service.call('PATCH', path, producer, Buffer.alloc(10), json)).statusCode, 415)
    assert.equal((await service.call('PATCH', path, producer, Buffer.alloc(10), partHeaders)).statusCode, 400)
    const head = await service.call('HEAD', path, producer)
    assert.equal(head.statusCode, 412)
    assert.equal(head.headers['tus-resumable'], '1.0.0')
    assert.equal(head.headers['tus-version'], '1.0.0')
    assert.equal((await service.call('PUT', path, producer)).statusCode, 405)
  })
}

eachDatabase('resumable uploads to a folder', (databases) => uploadsTo(fileStore, databases))
// What databases do differently has nothing to do with where the bytes are.
eachDatabase('resumable uploads to S3', (databases) => uploadsTo(s3Store, databases), ['SQLite'])
