import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { after, describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { type ByteWriter, StoreError } from '../storage/port.ts'
import type { ContentCheck } from './content-check.ts'
import { createHashing, type HashAlgorithm, hashAlgorithms } from './hashing.ts'
import { type Ingested, type IngestOptions, ingest } from './ingest.ts'
import { IngestError, type IngestFailure } from './ingest-error.ts'

const hashing = createHashing({ workers: 2, slots: 4, slotBytes: 1000 })
after(() => hashing.close())

/** A store in memory. It looks at the bytes late, as a disk may: memory that is used again too early shows. */
class MemoryWriter implements ByteWriter {
  readonly parts: Buffer[] = []
  state: 'open' | 'committed' | 'aborted' = 'open'
  failWrite: Error | undefined
  failCommit: Error | undefined

  async write(bytes: Uint8Array): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve))
    if (this.failWrite !== undefined) throw this.failWrite
    this.parts.push(Buffer.from(bytes))
  }

  async commit(): Promise<void> {
    if (this.failCommit !== undefined) throw this.failCommit
    this.state = 'committed'
  }

  async abort(): Promise<void> {
    if (this.state === 'open') this.state = 'aborted'
  }

  get bytes(): Buffer {
    return Buffer.concat(this.parts)
  }
}

const optionsFor = (writer: ByteWriter, more: Partial<IngestOptions> = {}): IngestOptions => ({
  writer,
  hashing,
  hashAlgorithm: 'sha512',
  limitBytes: 1e9,
  signal: new AbortController().signal,
  idleTimeoutMs: 5000,
  ...more,
})

