import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createBreaker } from './breaker.ts'
import { oneLine } from './letter.ts'
import { messageIdOf, outcomeOf, senderAt } from './mail.ts'
import { sizeText } from './templates/parts.ts'

const failure = (fields: object) => Object.assign(new Error('said the server, and the password is hunter2'), fields)

describe('what a failure of the mail server means', () => {
  for (const [fields, wanted] of [
    [{ code: 'ECONNECTION' }, 'unavailable'],
    [{ code: 'ETIMEDOUT', command: 'CONN' }, 'unavailable'],
    [{ code: 'EDNS' }, 'unavailable'],
    [{ code: 'EAUTH', responseCode: 535, command: 'AUTH PLAIN' }, 'unavailable'],
    [{ code: 'EENVELOPE', responseCode: 421, command: 'RCPT TO' }, 'unavailable'],
    [{ code: 'EENVELOPE', responseCode: 450, command: 'RCPT TO' }, 'retry'],
    [{ code: 'EENVELOPE', responseCode: 550, command: 'RCPT TO' }, 'refused'],
    [{ code: 'EENVELOPE', responseCode: 550, command: 'MAIL FROM' }, 'retry'],
    [{ code: 'EMESSAGE', responseCode: 554, command: 'DATA' }, 'refused'],
    [{ code: 'EENVELOPE' }, 'refused'],
  ] as const) {
    it(`${JSON.stringify(fields)}: ${wanted}`, () => {
      const outcome = outcomeOf(failure(fields))
      assert.equal(outcome.result, wanted)
      assert.ok(!JSON.stringify(outcome).includes('hunter2'), 'nothing of what the server said')
    })
  }
})

describe('the breaker', () => {
  it('keeps mails back while the server is away, and tries one at least every ten seconds', () => {
    let now = 0
    const breaker = createBreaker(() => now)
    assert.equal(breaker.room(5), 5)
    for (let attempt = 0; attempt < 10; attempt += 1) {
      breaker.note('unavailable')
      assert.equal(breaker.room(5), 0)
      now += 10_000
      assert.equal(breaker.room(5), 1)
    }
    breaker.note('sent')
    assert.equal(breaker.room(5), 5)
  })

  it('leaves mails alone that are refused one by one, but not five in a row', () => {
    const breaker = createBreaker(() => 0)
    for (let attempt = 0; attempt < 4; attempt += 1) breaker.note('retry')
    assert.equal(breaker.room(5), 5)
    breaker.note('refused')
    for (let attempt = 0; attempt < 5; attempt += 1) breaker.note('retry')
    assert.equal(breaker.room(5), 0)
  })
})

it('makes one line of anything', () => {
  assert.equal(oneLine('a\r\nBcc: b\u202ec\u0000d'), 'a Bcc: b c d')
  assert.equal([...oneLine('😀'.repeat(200))].length, 80)
})

it('tells sizes for people and in bytes', () => {
  assert.deepEqual([0, 1023, 1024, 1_610_612_736].map(sizeText), [
    '0 bytes',
    '1023 bytes',
    '1.0 KiB (1024 bytes)',
    '1.5 GiB (1610612736 bytes)',
  ])
})

it('has a sender and the same message id for the same delivery', () => {
  assert.equal(senderAt('https://images.example.org'), 'vitrine@images.example.org')
  assert.equal(senderAt('http://127.0.0.1:9292'), 'vitrine@localhost')
  assert.equal(messageIdOf('a', 'https://x.org'), messageIdOf('a', 'https://x.org'))
  assert.notEqual(messageIdOf('a', 'https://x.org'), messageIdOf('b', 'https://x.org'))
  assert.ok(!messageIdOf('secret', 'https://x.org').includes('secret'))
})
