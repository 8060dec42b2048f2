import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { test } from 'node:test'
import { receiveHooks, receiveMail, signedBy } from './receivers.ts'

/** Says one line after each answer. */
const dictate = async (to: URL, lines: string[]): Promise<void> => {
  const socket = net.connect({ host: to.hostname, port: Number(to.port) })
  socket.on('data', () => {
    const next = lines.shift()
    if (next !== undefined) socket.write(`${next}\r\n`)
  })
  await once(socket, 'close')
}

test('mails and webhook calls are received, and signatures checked', async () => {
  const here = { host: '127.0.0.1', port: 0 }
  const [mail, hooks] = [await receiveMail(here), await receiveHooks(here)]
  try {
    await dictate(new URL(mail.url), [
      'HELO x',
      'MAIL FROM:<a@x>',
      'RCPT TO:<B@x>',
      'DATA',
      'Subject: Hello\r\n\r\nText\r\n.',
      'QUIT',
    ])
    const arrived = await mail.arrival('b@x', ({ content }) => content.subject === 'Hello')
    assert.match(arrived.content.text ?? '', /Text/)
    hooks.answer('/x', 410)
    // The example of the specification.
    const response = await fetch(`${hooks.url}/x`, {
      method: 'POST',
      body: '{"test": 2432232314}',
      headers: {
        'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
        'webhook-timestamp': '1614265330',
        'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
      },
    })
    assert.equal(response.status, 410)
    const [call] = hooks.calls('/x')
    assert.ok(call)
    assert.equal(signedBy(call, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'), true)
    assert.equal(signedBy(call, 'whsec_AAAA9r8GKYqrTwjUPD8ILPZIo2LaLaSw'), false)
  } finally {
    await mail.stop()
    await hooks.stop()
  }
})