async function* cut(bytes: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const digest = (algorithm: HashAlgorithm, bytes: Uint8Array): string =>
  createHash(algorithm).update(bytes).digest('hex')

const fails = async (upload: Promise<Ingested>, writer: MemoryWriter, reason: IngestFailure): Promise<IngestError> => {
  const error = await upload.then(
    () => assert.fail('the upload succeeded'),
    (error: unknown) => error,
  )
  assert.ok(error instanceof IngestError, String(error))
  assert.equal(error.reason, reason)
  assert.equal(writer.state, 'aborted')
  return error
}

describe('an upload', () => {
  it('is stored, counted and hashed, in whatever chunks it comes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 20_000 }),
        fc.integer({ min: 1, max: 5000 }),
        fc.constantFrom(...hashAlgorithms),
        async (sizeBytes, chunkBytes, hashAlgorithm) => {
          const bytes = randomBytes(sizeBytes)
          const writer = new MemoryWriter()
          const { digests, ...result } = await ingest(cut(bytes, chunkBytes), optionsFor(writer, { hashAlgorithm }))
          assert.equal(digests.get(hashAlgorithm), digest(hashAlgorithm, bytes))
          assert.ok(writer.bytes.equals(bytes))
          assert.equal(writer.state, 'committed')
          assert.deepEqual(result, {
            sizeBytes,
            checksum: digest('md5', bytes),
            hashAlgorithm,
            hashValue: digest(hashAlgorithm, bytes),
            virtualSizeBytes: null,
            encryptedContent: null,
            verified: null,
          })
        },
      ),
      { numRuns: 60 },
    )
  })

  it('shares threads and memory with others', async () => {
    const uploads = Array.from({ length: 40 }, async () => {
      const bytes = randomBytes(30_000)
      const writer = new MemoryWriter()
      const { hashValue } = await ingest(cut(bytes, 700), optionsFor(writer))
      assert.ok(writer.bytes.equals(bytes))
      assert.equal(hashValue, digest('sha512', bytes))
    })
    await Promise.all(uploads)
  })

  it('gets through although more slow clients hang than there is memory for', async (context) => {
    const hanging = new AbortController()
    const slow = Array.from({ length: 10 }, () => {
      const source = new PassThrough()
      source.write(randomBytes(10))
      const more = { signal: hanging.signal, idleTimeoutMs: 60_000 }
      return ingest(source, optionsFor(new MemoryWriter(), more)).catch((error: unknown) => error)
    })
    context.after(() => Promise.all(slow))
    const bytes = randomBytes(50_000)
    await sleep(10)
    const quick = ingest(cut(bytes, 900), optionsFor(new MemoryWriter(), { signal: AbortSignal.timeout(5000) }))
    const { sizeBytes } = await quick.finally(() => hanging.abort())
    assert.equal(sizeBytes, 50_000)
  })

  it('is not held up by hundreds of others that drip', async (context) => {
    const few = createHashing({ workers: 2, slots: 4, slotBytes: 128 * 1024 })
    const hanging = new AbortController()
    const sources = Array.from({ length: 300 }, () => new PassThrough())
    const slow = sources.map((source) => {
      const more = { hashing: few, signal: hanging.signal, idleTimeoutMs: 60_000 }
      return ingest(source, optionsFor(new MemoryWriter(), more)).catch((error: unknown) => error)
    })
    const dripping = setInterval(() => {
      for (const source of sources) source.write(randomBytes(1))
    }, 50)
    context.after(async () => {
      clearInterval(dripping)
      hanging.abort()
      await Promise.all(slow)
      await few.close()
    })
    await sleep(300)
    // If each of the others held one of the four slots for only a few milliseconds at a time, this would take too long.
    const bytes = randomBytes(8 * 2 ** 20)
    const signal = AbortSignal.timeout(5000)
    const quick = await ingest(cut(bytes, 50_000), optionsFor(new MemoryWriter(), { hashing: few, signal }))
    assert.equal(quick.checksum, digest('md5', bytes))
  })

  it('is not held up by others that send a burst and then drip', async (context) => {
    const few = createHashing({ workers: 2, slots: 4, slotBytes: 128 * 1024 })
    const hanging = new AbortController()
    const sources = Array.from({ length: 4 }, () => new PassThrough())
    const slow = sources.map((source) => {
      source.write(randomBytes(70_000))
      const more = { hashing: few, signal: hanging.signal, idleTimeoutMs: 60_000 }
      return ingest(source, optionsFor(new MemoryWriter(), more)).catch((error: unknown) => error)
    })
    const dripping = setInterval(() => {
      for (const source of sources) source.write(randomBytes(1))
    }, 1)
    context.after(async () => {
      clearInterval(dripping)
      hanging.abort()
      await Promise.all(slow)
      await few.close()
    })
    const bytes = randomBytes(2 ** 20)
    const signal = AbortSignal.timeout(2000)
    const quick = await ingest(cut(bytes, 50_000), optionsFor(new MemoryWriter(), { hashing: few, signal }))
    assert.equal(quick.checksum, digest('md5', bytes))
  })

  it('takes turns with others when memory is short', async (context) => {
    const one = createHashing({ workers: 2, slots: 1, slotBytes: 1000 })
    context.after(() => one.close())
    const order: number[] = []
    const uploads = Array.from({ length: 5 }, (_, index) => {
      const writer = new MemoryWriter()
      const write = writer.write.bind(writer)
      writer.write = async (bytes) => {
        order.push(index)
        await write(bytes)
      }
      return ingest(cut(randomBytes(20_000), 1000), optionsFor(writer, { hashing: one }))
    })
    await Promise.all(uploads)
    assert.equal(order.length, 100)
    for (let round = 0; round < 100; round += 5) {
      assert.deepEqual(new Set(order.slice(round, round + 5)).size, 5, `after ${round} slots`)
    }
  })

  it('may be as large as the limit, and not larger by a byte', async () => {
    const bytes = randomBytes(5000)
    const fits = await ingest(cut(bytes, 999), optionsFor(new MemoryWriter(), { limitBytes: 5000 }))
    assert.equal(fits.sizeBytes, 5000)
    const writer = new MemoryWriter()
    await fails(ingest(cut(bytes, 999), optionsFor(writer, { limitBytes: 4999 })), writer, 'too_large')
    assert.ok(writer.bytes.length <= 4999)
  })

  it('that announces too much is refused before a byte is read', async () => {
    const writer = new MemoryWriter()
    const source = Readable.from([randomBytes(10)])
    const more = { limitBytes: 10, announcedBytes: 11 }
    const error = await fails(ingest(source, optionsFor(writer, more)), writer, 'too_large')
    assert.equal(error.receivedBytes, 0)
  })

  for (const [title, announcedBytes] of [
    ['fewer', 4000],
    ['more', 6000],
  ] as const) {
    it(`fails when ${title} bytes were announced than come`, async () => {
      const writer = new MemoryWriter()
      await fails(ingest(cut(randomBytes(5000), 800), optionsFor(writer, { announcedBytes })), writer, 'size_mismatch')
      assert.ok(writer.bytes.length <= announcedBytes)
    })
  }

  it('of as many bytes as announced succeeds', async () => {
    for (const size of [0, 1, 5000]) {
      const more = { announcedBytes: size }
      const { sizeBytes } = await ingest(cut(randomBytes(size), 800), optionsFor(new MemoryWriter(), more))
      assert.equal(sizeBytes, size)
    }
  })

  for (const reason of ['full', 'unavailable'] as const) {
    it(`fails when the store is ${reason}, early or late`, async () => {
      for (const step of ['failWrite', 'failCommit'] as const) {
        const writer = new MemoryWriter()
        writer[step] = new StoreError(reason, 'no')
        await fails(ingest(cut(randomBytes(50_000), 800), optionsFor(writer)), writer, `store_${reason}`)
      }
    })
  }

  it('tells its own failure, also when the store cannot take the bytes back', async () => {
    const writer = new MemoryWriter()
    writer.abort = () => Promise.reject(new StoreError('unavailable', 'no'))
    const upload = ingest(cut(randomBytes(50), 8), optionsFor(writer, { limitBytes: 9 }))
    await assert.rejects(upload, { name: 'IngestError', reason: 'too_large' })
  })

  it('is incomplete when its source breaks, or was broken already', async () => {
    for (const chunks of [0, 3]) {
      const writer = new MemoryWriter()
      const source = new PassThrough()
      for (let sent = 0; sent < chunks; sent++) source.write(randomBytes(500))
      const upload = ingest(source, optionsFor(writer))
      await sleep(5)
      source.destroy(new Error('connection lost'))
      await fails(upload, writer, 'incomplete')
      const late = new MemoryWriter()
      await fails(ingest(source, optionsFor(late)), late, 'incomplete')
    }
  })

  it('that sends nothing for too long is ended', async () => {
    const writer = new MemoryWriter()
    const source = new PassThrough()
    source.write(randomBytes(500))
    await fails(ingest(source, optionsFor(writer, { idleTimeoutMs: 50 })), writer, 'timeout')
    assert.equal(source.destroyed, false)
  })

  it('that is slow but goes on is not ended', async () => {
    const source = new PassThrough()
    const upload = ingest(source, optionsFor(new MemoryWriter(), { idleTimeoutMs: 200 }))
    for (let sent = 0; sent < 10; sent++) {
      source.write(randomBytes(100))
      await sleep(50)
    }
    source.end()
    assert.equal((await upload).sizeBytes, 1000)
  })

  it('is not held to be idle while the store is slow', async () => {
    const writer = new MemoryWriter()
    const write = writer.write.bind(writer)
    writer.write = async (bytes) => {
      await sleep(40)
      await write(bytes)
    }
    const { sizeBytes } = await ingest(cut(randomBytes(10_000), 1000), optionsFor(writer, { idleTimeoutMs: 30 }))
    assert.equal(sizeBytes, 10_000)
  })

  it('can be called off, before and under way', async () => {
    const before = new MemoryWriter()
    await fails(ingest(cut(randomBytes(10), 1), optionsFor(before, { signal: AbortSignal.abort() })), before, 'aborted')
    const controller = new AbortController()
    const writer = new MemoryWriter()
    const source = new PassThrough()
    source.write(randomBytes(2500))
    const upload = ingest(source, optionsFor(writer, { signal: controller.signal }))
    await sleep(5)
    controller.abort()
    await fails(upload, writer, 'aborted')
  })
})

