import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { run } from '../src/run.ts'
import { memoryContext } from './memory-context.ts'

const data = await mkdtemp(join(tmpdir(), 'vitrine-test-'))
after(() => rm(data, { recursive: true, force: true }))

test('master-key rotate puts a new key before the others, and says what to do next', async () => {
  const path = join(data, 'master-key')
  const before = Buffer.alloc(32, 5).toString('base64')
  await writeFile(path, `${before}\n`, { mode: 0o600 })
  const context = memoryContext()
  assert.equal(await run(['master-key', 'rotate', '--data', data], context), 0)
  const lines = (await readFile(path, 'utf8')).trim().split('\n')
  assert.equal(lines.length, 2)
  assert.equal(lines[1], before)
  assert.match(context.talk.text(), /restart the service/)
  for (const line of lines) assert.ok(!context.talk.text().includes(line))
})

test('master-key rotate says where there is none', async () => {
  const context = memoryContext()
  assert.notEqual(await run(['master-key', 'rotate', '--data', join(data, 'empty')], context), 0)
  assert.match(context.talk.text(), /There is no master key at .*empty\/master-key yet/)
})
