import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvalidArgumentError, UnexpectedResponseError } from './errors.ts'
import { flag, instant, integer, listOf, oneOf, optional, orNull, record, text, wireBody, word } from './fields.ts'
import type { JsonValue } from './json.ts'

const read = record('thing', {
  name: text,
  size_bytes: integer,
  is_old: flag,
  made_at: instant,
  kind: oneOf(['a', 'b']),
  state: word<'open' | 'shut'>(),
  note: orNull(text),
  code: optional(text),
  parts: listOf(record('part', { part_no: integer })),
})

const document = (changes: { [name: string]: JsonValue } = {}): { [name: string]: JsonValue } => ({
  name: 'n',
  size_bytes: 5,
  is_old: false,
  made_at: '2026-03-01T00:00:00Z',
  kind: 'b',
  state: 'ajar',
  note: null,
  parts: [{ part_no: 1 }],
  ...changes,
})

test('a document is read field by field, under names in camel case', () => {
  assert.deepEqual(read(document({ unknown: 1 })), {
    name: 'n',
    sizeBytes: 5,
    isOld: false,
    madeAt: new Date('2026-03-01T00:00:00Z'),
    kind: 'b',
    state: 'ajar',
    note: null,
    code: undefined,
    parts: [{ partNo: 1 }],
  })
})

test('what is not in its form is refused by its name', () => {
  const wrong: [JsonValue | undefined, RegExp][] = [
    [undefined, /no proper thing\.$/],
    ['thing', /no proper thing\.$/],
    [[], /no proper thing\.$/],
    [document({ name: 1 }), /thing \(name\)/],
    [document({ size_bytes: 1.5 }), /thing \(size_bytes\)/],
    [document({ size_bytes: '5' }), /thing \(size_bytes\)/],
    [document({ is_old: 'no' }), /thing \(is_old\)/],
    [document({ made_at: 'yesterday' }), /thing \(made_at\)/],
    [document({ made_at: 5 }), /thing \(made_at\)/],
    [document({ kind: 'c' }), /thing \(kind\)/],
    [document({ state: null }), /thing \(state\)/],
    [document({ note: 5 }), /thing \(note\)/],
    [document({ code: null }), /thing \(code\)/],
    [document({ parts: {} }), /thing \(parts\)/],
    [document({ parts: [{}] }), /part \(part_no\)/],
  ]
  for (const [value, message] of wrong) {
    assert.throws(
      () => read(value),
      (error) => error instanceof UnexpectedResponseError && message.test(error.message),
      JSON.stringify(value),
    )
  }
})

test('a field is the own one of the document, not one that every object has', () => {
  assert.throws(() => record('odd', { constructor: text })({}), /odd \(constructor\)/)
})

test('a body gets wire names and instants; undefined is left out, null is sent', () => {
  const endsAt = new Date('2026-03-01T00:00:00Z')
  assert.deepEqual(wireBody({ endsAt, dryRun: true, images: ['a'], message: null, atomic: undefined }), {
    ends_at: '2026-03-01T00:00:00.000Z',
    dry_run: true,
    images: ['a'],
    message: null,
  })
  assert.throws(() => wireBody({ endsAt: new Date('x') }), InvalidArgumentError)
})
