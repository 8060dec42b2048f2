import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultRetryPolicy, retryAfterMs, retryDelayMs } from './retry.ts'

const now = Date.parse('2026-03-01T12:00:00Z')
const delay = (outcome: Partial<Parameters<typeof retryDelayMs>[0]>, random = 0.5) =>
  retryDelayMs({ attempt: 1, repeatable: true, status: 503, ...outcome }, defaultRetryPolicy, now, random)

test('busy answers and lost connections are tried again, refusals are not', () => {
  for (const status of [429, 502, 503, 504, undefined]) assert.notEqual(delay({ status }), undefined, String(status))
  for (const status of [400, 401, 403, 404, 409, 410, 413, 500, 501]) assert.equal(delay({ status }), undefined)
})

test('what is not repeatable is never sent twice', () => {
  for (const status of [429, 503, undefined]) assert.equal(delay({ status, repeatable: false }), undefined)
})

test('the delay doubles up to a cap, half of it by chance', () => {
  assert.deepEqual(
    [1, 2, 3].map((attempt) => [delay({ attempt }, 0), delay({ attempt }, 1)]),
    [
      [125, 250],
      [250, 500],
      [500, 1000],
    ],
  )
  const patient = { maxRetries: 100, maxDelayMs: 20_000 }
  assert.equal(retryDelayMs({ attempt: 60, repeatable: true, status: 503 }, patient, now, 1), 20_000)
})

test('it ends', () => {
  assert.equal(delay({ attempt: 4 }), undefined)
  assert.equal(
    retryDelayMs({ attempt: 1, repeatable: true, status: 503 }, { ...defaultRetryPolicy, maxRetries: 0 }, now, 0),
    undefined,
  )
})

test('Retry-After is kept, and when it is too long the caller learns of it at once', () => {
  assert.equal(delay({ retryAfter: '7' }), 7000)
  assert.equal(delay({ retryAfter: 'Sun, 01 Mar 2026 12:00:09 GMT' }), 9000)
  assert.equal(delay({ retryAfter: '3600' }), undefined)
  assert.equal(delay({ retryAfter: '0' }, 0), 125)
})

test('Retry-After is seconds or a date', () => {
  assert.equal(retryAfterMs('120', now), 120_000)
  assert.equal(retryAfterMs('Sun, 01 Mar 2026 11:00:00 GMT', now), 0)
  assert.equal(retryAfterMs('soon', now), undefined)
  assert.equal(retryAfterMs(null, now), undefined)
})
