import assert from 'node:assert/strict'
import { once } from 'node:events'
import PostalMime from 'postal-mime'
import { SMTPServer } from 'smtp-server'

/** A mail server on a port of its own that keeps what it gets. */
export interface MailServer {
  /** For the settings of a service. */
  url: string
  /** The text of the newest mail to a mailbox, once there are so many mails to it. */
  textTo(mailbox: string, count: number): Promise<string>
  close(): Promise<void>
}

const timeoutMs = 15_000
const pollMs = 20

export const startMailServer = async (): Promise<MailServer> => {
  const mails: { to: string[]; text: string }[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    logger: false,
    onData: (stream, session, done) => {
      const to = session.envelope.rcptTo.map(({ address }) => address)
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', async () => {
        const { text = '' } = await PostalMime.parse(Buffer.concat(chunks))
        mails.push({ to, text })
        done()
      })
    },
  })
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const address = server.server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return {
    url: `smtp://127.0.0.1:${address.port}`,
    textTo: async (mailbox, count) => {
      const deadline = Date.now() + timeoutMs
      for (;;) {
        const found = mails.filter(({ to }) => to.includes(mailbox))
        const newest = found.at(-1)
        if (newest !== undefined && found.length >= count) return newest.text
        assert.ok(Date.now() < deadline, `${found.length} of ${count} mails came to ${mailbox}`)
        await new Promise((resolve) => setTimeout(resolve, pollMs))
      }
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
