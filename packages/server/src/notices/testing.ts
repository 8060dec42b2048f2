import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { Config } from '../config.ts'
import type { TestDatabases } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { type MailServer, type ReceivedMail, startMailServer } from '../testing/mail-server.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'
import { confirmPath } from './links.ts'

/** A call that a webhook got. */
export interface ReceivedCall {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A webhook of the outside world. */
export interface Hook {
  readonly url: string
  readonly calls: ReceivedCall[]
  /** What is answered from now on; `hang` answers nothing, `close` drops the connection. */
  answer: number | 'hang' | 'close'
  waitFor(count: number): Promise<readonly ReceivedCall[]>
}

/** A service with a mail server beside it, and shorthands for what the tests of notices do all the time. */
export interface Scene extends TestService {
  readonly mail: MailServer
  readonly clock: { advance(ms: number): void }
  newImage(attributes?: object): Promise<string>
  share(image: string, project: string): Promise<void>
  /** Adds an address and confirms it by the link of the mail. */
  confirmed(project: string, email: string, wish?: object): Promise<string>
  /** The next mail that no test has looked at. */
  nextMail(): Promise<ReceivedMail>
  /** Waits until nothing is due any more. */
  settle(): Promise<void>
  /** Waits until nothing more happens, while targets are down and what is due waits for them. */
  quiet(): Promise<void>
  newHook(): Promise<Hook>
  addWebhook(project: string, url: string, wish?: object): Promise<{ id: string; secret: string }>
}

export const until = async (is: () => boolean | Promise<boolean>, what: string, timeoutMs = 10_000): Promise<void> => {
  const end = performance.now() + timeoutMs
  while (!(await is())) {
    if (performance.now() > end) throw new Error(`it did not happen in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

export const member = (project: string): string => fakeToken(project, 'member')

export const startScene = async (
  { newUrl, atEnd }: Pick<TestDatabases, 'newUrl' | 'atEnd'>,
  given: {
    settings?: Partial<Config>
    login?: { user: string; password: string }
    databaseUrl?: string
    mail?: MailServer
  } = {},
): Promise<Scene> => {
  const mail = given.mail ?? (await startMailServer(given.login))
  if (given.mail === undefined) atEnd(() => mail.down())
  let aheadMs = 0
  const service = await startTestService(
    {
      database_url: given.databaseUrl ?? (await newUrl()),
      smtp_url: mail.url,
      public_url: 'https://images.example.org',
      outbound_allow: '127.0.0.0/8',
      ...given.settings,
    },
    () => Date.now() + aheadMs,
  )
  let closed = false
  const close = async () => {
    if (closed) return
    closed = true
    await service.close()
  }
  atEnd(close)
  const { call } = service
  const { notices, database } = service.service
  let seen = 0

  const nextMail = async () => {
    notices.kick()
    seen += 1
    const found = (await mail.waitFor(seen))[seen - 1]
    assert.ok(found)
    return found
  }

  const settle = async () => {
    await until(async () => {
      notices.kick()
      const waiting = await database.read.selectFrom('events').select('id').where('position', 'is', null).execute()
      const due = await database.read
        .selectFrom('deliveries')
        .select('id')
        .where('state', '=', 'waiting')
        .where('next_at', '<=', Date.now() + aheadMs)
        .execute()
      return waiting.length + due.length === 0
    }, 'everything is sent')
  }

  const quiet = async () => {
    notices.kick()
    let before = ''
    let since = performance.now()
    await until(async () => {
      const rows = await database.read
        .selectFrom('deliveries')
        .select(['id', 'attempts', 'state'])
        .orderBy('id')
        .execute()
      const waiting = await database.read.selectFrom('events').select('id').where('position', 'is', null).execute()
      const now = JSON.stringify([rows, waiting])
      if (now !== before) since = performance.now()
      before = now
      return waiting.length === 0 && performance.now() - since > 200
    }, 'nothing happens')
  }

  return {
    ...service,
    close,
    quiet,
    mail,
    clock: {
      advance: (ms) => {
        aheadMs += ms
        notices.kick()
      },
    },
    nextMail,
    settle,
    newImage: async (attributes = {}) => {
      const answer = await call('POST', '/v2/images', member('producer'), attributes)
      assert.equal(answer.statusCode, 201, answer.body)
      return answer.json().id
    },
    share: async (image, project) => {
      const answer = await call('POST', `/v2/images/${image}/members`, member('producer'), { member: project })
      assert.equal(answer.statusCode, 200, answer.body)
    },
    confirmed: async (project, email, wish = {}) => {
      const made = await call('POST', '/v2/notice-addresses', member(project), { email, ...wish })
      assert.equal(made.statusCode, 201, made.body)
      const { parsed } = await nextMail()
      const secret = /\/catalogue\/notices\/confirm\/([\w-]+)/.exec(parsed.text ?? '')?.[1] ?? ''
      const answer = await call('POST', confirmPath(secret))
      assert.equal(answer.statusCode, 200, answer.body)
      return made.json().id
    },
    newHook: async () => {
      const hook: Hook = {
        url: '',
        calls: [],
        answer: 200,
        waitFor: async (count) => {
          notices.kick()
          await until(() => hook.calls.length >= count, `${count} calls of a webhook`)
          return hook.calls
        },
      }
      const server = createServer((request, response) => {
        const chunks: Buffer[] = []
        request.on('data', (chunk: Buffer) => chunks.push(chunk))
        request.on('end', () => {
          const { answer } = hook
          if (answer === 'close') {
            request.socket.destroy()
            return
          }
          hook.calls.push({ headers: request.headers, body: Buffer.concat(chunks).toString() })
          if (answer !== 'hang') response.writeHead(answer).end()
        })
      })
      await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
      atEnd(async () => {
        server.closeAllConnections()
        server.close()
      })
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      return Object.assign(hook, { url: `http://127.0.0.1:${port}/hook` })
    },
    addWebhook: async (project, url, wish = {}) => {
      const answer = await call('POST', '/v2/webhooks', member(project), { url, ...wish })
      assert.equal(answer.statusCode, 201, answer.body)
      return answer.json()
    },
  }
}