describe('the content of an upload', () => {
  const checkThat = (more: Partial<ContentCheck>): ContentCheck => ({
    push: () => {},
    refusal: () => undefined,
    finish: () => ({ accepted: true, virtualSizeBytes: 42, encryptedContent: null }),
    ...more,
  })

  it('is shown to the inspector whole and in order', async () => {
    const bytes = randomBytes(10_000)
    const seen: Buffer[] = []
    const inspector = checkThat({ push: (chunk) => seen.push(Buffer.from(chunk)) })
    const result = await ingest(cut(bytes, 333), optionsFor(new MemoryWriter(), { inspector }))
    assert.ok(Buffer.concat(seen).equals(bytes))
    assert.equal(result.virtualSizeBytes, 42)
  })

  it('fails the upload as soon as it is refused', async () => {
    let pushed = 0
    const inspector = checkThat({
      push: () => {
        pushed += 1
      },
      refusal: () => (pushed === 3 ? 'they are odd' : undefined),
    })
    const writer = new MemoryWriter()
    const upload = ingest(cut(randomBytes(10_000), 100), optionsFor(writer, { inspector }))
    const error = await fails(upload, writer, 'content_mismatch')
    assert.equal(error.message, 'they are odd')
    assert.equal(error.receivedBytes, 300)
  })

  it('fails the upload at its end', async () => {
    const writer = new MemoryWriter()
    const inspector = checkThat({ finish: () => ({ accepted: false, why: 'they are odd' }) })
    await fails(ingest(cut(randomBytes(10), 3), optionsFor(writer, { inspector })), writer, 'content_mismatch')
  })
})

