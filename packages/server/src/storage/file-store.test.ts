import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { storeErrorOf } from './file-errors.ts'
import { openFileStore } from './file-store.ts'
import { StoreError } from './port.ts'
import { resumableContract } from './resumable-contract.ts'
import { newKey, put, readAll, storeContract } from './store-contract.ts'

const temporaryFolder = async (context: TestContext): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'file-store-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

storeContract('the file store', async (context) => {
  return openFileStore('files', join(await temporaryFolder(context), 'deep', 'inside'))
})

resumableContract('the file store', async (context) => openFileStore('files', await temporaryFolder(context)))

describe('the file store', () => {
  it('lays files out by the first two digits of their key', async (context) => {
    const directory = await temporaryFolder(context)
    const store = await openFileStore('files', directory)
    const key = newKey()
    await put(store, key, Buffer.from('x'))
    assert.ok(existsSync(join(directory, key.slice(0, 2), key)))
    assert.deepEqual(await readdir(join(directory, 'incoming')), [])
  })

  it('is found as it was after a restart, unfinished writes included', async (context) => {
    const directory = await temporaryFolder(context)
    const before = await openFileStore('files', directory)
    const [stored, unfinished] = [newKey(), newKey()]
    await put(before, stored, Buffer.from('x'))
    const writer = await before.write(unfinished)
    context.after(() => writer.abort())
    const after = await openFileStore('files', directory)
    const states = new Map<string, string>()
    for await (const { key, state } of after.keys()) states.set(key, state)
    assert.deepEqual(Object.fromEntries(states), { [stored]: 'stored', [unfinished]: 'unfinished' })
  })

  it('passes over files that are none of its own', async (context) => {
    const directory = await temporaryFolder(context)
    const store = await openFileStore('files', directory)
    await writeFile(join(directory, 'lost+found'), '')
    await writeFile(join(directory, 'incoming', '.probe-1'), '')
    for await (const { key } of store.keys()) assert.fail(`${key} is no key`)
  })

  it('is unavailable, and never empty, when its volume is gone', async (context) => {
    const directory = await temporaryFolder(context)
    const store = await openFileStore('files', directory)
    await put(store, newKey(), Buffer.from('x'))
    await rm(directory, { recursive: true })
    const unavailable = { name: 'StoreError', reason: 'unavailable' }
    await assert.rejects(store.open(newKey()), unavailable)
    await assert.rejects(store.write(newKey()), unavailable)
    await assert.rejects(store.remove(newKey()), unavailable)
    await assert.rejects(store.check(), unavailable)
    await assert.rejects(async () => {
      for await (const { key } of store.keys()) assert.fail(key)
    }, unavailable)
    assert.ok(!existsSync(directory))
  })

  it('tells no path of the host', async (context) => {
    const directory = await temporaryFolder(context)
    const store = await openFileStore('files', directory)
    await rm(directory, { recursive: true })
    await assert.rejects(store.write(newKey()), (error) => {
      assert.ok(error instanceof StoreError)
      assert.equal(error.message, 'The store files could not start a write (ENOENT).')
      assert.equal(error.cause, undefined)
      return true
    })
  })

  it('keeps an open object readable after its removal', async (context) => {
    const store = await openFileStore('files', await temporaryFolder(context))
    const [key, bytes] = [newKey(), randomBytes(50_000)]
    await put(store, key, bytes)
    const reader = await store.open(key)
    assert.ok(reader)
    await store.remove(key)
    assert.ok((await readAll(reader)).equals(bytes))
    await reader.close()
  })

  it('takes a write back whose last step fails', async (context) => {
    const directory = await temporaryFolder(context)
    const store = await openFileStore('files', directory)
    const key = newKey()
    const writer = await store.write(key)
    await writeFile(join(directory, key.slice(0, 2)), 'a file where a folder should be')
    await writer.write(Buffer.from('x'))
    await assert.rejects(writer.commit(), { name: 'StoreError', reason: 'unavailable' })
    await writer.abort()
    assert.deepEqual(await readdir(join(directory, 'incoming')), [])
  })

  it('syncs along the way and ends with the same bytes', async (context) => {
    const store = await openFileStore('files', await temporaryFolder(context))
    const [key, piece] = [newKey(), randomBytes(8 * 1024 * 1024)]
    const writer = await store.write(key)
    for (let pieces = 0; pieces < 10; pieces++) await writer.write(piece)
    await writer.commit()
    const reader = await store.open(key)
    assert.equal(reader?.sizeBytes, 10 * piece.length)
    await reader?.close()
  })
})

describe('failures of the operating system', () => {
  const systemError = (code: string): Error => Object.assign(new Error('/secret/path'), { code, syscall: 'write' })

  for (const [code, reason] of [
    ['ENOSPC', 'full'],
    ['EDQUOT', 'full'],
    ['EFBIG', 'full'],
    ['EIO', 'unavailable'],
    ['EROFS', 'unavailable'],
    ['EACCES', 'unavailable'],
    ['EMFILE', 'unavailable'],
  ] as const) {
    it(`${code} means ${reason}`, () => {
      const error = storeErrorOf(systemError(code), 'files', 'write')
      assert.ok(error instanceof StoreError)
      assert.equal(error.reason, reason)
      assert.ok(!error.message.includes('/secret'))
    })
  }

  it('leaves defects as they are', () => {
    const defect = new TypeError('x is not a function')
    assert.equal(storeErrorOf(defect, 'files', 'write'), defect)
  })
})
