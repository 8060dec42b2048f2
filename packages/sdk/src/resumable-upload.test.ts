import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { answerJson, pattern, serve, serviceAt } from '../test/byte-server.ts'
import { fakeClock, imageDocument, imageId } from '../test/fake-fetch.ts'
import { HttpError } from './errors.ts'
import type { TokenEndpoint } from './image-service.ts'
import type { UploadSource } from './upload.ts'

const bytes = pattern(3_000_000)

interface Cloud {
  /** What a PATCH meets before it is taken: an answer of its own, or a connection that breaks after so many bytes. */
  faults?: (number | { breaksAfter: number } | undefined)[]
  offered?: boolean
}

/** A service that takes one upload, or none. */
const start = async (t: TestContext, { faults = [], offered = true }: Cloud, options: Partial<TokenEndpoint> = {}) => {
  const calls: string[] = []
  let kept = Buffer.alloc(0)
  const path = `/v2/images/${imageId}/uploads`

  const patch = async (request: IncomingMessage, response: ServerResponse) => {
    if (Number(request.headers['upload-offset']) !== kept.length) {
      answerJson(response, 409, { error: { message: 'It stands elsewhere.' } })
      return
    }
    const fault = faults.shift()
    if (typeof fault === 'number') {
      request.resume()
      answerJson(response, fault, { error: { message: 'Not now.' } })
      return
    }
    const before = kept
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      kept = Buffer.concat([kept, chunk])
      if (fault !== undefined && kept.length - before.length > fault.breaksAfter) {
        response.destroy()
        return
      }
    }
    response.writeHead(204, { 'upload-offset': kept.length }).end()
  }
  const address = await serve(t, async (request, response) => {
    calls.push(request.method ?? '')
    if (request.method === 'GET') answerJson(response, 200, imageDocument({ status: 'queued' }))
    else if (request.method === 'PUT') {
      kept = Buffer.concat(await request.toArray())
      response.writeHead(204).end()
    } else if (!offered) answerJson(response, 404, { error: { message: 'There is nothing at this path.' } })
    else if (request.method === 'POST') {
      assert.equal(request.url, path)
      assert.equal(request.headers['upload-length'], String(bytes.length))
      response.writeHead(201, { location: `http://elsewhere.example${path}/u1` }).end()
    } else if (request.url !== `${path}/u1`) answerJson(response, 404, { error: { message: 'No such upload.' } })
    else if (request.method === 'HEAD') response.writeHead(200, { 'upload-offset': kept.length }).end()
    else await patch(request, response)
  })
  const service = serviceAt(address, { clock: fakeClock(), random: () => 0, ...options })
  return { image: await service.getImage(imageId), service, calls, kept: () => kept }
}

const sources: [string, UploadSource][] = [
  ['a Uint8Array', bytes],
  ['a Blob', new Blob([new Uint8Array(bytes)])],
  [
    'a source that can be read from any place',
    {
      size: bytes.length,
      stream: () => new Blob([new Uint8Array(bytes)]).stream(),
      from: (place) => new Blob([new Uint8Array(bytes)]).slice(place).stream(),
    },
  ],
]

for (const [name, source] of sources) {
  test(`${name} is gone on with after the connection broke, with progress over the whole`, async (t) => {
    const faults = [{ breaksAfter: 500_000 }, 503, { breaksAfter: 1_000_000 }]
    const { image, calls, kept } = await start(t, { faults })
    const seen: number[] = []
    const begun: string[] = []
    await image.uploadData(source, {
      resumable: true,
      onProgress: ({ transferredBytes, totalBytes }) => {
        assert.equal(totalBytes, bytes.length)
        seen.push(transferredBytes)
      },
      onUpload: (id) => void begun.push(id),
    })
    assert.ok(kept().equals(bytes))
    assert.deepEqual(begun, ['u1'])
    assert.deepEqual(
      calls.filter((method) => method !== 'GET'),
      ['POST', 'PATCH', 'HEAD', 'PATCH', 'HEAD', 'PATCH', 'HEAD', 'PATCH'],
    )
    assert.equal(seen.at(-1), bytes.length)
  })
}

test('an upload of an earlier call is gone on with, and begun anew when it is gone', async (t) => {
  const { image, calls, kept } = await start(t, { faults: [{ breaksAfter: 500_000 }, 400] })
  const options = { resumable: true } as const
  await assert.rejects(image.uploadData(bytes, options), HttpError)
  const before = kept().length
  assert.ok(before > 500_000)
  await image.uploadData(bytes, { ...options, uploadId: 'u1' })
  assert.ok(kept().equals(bytes))
  assert.equal(calls.filter((method) => method === 'POST').length, 1)
  await image.uploadData(bytes, { ...options, uploadId: 'gone' })
  assert.equal(calls.filter((method) => method === 'POST').length, 2)
})

test('a service without it is asked once, and gets everything in one request', async (t) => {
  const { image, calls, kept } = await start(t, { offered: false })
  await image.uploadData(bytes, { resumable: true })
  assert.ok(kept().equals(bytes))
  assert.deepEqual(calls.slice(1), ['POST', 'PUT'])
})

test('what is small, has no end or is not wanted in parts goes in one request', async (t) => {
  const { image, calls } = await start(t, {})
  await image.uploadData(bytes)
  await image.uploadData(new Blob([new Uint8Array(bytes)]).stream(), { resumable: true })
  await image.uploadData(bytes, { resumable: false })
  assert.deepEqual(calls.slice(1), ['PUT', 'PUT', 'PUT'])
})

test('a refusal ends it, and so does a service that never goes on', async (t) => {
  const refused = await start(t, { faults: [415] })
  await assert.rejects(refused.image.uploadData(bytes, { resumable: true }), { status: 415 })
  const stuck = await start(t, { faults: Array.from({ length: 50 }, () => 503) })
  await assert.rejects(stuck.image.uploadData(bytes, { resumable: true }), { status: 503 })
  assert.equal(stuck.calls.filter((method) => method === 'PATCH').length, 11)
  const other = await start(t, { faults: [409] })
  await other.image.uploadData(bytes, { resumable: true })
  assert.ok(other.kept().equals(bytes))
})
