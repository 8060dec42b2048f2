import { randomBytes, randomUUID } from 'node:crypto'
import type { Database } from '../../packages/server/src/database/database.ts'
import type { ImageSealsTable } from '../../packages/server/src/database/key-tables.ts'
import { sealedWith } from '../../packages/server/src/images/encryption.ts'
import type { Image } from '../../packages/server/src/images/image.ts'
import { insertImage } from '../../packages/server/src/images/queries.ts'
import { createEmbeddedKeyManager } from '../../packages/server/src/keys/embedded/embedded.ts'
import { createMasterKeys, readMasterKeys } from '../../packages/server/src/keys/embedded/master-key.ts'
import type { KeyManager, KeyVersion } from '../../packages/server/src/keys/port.ts'
import { insertSeal, storeGrant } from '../../packages/server/src/keys/queries.ts'
import { sealContext } from '../../packages/server/src/keys/use.ts'
import { dataKeyBytes, sealingScheme } from '../../packages/server/src/sealing/chunks.ts'
import { activeImage, type Dataset, inBulk, membersOfShown, others, share, someImages } from './seed.ts'

const firstInstant = Date.UTC(2025, 0, 1)

/** The key manager of a service that does not run, with the master key that its first start has made. */
const managerOf = async (database: Database, data: string): Promise<KeyManager> => {
  const settings = { data }
  const all = await readMasterKeys(settings)
  if (all === undefined) throw new Error(`The service has made no master key in ${data}.`)
  return createEmbeddedKeyManager({ database, masterKeys: createMasterKeys(settings, all) })
}

/** A key of a project. */
const addKey = async (database: Database, manager: KeyManager, projectId: string): Promise<KeyVersion> => {
  const key: KeyVersion = { id: randomUUID(), projectId, version: 1 }
  const times = { created_at: firstInstant, updated_at: firstInstant }
  await database.write(async (tx) => {
    const row = {
      id: key.id,
      project_id: projectId,
      version: 1,
      name: 'benchmark',
      status: 'enabled',
      ...times,
    } as const
    await tx
      .insertInto('keys')
      .values({ ...row, is_default: 0, grantable: 1, adopted: 0 })
      .execute()
    await tx
      .insertInto('key_versions')
      .values({ key_id: key.id, version: 1, state: 'ready', data_keys: 0, created_at: firstInstant })
      .execute()
  })
  await manager.make(key)
  return key
}

/** Lets a project use a key, for shares that stand. */
const grantKey = async (database: Database, manager: KeyManager, key: KeyVersion, projectId: string): Promise<void> => {
  await manager.grant(key, projectId)
  const name = { key_id: key.id, project_id: projectId }
  await database.write((tx) =>
    storeGrant(tx, { ...name, state: 'granted', standing: 0, granted_by: null, due: 0, created_at: firstInstant }),
  )
}

/** An image that says it is sealed, and a seal that opens. Of its bytes there are none. */
interface Sealed {
  readonly image: Image
  readonly seal: ImageSealsTable
}

const sealed = async (manager: KeyManager, key: KeyVersion, plain: Image): Promise<Sealed> => {
  const image = sealedWith(plain, key.id, plain.updatedAt)
  const holder = { projectId: key.projectId, token: null }
  const wrapped = await manager.wrap(key, holder, randomBytes(dataKeyBytes), sealContext(image.id))
  return {
    image,
    seal: {
      image_id: image.id,
      key_id: key.id,
      key_version: key.version,
      scheme: sealingScheme,
      wrapped: Buffer.from(wrapped).toString('base64'),
    },
  }
}

/**
 * Stores images, sealed or not, and shares them.
 * @param key left out: they stay plain
 */
const addImages = async (
  database: Database,
  images: readonly Image[],
  members: readonly string[],
  sealing?: { readonly manager: KeyManager; readonly key: KeyVersion },
): Promise<void> => {
  const all: { image: Image; seal?: ImageSealsTable }[] = []
  for (const image of images) {
    all.push(sealing === undefined ? { image } : await sealed(sealing.manager, sealing.key, image))
  }
  await inBulk(database, all.length, async (tx, index) => {
    const one = all[index]
    if (one === undefined) return
    await insertImage(tx, one.image)
    if (one.seal !== undefined) await insertSeal(tx, one.seal)
    await share(tx, one.image, members, 'accepted')
  })
}

