import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { fakeCloud, memoryContext } from '../test/memory-context.ts'
import type { Context } from './context.ts'
import { ExitCode } from './exit-codes.ts'
import { run } from './run.ts'

const times = { created_at: '2026-03-01T00:00:00Z', updated_at: '2026-03-01T00:00:00Z' }
const paint = {
  namespace: 'Acme::Paint',
  display_name: 'Paint',
  description: 'Colours',
  visibility: 'public',
  protected: false,
  owner: 'operator',
  ...times,
  self: '/v2/metadefs/namespaces/Acme::Paint',
  schema: '/v2/schemas/metadefs/namespace',
  resource_type_associations: [{ name: 'OS::Glance::Image', prefix: 'acme_', ...times }],
  properties: { colour: { title: 'Colour', type: 'string', maxLength: 9 } },
}
const file = {
  namespace: 'Acme::Paint',
  display_name: 'Paint',
  description: 'Colours',
  visibility: 'public',
  protected: false,
  owner: 'operator',
  resource_type_associations: [{ name: 'OS::Glance::Image', prefix: 'acme_' }],
  properties: { colour: { title: 'Colour', type: 'string', maxLength: 9 } },
}
const root = '/v2/metadefs/namespaces'
const path = `${root}/Acme%3A%3APaint`

const cloud = () =>
  fakeCloud((method, { pathname }) => {
    if (method === 'GET' && pathname === root) return { namespaces: [paint], first: root }
    if (pathname === '/v2/metadefs/resource_types') return { resource_types: [{ name: 'OS::Glance::Image', ...times }] }
    if (method === 'DELETE') return new Response(null, { status: 204 })
    return pathname === root || pathname === path ? paint : undefined
  })

const vitrine = async (words: string[], given: Partial<Context>) => {
  const context = memoryContext(given)
  return { exitCode: await run(words, context), out: context.out.text(), talk: context.talk.text() }
}

test('namespaces are listed, shown and exported under the names of the wire', async () => {
  const given = cloud()
  const listed = await vitrine(['md', 'list', '--for', 'OS::Glance::Image'], given)
  assert.match(listed.out, /^Acme::Paint +Paint +public +no +Colours$/m)
  const shown = await vitrine(['md', 'show', 'Acme::Paint', '--for', 'OS::Glance::Image', '-f', 'json'], given)
  assert.deepEqual(JSON.parse(shown.out).properties, file.properties)
  const exported = await vitrine(['md', 'export', 'Acme::Paint'], given)
  assert.deepEqual(JSON.parse(exported.out), file)
  const types = await vitrine(['md', 'resource-types', '-f', 'value', '-c', 'name'], given)
  assert.equal(types.out, 'OS::Glance::Image\n')
  assert.deepEqual(
    given.seen.map(({ line }) => line),
    [
      `GET ${root}?resource_types=OS%3A%3AGlance%3A%3AImage`,
      `GET ${path}?resource_type=OS%3A%3AGlance%3A%3AImage`,
      `GET ${path}`,
      'GET /v2/metadefs/resource_types',
    ],
  )
})

test('a file of definitions is imported as it is, and what is none is refused before anything is sent', async () => {
  const given = cloud()
  const stdin = () => Readable.from([JSON.stringify(paint)])
  assert.equal((await vitrine(['md', 'import', '-'], { ...given, stdin: stdin() })).exitCode, ExitCode.ok)
  assert.deepEqual(given.seen, [{ line: `POST ${root}`, body: file }])
  const broken = await vitrine(['md', 'import', '-'], { ...given, stdin: Readable.from(['{']) })
  assert.equal(broken.exitCode, ExitCode.usage)
  assert.match(broken.talk, /- is not JSON/)
  assert.equal(given.seen.length, 1)
})

test('namespaces are made, changed and deleted', async () => {
  const given = cloud()
  await vitrine(['md', 'create', 'Acme::Paint', '--display-name', 'Paint', '--public', '--protect'], given)
  await vitrine(['md', 'set', 'Acme::Paint', '--private', '--unprotect'], given)
  const gone = await vitrine(['md', 'delete', 'Acme::Paint'], given)
  assert.match(gone.talk, /Deleted the namespace Acme::Paint/)
  const sent = given.seen.filter(({ line }) => !line.startsWith('GET ')).map(({ line, body }) => [line, body])
  const fields = { namespace: 'Acme::Paint', display_name: 'Paint' }
  assert.deepEqual(sent, [
    [`POST ${root}`, { ...fields, visibility: 'public', protected: true }],
    [`PUT ${path}`, { ...fields, description: 'Colours', visibility: 'private', protected: false, owner: 'operator' }],
    [`DELETE ${path}`, undefined],
  ])
  assert.equal((await vitrine(['md', 'show', 'Other'], given)).exitCode, ExitCode.notFound)
})
