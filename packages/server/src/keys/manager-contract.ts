import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { KeyError, type KeyFailure, type KeyHolder, type KeyManager, type KeyVersion } from './port.ts'

/** Projects that a bench has. */
export type BenchProject = 'producer' | 'consumer' | 'stranger'

/** A manager to be tried, with projects whose users it knows. */
export interface ManagerBench {
  readonly manager: KeyManager
  /** Someone who acts for the project, with a token where the manager looks at it. */
  holder(project: BenchProject): KeyHolder
  close(): Promise<void>
}

const context = 'image 1'

/** Fails with this `KeyError` and no other. */
export const failsWith = (work: Promise<unknown>, reason: KeyFailure, what?: string): Promise<void> =>
  assert.rejects(
    work,
    (error: unknown) => {
      assert.ok(error instanceof KeyError, `a KeyError, not ${String(error)}`)
      assert.equal(error.reason, reason, error.message)
      return true
    },
    what,
  )

const flipped = (bytes: Uint8Array, index: number): Uint8Array => {
  const copy = Uint8Array.from(bytes)
  copy[index] = (copy[index] ?? 0) ^ 1
  return copy
}

/** What every key manager must do. */
export const managerContract = (title: string, options: { open(): Promise<ManagerBench> }): void => {
  describe(`${title} keeps the contract of key managers`, () => {
    let bench: ManagerBench
    let manager: KeyManager
    let producer: KeyHolder
    let consumer: KeyHolder
    let stranger: KeyHolder

    before(async () => {
      bench = await options.open()
      manager = bench.manager
      producer = bench.holder('producer')
      consumer = bench.holder('consumer')
      stranger = bench.holder('stranger')
    })
    after(() => bench?.close())

    const first = (): KeyVersion => ({ id: randomUUID(), projectId: producer.projectId, version: 1 })
    const next = (key: KeyVersion): KeyVersion => ({ ...key, version: key.version + 1 })
    const newKey = async (): Promise<KeyVersion> => {
      const key = first()
      await manager.make(key)
      return key
    }
    /** A holder who acts, and the project as a whole. */
    const both = (holder: KeyHolder): KeyHolder[] => [holder, { ...holder, token: null }]

    const mayUse = async (key: KeyVersion, holder: KeyHolder): Promise<void> => {
      for (const one of both(holder)) {
        await manager.prove(key, one)
        const dataKey = randomBytes(32)
        const wrapped = await manager.wrap(key, one, dataKey, context)
        assert.deepEqual(Buffer.from(await manager.unwrap(key, one, wrapped, context)), dataKey)
      }
    }
    const mayNotUse = async (key: KeyVersion, holder: KeyHolder): Promise<void> => {
      const wrapped = await manager.wrap(key, producer, randomBytes(32), context)
      for (const one of both(holder)) {
        await failsWith(manager.prove(key, one), 'refused')
        await failsWith(manager.wrap(key, one, randomBytes(32), context), 'refused')
        await failsWith(manager.unwrap(key, one, wrapped, context), 'refused')
      }
    }

    it('answers', async () => {
      await manager.check()
    })

    it('gives back to the owner what it wrapped, which does not show in the wrapped form', async () => {
      const key = await newKey()
      await mayUse(key, producer)
      for (const sizeBytes of [16, 32, 64]) {
        const dataKey = randomBytes(sizeBytes)
        const wrapped = await manager.wrap(key, producer, dataKey, context)
        assert.equal(Buffer.from(wrapped).indexOf(dataKey), -1)
        assert.notDeepEqual(await manager.wrap(key, producer, dataKey, context), wrapped)
        assert.deepEqual(Buffer.from(await manager.unwrap(key, producer, wrapped, context)), dataKey)
      }
    })

    it('makes a version once, however often it is told to', async () => {
      const key = await newKey()
      const wrapped = await manager.wrap(key, producer, Buffer.from('a data key'), context)
      await manager.make(key)
      assert.equal(Buffer.from(await manager.unwrap(key, producer, wrapped, context)).toString(), 'a data key')
    })

    it('opens nothing that was wrapped for something else, with another key, or changed since', async () => {
      const key = await newKey()
      const other = await newKey()
      const wrapped = await manager.wrap(key, producer, randomBytes(32), context)
      await failsWith(manager.unwrap(key, producer, wrapped, 'image 2'), 'damaged')
      await failsWith(manager.unwrap(other, producer, wrapped, context), 'damaged')
      for (const index of [0, wrapped.length >> 1, wrapped.length - 1]) {
        await failsWith(manager.unwrap(key, producer, flipped(wrapped, index), context), 'damaged', `byte ${index}`)
      }
      await failsWith(manager.unwrap(key, producer, wrapped.subarray(0, -1), context), 'damaged')
      await failsWith(manager.unwrap(key, producer, new Uint8Array(), context), 'damaged')
    })

    it('refuses a project that was granted nothing', async () => {
      const key = await newKey()
      await mayNotUse(key, consumer)
      await mayNotUse(key, stranger)
    })

    it('lets a project use a key that it was granted, and nobody else', async () => {
      const key = await newKey()
      await manager.grant(key, consumer.projectId)
      await manager.grant(key, consumer.projectId)
      await mayUse(key, consumer)
      await mayUse(key, producer)
      await mayNotUse(key, stranger)
      await mayNotUse(await newKey(), consumer)
    })

    it('opens for a grantee what the owner wrapped', async () => {
      const key = await newKey()
      await manager.grant(key, consumer.projectId)
      const dataKey = randomBytes(32)
      const wrapped = await manager.wrap(key, producer, dataKey, context)
      for (const one of both(consumer)) {
        assert.deepEqual(Buffer.from(await manager.unwrap(key, one, wrapped, context)), dataKey)
      }
    })

    it('takes a grant back, and leaves the others', async () => {
      const key = await newKey()
      await manager.grant(key, consumer.projectId)
      await manager.grant(key, stranger.projectId)
      await manager.revoke(key, consumer.projectId)
      await manager.revoke(key, consumer.projectId)
      await mayNotUse(key, consumer)
      await mayUse(key, stranger)
      await manager.grant(key, consumer.projectId)
      await mayUse(key, consumer)
    })

    it('takes back what was never granted, without effect', async () => {
      const key = await newKey()
      await manager.revoke(key, consumer.projectId)
      await mayNotUse(key, consumer)
    })

    it('leaves a key to its owner, whatever is granted or revoked', async () => {
      const key = await newKey()
      await manager.grant(key, producer.projectId)
      await manager.revoke(key, producer.projectId)
      await mayUse(key, producer)
    })

    it('has versions, each with its own material', async () => {
      const key = await newKey()
      const second = next(key)
      const wrapped = await manager.wrap(key, producer, Buffer.from('first'), context)
      await manager.make(second)
      await mayUse(second, producer)
      await failsWith(manager.unwrap(second, producer, wrapped, context), 'damaged')
      assert.equal(Buffer.from(await manager.unwrap(key, producer, wrapped, context)).toString(), 'first')
    })

    it('grants and revokes the versions before and after', async () => {
      const key = await newKey()
      const second = next(key)
      const third = next(second)
      await manager.make(second)
      await manager.grant(key, consumer.projectId)
      await manager.make(third)
      for (const one of [key, second, third]) await mayUse(one, consumer)
      await mayNotUse(third, stranger)
      await manager.revoke(key, consumer.projectId)
      for (const one of [key, second, third]) await mayNotUse(one, consumer)
    })

    it('removes a version, and only that', async () => {
      const key = await newKey()
      const second = next(key)
      await manager.make(second)
      await manager.grant(key, consumer.projectId)
      const wrapped = await manager.wrap(key, producer, randomBytes(32), context)
      await manager.remove(key)
      await manager.remove(key)
      await failsWith(manager.unwrap(key, producer, wrapped, context), 'missing')
      await failsWith(manager.prove(key, { ...producer, token: null }), 'missing')
      await mayUse(second, producer)
      await mayUse(second, consumer)
      await manager.revoke(key, consumer.projectId)
      await mayNotUse(second, consumer)
    })

    it('removes the last version, with what was granted', async () => {
      const key = await newKey()
      await manager.grant(key, consumer.projectId)
      await manager.remove(key)
      for (const one of [...both(producer), ...both(consumer)]) await failsWith(manager.prove(key, one), 'missing')
      await manager.revoke(key, consumer.projectId)
    })

    it('knows no key and no version that was never made', async () => {
      const unknown = first()
      const key = await newKey()
      for (const one of both(producer)) {
        await failsWith(manager.prove(unknown, one), 'missing')
        await failsWith(manager.prove(next(key), one), 'missing')
        await failsWith(manager.wrap(unknown, one, randomBytes(32), context), 'missing')
        await failsWith(manager.unwrap(unknown, one, randomBytes(60), context), 'missing')
      }
      await manager.remove(unknown)
      await manager.revoke(unknown, consumer.projectId)
    })

    it('finds no key that is only the service’s own, or nobody’s', async () => {
      assert.equal(await manager.find(await newKey()), false)
      assert.equal(await manager.find(first()), false)
      assert.equal(await manager.find({ ...first(), id: 'no such key' }), false)
    })

    it('serves many at once', async () => {
      const key = await newKey()
      const dataKeys = Array.from({ length: 10 }, () => randomBytes(32))
      const wrapped = await Promise.all(dataKeys.map((dataKey) => manager.wrap(key, producer, dataKey, context)))
      const opened = await Promise.all(wrapped.map((one) => manager.unwrap(key, producer, one, context)))
      assert.deepEqual(
        opened.map((one) => Buffer.from(one)),
        dataKeys,
      )
    })
  })
}
