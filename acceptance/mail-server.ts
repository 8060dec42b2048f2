import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import PostalMime from 'postal-mime'
import { SMTPServer } from 'smtp-server'
import { freePort } from './network.ts'
import { runSuccessfully } from './process.ts'
import { waitFor } from './wait.ts'

/** A mail as it was received. */
export interface ReceivedMail {
  /** Mailboxes of the envelope. */
  readonly to: readonly string[]
  readonly messageId: string
  readonly subject: string
  readonly text: string
  readonly html: string
  /** Values by name in small letters; the last one of each. */
  readonly headers: ReadonlyMap<string, string>
}

/** A mail server that takes mail by STARTTLS and with a password only, as real ones do. */
export interface MailServer extends AsyncDisposable {
  /** Settings of a service that sends through it, and trusts its certificate. */
  readonly settings: Readonly<Record<string, string>>
  readonly password: string
  /** All mails, in the order in which they were accepted. */
  readonly received: readonly ReceivedMail[]
  listen(): Promise<void>
  close(): Promise<void>
  /** Waits for a mail to a mailbox with this subject; each mail is given out once. */
  next(to: string, subject: RegExp): Promise<ReceivedMail>
}

const user = 'vitrine'
const password = 'open sesame/42'

/** Makes a key and a certificate for 127.0.0.1, signed by itself. */
const makeCertificate = async (folder: string): Promise<{ keyPath: string; certificatePath: string }> => {
  const [keyPath, certificatePath] = [join(folder, 'mail-key.pem'), join(folder, 'mail-certificate.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
  const files = ['-keyout', keyPath, '-out', certificatePath]
  await runSuccessfully('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    ...subject,
    ...files,
  ])
  return { keyPath, certificatePath }
}

const parseMail = async (bytes: Buffer, to: readonly string[]): Promise<ReceivedMail> => {
  const parsed = await PostalMime.parse(bytes)
  const { messageId = '', subject = '', text = '', html = '' } = parsed
  return { to, messageId, subject, text, html, headers: new Map(parsed.headers.map(({ key, value }) => [key, value])) }
}

/** Keeps a port for a mail server, which listens when it is told to. */
export const prepareMailServer = async (folder: string): Promise<MailServer> => {
  const [port, { keyPath, certificatePath }] = await Promise.all([freePort(), makeCertificate(folder)])
  const [key, cert] = await Promise.all([readFile(keyPath), readFile(certificatePath)])
  const received: ReceivedMail[] = []
  const waiting: ReceivedMail[] = []
  let running: SMTPServer | undefined

  const open = (): SMTPServer =>
    new SMTPServer({
      key,
      cert,
      size: 1_000_000,
      // Clients keep connections open for the next mail; a server that goes down does not ask them.
      closeTimeout: 100,
      onAuth: ({ username, password: given }, _session, done) =>
        username === user && given === password ? done(null, { user }) : done(new Error('Invalid login')),
      onData: (stream, session, done) => {
        // The envelope is emptied when the message ends.
        const to = session.envelope.rcptTo.map(({ address }) => address)
        assert.ok(session.secure, 'the connection is encrypted')
        const chunks: Buffer[] = []
        stream.on('data', (chunk: Buffer) => chunks.push(chunk))
        stream.on('end', () => {
          parseMail(Buffer.concat(chunks), to).then(
            (mail) => {
              received.push(mail)
              waiting.push(mail)
              done()
            },
            (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
          )
        })
      },
    })

  const close = async (): Promise<void> => {
    const server = running
    running = undefined
    if (server !== undefined) await new Promise<void>((resolve) => server.close(resolve))
  }
  return {
    settings: {
      VITRINE_SMTP_URL: `smtp://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}`,
      VITRINE_MAIL_FROM: 'Vitrine <images@cloud.example>',
      NODE_EXTRA_CA_CERTS: certificatePath,
    },
    password,
    received,
    listen: () =>
      new Promise((resolve, reject) => {
        const server = open()
        running = server
        server.once('error', reject)
        server.listen(port, '127.0.0.1', () => {
          server.off('error', reject)
          // A client that breaks off is no failure of the server.
          server.on('error', () => undefined)
          resolve()
        })
      }),
    close,
    next: (to, subject) =>
      waitFor(`a mail to ${to} about ${subject}; there were: ${received.map((mail) => mail.subject)}`, () => {
        const index = waiting.findIndex((mail) => mail.to.includes(to) && subject.test(mail.subject))
        return index === -1 ? undefined : waiting.splice(index, 1)[0]
      }),
    [Symbol.asyncDispose]: close,
  }
}

/** The first link of a mail's text whose path begins so. */
export const linkIn = (mail: ReceivedMail, path: string): string => {
  const found = mail.text.match(/https?:\/\/[^\s<>"]+/g)?.find((link) => new URL(link).pathname.startsWith(path))
  assert.ok(found, `there is a link to ${path} in: ${mail.text}`)
  return found
}

/** The line of a mail's text that is this command, as someone would copy it. */
export const commandIn = (mail: ReceivedMail, command: RegExp): string => {
  const found = mail.text.split('\n').find((line) => command.test(line.trim()))
  assert.ok(found, `there is a command ${command} in: ${mail.text}`)
  return found.trim().replace(/^\$ /, '')
}
