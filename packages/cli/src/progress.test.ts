import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryContext, memoryOutput } from '../test/memory-context.ts'
import { createRateMeter, progressLine, secondsLeft, showProgress } from './progress.ts'

const mebibyte = 1024 ** 2

test('the rate is that of the last five seconds', () => {
  let at = 0
  const rate = createRateMeter(() => at)
  assert.equal(rate(0), undefined)
  for (at = 1000; at <= 10_000; at += 1000) assert.equal(rate(at * 100), 100_000)
  // Ten times as fast from here on: after the window only the new speed counts.
  let bytes = 1_000_000
  const seen: (number | undefined)[] = []
  for (at = 11_000; at <= 15_000; at += 1000) {
    bytes += 1_000_000
    seen.push(rate(bytes))
  }
  assert.deepEqual(seen, [280_000, 460_000, 640_000, 820_000, 1_000_000])
})

test('the rate falls to nothing when nothing moves', () => {
  let at = 0
  const rate = createRateMeter(() => at)
  at = 1000
  rate(500)
  for (at = 2000; at < 7000; at += 1000) rate(500)
  assert.equal(rate(500), 0)
  assert.equal(secondsLeft({ transferredBytes: 500, totalBytes: 1000 }, 0), undefined)
})

test('what is left is told by rate and size', () => {
  assert.equal(secondsLeft({ transferredBytes: 250, totalBytes: 1000 }, 50), 15)
  assert.equal(secondsLeft({ transferredBytes: 250, totalBytes: undefined }, 50), undefined)
})

test('a line tells percent, bytes, rate and time, and never 100 % before the end', () => {
  const totalBytes = 1000 * mebibyte
  const line = (transferredBytes: number) => progressLine({ transferredBytes, totalBytes }, 10 * mebibyte)
  assert.equal(line(420 * mebibyte), ' 42 %  420 MiB of 1000 MiB  10 MiB/s  58 s left')
  assert.match(line(totalBytes - 1), /^ 99 %/)
  assert.equal(line(totalBytes), '100 %  1000 MiB of 1000 MiB  10 MiB/s')
  assert.equal(progressLine({ transferredBytes: 0, totalBytes: 0 }, undefined), '100 %  0 B of 0 B')
  assert.equal(progressLine({ transferredBytes: 2048, totalBytes: undefined }, 1024), '2.0 KiB  1.0 KiB/s')
})

test('progress is drawn on a terminal only, at most ten times a second, and is taken away at the end', async () => {
  assert.equal(showProgress({ ...memoryContext(), settings: {} }, 'x').onProgress, undefined)
  let at = 0
  const talk = memoryOutput(true)
  const terminal = { ...memoryContext(), talk, now: () => at, settings: {} }
  assert.equal(showProgress(terminal, 'x', false).onProgress, undefined)
  assert.equal(showProgress({ ...terminal, environment: { TERM: 'dumb' } }, 'x').onProgress, undefined)
  const display = showProgress(terminal, 'Uploading x')
  for (at = 1; at <= 1000; at++) display.onProgress?.({ transferredBytes: at, totalBytes: 2000 })
  await display.end()
  const lines = talk.text().split('\r').slice(1)
  assert.equal(lines.length, 11)
  assert.match(lines[0] ?? '', /^Uploading x {4}0 % /)
  assert.equal(lines.at(-1), '\u001b[K')
  for (const line of lines) assert.ok(line.length <= 80 + 3)
})

test('the line fits the terminal, and a long name leaves room for the numbers', () => {
  const talk = { ...memoryOutput(true), columns: () => 50 }
  const terminal = { ...memoryContext(), talk, now: () => 0, settings: {} }
  const name = '日本語'.repeat(50)
  showProgress(terminal, `Downloading ${name}`).onProgress?.({ transferredBytes: 1024, totalBytes: 4096 })
  const [, line = ''] = talk.text().replace('\u001b[K', '').split('\r')
  assert.equal(line, 'Downloading 日本語日…   25 %  1.0 KiB of 4.0 KiB')
})
