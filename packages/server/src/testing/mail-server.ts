import type { AddressInfo } from 'node:net'
import PostalMime, { type Email } from 'postal-mime'
import { SMTPServer } from 'smtp-server'

/** A mail as it arrived. */
export interface ReceivedMail {
  /** Mailboxes of the envelope. */
  readonly to: readonly string[]
  readonly from: string
  readonly parsed: Email
  /** As it was sent, headers and all. */
  readonly source: string
}

/** What the server answers; without it, mail is taken. */
export interface Refusal {
  readonly code: number
  /** When: to the mailbox, or to the whole mail once it was read. */
  readonly at: 'recipient' | 'data'
}

/** A real SMTP server for tests, on a port of its own. */
export interface MailServer {
  readonly url: string
  readonly mails: readonly ReceivedMail[]
  /** Decides for each mailbox what is answered. */
  refuse(decide: (to: string) => Refusal | undefined): void
  /** Waits until so many mails have come. */
  waitFor(count: number, timeoutMs?: number): Promise<readonly ReceivedMail[]>
  /** Stops listening, as a server that is down; `up` takes the same port again. */
  down(): Promise<void>
  up(): Promise<void>
}

const errorOf = ({ code }: Refusal): Error => Object.assign(new Error('refused by the test'), { responseCode: code })

/**
 * Starts one.
 * @param login user and password that it asks for, if any
 */
export const startMailServer = async (login?: {
  readonly user: string
  readonly password: string
}): Promise<MailServer> => {
  const mails: ReceivedMail[] = []
  let decide: (to: string) => Refusal | undefined = () => undefined
  let port = 0

  const create = () => {
    const server = new SMTPServer({
      authOptional: login === undefined,
      allowInsecureAuth: true,
      disabledCommands: ['STARTTLS'],
      logger: false,
      onAuth: ({ username, password }, _session, done) => {
        if (login !== undefined && username === login.user && password === login.password)
          done(null, { user: username })
        else done(new Error('wrong user or password'))
      },
      onRcptTo: ({ address }, _session, done) => {
        const refusal = decide(address)
        done(refusal?.at === 'recipient' ? errorOf(refusal) : null)
      },
      onData: (stream, session, done) => {
        // The session is used again for the next mail.
        const { rcptTo, mailFrom } = structuredClone(session.envelope)
        const chunks: Buffer[] = []
        stream.on('data', (chunk: Buffer) => chunks.push(chunk))
        stream.on('end', () => {
          const to = rcptTo.map(({ address }) => address)
          const refusal = decide(to[0] ?? '')
          if (refusal?.at === 'data') {
            done(errorOf(refusal))
            return
          }
          const source = Buffer.concat(chunks)
          void PostalMime.parse(source).then((parsed) => {
            mails.push({ to, from: mailFrom === false ? '' : mailFrom.address, parsed, source: source.toString() })
            done()
          })
        })
      },
    })
    server.on('error', () => undefined)
    return server
  }

  let server = create()
  const up = (): Promise<void> =>
    new Promise((ready) => {
      server.listen(port, '127.0.0.1', () => {
        const address: AddressInfo | string | null = server.server.address()
        if (typeof address === 'object' && address !== null) port = address.port
        ready()
      })
    })
  await up()
  const user = login === undefined ? '' : `${encodeURIComponent(login.user)}:${encodeURIComponent(login.password)}@`

  return {
    // It has no TLS, without which no password is sent unless the URL says so.
    url: `smtp://${user}127.0.0.1:${port}${login === undefined ? '' : '/?requireTLS=false'}`,
    mails,
    refuse: (by) => {
      decide = by
    },
    waitFor: async (count, timeoutMs = 10_000) => {
      const end = performance.now() + timeoutMs
      while (mails.length < count) {
        if (performance.now() > end) throw new Error(`${mails.length} of ${count} mails came`)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      return mails
    },
    down: () =>
      new Promise((closed) => {
        for (const connection of server.connections) connection.close()
        server.close(() => closed())
        server = create()
      }),
    up,
  }
}
