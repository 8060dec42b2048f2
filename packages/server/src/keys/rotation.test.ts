import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { it } from 'node:test'
import { sealingScheme } from '../sealing/chunks.ts'
import { eachDatabase } from '../testing/databases.ts'
import { createDataKey, unwrapDataKey } from './data-keys.ts'
import { createKey } from './make-key.ts'
import { failsWith } from './manager-contract.ts'
import { resumeRotations, rotateKey } from './rotation.ts'
import { cause, owner, startKeyBench, wish } from './testing.ts'
import { openImageKey, sealContext } from './use.ts'

eachDatabase('the rotation of a key', (databases) => {
  const start = async () => {
    const bench = await startKeyBench(databases)
    const { service } = bench
    const { read, write } = service.database
    const { id } = await createKey(service, owner, cause(), wish, undefined)
    return {
      ...bench,
      id,
      rotate: () => rotateKey(service, 'producer', cause(), id),
      versions: async () =>
        (
          await read
            .selectFrom('key_versions')
            .select(['version', 'state'])
            .where('key_id', '=', id)
            .orderBy('version')
            .execute()
        ).map(({ version, state }) => `${version} ${state}`),
      sealOf: (image: string) =>
        read.selectFrom('image_seals').selectAll().where('image_id', '=', image).executeTakeFirstOrThrow(),
      setImage: (image: string, values: { status: 'saving' | 'active' }) =>
        write((tx) => tx.updateTable('images').set(values).where('id', '=', image).execute()),
      setSeal: (image: string, wrapped: string) =>
        write((tx) => tx.updateTable('image_seals').set({ wrapped }).where('image_id', '=', image).execute()),
    }
  }

  it('keeps a version while bytes arrive that it may have wrapped the data key of', async () => {
    const { id, service, restart, rotate, versions, newImage, sealOf, setImage } = await start()
    const image = await newImage(id)
    const seal = await sealOf(image)
    // An upload that goes on: its seal is stored at its end.
    const { database } = service
    await database.write((tx) => tx.deleteFrom('image_seals').where('image_id', '=', image).execute())
    await setImage(image, { status: 'saving' })
    await rotate()
    await restart()
    assert.deepEqual(await versions(), ['1 retiring', '2 ready'])
    await database.write(async (tx) => {
      await tx.insertInto('image_seals').values(seal).execute()
      await tx.updateTable('images').set({ status: 'active' }).where('id', '=', image).execute()
    })
    await openImageKey(service, owner, cause(), { id: image, key_id: id })
    await restart()
    assert.deepEqual(await versions(), ['2 ready'])
    assert.equal((await sealOf(image)).key_version, 2)
    await openImageKey(service, owner, cause(), { id: image, key_id: id })
  })

  it('leaves what is damaged where it is, once and for all, and does the rest', async () => {
    const { id, service, restart, rotate, versions, newImage, sealOf, setSeal } = await start()
    const images = [await newImage(id), await newImage(id), await newImage(id)]
    const [damaged = '', ...others] = images
    const { wrapped } = await sealOf(damaged)
    await setSeal(damaged, `AAAA${wrapped.slice(4)}`)
    await rotate()
    await restart()
    await restart()
    assert.deepEqual(await versions(), ['1 ready', '2 ready'])
    for (const image of others) assert.equal((await sealOf(image)).key_version, 2)
    // Restored from somewhere, it opens; and the next rotation takes it along.
    await setSeal(damaged, wrapped)
    await openImageKey(service, owner, cause(), { id: damaged, key_id: id })
    await rotate()
    await restart()
    assert.deepEqual(await versions(), ['3 ready'])
    await openImageKey(service, owner, cause(), { id: damaged, key_id: id })
  })

  it('takes several rounds for many images, and is not over before', async () => {
    const { id, service, keyManager, restart, rotate, versions, newImage } = await start()
    const { database } = service
    const first = await newImage(id)
    const [image] = await database.read.selectFrom('images').selectAll().where('id', '=', first).execute()
    assert.ok(image)
    const ids = Array.from({ length: 520 }, () => randomUUID())
    const key = { id, projectId: 'producer', version: 1 }
    const wrapped = await Promise.all(ids.map((one) => keyManager.wrap(key, owner, Buffer.alloc(32), sealContext(one))))
    await database.write(async (tx) => {
      for (const [index, one] of ids.entries()) {
        await tx
          .insertInto('images')
          .values({ ...image, id: one })
          .execute()
        const text = Buffer.from(wrapped[index] ?? '').toString('base64')
        await tx
          .insertInto('image_seals')
          .values({ image_id: one, key_id: id, key_version: 1, scheme: sealingScheme, wrapped: text })
          .execute()
      }
    })
    await rotate()
    await restart()
    assert.deepEqual(await versions(), ['1 retiring', '2 ready'])
    await restart()
    assert.deepEqual(await versions(), ['2 ready'])
    for (const one of [first, ...ids.slice(-3)]) await openImageKey(service, owner, cause(), { id: one, key_id: id })
  })

  it('waits while the key is disabled', async () => {
    const { id, service, restart, rotate, versions, newImage } = await start()
    await newImage(id)
    await rotate()
    const set = (status: 'enabled' | 'disabled') =>
      service.database.write((tx) => tx.updateTable('keys').set({ status }).where('id', '=', id).execute())
    await set('disabled')
    await restart()
    assert.deepEqual(await versions(), ['1 retiring', '2 ready'])
    await set('enabled')
    await restart()
    assert.deepEqual(await versions(), ['2 ready'])
  })

  it('keeps versions that wrapped data keys, and no others', async () => {
    const { id, service, restart, rotate, versions } = await start()
    const first = await createDataKey(service, owner, cause(), id)
    await rotate()
    await rotate()
    await restart()
    assert.deepEqual(await versions(), ['1 ready', '3 ready'])
    assert.equal((await unwrapDataKey(service, owner, cause(), id, first.wrapped)).plain, first.plain)
  })

  it('is gone on with by several processes at once, while others rotate and ask for data keys', async () => {
    const { id, service, keyManager, rotate, restart, versions, newImage, isTidy } = await start()
    const images = await Promise.all(Array.from({ length: 12 }, () => newImage(id)))
    const dataKeys: { plain: string; wrapped: string }[] = []
    for (let round = 0; round < 3; round++) {
      await Promise.all([
        rotate(),
        resumeRotations(service, keyManager),
        resumeRotations(service, keyManager),
        createDataKey(service, owner, cause(), id).then((one) => dataKeys.push(one)),
        ...images.map((image) => openImageKey(service, owner, cause(), { id: image, key_id: id })),
      ])
    }
    await restart()
    await isTidy()
    assert.ok((await versions()).includes('4 ready'))
    for (const image of images) await openImageKey(service, owner, cause(), { id: image, key_id: id })
    for (const { plain, wrapped } of dataKeys) {
      assert.equal((await unwrapDataKey(service, owner, cause(), id, wrapped)).plain, plain)
    }
    await failsWith(keyManager.prove({ id, projectId: 'producer', version: 5 }, owner), 'missing')
  })
})
