import { createHmac, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import PostalMime, { type Email } from 'postal-mime'
import { SMTPServer } from 'smtp-server'
import type { ContentServer } from './content.ts'
import { type Json, parseJson } from './json.ts'
import { eventually } from './suite.ts'

/** Where a receiver listens: port 0 takes a free one. */
export interface ListenAt {
  host: string
  port: number
}

/** A mail as it came: what the envelope said, and what was in it. */
export interface Mail {
  to: string[]
  raw: string
  content: Email
}

/** A mail server that takes everything, and keeps it. */
export interface MailReceiver {
  /** As a setting of the service: `smtp://HOST:PORT`. */
  url: string
  /** Everything that came to a mailbox, in whatever case it is written, oldest first. */
  to(mailbox: string): Mail[]
  /** Waits for the mail to a mailbox that `wanted` agrees with, ten seconds at most. */
  arrival(mailbox: string, wanted: (mail: Mail) => boolean): Promise<Mail>
  stop(): Promise<void>
}

const portOf = (address: AddressInfo | string | null): number => {
  if (address === null || typeof address === 'string') throw new Error('the system gave no port')
  return address.port
}

/** Starts a server, and tells where it listens. */
export const listening = async (server: Server, at: ListenAt): Promise<string> => {
  server.listen(at.port, at.host)
  await once(server, 'listening')
  return `${at.host}:${portOf(server.address())}`
}

export const receiveMail = async (at: ListenAt): Promise<MailReceiver> => {
  const mails: Mail[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, session, done) {
      const to = session.envelope.rcptTo.map(({ address }) => address.toLowerCase())
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const raw = Buffer.concat(chunks)
        PostalMime.parse(raw).then(
          (content) => {
            mails.push({ to, raw: raw.toString('latin1'), content })
            done()
          },
          (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
        )
      })
    },
  })
  // Connections that break off are the service's matter.
  server.on('error', () => {})
  const address = await listening(server.server, at)
  const to = (mailbox: string) => mails.filter((mail) => mail.to.includes(mailbox.toLowerCase()))
  return {
    url: `smtp://${address}`,
    to,
    async arrival(mailbox, wanted) {
      const found = await eventually(
        async () => to(mailbox).find(wanted),
        (mail) => mail !== undefined,
        `a mail to ${mailbox}; there came: ${
          to(mailbox)
            .map(({ content }) => content.subject)
            .join(', ') || 'none'
        }`,
      )
      if (found === undefined) throw new Error('it was just there')
      return found
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

/** One call of a webhook, as it came. */
export interface HookCall {
  path: string
  headers: http.IncomingHttpHeaders
  body: string
  json: Json | undefined
}

/** A web server that takes every call, and keeps it. */
export interface HookReceiver {
  /** `http://HOST:PORT` */
  url: string
  calls(path: string): HookCall[]
  /** What a path answers from now on; 204 until then. */
  answer(path: string, status: number, headers?: Record<string, string>): void
  stop(): Promise<void>
}

export const receiveHooks = async (at: ListenAt): Promise<HookReceiver> => {
  const calls: HookCall[] = []
  const answers = new Map<string, { status: number; headers: Record<string, string> }>()
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      const path = request.url ?? ''
      calls.push({ path, headers: request.headers, body, json: parseJson(body) })
      const { status, headers } = answers.get(path) ?? { status: 204, headers: {} }
      response.writeHead(status, headers).end()
    })
  })
  const address = await listening(server, at)
  return {
    url: `http://${address}`,
    calls: (path) => calls.filter((call) => call.path === path),
    answer: (path, status, headers = {}) => void answers.set(path, { status, headers }),
    async stop() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/**
 * Whether a call carries a signature of this key after the Standard Webhooks specification.
 * Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export const signedBy = (call: HookCall, secret: string): boolean => {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = call.headers
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${call.body}`).digest()
  return String(signatures)
    .split(' ')
    .some((signature) => {
      const [version, value = ''] = signature.split(',')
      const given = Buffer.from(value, 'base64')
      return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected)
    })
}

/** What a run can receive. Absent: the expectations that need it are skipped. */
export interface Receivers {
  mail?: MailReceiver
  hooks?: HookReceiver
  /** Not what arrives, but what the service fetches. */
  content?: ContentServer
}
