import { Readable, Writable } from 'node:stream'
import type { Fetch } from '@vitrine/sdk'
import type { Context, Output } from '../src/context.ts'

/** An output that keeps what is written. */
export const memoryOutput = (isTerminal = false): Output & { text(): string } => {
  let text = ''
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk)
      done()
    },
  })
  return { stream, isTerminal, columns: () => 80, colour: false, text: () => text }
}

export interface MemoryContext extends Context {
  out: ReturnType<typeof memoryOutput>
  talk: ReturnType<typeof memoryOutput>
}

/** Surroundings of a command that hold everything in memory. */
export const memoryContext = (given: Partial<Context> = {}): MemoryContext => ({
  environment: {},
  stdin: Readable.from([]),
  stdinIsTerminal: false,
  signal: new AbortController().signal,
  now: Date.now,
  ...given,
  out: memoryOutput(),
  talk: memoryOutput(),
})

export const projectId = '0123456789abcdef0123456789abcdef'
export const otherProjectId = 'fedcba9876543210fedcba9876543210'

export const cloudEnvironment = {
  OS_AUTH_URL: 'http://cloud.example/identity/v3',
  OS_USERNAME: 'someone',
  OS_PASSWORD: 'secret of someone',
  OS_PROJECT_NAME: 'project',
}

const token = () =>
  Response.json(
    {
      token: {
        expires_at: new Date(Date.now() + 3_600_000).toISOString(),
        issued_at: new Date().toISOString(),
        project: { id: projectId, name: 'project' },
        user: { id: 'u1', name: 'someone' },
        roles: [{ name: 'member' }],
        catalog: [
          {
            type: 'image',
            name: 'glance',
            endpoints: [{ interface: 'public', region: 'one', url: 'http://cloud.example' }],
          },
        ],
      },
    },
    { status: 201, headers: { 'X-Subject-Token': 'token-of-someone' } },
  )

/** One request as the cloud saw it: `GET /v2/images?name=a`. */
export interface Seen {
  line: string
  body: unknown
}

/** A cloud that lets everyone in and answers from a function; undefined answers 404. */
export const fakeCloud = (
  answer: (method: string, url: URL) => unknown,
): { fetch: Fetch; seen: Seen[]; environment: Record<string, string> } => {
  const seen: Seen[] = []
  const fetch: Fetch = async (address, { method = 'GET', body }) => {
    const url = new URL(address)
    if (url.pathname.startsWith('/identity')) return token()
    seen.push({
      line: `${method} ${url.pathname}${url.search}`,
      body: typeof body === 'string' ? JSON.parse(body) : body,
    })
    const found = answer(method, url)
    if (found instanceof Response) return found
    if (found !== undefined) return Response.json(found)
    const message = 'It is not there, or not for you.'
    const headers = { 'X-OpenStack-Request-Id': 'req-of-the-test' }
    return Response.json({ error: { code: 404, title: 'Not Found', message } }, { status: 404, headers })
  }
  return { fetch, seen, environment: cloudEnvironment }
}

/** The document of an image. */
export const imageDocument = (id: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  id,
  name: 'debian',
  status: 'active',
  visibility: 'shared',
  owner: projectId,
  size: 1536,
  tags: [],
  protected: false,
  os_hidden: false,
  ...more,
})
