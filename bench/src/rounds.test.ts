import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rangeOf, ratioOf, type Samples } from './rounds.ts'

const of = (...speeds: number[]) => speeds.map((perSecond) => ({ perSecond, cpuSecondsEach: 1, busy: 1 }))
const samples: Samples = new Map([
  ['ours', of(1, 4, 3)],
  ['floor', of(2, 4, 4)],
])

test('ratios are taken round by round', () => {
  assert.equal(ratioOf(samples, 'ours', 'floor'), 0.75)
  assert.equal(rangeOf(samples, 'ours', 'floor'), '3 rounds from 0.50 to 1.00')
})
