import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventDocument } from '@vitrine/contract'
import { type Answer, fakeClock, fakeFetch, imageId, type Recorded, scripted } from '../test/fake-fetch.ts'
import { v3Token } from '../test/identity-answers.ts'
import { asJson, eventDocument } from '../test/sharing-documents.ts'
import { ForbiddenError, NetworkError, NotFoundError, TimeoutError, UnexpectedResponseError } from './errors.ts'
import { ImageService } from './image-service.ts'
import { OpenStack } from './openstack.ts'
import type { Fetch } from './transport.ts'

const event = (id: string, changes: Partial<EventDocument> = {}): string =>
  JSON.stringify(eventDocument({ id, ...changes }))

const stream = (text: string): Answer => ({ text, headers: { 'content-type': 'text/event-stream; charset=utf-8' } })

/** What a service sends for one event. */
const sent = (position: number): string => `id: ${position}\nevent: member.create\ndata: ${event(`e${position}`)}\n\n`

const lastEventIds = (requests: Recorded[]) => requests.map(({ headers }) => headers.get('last-event-id'))

/** Walks until so many events were seen. */
const take = async <T>(events: AsyncIterable<T>, count: number): Promise<T[]> => {
  const taken: T[] = []
  for await (const one of events) {
    taken.push(one)
    if (taken.length === count) break
  }
  return taken
}

test('activity is listed, newest first, in pages', async () => {
  const { images, requests } = scripted(
    {},
    { json: { events: [asJson(eventDocument())], first: '/v2/activity', next: '/v2/activity?marker=e1' } },
    { json: { events: [asJson(eventDocument({ id: 'e0', member_id: null }))], first: '/v2/activity' } },
  )
  const events = await images.listActivity({ type: ['member.create', 'member.delete'] }).toArray()
  assert.deepEqual(
    events.map(({ id, imageId: image, memberId }) => [id, image, memberId]),
    [
      ['e1', imageId, 'consumer'],
      ['e0', imageId, undefined],
    ],
  )
  assert.deepEqual(
    requests.map(({ path }) => path),
    ['/v2/activity?type=member.create&type=member.delete', '/v2/activity?marker=e1'],
  )
})

test('events come with the position to go on from', async () => {
  const { images, requests } = scripted({}, stream(`: hello\n\n${sent(7)}: beat\n\n${sent(8)}`))
  const events = await take(images.watchActivity({ since: '6' }), 2)
  assert.deepEqual(
    events.map(({ id, type, position, createdAt }) => [id, type, position, createdAt]),
    [
      ['e7', 'member.create', '7', new Date('2026-03-01T00:00:00Z')],
      ['e8', 'member.create', '8', new Date('2026-03-01T00:00:00Z')],
    ],
  )
  const [request] = requests
  assert.deepEqual([request?.method, request?.path], ['GET', '/v2/activity/stream'])
  assert.equal(request?.headers.get('accept'), 'text/event-stream, application/json')
  assert.deepEqual(lastEventIds(requests), ['6'])
})

test('a stream that ends is taken up after the last event', async () => {
  const down = new TypeError('fetch failed')
  const { images, requests, clock } = scripted(
    { retry: { maxRetries: 0 } },
    stream(sent(1)),
    down,
    { status: 503 },
    { status: 429, headers: { 'retry-after': '20' } },
    stream(sent(2)),
  )
  const events = await take(images.watchActivity(), 2)
  assert.deepEqual(
    events.map(({ id }) => id),
    ['e1', 'e2'],
  )
  assert.deepEqual(lastEventIds(requests), [null, '1', '1', '1', '1'])
  assert.equal(clock.sleeps.length, 4)
  assert.ok(clock.sleeps.every((delayMs) => delayMs >= 125 && delayMs <= 20_000))
  assert.deepEqual(
    clock.sleeps.toSorted((one, other) => one - other),
    clock.sleeps,
    'the waits grow',
  )
  assert.equal(clock.sleeps[3], 20_000)
})

test('a position that comes before any event is kept, so nothing is missed', async () => {
  const { images, requests } = scripted({}, stream('id: 41\n\n'), stream(sent(42)))
  const [first] = await take(images.watchActivity(), 1)
  assert.equal(first?.position, '42')
  assert.deepEqual(lastEventIds(requests), [null, '41'])
})

