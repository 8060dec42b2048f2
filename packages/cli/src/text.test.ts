import assert from 'node:assert/strict'
import { test } from 'node:test'
import { displayWidth, fitted, padEnd, printable } from './text.ts'

test('characters that a terminal obeys are spelt out', () => {
  assert.equal(printable('a\u001b[31mb\nc\u009bd'), 'a\\u{1b}[31mb\\u{a}c\\u{9b}d')
  assert.equal(printable('gpj.\u202eexe'), 'gpj.\\u{202e}exe')
  assert.equal(printable('Übung 日本 🐧'), 'Übung 日本 🐧')
})

test('widths are those of a terminal', () => {
  assert.equal(displayWidth('debian'), 6)
  assert.equal(displayWidth('日本'), 4)
  assert.equal(displayWidth('🐧'), 2)
  assert.equal(displayWidth('e\u0301'), 1)
  assert.equal(padEnd('日本', 6), '日本  ')
  assert.equal(padEnd('longer', 3), 'longer')
})

test('a text is cut to the columns that there are', () => {
  assert.equal(fitted('debian', 6), 'debian')
  assert.equal(fitted('debian', 5), 'debi…')
  assert.equal(fitted('日本語', 5), '日本…')
  assert.equal(fitted('日本語', 4), '日…')
  assert.equal(fitted('e\u0301e\u0301e\u0301', 2), 'e\u0301…')
  assert.equal(fitted('debian', 1), '…')
  assert.equal(fitted('debian', 0), '')
})
