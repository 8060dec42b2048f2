import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it, type TestContext } from 'node:test'
import { sealedChunkBytes } from '../sealing/chunks.ts'
import { type S3Call, type S3Fault, type S3Server, s3Credentials, startS3Server } from '../testing/s3-server.ts'
import { bytesOfParts, createPartBuffers, partBytesOf, wholePartsIn } from './part-buffers.ts'
import { type ByteStore, StoreError } from './port.ts'
import { resumableContract } from './resumable-contract.ts'
import { s3PlaceOf } from './s3-setting.ts'
import { openS3Store } from './s3-store.ts'
import { newKey, put, readAll, storeContract } from './store-contract.ts'

const partBytes = partBytesOf(0) ?? 0

const onServer = async (context: TestContext, patienceMs = 30_000): Promise<{ server: S3Server; store: ByteStore }> => {
  const server = await startS3Server()
  context.after(() => server.close())
  const place = s3PlaceOf('cloud', new URL(server.location('deep/inside')))
  return { server, store: openS3Store('cloud', { ...place, patienceMs }) }
}

storeContract('the S3 store', async (context) => (await onServer(context)).store)

resumableContract('the S3 store', async (context) => (await onServer(context)).store)

/** The fault comes once, and never again. */
const once = (at: S3Call, fault: S3Fault): S3Server['fault'] => {
  let isOver = false
  return (call) => {
    if (call !== at || isOver) return undefined
    isOver = true
    return fault
  }
}
const always =
  (at: S3Call, fault: S3Fault): S3Server['fault'] =>
  (call) =>
    call === at ? fault : undefined

