import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Image } from '@vitrine/sdk'
import { sealedChunkBytes, tagBytes } from '../packages/server/src/sealing/chunks.ts'
import { storedFiles } from './crash/stored-files.ts'
import { sha512Of } from './disk.ts'
import { findPlain, type Secret } from './encryption/search.ts'
import { openBeginning, openWithMasterKey, readBarbican, readMasterKey } from './encryption/thief.ts'
import { needWorld, type Party, type World, type WorldOptions, withWorld } from './encryption/world.ts'
import { fails, rowsOf, shownBy, succeeds } from './vitrine-command.ts'
import { waitFor } from './wait.ts'

/** What lies in the folders of the service, and what becomes of a download when somebody has changed it there. */

const worlds: readonly WorldOptions[] = [
  { keyManager: 'embedded', database: 'SQLite' },
  { keyManager: 'embedded', database: 'PostgreSQL' },
  { keyManager: 'Barbican', database: 'SQLite' },
]

const createSealed = async ({ images }: Party, name: string): Promise<Image> => {
  const image = await images.createImage({ name, diskFormat: 'qcow2', containerFormat: 'bare' })
  await image.encrypt()
  return image
}

/** Sends the first half of some bytes, and the rest never. @returns when the service has written some of it */
const uploadHalf = async ({ data }: World, image: Image, bytes: Buffer): Promise<{ ended: Promise<void> }> => {
  const abort = new AbortController()
  const source = async function* () {
    yield bytes.subarray(0, bytes.byteLength / 2)
    await waitFor('the end of the upload', () => abort.signal.aborted || undefined, 60_000)
  }
  const ended = assert.rejects(image.uploadData(source())).finally(() => abort.abort())
  await waitFor('bytes of the upload in the store', async () => {
    const folder = join(data, 'images', 'incoming')
    const names = await readdir(folder).catch(() => [])
    const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size))
    return sizes.some((size) => size > bytes.byteLength / 4) || undefined
  })
  return { ended }
}

/** Does with an image whatever has to do with its key. */
const useAll = async ({ producer, consumer, folder }: World, imageId: string): Promise<void> => {
  const { vitrine } = producer
  const [key] = await rowsOf(vitrine, 'key', 'list')
  await succeeds(vitrine, 'share', imageId, consumer.projectId, '--grant')
  await succeeds(vitrine, 'key', 'rotate', key?.id ?? '', '--wait')
  for (const party of [producer, consumer]) {
    await succeeds(party.vitrine, 'image', 'download', imageId, '-o', join(folder, `of ${party.projectId}`))
  }
  await succeeds(consumer.vitrine, 'image', 'copy', imageId, '--wait')
}

const playTheft = async (t: TestContext, world: World): Promise<void> => {
  const { keyManager, data, writtenPaths, masterKeyPath, producer, disk, barbican } = world
  const bytes = await readFile(disk.path)
  const seen: Secret[] = keyManager === 'embedded' ? [await readMasterKey(masterKeyPath)] : []
  const revealsNothing = async (): Promise<void> => {
    assert.deepEqual(await findPlain(writtenPaths, bytes, seen), [])
  }

  await t.test('what is not encrypted is found', async () => {
    const plain = randomBytes(300_000)
    const control = await producer.images.createImage({ name: 'control', diskFormat: 'raw', containerFormat: 'bare' })
    await control.uploadData(plain)
    const found = await findPlain([data], plain, [{ name: 'an id', bytes: Buffer.from(control.id) }])
    assert.ok(found.some((line) => line.startsWith('the image')))
    // With PostgreSQL, the log is where ids are as well.
    assert.ok((await findPlain(writtenPaths, plain, [{ name: 'an id', bytes: Buffer.from(control.id) }])).length > 1)
    await control.delete()
  })
  await t.test('nothing is found while an upload is under way, nor when it was killed', async () => {
    const image = await createSealed(producer, 'half')
    const { ended } = await uploadHalf(world, image, bytes)
    await revealsNothing()
    await world.kill()
    await ended
    await revealsNothing()
    await world.start()
    assert.equal((await image.refresh()).status, 'queued')
    assert.deepEqual(await storedFiles(data), [])
    await revealsNothing()
  })
  await t.test('nothing is found after everything was used', async () => {
    const image = await createSealed(producer, 'whole')
    await image.uploadData(bytes)
    const [key] = await producer.images.listKeys().toArray()
    assert.ok(key)
    seen.push({ name: 'a data key that was handed out', bytes: (await key.createDataKey()).plain })
    await useAll(world, image.id)
    if (barbican !== undefined) seen.push(...(await readBarbican(barbican, producer)))
    if (keyManager === 'embedded' && world.options.settings?.VITRINE_DATABASE_URL === undefined) {
      const [masterKey] = seen
      assert.ok(masterKey)
      const { secrets, dataKeys } = openWithMasterKey(data, masterKey)
      seen.push(...secrets)
      // Who has the master key as well reads the image: these are the keys that count.
      const [file] = await storedFiles(data)
      const sealed = await readFile(join(data, 'images', file?.path ?? ''))
      const opened = [...dataKeys.values()].flatMap((dataKey) => {
        try {
          return [openBeginning(dataKey, sealed)]
        } catch {
          return []
        }
      })
      assert.equal(opened.length, 1)
      assert.ok(opened[0] && bytes.subarray(0, opened[0].byteLength).equals(opened[0]))
    }
    await revealsNothing()
    await world.kill()
    await revealsNothing()
  })
}