describe('room for an upload', () => {
  const mib = 2 ** 20
  class NoRoom extends Error {}
  const roomFor = (limit: number) => {
    const asked: number[] = []
    const reserve = async (totalBytes: number): Promise<void> => {
      asked.push(totalBytes)
      if (totalBytes > limit) throw new NoRoom()
    }
    return { asked, reserve }
  }

  it('is asked for at once when the size is announced', async () => {
    const { asked, reserve } = roomFor(mib)
    const more = { reserve, announcedBytes: 3000, limitBytes: 1e12 }
    await ingest(cut(randomBytes(3000), 100), optionsFor(new MemoryWriter(), more))
    assert.deepEqual(asked, [3000])
  })

  it('is asked for in steps otherwise, and never beyond the limit of an upload', async () => {
    const { asked, reserve } = roomFor(1e12)
    await ingest(cut(randomBytes(3000), 100), optionsFor(new MemoryWriter(), { reserve, limitBytes: 1e12 }))
    assert.deepEqual(asked, [64 * mib])
    const near = roomFor(1e12)
    await ingest(
      cut(randomBytes(3000), 100),
      optionsFor(new MemoryWriter(), { reserve: near.reserve, limitBytes: 4000 }),
    )
    assert.deepEqual(near.asked, [4000])
  })

  it('is found for an upload that just fits', async () => {
    const { reserve } = roomFor(3000)
    const { sizeBytes } = await ingest(cut(randomBytes(3000), 100), optionsFor(new MemoryWriter(), { reserve }))
    assert.equal(sizeBytes, 3000)
  })

  it('that is not there fails the upload with the error of the one who was asked', async () => {
    for (const announcedBytes of [undefined, 3000]) {
      const { reserve } = roomFor(2999)
      const writer = new MemoryWriter()
      const upload = ingest(cut(randomBytes(3000), 100), optionsFor(writer, { reserve, announcedBytes }))
      await assert.rejects(upload, NoRoom)
      assert.equal(writer.state, 'aborted')
      assert.ok(writer.bytes.length < 3000)
    }
  })
})

