import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it, type TestContext } from 'node:test'
import type { ByteStore } from './port.ts'
import { fetchWhole, newKey, put } from './store-contract.ts'

const statesOf = async (store: ByteStore): Promise<Record<string, string>> => {
  const states = new Map<string, string>()
  for await (const { key, state } of store.keys()) states.set(key, state)
  return Object.fromEntries(states)
}

/** What a store must do that can go on with a write that was left. */
export const resumableContract = (title: string, makeStore: (context: TestContext) => Promise<ByteStore>): void => {
  describe(`${title} goes on with writes`, () => {
    it('that were released, as if they had never stopped', async (context) => {
      const store = await makeStore(context)
      const bytes = randomBytes(300_000)
      const key = newKey()
      for (const [from, to] of [
        [0, 100_000],
        [100_000, 100_000],
        [100_000, 250_000],
      ] as const) {
        const writer = await store.resume(key, from)
        await writer.write(bytes.subarray(from, to))
        await writer.sync()
        await writer.release()
        await writer.abort()
        assert.equal(await store.open(key), undefined)
        assert.deepEqual(await statesOf(store), { [key]: 'unfinished' })
      }
      const last = await store.resume(key, 250_000)
      await last.write(bytes.subarray(250_000))
      await last.commit()
      assert.ok((await fetchWhole(store, key))?.equals(bytes))
      assert.deepEqual(await statesOf(store), { [key]: 'stored' })
    })

    it('and throws away what follows the bytes that are known', async (context) => {
      const store = await makeStore(context)
      const key = newKey()
      const writer = await store.resume(key, 0)
      await writer.write(Buffer.from('kept, thrown away'))
      await writer.sync()
      await writer.release()
      const again = await store.resume(key, 5)
      await again.write(Buffer.from('other'))
      await again.commit()
      assert.equal((await fetchWhole(store, key))?.toString(), 'kept,other')
    })

    it('and reads what was written', async (context) => {
      const store = await makeStore(context)
      const key = newKey()
      const writer = await store.resume(key, 0)
      await writer.write(Buffer.from('0123456789'))
      const into = Buffer.alloc(4)
      assert.equal(await writer.read(into, 3), 4)
      assert.equal(into.toString(), '3456')
      assert.equal(await writer.read(into, 8), 2)
      assert.equal(await writer.read(into, 10), 0)
      await writer.abort()
      assert.deepEqual(await statesOf(store), {})
    })

    it('that were committed and not used', async (context) => {
      const store = await makeStore(context)
      const key = newKey()
      await put(store, key, Buffer.from('0123456789'))
      const writer = await store.resume(key, 4)
      assert.equal(await store.open(key), undefined)
      await writer.write(Buffer.from('!'))
      await writer.commit()
      assert.equal((await fetchWhole(store, key))?.toString(), '0123!')
    })

    it('but not when their bytes are gone', async (context) => {
      const store = await makeStore(context)
      const key = newKey()
      const damaged = { name: 'StoreError', reason: 'damaged' }
      await assert.rejects(store.resume(key, 1), damaged)
      const writer = await store.resume(key, 0)
      await writer.write(Buffer.from('four'))
      await writer.release()
      await assert.rejects(store.resume(key, 5), damaged)
      await store.remove(key)
      assert.deepEqual(await statesOf(store), {})
    })
  })
}
