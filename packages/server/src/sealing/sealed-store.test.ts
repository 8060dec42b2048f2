import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { openFileStore } from '../storage/file-store.ts'
import type { ByteStore } from '../storage/port.ts'
import { newKey, readAll, storeContract } from '../storage/store-contract.ts'
import { damaged, newDataKey } from '../testing/sealed-bytes.ts'
import { chunkBytes } from './chunks.ts'
import { openSealed } from './sealed-reader.ts'
import { sealedWriter } from './sealed-writer.ts'

/** A store whose objects are sealed; it remembers the key and the size of each, as the database does for the service. */
const sealedStore = (store: ByteStore): ByteStore => {
  const kept = new Map<string, { dataKey: Uint8Array; sizeBytes: number }>()
  return {
    ...store,
    write: async (key) => {
      const inner = await store.write(key)
      const entry = { dataKey: newDataKey(), sizeBytes: 0 }
      const writer = sealedWriter(inner, entry.dataKey)
      return {
        write: async (bytes) => {
          entry.sizeBytes += bytes.byteLength
          await writer.write(bytes)
        },
        commit: async () => {
          await writer.commit()
          kept.set(key, entry)
        },
        abort: () => writer.abort(),
      }
    },
    open: async (key) => {
      const reader = await store.open(key)
      const entry = kept.get(key)
      if (reader === undefined || entry === undefined) return undefined
      return openSealed(reader, entry.dataKey, entry.sizeBytes)
    },
    remove: (key) => store.remove(key),
    keys: () => store.keys(),
    check: () => store.check(),
  }
}

storeContract('a file store of sealed objects', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'sealed-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  return sealedStore(await openFileStore('files', folder))
})

describe('a sealed object in a folder', () => {
  it('reveals nothing of its bytes, finished or not, and is damaged when its file is changed', async (context) => {
    const folder = await mkdtemp(join(tmpdir(), 'sealed-'))
    context.after(() => rm(folder, { recursive: true, force: true }))
    const store = sealedStore(await openFileStore('files', folder))
    const secret = Buffer.from('a sentence that nobody else may read')
    const bytes = Buffer.alloc(3 * chunkBytes, secret)
    const key = newKey()
    const filesWithSecret = async (): Promise<string[]> => {
      const found: string[] = []
      for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue
        const path = join(entry.parentPath, entry.name)
        if ((await readFile(path)).includes(secret.subarray(0, 12))) found.push(path)
      }
      return found
    }
    const writer = await store.write(key)
    await writer.write(bytes)
    assert.deepEqual(await filesWithSecret(), [])
    await writer.commit()
    assert.deepEqual(await filesWithSecret(), [])

    const path = join(folder, key.slice(0, 2), key)
    const stored = await readFile(path)
    stored[chunkBytes * 2] = (stored[chunkBytes * 2] ?? 0) ^ 1
    await writeFile(path, stored)
    const reader = await store.open(key)
    assert.ok(reader)
    context.after(() => reader.close())
    await assert.rejects(readAll(reader), damaged)
  })
})
