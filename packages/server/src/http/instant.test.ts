import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ApiError } from '../api-error.ts'
import { parseFuture, parseInstant } from './instant.ts'

it('instants are read, and days that there are not are refused', () => {
  assert.equal(parseInstant('at', '2028-02-29T12:00:00Z'), Date.UTC(2028, 1, 29, 12))
  for (const text of ['2026-02-30T00:00:00Z', '2026-13-01T00:00:00Z', '2026-01-01T25:00:00Z', 'soon', '']) {
    assert.throws(() => parseInstant('at', text), ApiError, text)
  }
})

it('instants of the past are refused where a future one is meant', () => {
  const now = Date.UTC(2026, 0, 1)
  assert.equal(parseFuture('at', '2026-01-01T00:00:01Z', now), now + 1000)
  assert.throws(() => parseFuture('at', '2026-01-01T00:00:00Z', now), ApiError)
})
