import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeFetch, imageDocument, imageId, scripted } from '../test/fake-fetch.ts'
import {
  BadRequestError,
  ConflictError,
  ForbiddenError,
  GoneError,
  HttpError,
  NetworkError,
  NotFoundError,
  OverLimitError,
  TimeoutError,
  TooManyRequestsError,
  UnauthorizedError,
  UnexpectedResponseError,
} from './errors.ts'
import { ImageService } from './image-service.ts'
import type { RequestTrace, ResponseTrace } from './transport.ts'

const error = (status: number) => ({
  status,
  json: { error: { code: status, title: 'T', message: 'Sentence.' } },
  headers: { 'x-openstack-request-id': 'req-1' },
})

test('each status has its class, with request id, body and message', async () => {
  const classes = new Map([
    [400, BadRequestError],
    [401, UnauthorizedError],
    [403, ForbiddenError],
    [404, NotFoundError],
    [409, ConflictError],
    [410, GoneError],
    [413, OverLimitError],
    [418, HttpError],
    [429, TooManyRequestsError],
    [500, HttpError],
  ])
  for (const [status, Class] of classes) {
    const { images } = scripted({}, error(status))
    const caught = await images.getImage(imageId).catch((thrown: unknown) => thrown)
    assert.ok(caught instanceof Class && caught instanceof HttpError, String(status))
    assert.equal(caught.name, Class.name)
    assert.equal(caught.status, status)
    assert.equal(caught.message, 'Sentence.')
    assert.equal(caught.requestId, 'req-1')
    assert.equal(caught.method, 'GET')
    assert.deepEqual(caught.body, error(status).json)
  }
})

test('nothing secret stands in an error', async () => {
  const steps = [error(401), new TypeError('fetch failed'), { status: 200, text: '<html>' }]
  for (const step of steps) {
    const { images } = scripted({ retry: { maxRetries: 0 } }, step)
    const caught = await images.getImage(imageId).catch((thrown: unknown) => thrown)
    assert.ok(caught instanceof Error)
    assert.doesNotMatch(`${caught.stack} ${JSON.stringify(caught)}`, /tok-secret/)
  }
})

test('a busy service is asked again, as long after as it says', async () => {
  const busy = { status: 503, headers: { 'retry-after': '4' } }
  const { images, requests, clock } = scripted({}, busy, { status: 429 }, { json: imageDocument() })
  assert.equal((await images.getImage(imageId)).id, imageId)
  assert.equal(requests.length, 3)
  assert.deepEqual(clock.sleeps, [4000, 375])
})

test('a refusal says after how many seconds to come back, in whichever way the service writes it', async () => {
  const written: [string | undefined, number | undefined][] = [
    ['90', 90],
    ['0', 0],
    // The clock of the test stands at 12:00:00.
    ['Sun, 01 Mar 2026 12:01:30 GMT', 90],
    ['Sun, 01 Mar 2026 11:00:00 GMT', 0],
    ['soon', undefined],
    [undefined, undefined],
  ]
  for (const [retryAfter, seconds] of written) {
    const headers = retryAfter === undefined ? {} : { 'retry-after': retryAfter }
    const { images } = scripted({ retry: { maxRetries: 0 } }, { status: 429, headers })
    const caught = await images.getImage(imageId).catch((thrown: unknown) => thrown)
    assert.ok(caught instanceof TooManyRequestsError)
    assert.deepEqual([caught.retryAfter, caught.retryAfterSeconds], [retryAfter, seconds])
  }
})

test('creating is not repeated, whatever happened', async () => {
  for (const step of [error(503), new TypeError('fetch failed')]) {
    const { images, requests } = scripted({}, step)
    await assert.rejects(images.createImage({ name: 'x' }))
    assert.equal(requests.length, 1)
  }
})

test('a lost connection is a NetworkError with its cause and an explanation', async () => {
  const cause = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  const { images, requests } = scripted({}, new TypeError('fetch failed', { cause }))
  const caught = await images.getImage(imageId).catch((thrown: unknown) => thrown)
  assert.ok(caught instanceof NetworkError)
  assert.equal(
    caught.message,
    'No answer from https://image.example.org (ECONNREFUSED): the connection was refused. Check the address, and that the service is running.',
  )
  assert.ok(caught.cause instanceof TypeError)
  assert.equal(requests.length, 4)
})

