import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it, type TestContext } from 'node:test'
import type { ByteReader, ByteStore, StoredKey } from './port.ts'

/** A fresh key, as the service makes them. */
export const newKey = (): string => randomBytes(16).toString('hex')

export const put = async (store: ByteStore, key: string, ...parts: readonly Uint8Array[]): Promise<void> => {
  const writer = await store.write(key)
  for (const part of parts) await writer.write(part)
  await writer.commit()
}

/** Reads an object whole, in pieces of a size that does not divide it. */
export const readAll = async (reader: ByteReader, pieceBytes = 1000): Promise<Buffer> => {
  const whole = Buffer.alloc(reader.sizeBytes)
  for (let at = 0; at < whole.length; ) {
    const got = await reader.read(whole.subarray(at, at + pieceBytes), at)
    assert.ok(got > 0, 'a read inside the object returns bytes')
    at += got
  }
  return whole
}

/** What is stored under a key, whole; undefined when there is nothing. */
export const fetchWhole = async (store: ByteStore, key: string): Promise<Buffer | undefined> => {
  const reader = await store.open(key)
  if (reader === undefined) return undefined
  try {
    return await readAll(reader)
  } finally {
    await reader.close()
  }
}

const list = async (store: ByteStore): Promise<StoredKey[]> => {
  const found: StoredKey[] = []
  for await (const entry of store.keys()) found.push(entry)
  return found
}

const statesOf = async (store: ByteStore): Promise<Record<string, string>> =>
  Object.fromEntries((await list(store)).map(({ key, state }) => [key, state]))

/**
 * What every store must do.
 *
 * @param makeStore an empty store, which the given test context takes away again
 */
export const storeContract = (title: string, makeStore: (context: TestContext) => Promise<ByteStore>): void => {
  describe(`${title} keeps the contract of stores`, () => {
    it('gives back what was committed', async (context) => {
      const store = await makeStore(context)
      const bytes = randomBytes(300_001)
      const key = newKey()
      await put(store, key, bytes.subarray(0, 1), bytes.subarray(1, 200_000), bytes.subarray(200_000))
      const found = await fetchWhole(store, key)
      assert.ok(found?.equals(bytes))
    })

    it('takes bytes in shared memory, and lets the memory be used again after each write', async (context) => {
      const store = await makeStore(context)
      const shared = new Uint8Array(new SharedArrayBuffer(4096))
      const key = newKey()
      const writer = await store.write(key)
      for (const value of [1, 2, 3]) {
        shared.fill(value)
        await writer.write(shared)
      }
      await writer.commit()
      const expected = Buffer.concat([Buffer.alloc(4096, 1), Buffer.alloc(4096, 2), Buffer.alloc(4096, 3)])
      assert.ok((await fetchWhole(store, key))?.equals(expected))
    })

    it('stores an object without bytes', async (context) => {
      const store = await makeStore(context)
      const key = newKey()
      await put(store, key)
      assert.equal((await fetchWhole(store, key))?.length, 0)
    })

    it('reads at any position, and less only at the end', async (context) => {
      const store = await makeStore(context)
      const key = newKey()
      await put(store, key, Buffer.from('0123456789'))
      const reader = await store.open(key)
      assert.ok(reader)
      const into = Buffer.alloc(4)
      assert.equal(await reader.read(into, 3), 4)
      assert.equal(into.toString(), '3456')
      assert.equal(await reader.read(into, 8), 2)
      assert.equal(into.toString('latin1', 0, 2), '89')
      assert.equal(await reader.read(into, 10), 0)
      assert.equal(reader.sizeBytes, 10)
      await reader.close()
      await reader.close()
    })

    it('knows nothing of a key that was never written', async (context) => {
      const store = await makeStore(context)
      assert.equal(await store.open(newKey()), undefined)
    })

    it('does not show an object before its commit', async (context) => {
      const store = await makeStore(context)
      const key = newKey()
      const writer = await store.write(key)
      await writer.write(Buffer.from('half'))
      assert.equal(await store.open(key), undefined)
      await writer.abort()
    })

    it('leaves nothing after an abort, which may be repeated', async (context) => {
      const store = await makeStore(context)
      const key = newKey()
      const writer = await store.write(key)
      await writer.write(randomBytes(100_000))
      await writer.abort()
      await writer.abort()
      assert.equal(await store.open(key), undefined)
      assert.deepEqual(await list(store), [])
      await put(store, key, Buffer.from('again'))
      assert.equal((await fetchWhole(store, key))?.toString(), 'again')
    })

    it('keeps what was committed when an abort comes late', async (context) => {
      const store = await makeStore(context)
      const key = newKey()
      const writer = await store.write(key)
      await writer.write(Buffer.from('kept'))
      await writer.commit()
      await writer.abort()
      assert.equal((await fetchWhole(store, key))?.toString(), 'kept')
    })

    it('never writes a stored key again', async (context) => {
      const store = await makeStore(context)
      const key = newKey()
      await put(store, key, Buffer.from('first'))
      await assert.rejects(put(store, key, Buffer.from('second')), { name: 'StoreError' })
      assert.equal((await fetchWhole(store, key))?.toString(), 'first')
      assert.deepEqual(await statesOf(store), { [key]: 'stored' })
    })

    it('removes, and removes again', async (context) => {
      const store = await makeStore(context)
      const [gone, kept] = [newKey(), newKey()]
      await put(store, gone, Buffer.from('gone'))
      await put(store, kept, Buffer.from('kept'))
      await store.remove(gone)
      await store.remove(gone)
      await store.remove(newKey())
      assert.equal(await store.open(gone), undefined)
      assert.deepEqual(await statesOf(store), { [kept]: 'stored' })
    })

    it('fails a write whose key is removed before its commit', async (context) => {
      const store = await makeStore(context)
      const key = newKey()
      const writer = await store.write(key)
      await writer.write(Buffer.from('late'))
      await store.remove(key)
      await assert.rejects(writer.commit(), { name: 'StoreError', reason: 'unavailable' })
      await writer.abort()
      assert.equal(await store.open(key), undefined)
      assert.deepEqual(await list(store), [])
    })

    it('lists what is stored and what is unfinished, with its age', async (context) => {
      const store = await makeStore(context)
      const [stored, unfinished] = [newKey(), newKey()]
      await put(store, stored, Buffer.from('stored'))
      const writer = await store.write(unfinished)
      await writer.write(Buffer.from('unfinished'))
      assert.deepEqual(await statesOf(store), { [stored]: 'stored', [unfinished]: 'unfinished' })
      for (const { modifiedAt } of await list(store)) {
        assert.ok(Math.abs(Date.now() - modifiedAt.getTime()) < 60_000)
      }
      await store.remove(unfinished)
      assert.deepEqual(await statesOf(store), { [stored]: 'stored' })
      await writer.abort()
    })

    it('answers a check, which leaves nothing behind', async (context) => {
      const store = await makeStore(context)
      await store.check()
      assert.deepEqual(await list(store), [])
    })

    it('takes no key but its own kind', async (context) => {
      const store = await makeStore(context)
      const foreign = [
        '',
        '../../etc/passwd',
        'A'.repeat(32),
        `${'a'.repeat(31)}/`,
        'a'.repeat(33),
        `${'a'.repeat(32)}\n`,
      ]
      for (const key of foreign) {
        await assert.rejects(store.write(key), TypeError)
        await assert.rejects(store.open(key), TypeError)
        await assert.rejects(store.remove(key), TypeError)
      }
    })
  })
}
