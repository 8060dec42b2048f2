import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Service } from '../service.ts'
import { eachDatabase } from '../testing/databases.ts'
import { createDataKey, unwrapDataKey } from './data-keys.ts'
import { grantByHand, keyOf } from './grants.ts'
import { createKey } from './make-key.ts'
import { deleteKey } from './removal.ts'
import { resumeRotations, rotateKey } from './rotation.ts'
import { Crash, cause, friend, owner, startKeyBench, wish } from './testing.ts'

eachDatabase('kill -9 at every step of a key', (databases) => {
  /** Crashes at the first step, the second and so on, until the work is done before it comes to that. */
  const atEveryStep = async (work: (last: number) => Promise<void>, least: number): Promise<void> => {
    for (let last = 0; ; last++) {
      try {
        await work(last)
      } catch (error) {
        if (error instanceof Crash) continue
        throw error
      }
      assert.ok(last >= least, `only ${last} steps`)
      return
    }
  }
  /** @throws Crash once everything is found in order after it */
  const crashing = async (work: Promise<unknown>, after: (isDone: boolean) => Promise<void>): Promise<void> => {
    const error = await work.then(
      () => undefined,
      (reason: unknown) => reason,
    )
    if (error !== undefined && !(error instanceof Crash)) throw error
    await after(error === undefined)
    if (error !== undefined) throw error
  }

  it('made: it is there and can be used, or there is nothing of it', async () => {
    const { service, dying, restart, isTidy, keyManager } = await startKeyBench(databases)
    const { read } = service.database
    await atEveryStep(async (last) => {
      const before = (await read.selectFrom('keys').select('id').execute()).length
      await crashing(createKey(dying(last), owner, cause(), wish, undefined), async (isDone) => {
        await restart()
        await isTidy()
        const keys = await read.selectFrom('keys').selectAll().execute()
        if (isDone) assert.equal(keys.length, before + 1)
        for (const key of keys) await keyManager.prove({ ...keyOf(key), version: key.version }, owner)
      })
    }, 8)
  })

  it('rotated: whoever holds it reads at every moment, and it comes to its end', async () => {
    const { service, dying, restart, isTidy, newImage, readImages, keyManager } = await startKeyBench(databases)
    const { read } = service.database
    const { id } = await createKey(service, owner, cause(), wish, undefined)
    await grantByHand(service, keyManager, cause(), { id, projectId: 'producer' }, 'consumer')
    const images = [await newImage(id), await newImage(id), await newImage(id)]
    const watch = () => readImages(id, images)
    const rotateWhole = async (dead: Service) => {
      await rotateKey(dead, 'producer', cause(), id)
      assert.ok(dead.keyManager)
      await resumeRotations(dead, dead.keyManager)
    }
    let rounds = 0
    await atEveryStep(async (last) => {
      rounds += 1
      await crashing(rotateWhole(dying(last, watch)), async () => {
        await readImages(id, images)
        await restart()
        await readImages(id, images)
        await isTidy()
        const versions = await read.selectFrom('key_versions').selectAll().execute()
        assert.equal(versions.length, 1)
        const seals = await read.selectFrom('image_seals').select('key_version').execute()
        assert.deepEqual(new Set(seals.map(({ key_version }) => key_version)), new Set([versions[0]?.version]))
      })
    }, 20)
    assert.ok(rounds > 20)
  })

  it('deleted: it is there wholly, or there is nothing of it', async () => {
    const { service, dying, restart, isTidy, keyManager } = await startKeyBench(databases)
    const { read } = service.database
    const make = async () => {
      const { id } = await createKey(service, owner, cause(), wish, undefined)
      await grantByHand(service, keyManager, cause(), { id, projectId: 'producer' }, 'consumer')
      const { wrapped } = await createDataKey(service, owner, cause(), id)
      await rotateKey(service, 'producer', cause(), id)
      return { id, wrapped }
    }
    await atEveryStep(async (last) => {
      const { id, wrapped } = await make()
      await restart()
      await crashing(deleteKey(dying(last), 'producer', cause(), id, true), async (isDone) => {
        await restart()
        await isTidy()
        const [key] = await read.selectFrom('keys').selectAll().where('id', '=', id).execute()
        if (key === undefined) return
        assert.ok(!isDone)
        for (const holder of [owner, friend]) await unwrapDataKey(service, holder, cause(), id, wrapped)
      })
    }, 10)
  })
})
