import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { type TestContext, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { answerJson, pattern, serve, serviceAt } from '../test/byte-server.ts'
import { imageDocument, imageId } from '../test/fake-fetch.ts'
import { v3Token } from '../test/identity-answers.ts'
import { ConflictError, InvalidArgumentError, TimeoutError, UnauthorizedError } from './errors.ts'
import type { Image } from './image.ts'
import type { TokenEndpoint } from './image-service.ts'
import { OpenStack } from './openstack.ts'
import type { Progress } from './progress.ts'
import type { UploadSource } from './upload.ts'

interface Upload {
  headers: IncomingMessage['headers']
  bytes: Buffer
}

/** An image at a server that takes uploads. */
const queued = async (t: TestContext, options: Partial<TokenEndpoint> = {}) => {
  const uploads: Upload[] = []
  const address = await serve(t, async (request, response) => {
    if (request.method === 'GET') {
      answerJson(response, 200, imageDocument({ status: 'queued' }))
      return
    }
    assert.equal(`${request.method} ${request.url}`, `PUT /v2/images/${imageId}/file`)
    const bytes = Buffer.concat(await request.toArray())
    uploads.push({ headers: request.headers, bytes })
    response.writeHead(204).end()
  })
  return { image: await serviceAt(address, options).getImage(imageId), uploads }
}

const bytes = pattern(3_000_000)

const inPieces = async function* (pieceBytes = 700_000) {
  for (let offset = 0; offset < bytes.length; offset += pieceBytes) {
    yield new Uint8Array(0)
    yield bytes.subarray(offset, offset + pieceBytes)
  }
}

const readable = () => {
  const pieces = inPieces()
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await pieces.next()
      if (done === true) controller.close()
      else controller.enqueue(value)
    },
  })
}

const sized: [name: string, source: UploadSource][] = [
  ['a Uint8Array', bytes],
  ['a Blob', new Blob([new Uint8Array(bytes)])],
  ['an object with stream() and size', { size: bytes.length, stream: readable }],
]

for (const [name, source] of sized) {
  test(`${name} is uploaded with its size`, async (t) => {
    const { image, uploads } = await queued(t)
    const seen: Progress[] = []
    await image.uploadData(source, { onProgress: (progress) => seen.push(progress), store: 'fast' })
    const [upload] = uploads
    assert.ok(upload)
    assert.ok(upload.bytes.equals(bytes))
    assert.equal(upload.headers['content-type'], 'application/octet-stream')
    assert.equal(upload.headers['x-openstack-image-size'], '3000000')
    assert.equal(upload.headers['content-length'], '3000000')
    assert.equal(upload.headers['transfer-encoding'], undefined)
    assert.equal(upload.headers['x-auth-token'], 'tok')
    assert.equal(upload.headers['x-image-meta-store'], 'fast')
    assert.ok(seen.every(({ transferredBytes }, place) => transferredBytes > (seen[place - 1]?.transferredBytes ?? 0)))
    assert.deepEqual(seen.at(-1), { transferredBytes: 3_000_000, totalBytes: 3_000_000 })
  })
}

const unsized: [name: string, source: () => UploadSource][] = [
  ['a ReadableStream', readable],
  ['an async iterable', inPieces],
]

for (const [name, source] of unsized) {
  test(`${name} is uploaded in chunks, or with the size that is told`, async (t) => {
    const { image, uploads } = await queued(t)
    const seen: Progress[] = []
    await image.uploadData(source(), { onProgress: (progress) => seen.push(progress) })
    await image.uploadData(source(), { sizeBytes: bytes.length })
    const [chunked, told] = uploads
    assert.ok(chunked && told)
    assert.ok(chunked.bytes.equals(bytes) && told.bytes.equals(bytes))
    assert.equal(chunked.headers['transfer-encoding'], 'chunked')
    assert.equal(chunked.headers['x-openstack-image-size'], undefined)
    assert.deepEqual(seen.at(-1), { transferredBytes: 3_000_000, totalBytes: undefined })
    assert.equal(told.headers['content-length'], '3000000')
    assert.equal(told.headers['x-openstack-image-size'], '3000000')
  })
}

