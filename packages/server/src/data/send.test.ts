import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Agent, createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ByteReader, StoreError } from '../storage/port.ts'
import type { ByteRange } from './ranges.ts'
import { createSendBuffers, type Sent, send } from './send.ts'

const readerOf = (bytes: Uint8Array): ByteReader & { readonly reading: () => number } => {
  let underWay = 0
  return {
    sizeBytes: bytes.length,
    reading: () => underWay,
    read: async (into, position) => {
      underWay += 1
      await sleep(0)
      const piece = bytes.subarray(position, position + into.byteLength)
      into.set(piece)
      underWay -= 1
      return piece.byteLength
    },
    close: async () => {},
  }
}

/** An object of zeros that fails from a position on. */
const failingReader = (sizeBytes: number, failsAt: number): ByteReader => ({
  sizeBytes,
  read: async (into, position) => {
    if (position + into.byteLength > failsAt) throw new StoreError('unavailable', 'no')
    into.fill(0)
    return into.byteLength
  },
  close: async () => {},
})

interface Served {
  readonly port: number
  readonly url: string
  readonly outcome: Promise<Sent | { readonly error: unknown }>
  readonly sockets: ReadonlySet<Socket>
}

interface ServeOptions {
  readonly range?: ByteRange
  readonly idleTimeoutMs?: number
  readonly signal?: AbortSignal
}

const serve = async (context: TestContext, reader: ByteReader, options: ServeOptions = {}): Promise<Served> => {
  const { range = { start: 0, end: reader.sizeBytes }, idleTimeoutMs = 5000 } = options
  const { signal = new AbortController().signal } = options
  const buffers = createSendBuffers({ largeBytes: 10_000 })
  let settle: (outcome: Sent | { error: unknown }) => void = () => {}
  const outcome = new Promise<Sent | { error: unknown }>((resolve) => {
    settle = resolve
  })
  const handle = async (_request: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.setHeader('Content-Length', range.end - range.start)
    try {
      settle(await send(reader, range, response, { buffers, idleTimeoutMs, signal }))
    } catch (error) {
      settle({ error })
      if (!response.headersSent) response.writeHead(503, { 'Content-Length': 0 }).end()
    }
  }
  const server = createServer((request, response) => void handle(request, response))
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  return { port: address.port, url: `http://127.0.0.1:${address.port}/`, outcome, sockets }
}

/** A client that takes nothing of the answer. */
const deafClient = async (context: TestContext, port: number) => {
  const socket = connect(port, '127.0.0.1').pause()
  socket.on('error', () => {})
  context.after(() => socket.destroy())
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await sleep(50)
  return socket
}