describe('an upload over HTTP', () => {
  /** A server that takes one upload in and answers 204, or 400 with the reason. */
  const serve = async (context: TestContext, writer: ByteWriter, more: Partial<IngestOptions> = {}) => {
    let settle: (result: unknown) => void = () => {}
    const outcome = new Promise((resolve) => {
      settle = resolve
    })
    const server = createServer(async (request: IncomingMessage, response) => {
      try {
        settle(await ingest(request, optionsFor(writer, more)))
        response.writeHead(204).end()
      } catch (error) {
        settle(error)
        response.writeHead(400, { connection: 'close' }).end(error instanceof IngestError ? error.reason : 'defect')
      }
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    context.after(() => {
      server.closeAllConnections()
      server.close()
    })
    const address = server.address()
    assert.ok(address !== null && typeof address === 'object')
    return { outcome, ...portOf(address) }
  }
  const portOf = ({ port }: AddressInfo) => ({ port, url: `http://127.0.0.1:${port}/` })

  const startRaw = async (port: number, head: string, body: Uint8Array): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(`PUT / HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n`)
    socket.write(body)
    await sleep(20)
    return socket
  }

  it('arrives, with a length and without', async (context) => {
    const bytes = randomBytes(300_000)
    for (const body of [bytes, new Blob([bytes]).stream()]) {
      const writer = new MemoryWriter()
      const { url } = await serve(context, writer)
      const upload: RequestInit & { duplex: 'half' } = { method: 'PUT', body, duplex: 'half' }
      const response = await fetch(url, upload)
      assert.equal(response.status, 204)
      assert.ok(writer.bytes.equals(bytes))
    }
  })

  it('is answered when it is refused under way', async (context) => {
    const writer = new MemoryWriter()
    const { url } = await serve(context, writer, { limitBytes: 100_000 })
    const response = await fetch(url, { method: 'PUT', body: randomBytes(300_000) })
    assert.equal(response.status, 400)
    assert.equal(await response.text(), 'too_large')
  })

  for (const head of ['Content-Length: 100000', 'Transfer-Encoding: chunked']) {
    it(`is incomplete when the client goes away (${head})`, async (context) => {
      const writer = new MemoryWriter()
      const { port, outcome } = await serve(context, writer)
      const socket = await startRaw(port, head, Buffer.from('3e8\r\n'.padEnd(600)))
      socket.destroy()
      const error = await outcome
      assert.ok(error instanceof IngestError)
      assert.equal(error.reason, 'incomplete')
      assert.equal(writer.state, 'aborted')
    })
  }

  it('that stalls is answered', async (context) => {
    const writer = new MemoryWriter()
    const { port, outcome } = await serve(context, writer, { idleTimeoutMs: 60 })
    const socket = await startRaw(port, 'Content-Length: 100000', randomBytes(600))
    const error = await outcome
    assert.ok(error instanceof IngestError)
    assert.equal(error.reason, 'timeout')
    const answer = await new Promise<string>((resolve) => socket.once('data', (data) => resolve(data.toString())))
    assert.match(answer, /^HTTP\/1\.1 400 [\s\S]*timeout$/m)
    socket.destroy()
  })
})

describe('hash threads', () => {
  it('that die fail what they were doing, and are replaced', async (context) => {
    const fragile = createHashing({ workers: 2, slots: 2, slotBytes: 1000 })
    context.after(() => fragile.close())
    const source = new PassThrough()
    source.write(randomBytes(2500))
    const writer = new MemoryWriter()
    const failed = fails(ingest(source, optionsFor(writer, { hashing: fragile })), writer, 'hashing_failed')
    await sleep(50)
    // A slot that does not exist is an error inside of both threads.
    const run = fragile.start(['md5', 'sha512'])
    await assert.rejects(run.update({ index: 1e6, bytes: new Uint8Array(1) }, 1), { name: 'HashingError' })
    run.discard()
    source.end(randomBytes(2500))
    await failed

    const bytes = randomBytes(5000)
    const { checksum } = await ingest(cut(bytes, 400), optionsFor(new MemoryWriter(), { hashing: fragile }))
    assert.equal(checksum, digest('md5', bytes))
  })

  it('that are closed fail uploads under way, and new ones', async () => {
    const closing = createHashing({ workers: 2, slots: 2, slotBytes: 1000 })
    const source = new PassThrough()
    source.write(randomBytes(2500))
    const writer = new MemoryWriter()
    const failed = fails(ingest(source, optionsFor(writer, { hashing: closing })), writer, 'hashing_failed')
    await sleep(50)
    await closing.close()
    source.end(randomBytes(2500))
    await failed
    const next = new MemoryWriter()
    await fails(ingest(cut(randomBytes(10), 5), optionsFor(next, { hashing: closing })), next, 'hashing_failed')
  })
})
