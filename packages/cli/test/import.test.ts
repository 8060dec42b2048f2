import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Demo, startDemo } from './demo.ts'

const startTimeoutMs = 60_000
const bytes = randomBytes(3_000_001)
const digest = createHash('sha512').update(bytes).digest('hex')

/** Where images are imported from. */
const source = createServer((request, response) => {
  if (request.url === '/disk.raw') response.end(bytes)
  else if (request.url === '/moved') response.writeHead(302, { location: '/disk.raw' }).end()
  else response.writeHead(404).end()
})
let demo: Demo
let disk = ''
let url = ''

before(
  async () => {
    source.listen(0, '127.0.0.1')
    await once(source, 'listening')
    const address = source.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    url = `http://127.0.0.1:${port}`
    demo = await startDemo({
      VITRINE_STORES: 'fast=file://FOLDER/fast,slow=file://FOLDER/slow',
      VITRINE_IMPORT_ALLOW: '127.0.0.1',
      VITRINE_IMPORT_PORTS_ALLOWED: String(port),
    })
    disk = join(demo.folder, 'disk.raw')
    await writeFile(disk, bytes)
  },
  { timeout: startTimeoutMs },
)
after(async () => {
  await demo.close()
  source.close()
})

interface Shown {
  id: string
  status: string
  stores?: string
  os_hash_value: string
}

const queued = async (name: string): Promise<string> => {
  const { id } = await demo.json<Shown>('producer', 'image', 'create', name, '--disk-format', 'raw')
  return id
}

test('an image is imported from an address, through a redirect, into all stores', async () => {
  const id = await queued('from afar')
  const words = ['image', 'import', id, '--uri', `${url}/moved`, '--all-stores', '--wait', '-f', 'json']
  const { exitCode, out, talk } = await demo.as('producer', words)
  assert.equal(exitCode, 0, talk)
  const image: Shown = JSON.parse(out)
  assert.deepEqual([image.status, image.stores, image.os_hash_value], ['active', 'fast,slow', digest])
  assert.match(talk, /The image is active; in fast, slow\.\n/)
  const tasks = await demo.json<{ status: string; message: string }[]>('producer', 'image', 'tasks', id)
  assert.deepEqual(
    tasks.map(({ status, message }) => [status, message]),
    [['success', '']],
  )
})

test('bytes are staged, imported, copied into another store, and taken out of the first', async () => {
  const id = await queued('by hand')
  const staged = await demo.json<Shown>('producer', 'image', 'stage', id, '--file', disk)
  assert.equal(staged.status, 'uploading')
  const imported = await demo.json<Shown>('producer', 'image', 'import', id, '--wait')
  assert.deepEqual([imported.status, imported.stores, imported.os_hash_value], ['active', 'fast', digest])
  const denied = await demo.as('producer', ['image', 'import', id, '--store', 'slow', '--wait'])
  assert.equal(denied.exitCode, 4, denied.talk)
  const copied = await demo.json<Shown>('admin', 'image', 'import', id, '--store', 'slow', '--wait')
  assert.equal(copied.stores, 'fast,slow')
  const deleted = await demo.as('admin', ['image', 'delete', id, '--store', 'fast', '--yes'])
  assert.equal(deleted.exitCode, 0, deleted.talk)
  assert.match(deleted.talk, /They stay in slow\./)
  const last = await demo.as('admin', ['image', 'delete', id, '--store', 'slow', '--yes'])
  assert.equal(last.exitCode, 4)
  const saved = join(demo.folder, 'saved.raw')
  assert.equal((await demo.as('producer', ['image', 'download', id, '-o', saved])).exitCode, 0)
})

test('an import that fails ends with 1 and its cause, and can be repeated', async () => {
  const id = await queued('nothing there')
  const failed = await demo.as('producer', ['image', 'import', id, '--uri', `${url}/nothing`, '--wait'])
  assert.equal(failed.exitCode, 1)
  assert.match(failed.talk, /it is queued\. .*status 404.* It can be imported again\.\nMore: vitrine image tasks/)
  const again = await demo.json<Shown>('producer', 'image', 'import', id, '--uri', `${url}/disk.raw`, '--wait')
  assert.deepEqual([again.status, again.os_hash_value], ['active', digest])
})

test('OSSA-2026-004: an address inside is refused at once', async () => {
  const id = await queued('inside')
  const { exitCode, talk } = await demo.as('producer', ['image', 'import', id, '--uri', 'http://2852039166/', '--wait'])
  assert.equal(exitCode, 1)
  assert.match(talk, /only public addresses|is not allowed here/)
})

test('stores, usage and tasks of the cloud are shown', async () => {
  const stores = await demo.json<{ id: string; is_default: boolean }[]>('producer', 'stores')
  assert.deepEqual(
    stores.map(({ id, is_default }) => [id, is_default]),
    [
      ['fast', true],
      ['slow', false],
    ],
  )
  assert.equal((await demo.as('producer', ['stores', '--details'])).exitCode, 4)
  const [first] = await demo.json<{ type: string }[]>('admin', 'stores', '--details')
  assert.equal(first?.type, 'file')
  const usage = await demo.json<{ name: string; usage: number }[]>('producer', 'usage')
  assert.ok((usage.find(({ name }) => name === 'image_count_total')?.usage ?? 0) >= 1)
  assert.equal((await demo.as('producer', ['task', 'list'])).exitCode, 4)
  const [task] = await demo.json<{ id: string }[]>('admin', 'task', 'list')
  const shown = await demo.json<{ id: string; input: object }>('admin', 'task', 'show', task?.id ?? '')
  assert.equal(shown.id, task?.id)
  assert.ok(shown.input)
})