describe('a download', () => {
  it('arrives whole, over many buffers', async (context) => {
    const bytes = randomBytes(123_457)
    const { url, outcome } = await serve(context, readerOf(bytes))
    const response = await fetch(url)
    assert.ok(Buffer.from(await response.arrayBuffer()).equals(bytes))
    assert.deepEqual(await outcome, { outcome: 'sent', sentBytes: bytes.length })
  })

  for (const [start, end] of [
    [0, 1],
    [9_999, 10_001],
    [10_000, 20_000],
    [99_999, 100_000],
    [5, 5],
  ] as const) {
    it(`of the bytes from ${start} to ${end} is exactly those`, async (context) => {
      const bytes = randomBytes(100_000)
      const { url } = await serve(context, readerOf(bytes), { range: { start, end } })
      const response = await fetch(url)
      assert.ok(Buffer.from(await response.arrayBuffer()).equals(bytes.subarray(start, end)))
    })
  }

  it('leaves the connection with the time-out of the server', async (context) => {
    const bytes = randomBytes(30_000)
    const { url, outcome, sockets } = await serve(context, readerOf(bytes), { idleTimeoutMs: 77 })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    context.after(() => agent.destroy())
    for (const pause of [0, 150]) {
      await sleep(pause)
      const response: IncomingMessage = await new Promise((resolve) => get(url, { agent }, resolve))
      const parts: Buffer[] = []
      for await (const part of response) parts.push(part)
      assert.ok(Buffer.concat(parts).equals(bytes))
    }
    await outcome
    assert.equal(sockets.size, 1)
    for (const socket of sockets) {
      assert.ok((socket.timeout ?? 0) >= 5000, `${socket.timeout} ms`)
      assert.equal(socket.listenerCount('timeout'), 1)
    }
  })

  it('ends when the client goes away, with no read under way', async (context) => {
    const reader = readerOf(Buffer.alloc(50_000_000))
    const { port, outcome } = await serve(context, reader)
    const socket = await deafClient(context, port)
    socket.destroy()
    const sent = await outcome
    assert.ok('outcome' in sent)
    assert.equal(sent.outcome, 'client_gone')
    assert.ok(sent.sentBytes < 50_000_000)
    assert.equal(reader.reading(), 0)
  })

  it('ends when the client takes nothing for too long', async (context) => {
    const { port, outcome } = await serve(context, readerOf(Buffer.alloc(50_000_000)), { idleTimeoutMs: 150 })
    const socket = await deafClient(context, port)
    const sent = await outcome
    assert.ok('outcome' in sent)
    assert.equal(sent.outcome, 'timeout')
    socket.resume()
    await once(socket, 'close')
  })

  it('goes on when the client is slow', async (context) => {
    const bytes = randomBytes(400_000)
    const { url, outcome } = await serve(context, readerOf(bytes), { idleTimeoutMs: 200 })
    const response: IncomingMessage = await new Promise((resolve) => get(url, resolve))
    let received = 0
    for await (const part of response) {
      received += part.length
      await sleep(40)
    }
    assert.equal(received, bytes.length)
    assert.deepEqual(await outcome, { outcome: 'sent', sentBytes: bytes.length })
  })

  it('can be called off', async (context) => {
    const controller = new AbortController()
    const reader = readerOf(Buffer.alloc(50_000_000))
    const { port, outcome } = await serve(context, reader, { signal: controller.signal })
    await deafClient(context, port)
    controller.abort()
    const sent = await outcome
    assert.ok('outcome' in sent)
    assert.equal(sent.outcome, 'aborted')
  })

  it('can still be answered otherwise when the first read fails', async (context) => {
    const { url, outcome } = await serve(context, failingReader(100_000, 0))
    const response = await fetch(url)
    assert.equal(response.status, 503)
    const failed = await outcome
    assert.ok('error' in failed && failed.error instanceof StoreError)
  })

  it('never looks complete when a later read fails', async (context) => {
    const { url, outcome } = await serve(context, failingReader(100_000, 30_000))
    const response = await fetch(url)
    assert.equal(response.status, 200)
    await assert.rejects(response.arrayBuffer())
    const failed = await outcome
    assert.ok('error' in failed && failed.error instanceof StoreError)
  })

  it('never looks complete when the object has become shorter', async (context) => {
    const short = readerOf(randomBytes(50_000))
    const { url, outcome } = await serve(context, short, { range: { start: 0, end: 100_000 } })
    const response = await fetch(url)
    await assert.rejects(response.arrayBuffer())
    const failed = await outcome
    assert.ok('error' in failed && failed.error instanceof StoreError)
  })
})

describe('the memory of downloads', () => {
  it('is large for a few, small for the ones beyond, and used again', () => {
    const buffers = createSendBuffers({ largePairs: 2, largeBytes: 1000, smallBytes: 10 })
    const [first, second, third] = [buffers.take(), buffers.take(), buffers.take()]
    assert.deepEqual(
      [first, second, third].map((pair) => pair.first.length),
      [1000, 1000, 10],
    )
    buffers.give(third)
    buffers.give(second)
    assert.equal(buffers.take(), second)
    assert.equal(buffers.take().first.length, 10)
  })
})
