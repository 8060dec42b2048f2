import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeClock } from '../test/fake-fetch.ts'
import { HttpError, NetworkError } from './errors.ts'
import { waitUntil } from './wait.ts'

const silent = new NetworkError('No answer.')
const refusal = (status: number) => new HttpError({ status, body: null, method: 'GET', url: 'http://c/v2/images/1' })

/** Gives the answers in turn, the last one for ever; what is no answer is thrown. */
const answering = (...answers: (boolean | Error)[]) => {
  let asked = 0
  const ask = async (): Promise<boolean> => {
    const answer = answers[Math.min(asked, answers.length - 1)]
    asked += 1
    if (typeof answer !== 'boolean') throw answer
    return answer
  }
  return { ask, asked: () => asked }
}

test('it asks until it is so, with waits that grow to five seconds', async () => {
  const clock = fakeClock()
  await waitUntil(answering(...Array(7).fill(false), true).ask, clock, undefined)
  assert.deepEqual(clock.sleeps, [250, 500, 1000, 2000, 4000, 5000, 5000])
})

test('a service that goes away while it is waited for may come back', async () => {
  const { ask, asked } = answering(false, silent, refusal(503), silent, false, silent, true)
  await waitUntil(ask, fakeClock(), undefined)
  assert.equal(asked(), 7)
})

test('it does not wait for a service that never answered, nor for ever, nor after a refusal', async () => {
  const clock = fakeClock()
  await assert.rejects(waitUntil(answering(silent).ask, clock, undefined), silent)
  assert.deepEqual(clock.sleeps, [])
  const gone = answering(false, silent)
  await assert.rejects(waitUntil(gone.ask, fakeClock(), undefined), silent)
  assert.equal(gone.asked(), 14)
  const denied = answering(false, refusal(404))
  await assert.rejects(waitUntil(denied.ask, fakeClock(), undefined), HttpError)
  assert.equal(denied.asked(), 2)
})