describe('the S3 store', () => {
  it('stores an object in parts, and gives it back from any place', async (context) => {
    const { server, store } = await onServer(context)
    const bytes = randomBytes(3 * partBytes + 12_345)
    const key = newKey()
    const writer = await store.write(key)
    for (let at = 0; at < bytes.length; at += 1_000_000) await writer.write(bytes.subarray(at, at + 1_000_000))
    await writer.commit()
    assert.equal(server.calls.filter((call) => call === 'part').length, 4)
    assert.ok(server.objects.get(`deep/inside/${key}`)?.bytes.equals(bytes))
    const reader = await store.open(key)
    assert.ok(reader)
    assert.ok((await readAll(reader, 256 * 1024)).equals(bytes))
    for (const at of [5_000_000, 17, bytes.length - 10, 6_000_000]) {
      const into = Buffer.alloc(20)
      const got = await reader.read(into, at)
      assert.ok(into.subarray(0, got).equals(bytes.subarray(at, at + 20)))
    }
    await reader.close()
  })

  it('asks for a large object a few times only, and for no more than a short read wants', async (context) => {
    const { server, store } = await onServer(context)
    const [key, bytes] = [newKey(), randomBytes(24 * 1024 * 1024)]
    server.replace(`deep/inside/${key}`, bytes)
    const reader = await store.open(key)
    assert.ok(reader)
    await reader.read(Buffer.alloc(100), 50)
    await reader.read(Buffer.alloc(256 * 1024), 0)
    assert.ok((await readAll(reader, 256 * 1024)).equals(bytes))
    await reader.close()
    const asked = server.calls.filter((call) => call === 'get').length
    assert.ok(asked <= 7, `${asked} calls`)
  })

  it('serves two reads of one object at once', async (context) => {
    const { store } = await onServer(context)
    const [key, bytes] = [newKey(), randomBytes(3_000_000)]
    await put(store, key, bytes)
    const reader = await store.open(key)
    assert.ok(reader)
    const [one, other] = [Buffer.alloc(1_500_000), Buffer.alloc(1_500_000)]
    for (let turn = 0; turn < 3; turn++) {
      await Promise.all([reader.read(one, 0), reader.read(other, 1_500_000)])
      assert.ok(Buffer.concat([one, other]).equals(bytes))
    }
    await reader.close()
  })

  it('lists more than a page', async (context) => {
    const { server, store } = await onServer(context)
    server.pageSize = 3
    const keys = Array.from({ length: 10 }, newKey)
    for (const key of keys) server.replace(`deep/inside/${key}`, Buffer.from('x'))
    server.replace('deep/inside/.probe-of-another', Buffer.from('x'))
    server.replace(`deep/inside/other/${newKey()}`, Buffer.from('x'))
    const writers = await Promise.all(Array.from({ length: 5 }, () => store.write(newKey())))
    const found: string[] = []
    for await (const { key, state } of store.keys()) if (state === 'stored') found.push(key)
    assert.deepEqual(found.toSorted(), keys.toSorted())
    assert.equal(server.uploads.size, 5)
    for (const writer of writers) await writer.abort()
    assert.equal(server.uploads.size, 0)
  })

  it('does not take a bucket that is gone for an empty one', async (context) => {
    const { server, store } = await onServer(context)
    server.hasBucket = false
    const unavailable = { name: 'StoreError', reason: 'unavailable' }
    await assert.rejects(store.open(newKey()), unavailable)
    await assert.rejects(store.write(newKey()), unavailable)
    await assert.rejects(store.remove(newKey()), unavailable)
    await assert.rejects(store.check(), unavailable)
    await assert.rejects(async () => {
      for await (const { key } of store.keys()) assert.fail(key)
    }, unavailable)
  })

  it('tries again what failed once', async (context) => {
    const { server, store } = await onServer(context)
    for (const at of ['start', 'part', 'finish', 'head', 'get'] as const) {
      for (const fault of ['error', 'cut'] as const) {
        const [key, bytes] = [newKey(), randomBytes(10_000)]
        server.fault = once(at, fault)
        await put(store, key, bytes)
        const reader = await store.open(key)
        assert.ok(reader)
        assert.ok((await readAll(reader)).equals(bytes), `${fault} at ${at}`)
      }
    }
    assert.equal(server.uploads.size, 0)
  })

  it('takes an upload for finished whose answer was lost', async (context) => {
    const { server, store } = await onServer(context)
    const [key, bytes] = [newKey(), randomBytes(10_000)]
    server.fault = once('finish', 'late')
    await put(store, key, bytes)
    assert.ok(server.objects.get(`deep/inside/${key}`)?.bytes.equals(bytes))
  })

  it('goes on where an answer broke off, and gives up when none comes whole', async (context) => {
    const { server, store } = await onServer(context)
    const [key, bytes] = [newKey(), randomBytes(2_000_000)]
    await put(store, key, bytes)
    let answers = 0
    server.fault = (call) => (call === 'get' && answers++ % 2 === 0 ? 'short' : undefined)
    const reader = await store.open(key)
    assert.ok(reader)
    assert.ok((await readAll(reader, 500_000)).equals(bytes))
    server.fault = always('get', 'cut')
    await assert.rejects(reader.read(Buffer.alloc(10), 0), { name: 'StoreError', reason: 'unavailable' })
  })

  for (const [fault, reason] of [
    ['error', 'unavailable'],
    ['hang', 'unavailable'],
    ['cut', 'unavailable'],
    ['quota', 'full'],
    ['nonsense', 'unavailable'],
  ] as const) {
    it(`is ${reason} to a writer whose parts meet ${fault}, and keeps nothing of it`, async (context) => {
      const { server, store } = await onServer(context, 500)
      // How long a part may take depends on its size.
      const pieceBytes = fault === 'hang' ? 1000 : partBytes
      for (const at of ['start', 'part', 'finish'] as const) {
        server.fault = always(at, fault)
        const written = (async () => {
          const writer = await store.write(newKey())
          try {
            for (let piece = 0; piece < 2; piece++) await writer.write(randomBytes(pieceBytes))
            await writer.commit()
          } catch (error) {
            server.fault = () => undefined
            await writer.abort()
            throw error
          }
        })()
        await assert.rejects(written, { name: 'StoreError', reason })
      }
      assert.deepEqual([server.uploads.size, server.objects.size], [0, 0])
    })
  }

  it('never reads bytes other than those it asked for', async (context) => {
    const { server, store } = await onServer(context, 500)
    const [key, bytes] = [newKey(), randomBytes(10_000)]
    await put(store, key, bytes)
    const reader = await store.open(key)
    assert.ok(reader)
    for (const [fault, reason] of [
      ['other-range', 'unavailable'],
      ['stall', 'unavailable'],
      ['hang', 'unavailable'],
      ['nonsense', 'unavailable'],
    ] as const) {
      server.fault = always('get', fault)
      await assert.rejects(reader.read(Buffer.alloc(100), 0), { name: 'StoreError', reason }, fault)
    }
    server.fault = () => undefined
    server.replace(`deep/inside/${key}`, randomBytes(10_000))
    await assert.rejects(reader.read(Buffer.alloc(100), 5000), { name: 'StoreError', reason: 'damaged' })
  })

  it('OSSA-2013-002, 2013-007, 2014-004: tells no secret, key, host or bucket in what it throws and shows', async (context) => {
    const { server, store } = await onServer(context, 500)
    const hidden = [s3Credentials.key, s3Credentials.secret, encodeURIComponent(s3Credentials.secret), server.url]
    for (const fault of ['error', 'hang', 'cut', 'quota', 'nonsense'] as const) {
      server.fault = () => fault
      for (const call of [() => store.open(newKey()), () => store.write(newKey()), () => store.check()]) {
        await assert.rejects(call(), (error) => {
          assert.ok(error instanceof StoreError)
          assert.equal(error.cause, undefined)
          for (const secret of hidden) assert.ok(!`${error.message}${error.stack}`.includes(secret), error.message)
          return true
        })
      }
    }
    const shown = JSON.stringify([store, store.urlOf(newKey())])
    for (const secret of hidden.slice(0, 3)) assert.ok(!shown.includes(secret))
  })

  it('goes on at, before and after the end of a part, whatever other tries left there', async (context) => {
    const { server, store } = await onServer(context)
    const [key, bytes] = [newKey(), randomBytes(3 * partBytes + 10)]
    const [at, end] = [partBytes + 100, 2 * partBytes]
    const first = await store.resume(key, 0)
    await first.write(bytes.subarray(0, at))
    await first.sync()
    await first.release()
    // As by a process that is killed: parts and a tail of other bytes.
    for (const otherBytes of [2 * partBytes, partBytes - 200]) {
      const lost = await store.resume(key, at)
      await lost.write(randomBytes(otherBytes))
      await lost.sync()
      await lost.release()
    }
    const second = await store.resume(key, at)
    await second.write(bytes.subarray(at, end))
    await second.sync()
    assert.equal(await second.syncSome(), end)
    await second.release()
    for (const from of [end - 1, end - 1, end, end]) {
      const writer = await store.resume(key, from)
      await writer.write(bytes.subarray(from, end + 5))
      await writer.release()
    }
    const last = await store.resume(key, end)
    await last.write(bytes.subarray(end))
    await last.commit()
    assert.ok(server.objects.get(`deep/inside/${key}`)?.bytes.equals(bytes))
    assert.deepEqual([server.objects.size, server.uploads.size], [1, 0])
  })

  it('makes whole parts of an object that was committed and not used, without moving them', async (context) => {
    const { server, store } = await onServer(context)
    const [key, bytes] = [newKey(), randomBytes(2 * partBytes + 500)]
    await put(store, key, bytes)
    const sent = server.calls.filter((call) => call === 'part').length
    const writer = await store.resume(key, bytes.length - 1)
    await writer.write(bytes.subarray(-1))
    await writer.commit()
    assert.ok(server.objects.get(`deep/inside/${key}`)?.bytes.equals(bytes))
    assert.equal(server.calls.filter((call) => call === 'copy-part').length, 2)
    assert.equal(server.calls.filter((call) => call === 'part').length, sent + 1)
  })

  it('lists parts by the page, and tells a gap in them', async (context) => {
    const { server, store } = await onServer(context)
    server.pageSize = 1
    const [key, bytes] = [newKey(), randomBytes(3 * partBytes)]
    const writer = await store.resume(key, 0)
    await writer.write(bytes)
    await writer.sync()
    await writer.release()
    await (await store.resume(key, bytes.length)).release()
    for (const { parts } of server.uploads.values()) parts.delete(2)
    await assert.rejects(store.resume(key, bytes.length), { name: 'StoreError', reason: 'damaged' })
    await store.remove(key)
    assert.deepEqual([server.objects.size, server.uploads.size], [0, 0])
  })

  it('bounds the memory of all writes, and gives it back', () => {
    const buffers = createPartBuffers(3 * partBytes)
    const spares = [1, 2, 3, 4].map(() => buffers.takeSpare(partBytes))
    assert.deepEqual(
      spares.map((spare) => spare?.byteLength),
      [partBytes, partBytes, partBytes, undefined],
    )
    for (const spare of spares) if (spare !== undefined) buffers.give(spare, 'spare')
    assert.ok(buffers.takeSpare(3 * partBytes))
  })

  it('has parts for more than the largest image', () => {
    let allBytes = 0
    for (let part = 0; part < 10_000; part++) allBytes += partBytesOf(part) ?? 0
    assert.ok(allBytes > 1.05 * 1024 ** 4)
    assert.equal(partBytesOf(10_000), undefined)
    for (const parts of [0, 1, 1999, 2000, 2001, 5000, 5001, 9999]) {
      const bytes = bytesOfParts(parts)
      assert.equal(bytes % sealedChunkBytes, 0)
      for (const more of [0, 1, (partBytesOf(parts) ?? 0) - 1])
        assert.deepEqual(wholePartsIn(bytes + more), { parts, bytes })
    }
  })
})
