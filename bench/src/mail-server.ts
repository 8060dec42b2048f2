/** A mail server that takes every mail, and says for which mailbox and when. */
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { clockMs } from './clock.ts'

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ['AUTH', 'STARTTLS'],
  disableReverseLookup: true,
  onData: (stream, session, done) => {
    const mailboxes = session.envelope.rcptTo.map(({ address }) => address)
    stream.resume()
    stream.on('end', () => {
      done()
      const at = clockMs()
      for (const mailbox of mailboxes) process.stdout.write(`mail ${mailbox} ${at}\n`)
    })
  },
})
// Clients that break off are no reason to end.
server.on('error', () => undefined)

server.listen(0, '127.0.0.1', () => {
  const address: string | AddressInfo | null = server.server.address()
  if (address !== null && typeof address !== 'string') process.stdout.write(`listens on ${address.port}\n`)
})
