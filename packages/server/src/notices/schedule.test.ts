import assert from 'node:assert/strict'
import { it } from 'node:test'
import { nextDigest, pauseAfter } from './schedule.ts'

it('waits longer after each failure, and never for ever', () => {
  const pauses = [1, 2, 3, 4, 5, 6, 7, 100].map(pauseAfter)
  assert.deepEqual(pauses, [10_000, 60_000, 300_000, 1_800_000, 7_200_000, 21_600_000, 21_600_000, 21_600_000])
})

it('sends digests at eight in the morning', () => {
  assert.equal(nextDigest(Date.parse('2026-03-01T07:59:59Z')), Date.parse('2026-03-01T08:00:00Z'))
  assert.equal(nextDigest(Date.parse('2026-03-01T08:00:00Z')), Date.parse('2026-03-02T08:00:00Z'))
})