for (const options of worlds) {
  const { keyManager, database } = options
  const name = `a stolen data directory reveals no byte of an image: ${keyManager} keys, ${database}`
  test(name, { skip: await needWorld(keyManager) }, (t) => withWorld(options, (world) => playTheft(t, world)))
}

type Change = (bytes: Buffer) => Buffer

const flipped =
  (at: (bytes: Buffer) => number): Change =>
  (bytes) => {
    const changed = Buffer.from(bytes)
    const place = at(bytes)
    changed.writeUInt8(changed.readUInt8(place) ^ 1, place)
    return changed
  }

const swapped: Change = (bytes) => {
  const chunk = (index: number) => bytes.subarray(index * sealedChunkBytes, (index + 1) * sealedChunkBytes)
  return Buffer.concat([chunk(0), chunk(2), chunk(1), bytes.subarray(3 * sealedChunkBytes)])
}

/** What somebody does to the stored bytes, and whether the answer can still say so: nothing of it was sent by then. */
const changes: readonly { readonly what: string; readonly change: Change; readonly isToldAtOnce: boolean }[] = [
  { what: 'a bit of the first chunk is flipped', change: flipped(() => 100), isToldAtOnce: true },
  { what: 'a bit in the midst is flipped', change: flipped((bytes) => bytes.byteLength >> 1), isToldAtOnce: false },
  { what: 'a bit of the last tag is flipped', change: flipped((bytes) => bytes.byteLength - 1), isToldAtOnce: false },
  { what: 'two chunks are swapped', change: swapped, isToldAtOnce: false },
  { what: 'the last byte is cut off', change: (bytes) => bytes.subarray(0, -1), isToldAtOnce: true },
  { what: 'whole chunks are cut off', change: (bytes) => bytes.subarray(0, 4 * sealedChunkBytes), isToldAtOnce: true },
  { what: 'everything is cut off', change: (bytes) => bytes.subarray(0, 0), isToldAtOnce: true },
  { what: 'a byte is added', change: (bytes) => Buffer.concat([bytes, Buffer.alloc(1)]), isToldAtOnce: true },
  {
    what: 'a chunk is added',
    change: (bytes) => Buffer.concat([bytes, bytes.subarray(0, sealedChunkBytes)]),
    isToldAtOnce: true,
  },
]

const playTampering = async (t: TestContext, world: World): Promise<void> => {
  const { producer, data, folder, disk } = world
  const { id = '' } = await shownBy(producer.vitrine, 'image', 'create', 'vault', '--encrypt', '--file', disk.path)
  const [file] = await storedFiles(data)
  const stored = join(data, 'images', file?.path ?? '')
  const before = await readFile(stored)
  const chunks = Math.ceil(disk.sizeBytes / (sealedChunkBytes - tagBytes))
  assert.equal(before.byteLength, disk.sizeBytes + chunks * tagBytes)
  const path = join(folder, 'download')

  for (const [index, { what, change, isToldAtOnce }] of changes.entries()) {
    await t.test(`${what}: the download fails`, async () => {
      // A name of its own: the command would go on from the right beginning that an earlier attempt has left.
      const path = join(folder, `download of change ${index}`)
      const changed = change(before)
      assert.ok(!changed.equals(before))
      await truncate(stored, 0)
      await writeFile(stored, changed)
      const { exitCode, stderr } = await producer.vitrine('image', 'download', id, '-o', path)
      assert.notEqual(exitCode, 0)
      if (isToldAtOnce) assert.match(stderr, /damaged/)
      await assert.rejects(stat(path), { code: 'ENOENT' })
      const byOpenStack = await producer.openstack.try('image', 'save', '--file', `${path} of openstack`, id)
      assert.notEqual(byOpenStack.exitCode, 0)
    })
  }
  await t.test('put back, it is as it was; and a part is read although another is damaged', async () => {
    await writeFile(stored, flipped((bytes) => bytes.byteLength - 1)(before))
    const image = await producer.images.getImage(id)
    const { stream } = await image.downloadData({ range: { start: 100_000, end: 300_000 } })
    const got = await new Response(stream).bytes()
    assert.ok(Buffer.from(got).equals((await readFile(disk.path)).subarray(100_000, 100_000 + got.byteLength)))
    assert.ok(got.byteLength >= 200_000)
    await writeFile(stored, before)
    await succeeds(producer.vitrine, 'image', 'download', id, '-o', path)
    assert.equal(await sha512Of(path), disk.sha512)
  })
  await t.test('the bytes of one image do not pass for those of another', async () => {
    const { id: other = '' } = await shownBy(
      producer.vitrine,
      ...['image', 'create', 'other', '--encrypt', '--file', disk.path],
    )
    const files = (await storedFiles(data)).map(({ path: name }) => join(data, 'images', name))
    const [ofOther] = files.filter((name) => name !== stored)
    assert.ok(ofOther)
    assert.ok(!(await readFile(ofOther)).equals(before), 'the same bytes are sealed otherwise each time')
    await writeFile(ofOther, before)
    assert.match(await fails(1, producer.vitrine, 'image', 'download', other, '-o', `${path} 2`), /damaged/)
  })
}

test('changed bytes are never sent as those of the image', { skip: await needWorld('embedded') }, (t) =>
  withWorld({ keyManager: 'embedded', database: 'SQLite' }, (world) => playTampering(t, world)),
)
