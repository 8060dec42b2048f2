import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseWhen, resolveWhen } from './when.ts'

const now = Date.parse('2026-03-01T12:00:00.900Z')
const resolved = (text: string) => resolveWhen(parseWhen(text), now, '--until').toISOString()

test('a duration counts from now, in whole seconds', () => {
  assert.equal(resolved('45min'), '2026-03-01T12:45:00.000Z')
  assert.equal(resolved('12h'), '2026-03-02T00:00:00.000Z')
  assert.equal(resolved('30d'), '2026-03-31T12:00:00.000Z')
  assert.equal(resolved('2w'), '2026-03-15T12:00:00.000Z')
})

test('a date begins at 00:00 UTC; an instant needs its zone', () => {
  assert.equal(resolved('2027-01-31'), '2027-01-31T00:00:00.000Z')
  assert.equal(resolved('2027-01-31T12:00:00+02:00'), '2027-01-31T10:00:00.000Z')
  assert.equal(resolved('2027-01-31T12:00Z'), '2027-01-31T12:00:00.000Z')
})

test('what could be meant in two ways is refused', () => {
  for (const text of [
    '',
    '30',
    '1m',
    '1M',
    '-1d',
    '1.5d',
    '2027-02-30',
    '2027-13-01',
    '31.01.2027',
    '2027-01-31T12:00:00',
  ]) {
    assert.throws(() => parseWhen(text), /Write it as/, text)
  }
})

test('a time that has passed is refused before anything is sent', () => {
  assert.throws(() => resolved('2026-03-01'), { exitCode: 2, message: /--until has passed: 2026-03-01T00:00:00Z/ })
  assert.throws(() => resolved('0d'), { exitCode: 2 })
  assert.equal(resolveWhen(undefined, now, '--until'), undefined)
})
