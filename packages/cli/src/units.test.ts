import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatBytes, formatDuration, formatInstant, formatRelative } from './units.ts'

test('bytes are told with at most three digits and a binary unit', () => {
  assert.equal(formatBytes(0), '0 B')
  assert.equal(formatBytes(1023), '1023 B')
  assert.equal(formatBytes(1024), '1.0 KiB')
  assert.equal(formatBytes(1536), '1.5 KiB')
  assert.equal(formatBytes(10 * 1024), '10 KiB')
  assert.equal(formatBytes(1024 ** 2 - 1), '1.0 MiB')
  assert.equal(formatBytes(2.5 * 1024 ** 3), '2.5 GiB')
  assert.equal(formatBytes(1024 ** 5), '1.0 PiB')
  assert.equal(formatBytes(5000 * 1024 ** 5), '5000 PiB')
})

test('durations have two units at most', () => {
  assert.equal(formatDuration(0.2), '0 s')
  assert.equal(formatDuration(59.4), '59 s')
  assert.equal(formatDuration(59.6), '1 min 0 s')
  assert.equal(formatDuration(200), '3 min 20 s')
  assert.equal(formatDuration(7500), '2 h 5 min')
})

test('instants are in UTC, to the second', () => {
  assert.equal(formatInstant(new Date('2026-01-02T03:04:05.678+02:00')), '2026-01-02T01:04:05Z')
})

test('times are told from now on, in one unit', () => {
  const now = Date.parse('2026-03-01T12:00:00Z')
  const told = (seconds: number) => formatRelative(new Date(now + seconds * 1000), now)
  assert.equal(told(0.5), 'now')
  assert.equal(told(-30), '30 s ago')
  assert.equal(told(-3 * 3600), '3 h ago')
  assert.equal(told(30 * 86_400 - 1), 'in 30 days')
  assert.equal(told(-200 * 86_400), '7 months ago')
  assert.equal(told(800 * 86_400), 'in 2 years')
})