test('nothing can be uploaded too', async (t) => {
  const { image, uploads } = await queued(t)
  await image.uploadData(new Uint8Array(0))
  await image.uploadData(new Blob([]))
  await image.uploadData((async function* () {})())
  await image.uploadData((async function* () {})(), { sizeBytes: 0 })
  assert.deepEqual(
    uploads.map((upload) => upload.bytes.length),
    [0, 0, 0, 0],
  )
})

test('a size that is not the size ends the upload', async (t) => {
  const { image, uploads } = await queued(t)
  await assert.rejects(image.uploadData(bytes, { sizeBytes: 5 }), InvalidArgumentError)
  await assert.rejects(image.uploadData(bytes, { sizeBytes: -1 }), InvalidArgumentError)
  await assert.rejects(image.uploadData(inPieces(), { sizeBytes: 2_000_000 }), /holds more/)
  await assert.rejects(image.uploadData(inPieces(), { sizeBytes: 4_000_000 }), /only 3000000/)
  assert.equal(uploads.length, 0)
})

test('what is not bytes is refused', async (t) => {
  const { image } = await queued(t)
  // @ts-expect-error: callers in JavaScript
  await assert.rejects(image.uploadData('text'), InvalidArgumentError)
  // @ts-expect-error: callers in JavaScript
  await assert.rejects(image.uploadData({}), InvalidArgumentError)
  const texts = async function* () {
    yield 'text'
  }
  // @ts-expect-error: callers in JavaScript
  await assert.rejects(image.uploadData(texts()), InvalidArgumentError)
})

/** Bytes without end; tells how many were taken and whether it was let go. */
const endless = () => {
  const state = { givenBytes: 0, released: false }
  const source = async function* () {
    try {
      for (;;) {
        state.givenBytes += 1_048_576
        yield new Uint8Array(1_048_576)
      }
    } finally {
      state.released = true
    }
  }
  return { state, source: source() }
}

const until = async (condition: () => boolean) => {
  for (let tries = 0; tries < 400 && !condition(); tries++) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.ok(condition())
}

const imageAt = async (address: string, options: Partial<TokenEndpoint> = {}): Promise<Image> =>
  serviceAt(address, options).getImage(imageId)

test('a source is read no faster than the network takes it, and let go when the caller ends the upload', async (t) => {
  const address = await serve(t, (request, response) => {
    if (request.method === 'GET') answerJson(response, 200, imageDocument())
    else request.pause()
  })
  const { state, source } = endless()
  const controller = new AbortController()
  const upload = (await imageAt(address)).uploadData(source, { signal: controller.signal })
  upload.catch(() => {})
  await new Promise((resolve) => setTimeout(resolve, 300))
  assert.ok(state.givenBytes < 30 * 1_048_576, `${state.givenBytes} bytes were read ahead`)
  const reason = new Error('enough')
  controller.abort(reason)
  await assert.rejects(upload, reason)
  await until(() => state.released)
})

test('memory does not grow with the size of the image', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  assert.ok(typeof collect === 'function')
  const address = await serve(t, async (request, response) => {
    if (request.method === 'GET') answerJson(response, 200, imageDocument())
    else for await (const _ of request);
    response.end()
  })
  let heldBytes = 0
  const fresh = async function* () {
    for (let count = 1; count <= 256; count++) {
      yield new Uint8Array(1_048_576)
      if (count % 32 !== 0) continue
      collect()
      heldBytes = Math.max(heldBytes, process.memoryUsage().arrayBuffers)
    }
  }
  await (await imageAt(address)).uploadData(fresh())
  assert.ok(heldBytes < 128 * 1_048_576, `${heldBytes} bytes were held`)
})