test('a service that does not answer runs into the time limit, and is not asked again', async () => {
  let calls = 0
  const images = ImageService.withToken({
    endpoint: 'https://image.example.org',
    timeoutMs: 20,
    fetch: (_, init) => {
      calls++
      return new Promise((_, reject) => init.signal?.addEventListener('abort', () => reject(init.signal?.reason)))
    },
  })
  await assert.rejects(images.getImage(imageId), (caught) => {
    return (
      caught instanceof TimeoutError && caught.message === 'No answer from https://image.example.org within 0.02 s.'
    )
  })
  assert.equal(calls, 1)
})

test('the caller ends a call with a reason of its own', async () => {
  const reason = new Error('enough')
  const early = scripted({}, { json: imageDocument() })
  await assert.rejects(early.images.getImage(imageId, { signal: AbortSignal.abort(reason) }), reason)
  assert.equal(early.requests.length, 0)

  const controller = new AbortController()
  const images = ImageService.withToken({
    endpoint: 'https://image.example.org',
    fetch: (_, init) =>
      new Promise((_, reject) => {
        init.signal?.addEventListener('abort', () => reject(init.signal?.reason))
        controller.abort(reason)
      }),
  })
  await assert.rejects(images.getImage(imageId, { signal: controller.signal }), reason)
})

test('redirects are not followed: the token would go along', async () => {
  const away = { status: 302, headers: { location: 'https://evil.example.org/v2/images' } }
  const { images, requests } = scripted({}, away)
  await assert.rejects(images.getImage(imageId), (caught) => {
    return caught instanceof UnexpectedResponseError && /evil\.example\.org.*not followed/.test(caught.message)
  })
  assert.equal(requests.length, 1)
})

test('an answer that is not the API is told from one that is', async () => {
  for (const text of ['<html>Welcome</html>', '[]', '"x"', '{"id": 5}', '']) {
    await assert.rejects(scripted({}, { text }).images.getImage(imageId), UnexpectedResponseError, text)
  }
})

test('the hooks see every attempt, and no token', async () => {
  const sent: RequestTrace[] = []
  const answered: ResponseTrace[] = []
  const { images } = scripted(
    { onRequest: (trace) => sent.push(trace), onResponse: (trace) => answered.push(trace) },
    { status: 503 },
    new TypeError('fetch failed'),
    { json: imageDocument(), headers: { 'x-openstack-request-id': 'req-7' } },
  )
  await images.getImage(imageId)
  assert.deepEqual(
    sent.map(({ method, attempt, headers }) => [method, attempt, headers['X-Auth-Token']]),
    [1, 2, 3].map((attempt) => ['GET', attempt, '***']),
  )
  assert.deepEqual(
    answered.map(({ status, requestId, error: why }) => [status, requestId, why instanceof Error]),
    [
      [503, undefined, false],
      [undefined, undefined, true],
      [200, 'req-7', false],
    ],
  )
})

test('without a token none is sent', async () => {
  const { fetch, requests } = fakeFetch({ json: imageDocument() })
  await ImageService.withToken({ endpoint: 'https://image.example.org', fetch }).getImage(imageId)
  assert.equal(requests[0]?.headers.has('x-auth-token'), false)
})

test('a refused token that cannot be renewed is tried once', async () => {
  const { images, requests } = scripted({}, error(401))
  await assert.rejects(images.getImage(imageId), UnauthorizedError)
  assert.equal(requests.length, 1)
})

test('an endless error page is cut', async () => {
  const { images } = scripted({ retry: { maxRetries: 0 } }, { status: 500, text: 'x'.repeat(1_000_000) })
  const caught = await images.getImage(imageId).catch((thrown: unknown) => thrown)
  assert.ok(caught instanceof HttpError && typeof caught.body === 'string')
  assert.ok(caught.message.length <= 2000)
})
