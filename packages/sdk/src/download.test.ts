import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { answerJson, pattern, serve, serviceAt } from '../test/byte-server.ts'
import { imageDocument, imageId } from '../test/fake-fetch.ts'
import { rangeHeader } from './download.ts'
import {
  ForbiddenError,
  HttpError,
  InvalidArgumentError,
  NetworkError,
  NoDataError,
  TimeoutError,
  UnexpectedResponseError,
} from './errors.ts'
import type { TokenEndpoint } from './image-service.ts'
import type { Progress } from './progress.ts'

const bytes = pattern(2_000_000)
const md5 = '0f343b0931126a20f133d67c2b018a3b'

type Range = string | undefined

/** An image whose bytes the function answers with. */
const image = async (
  t: TestContext,
  answer: (response: ServerResponse, range: Range, attempt: number) => void,
  options: Partial<TokenEndpoint> = {},
) => {
  let attempt = 0
  const address = await serve(t, (request, response) => {
    if (!request.url?.endsWith('/file')) answerJson(response, 200, imageDocument({ size: bytes.length }))
    else answer(response, request.headers.range, ++attempt)
  })
  return serviceAt(address, options).getImage(imageId)
}

const whole = (response: ServerResponse) => {
  const headers = { 'content-type': 'application/octet-stream', 'content-length': bytes.length, 'content-md5': md5 }
  response.writeHead(200, headers).end(bytes)
}

test('all bytes come as a stream, with size and digests', async (t) => {
  const seen: Progress[] = []
  const download = await (await image(t, whole)).downloadData({ onProgress: (progress) => seen.push(progress) })
  assert.ok(download.stream instanceof ReadableStream)
  assert.equal(download.sizeBytes, bytes.length)
  assert.equal(download.imageSizeBytes, bytes.length)
  assert.equal(download.range, undefined)
  assert.deepEqual(download.checksum, {
    md5,
    algorithm: 'sha512',
    value: 'bb96ca3b60b1628fb1c62d6c5d7a6e0d',
  })
  assert.deepEqual(await download.bytes(), bytes)
  assert.deepEqual(seen.at(-1), { transferredBytes: bytes.length, totalBytes: bytes.length })
})

test('without a digest in the answer, or with one in base64, that of the image stands', async (t) => {
  const odd = (response: ServerResponse) =>
    response.writeHead(200, { 'content-md5': 'DzQ7CTESaiDxM9Z8KwGKOw==' }).end('x')
  const download = await (await image(t, odd)).downloadData()
  assert.equal(download.checksum.md5, '781e5e245d69b566979b86e28d23f2c7')
  await download.stream.cancel()
})

test('a range comes as asked', async (t) => {
  const asked: Range[] = []
  const part = (response: ServerResponse, range: Range) => {
    asked.push(range)
    response.writeHead(206, { 'content-range': `bytes 3-9/${bytes.length}`, 'content-length': 7 })
    response.end(bytes.subarray(3, 10))
  }
  const source = await image(t, part)
  const download = await source.downloadData({ range: { start: 3, end: 9 } })
  assert.deepEqual(
    [download.sizeBytes, download.imageSizeBytes, download.range],
    [7, bytes.length, { start: 3, end: 9 }],
  )
  assert.deepEqual(await download.bytes(), bytes.subarray(3, 10))
  assert.deepEqual(asked, ['bytes=3-9'])
})

test('ranges have three forms', () => {
  assert.equal(rangeHeader({ start: 0, end: 0 }), 'bytes=0-0')
  assert.equal(rangeHeader({ start: 5 }), 'bytes=5-')
  assert.equal(rangeHeader({ last: 2 }), 'bytes=-2')
  for (const wrong of [{ start: -1 }, { start: 1.5 }, { start: 3, end: 2 }, { last: 0 }, { start: Number.NaN }]) {
    assert.throws(() => rangeHeader(wrong), InvalidArgumentError)
  }
})

test('a service that does not know ranges is not taken at its word', async (t) => {
  const source = await image(t, whole)
  await assert.rejects(source.downloadData({ range: { start: 3 } }), UnexpectedResponseError)
  const other = (response: ServerResponse) => response.writeHead(206, { 'content-range': 'bytes 0-1/2' }).end('ab')
  await assert.rejects((await image(t, other)).downloadData({ range: { start: 3 } }), UnexpectedResponseError)
})

test('an image without bytes, a refusal and an impossible range are told apart', async (t) => {
  const queued = await image(t, (response) => response.writeHead(204).end())
  await assert.rejects(queued.downloadData(), NoDataError)
  const locked = await image(t, (response) => answerJson(response, 403, { error: { message: 'Deactivated.' } }))
  await assert.rejects(locked.downloadData(), ForbiddenError)
  const short = await image(t, (response) => answerJson(response, 416, { error: { message: 'Outside.' } }))
  await assert.rejects(short.downloadData({ range: { start: 99_999_999 } }), (error) => {
    return error instanceof HttpError && error.status === 416
  })
})

test('bytes that end too early are an error, not a smaller image', async (t) => {
  const cut = (response: ServerResponse) => {
    response.writeHead(200, { 'content-length': bytes.length })
    response.write(bytes.subarray(0, 1_000_000), () => response.destroy())
  }
  const download = await (await image(t, cut)).downloadData()
  await assert.rejects(download.bytes(), NetworkError)
})

test('a service that falls silent ends the download; a slow reader does not', async (t) => {
  const silent = (response: ServerResponse) => {
    response.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, 10))
  }
  const stuck = await (await image(t, silent, { idleTimeoutMs: 60 })).downloadData()
  await assert.rejects(stuck.bytes(), (error) => {
    return error instanceof TimeoutError && error.message === 'The service sent no further byte within 0.06 s.'
  })
  const download = await (await image(t, whole, { idleTimeoutMs: 60 })).downloadData()
  let sizeBytes = 0
  for await (const chunk of download) {
    if (sizeBytes === 0) await new Promise((resolve) => setTimeout(resolve, 150))
    sizeBytes += chunk.byteLength
  }
  assert.equal(sizeBytes, bytes.length)
})

test('the caller ends a download that is under way', async (t) => {
  let closed = false
  const slow = (response: ServerResponse) => {
    response.on('close', () => {
      closed = true
    })
    response.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, 10))
  }
  const controller = new AbortController()
  const reason = new Error('enough')
  const source = await image(t, slow)
  const download = await source.downloadData({ signal: controller.signal })
  const reading = download.bytes()
  controller.abort(reason)
  await assert.rejects(reading, reason)

  closed = false
  for await (const _ of await source.downloadData()) break
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.ok(closed)
})

test('a download that was not begun is tried again', async (t) => {
  const busy = (response: ServerResponse, _: Range, attempt: number) =>
    attempt === 1 ? response.writeHead(503).end() : whole(response)
  const download = await (await image(t, busy, { random: () => 0 })).downloadData()
  assert.equal((await download.bytes()).byteLength, bytes.length)
})
