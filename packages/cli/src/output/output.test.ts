import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '@vitrine/sdk'
import { parse } from 'yaml'
import { memoryContext } from '../../test/memory-context.ts'
import type { Format } from './formats.ts'
import { writeList, writeRecord } from './output.ts'
import { writeStream } from './stream.ts'
import type { View } from './view.ts'

const view: View<JsonObject> = {
  columns: [
    { key: 'id', title: 'ID', value: ({ id = null }) => id },
    { key: 'size', title: 'Size', value: ({ size = null }) => size, text: ({ size }) => `${size} B` },
  ],
  more: [{ key: 'disk_format', title: 'Format', value: ({ disk_format = null }) => disk_format }],
  document: (thing) => thing,
  open: true,
}

const things: JsonObject[] = [
  { id: 'a', size: 1, tags: ['x', 'y'], disk_format: 'raw' },
  { id: '日本', size: null, name: 'evil\u001b[2J\u009b\nline: "x"', tags: [] },
]

const listed = async (format: Format, column?: string[], given: JsonObject[] = things) => {
  const context = { ...memoryContext(), settings: {} }
  const count = await writeList(context, view, given, { format, column })
  assert.equal(count, given.length)
  return { out: context.out.text(), talk: context.talk.text() }
}

test('a table is as wide as its cells', async () => {
  assert.equal((await listed('table')).out, 'ID    Size\na     1 B\n日本  null B\n')
})

test('json and yaml hold everything, as it is', async () => {
  assert.deepEqual(JSON.parse((await listed('json')).out), things)
  assert.deepEqual(parse((await listed('yaml')).out), things)
})

test('no format lets a control character through', async () => {
  for (const format of ['table', 'json', 'yaml', 'value', 'csv'] as const) {
    const { out } = await listed(format, ['name'])
    assert.doesNotMatch(out.replaceAll('\n', ''), /\p{Cc}/u, format)
    assert.match(out, /evil/)
  }
})

test('columns come in the order asked for, by key or heading', async () => {
  assert.equal((await listed('value', ['Format', 'ID', 'tags'])).out, 'raw\ta\tx, y\n\t日本\t\n')
  assert.deepEqual(JSON.parse((await listed('json', ['size', 'id'])).out), [
    { size: 1, id: 'a' },
    { size: null, id: '日本' },
  ])
})

test('an attribute that nothing has is remarked on; where none are open it is refused', async () => {
  assert.equal((await listed('value', ['id', 'sise'])).talk, 'Nothing listed has the attribute sise.\n')
  assert.equal((await listed('value', ['id', 'name'])).talk, '')
  const context = { ...memoryContext(), settings: {} }
  const closed = { ...view, open: false }
  await assert.rejects(writeList(context, closed, things, { format: 'json', column: ['sise'] }), { exitCode: 2 })
  assert.equal(context.out.text(), '')
})

test('an empty list is valid in every format', async () => {
  assert.equal((await listed('table', undefined, [])).out, '')
  assert.equal((await listed('value', undefined, [])).out, '')
  assert.deepEqual(JSON.parse((await listed('json', undefined, [])).out), [])
  assert.deepEqual(parse((await listed('yaml', undefined, [])).out), [])
})

test('one thing is shown attribute by attribute', async () => {
  const shown = async (format: Format, column?: string[]) => {
    const context = { ...memoryContext(), settings: {} }
    await writeRecord(context, view, { id: 'a', size: 2, os: 'debian' }, { format, column })
    return context.out.text()
  }
  assert.equal(await shown('table'), 'Field  Value\nid     a\nsize   2 B\nos     debian\n')
  assert.equal(await shown('value', ['os', 'size']), 'debian\n2\n')
  assert.deepEqual(JSON.parse(await shown('json')), { id: 'a', size: 2, os: 'debian' })
  assert.deepEqual(parse(await shown('yaml', ['os'])), { os: 'debian' })
})

test('csv quotes what has to be quoted', async () => {
  const odd: JsonObject[] = [{ id: 'a,b', size: 7, disk_format: 'say "hi"' }]
  assert.equal(
    (await listed('csv', ['id', 'size', 'disk_format'], odd)).out,
    'id,size,disk_format\n"a,b",7,"say ""hi"""\n',
  )
  assert.equal((await listed('csv', undefined, [])).out, 'id,size\n')
})

test('formula injection: no name becomes a formula of the spreadsheet that opens it', async () => {
  for (const name of ['=1+1', '+1', '-1', '@SUM(A1)', '=HYPERLINK("http://evil.example","x")']) {
    const [, line] = (await listed('csv', ['name'], [{ name }])).out.split('\n')
    assert.match(line ?? '', /^"?'/, name)
  }
  assert.equal((await listed('csv', ['size'], [{ size: -1 }])).out, 'size\n-1\n')
})

const times: View<JsonObject> = {
  columns: [{ key: 'ends_at', title: 'Ends', value: ({ ends_at = null }) => ends_at, instant: true }],
  document: (thing) => thing,
}

test('times are told from now on in tables, beside the instant in a record, and as they are elsewhere', async () => {
  const now = () => Date.parse('2026-03-01T00:00:00Z')
  const shown = async (format: Format, how: 'list' | 'record', thing: JsonObject) => {
    const context = { ...memoryContext({ now }), settings: {} }
    if (how === 'list') await writeList(context, times, [thing], { format })
    else await writeRecord(context, times, thing, { format })
    return context.out.text()
  }
  const thing = { ends_at: '2026-03-31T00:00:00Z' }
  assert.equal(await shown('table', 'list', thing), 'Ends\nin 30 days\n')
  assert.equal(await shown('table', 'record', thing), 'Field    Value\nends_at  2026-03-31T00:00:00Z (in 30 days)\n')
  assert.equal(await shown('value', 'list', thing), '2026-03-31T00:00:00Z\n')
  assert.equal(await shown('csv', 'list', thing), 'ends_at\n2026-03-31T00:00:00Z\n')
  assert.equal(await shown('table', 'list', { ends_at: null }), 'Ends\n-\n')
  assert.equal(await shown('table', 'list', { ends_at: 'soon\u001b[2J' }), 'Ends\nsoon\\u{1b}[2J\n')
})

test('a stream is shown line by line, in every format, and no line can steer the terminal', async () => {
  async function* stream() {
    yield* things
  }
  const streamed = async (format: Format) => {
    const context = { ...memoryContext(), settings: {} }
    await writeStream(context, view, stream(), { format, column: ['id', 'name'] })
    return context.out.text()
  }
  assert.deepEqual(
    (await streamed('json'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).id),
    ['a', '日本'],
  )
  assert.match(await streamed('table'), /^a +-\n日本 +evil/)
  assert.match(await streamed('csv'), /^id,name\na,\n日本,/)
  assert.equal(parse(await streamed('yaml')).length, 2)
  for (const format of ['table', 'json', 'yaml', 'value', 'csv'] as const) {
    assert.doesNotMatch((await streamed(format)).replaceAll(/[\n\t]/g, ''), /\p{Cc}/u, format)
  }
})
