import type { Clock } from '../src/clock.ts'
import { ImageService, type TokenEndpoint } from '../src/image-service.ts'
import type { JsonValue } from '../src/json.ts'
import type { Fetch } from '../src/transport.ts'

/** A request as it left the package. */
export interface Recorded {
  method: string
  url: string
  /** Path and query. */
  path: string
  headers: Headers
  body: string
}

export interface Answer {
  status?: number
  json?: JsonValue
  text?: string
  headers?: Record<string, string>
}

type Script = Answer | Error | ((request: Recorded) => Answer | Error)

/** A `fetch` that gives the answers in turn (the last one for ever) and keeps what it was asked. */
export const fakeFetch = (...script: Script[]) => {
  const requests: Recorded[] = []
  const fetch: Fetch = async (url, init) => {
    const { pathname, search } = new URL(url)
    const body = init.body === undefined || init.body === null ? '' : await new Response(init.body).text()
    const headers = new Headers(init.headers)
    const recorded = { method: init.method ?? 'GET', url, path: pathname + search, headers, body }
    requests.push(recorded)
    const step = script[Math.min(requests.length, script.length) - 1]
    const answer = typeof step === 'function' ? step(recorded) : step
    if (answer === undefined) throw new Error('No answer is scripted.')
    if (answer instanceof Error) throw answer
    const status = answer.status ?? 200
    const text = answer.json === undefined ? answer.text : JSON.stringify(answer.json)
    const empty = status === 204 || status === 205 || status === 304
    return new Response(empty ? null : (text ?? ''), {
      status,
      headers: { 'content-type': answer.json === undefined ? 'text/plain' : 'application/json', ...answer.headers },
    })
  }
  return { fetch, requests }
}

/** A clock that stands still but for sleeping, which takes no time at all. */
export const fakeClock = (start = Date.parse('2026-03-01T12:00:00Z')) => {
  const sleeps: number[] = []
  const clock = {
    nowMs: start,
    sleeps,
    now: () => clock.nowMs,
    sleep: async (delayMs: number) => {
      sleeps.push(delayMs)
      clock.nowMs += delayMs
    },
  }
  return clock satisfies Clock
}

export const imageId = 'd164b5df-1bc3-4c3f-893e-3e471fd16e64'

/** The document of an image as the API shows it. */
export const imageDocument = (changes: { [name: string]: JsonValue } = {}): { [name: string]: JsonValue } => ({
  id: imageId,
  name: 'debian-13',
  status: 'active',
  visibility: 'shared',
  protected: false,
  os_hidden: false,
  checksum: '781e5e245d69b566979b86e28d23f2c7',
  os_hash_algo: 'sha512',
  os_hash_value: 'bb96ca3b60b1628fb1c62d6c5d7a6e0d',
  owner: 'producer',
  size: 10,
  virtual_size: 10,
  container_format: 'bare',
  disk_format: 'raw',
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-02T00:00:00Z',
  tags: ['lts'],
  min_ram: 512,
  min_disk: 2,
  self: `/v2/images/${imageId}`,
  file: `/v2/images/${imageId}/file`,
  schema: '/v2/schemas/image',
  ...changes,
})

export const memberDocument = (changes: { [name: string]: JsonValue } = {}): { [name: string]: JsonValue } => ({
  member_id: 'edc89b490d7d4392898e19b2deb34797',
  image_id: imageId,
  status: 'pending',
  created_at: '2016-09-01T02:05:14Z',
  updated_at: '2016-09-01T02:05:14Z',
  schema: '/v2/schemas/member',
  ...changes,
})

/** An image service whose cloud is a script. */
export const scripted = (options: Partial<TokenEndpoint>, ...script: Script[]) => {
  const { fetch, requests } = fakeFetch(...script)
  const clock = fakeClock()
  const images = ImageService.withToken({
    endpoint: 'https://image.example.org',
    token: 'tok-secret',
    fetch,
    clock,
    random: () => 0.5,
    ...options,
  })
  return { images, requests, clock }
}