const ofProducer = (count: number, producer: string): Image[] =>
  Array.from({ length: count }, (_, index) => activeImage(index, { owner: producer, visibility: 'shared' }))

const shown = (count: number): string => count.toLocaleString('en')

/** Images of the producer that the consumer has accepted: all of them sealed under one key, or none. */
export const acceptedShares = (images: number, isSealed: boolean): Dataset<Record<never, never>> => ({
  name: `accepted-${images}-${isSealed ? 'sealed' : 'plain'}`,
  described: `${shown(images)} ${isSealed ? 'sealed' : 'plain'} shares`,
  fill: async (database, { producer, consumer }, data) => {
    const all = ofProducer(images, producer)
    if (!isSealed) {
      await addImages(database, all, [consumer])
      return {}
    }
    const manager = await managerOf(database, data)
    const key = await addKey(database, manager, producer)
    await grantKey(database, manager, key, consumer)
    await addImages(database, all, [consumer], { manager, key })
    return {}
  },
})

/** Images of the producer that are sealed under one key and shared with nobody. */
export const underOneKey = (images: number): Dataset<{ readonly keyId: string }> => ({
  name: `one-key-${images}`,
  described: `${shown(images)} images under one key`,
  fill: async (database, { producer }, data) => {
    const manager = await managerOf(database, data)
    const key = await addKey(database, manager, producer)
    await addImages(database, ofProducer(images, producer), [], { manager, key })
    return { keyId: key.id }
  },
})

/** Images to be shared over and over, each connection those of a list of its own. */
export interface Cycles {
  readonly plain: readonly (readonly string[])[]
  /** Sealed, each under a key of its own. */
  readonly apart: Keyed
  /** Sealed under one key, which is that of many other images as well. */
  readonly together: Keyed
}

export interface Keyed {
  readonly imageIds: readonly (readonly string[])[]
  readonly keyIds: readonly string[]
}

/** Among other images, plain ones and sealed ones for share cycles, with as many members each. */
export const imagesToCycle = (images: number, lists: number, imagesEach: number): Dataset<Cycles> => {
  const seeded = someImages(images)
  return {
    name: `${seeded.name}-and-cycles`,
    described: `${seeded.described}, as many under one key, and ${3 * lists * imagesEach} to be shared`,
    fill: async (database, projects, data) => {
      await seeded.fill(database, projects, data)
      const manager = await managerOf(database, data)
      const members = others(membersOfShown - 1)
      // Older than all others, so that they are on no first page.
      const listsFrom = (index: number): Image[][] =>
        Array.from({ length: lists }, (_, list) =>
          Array.from({ length: imagesEach }, (_, at) =>
            activeImage(-index - list * imagesEach - at, { owner: projects.producer, visibility: 'shared' }),
          ),
        )
      const [plain, apart, together] = [0, 1, 2].map((turn) => listsFrom(100 + turn * lists * imagesEach))
      if (plain === undefined || apart === undefined || together === undefined) throw new Error('There are three.')
      await addImages(database, plain.flat(), members)
      const keyIds: string[] = []
      for (const image of apart.flat()) {
        const key = await addKey(database, manager, projects.producer)
        await addImages(database, [image], members, { manager, key })
        keyIds.push(key.id)
      }
      const key = await addKey(database, manager, projects.producer)
      await addImages(database, ofProducer(images, projects.producer), [], { manager, key })
      await addImages(database, together.flat(), members, { manager, key })
      const ids = (all: readonly (readonly Image[])[]) => all.map((list) => list.map(({ id }) => id))
      return {
        plain: ids(plain),
        apart: { imageIds: ids(apart), keyIds },
        together: { imageIds: ids(together), keyIds: [key.id] },
      }
    },
  }
}