test('a redirected upload says so', async (t) => {
  const address = await serve(t, (request, response) => {
    if (request.method === 'GET') answerJson(response, 200, imageDocument())
    else response.writeHead(307, { location: 'http://evil.example.org/' }).end()
  })
  await assert.rejects((await imageAt(address)).uploadData(bytes), /redirects, and uploads are not/)
})

test('a refusal during the upload is told as it is, and ends it', async (t) => {
  const address = await serve(t, (request, response) => {
    if (request.method === 'GET') answerJson(response, 200, imageDocument())
    else answerJson(response, 409, { error: { code: 409, title: 'Conflict', message: 'The image is active.' } })
  })
  const { state, source } = endless()
  await assert.rejects((await imageAt(address)).uploadData(source), (error) => {
    return error instanceof ConflictError && error.message === 'The image is active.'
  })
  await until(() => state.released)
})

test('a network that stands still ends the upload; a slow source does not', async (t) => {
  const address = await serve(t, async (request, response) => {
    if (request.method === 'GET') answerJson(response, 200, imageDocument())
    else if (request.headers['x-image-meta-store'] === 'stuck') request.pause()
    else {
      await request.toArray()
      response.writeHead(204).end()
    }
  })
  const image = await imageAt(address, { idleTimeoutMs: 60 })
  await assert.rejects(image.uploadData(endless().source, { store: 'stuck' }), (error) => {
    return error instanceof TimeoutError && error.message === 'The service took no further byte within 0.06 s.'
  })
  const slow = async function* () {
    for (const byte of [1, 2]) {
      await new Promise((resolve) => setTimeout(resolve, 150))
      yield Uint8Array.of(byte)
    }
  }
  await image.uploadData(slow())
})

test('a service that does not confirm is not waited for without end', async (t) => {
  const address = await serve(t, (request, response) => {
    if (request.method === 'GET') answerJson(response, 200, imageDocument())
    else request.resume()
  })
  const image = await imageAt(address, { finishTimeoutMs: 60 })
  await assert.rejects(image.uploadData(bytes), /did not confirm them within 0.06 s/)
})

test("the source's own error comes out as it is", async (t) => {
  const { image, uploads } = await queued(t)
  const fault = Object.assign(new Error('disk gone'), { code: 'EIO' })
  const failing = async function* () {
    yield bytes
    throw fault
  }
  await assert.rejects(image.uploadData(failing()), (error) => error === fault)
  assert.equal(uploads.length, 0)
})

test('after a renewal only what can be read again is sent again; nothing else is repeated', async (t) => {
  let uploads = 0
  let tokens = 0
  let status = 401
  const address = await serve(t, async (request, response) => {
    const wire = v3Token(`T${tokens + 1}`)
    if (request.url === '/v3/auth/tokens') {
      tokens++
      response.writeHead(201, wire.headers).end(JSON.stringify(wire.json))
    } else if (request.method === 'GET') answerJson(response, 200, imageDocument())
    else {
      uploads++
      await request.toArray()
      response.writeHead(request.headers['x-auth-token'] === 'T1' || status !== 401 ? status : 204).end()
    }
  })
  const auth = { username: 'joe', password: 'p' }
  const connect = () => {
    tokens = 0
    uploads = 0
    const cloud = new OpenStack({ authUrl: `${address}/v3`, auth, imageEndpoint: address })
    return cloud.imageService().getImage(imageId)
  }
  await (await connect()).uploadData(bytes)
  assert.deepEqual([tokens, uploads], [2, 2])
  const image = await connect()
  await assert.rejects(image.uploadData(inPieces()), UnauthorizedError)
  assert.deepEqual([tokens, uploads], [1, 1])
  status = 503
  const again = await connect()
  await assert.rejects(again.uploadData(bytes), /./)
  assert.equal(uploads, 1)
})