test('an event that broke off is not told; it comes again whole', async () => {
  const { images, requests } = scripted({}, stream(`${sent(1)}id: 2\ndata: {"id":`), stream(sent(2)))
  const events = await take(images.watchActivity(), 2)
  assert.deepEqual(
    events.map(({ position }) => position),
    ['1', '2'],
  )
  assert.deepEqual(lastEventIds(requests), [null, '1'])
})

test('after an expired token the stream goes on with a new one', async () => {
  let tokens = 0
  let connections = 0
  const { fetch, requests } = fakeFetch((request: Recorded) => {
    if (request.path === '/v3/auth/tokens') return v3Token(`T${++tokens}`)
    if (request.headers.get('x-auth-token') !== `T${Math.min(connections + 1, 2)}`) return { status: 401 }
    return stream(sent(++connections))
  })
  const auth = { username: 'joe', password: 'x', projectName: 'producer' }
  const cloud = new OpenStack({ authUrl: 'https://id.example.org/v3', auth, fetch, clock: fakeClock() })
  const events = await take(cloud.imageService().watchActivity(), 2)
  assert.deepEqual(
    events.map(({ position }) => position),
    ['1', '2'],
  )
  assert.equal(tokens, 2)
  assert.equal(requests.at(-1)?.headers.get('x-auth-token'), 'T2')
})

test('a service that is not there, or has no stream, is told at once', async () => {
  const attempts: [Answer | Error, new (message: string) => Error][] = [
    [new TypeError('fetch failed'), NetworkError],
    [{ json: {} }, UnexpectedResponseError],
    [stream('data: {}\n\n'), UnexpectedResponseError],
    [stream('data: no JSON\n\n'), UnexpectedResponseError],
    [stream(`data: ${'x'.repeat(1_100_000)}`), UnexpectedResponseError],
  ]
  for (const [answer, Class] of attempts) {
    const { images } = scripted({ retry: { maxRetries: 0 } }, answer)
    await assert.rejects(take(images.watchActivity(), 1), Class)
  }
  await assert.rejects(take(scripted({}, { status: 404 }).images.watchActivity(), 1), NotFoundError)
})

test('a refusal ends the walk also later', async () => {
  const { images, requests } = scripted({}, stream(sent(1)), { status: 403 })
  await assert.rejects(take(images.watchActivity(), 2), ForbiddenError)
  assert.equal(requests.length, 2)
})

/** A service whose connections stay open and silent after what they sent. */
const silent = (...texts: string[]) => {
  const cancelled: number[] = []
  let connections = 0
  const fetch: Fetch = async () => {
    const connection = connections++
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(texts[connection] ?? ': beat\n\n')),
      cancel: () => {
        cancelled.push(connection)
      },
    })
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
  }
  return { fetch, cancelled }
}

const watching = (fetch: Fetch, idleTimeoutMs = 60_000): ImageService =>
  ImageService.withToken({ endpoint: 'https://x.example.org', token: 't', fetch, clock: fakeClock(), idleTimeoutMs })

test('whoever stops walking closes the connection', async () => {
  const { fetch, cancelled } = silent(sent(1))
  assert.equal((await take(watching(fetch).watchActivity(), 1)).length, 1)
  assert.deepEqual(cancelled, [0])
})

test('the signal ends the walk with its own reason', async () => {
  const { fetch, cancelled } = silent(sent(1))
  const controller = new AbortController()
  const reason = new Error('enough')
  const seen: (string | undefined)[] = []
  const walk = async () => {
    for await (const { position } of watching(fetch).watchActivity({ signal: controller.signal })) {
      seen.push(position)
      setTimeout(() => controller.abort(reason), 5)
    }
  }
  await assert.rejects(walk(), (error) => error === reason)
  assert.deepEqual([seen, cancelled], [['1'], [0]])
})

test('a connection that has gone silent is made anew', async () => {
  const { fetch, cancelled } = silent(sent(1), sent(2))
  const events = await take(watching(fetch, 20).watchActivity(), 2)
  assert.deepEqual(
    events.map(({ position }) => position),
    ['1', '2'],
  )
  assert.deepEqual(cancelled, [0, 1])
})

test('a service that answers nothing at all runs into the time limit', async () => {
  const fetch: Fetch = (_url, { signal }) =>
    new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
  const images = ImageService.withToken({ endpoint: 'https://x.example.org', fetch, timeoutMs: 10 })
  await assert.rejects(take(images.watchActivity(), 1), TimeoutError)
})
