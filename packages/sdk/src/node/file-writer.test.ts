import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pattern } from '../../test/byte-server.ts'
import { FileWriter } from './file-writer.ts'

test('chunks of any size arrive whole and in order, also where the disk takes a part only', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vitrine-writer-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const bytes = pattern(3_333_333)
  for (const [name, most] of [
    ['whole', Number.POSITIVE_INFINITY],
    ['parts', 100_000],
  ] as const) {
    const path = join(folder, name)
    const file = await open(path, 'wx')
    const writev = file.writev.bind(file)
    t.mock.method(file, 'writev', async (chunks: Uint8Array[]) => {
      const [first] = chunks
      return first === undefined || most > first.byteLength ? writev(chunks) : writev([first.subarray(0, most)])
    })
    const writer = new FileWriter(file)
    for (let offset = 0, size = 1; offset < bytes.length; offset += size, size = size * 3 + 1) {
      await writer.write(bytes.subarray(offset, offset + size))
    }
    await writer.flush()
    await file.close()
    assert.ok(readFileSync(path).equals(bytes), name)
  }
})

test('an error of the disk comes out, with the next chunk or at the end', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vitrine-writer-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = await open(join(folder, 'full'), 'wx')
  t.after(() => file.close())
  const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' })
  t.mock.method(file, 'writev', async () => {
    throw full
  })
  const small = new FileWriter(file)
  await small.write(new Uint8Array(10))
  await assert.rejects(small.flush(), full)
  const large = new FileWriter(file)
  await large.write(new Uint8Array(2_000_000))
  await assert.rejects(large.write(new Uint8Array(2_000_000)), full)
})
