import { randomUUID } from 'node:crypto'
import type { Actor } from '../access/actor.ts'
import { entitled, onlyOf } from '../access/entitle.ts'
import { projectOf } from '../access/project.ts'
import { apiError } from '../api-error.ts'
import type { ImagesTable } from '../database/tables.ts'
import type { Cause } from '../events/events.ts'
import { newImage } from '../images/create.ts'
import { sealedWith, withoutSeal } from '../images/encryption.ts'
import { fromRow, type Image } from '../images/image.ts'
import { createImage } from '../images/images.ts'
import { findImage } from '../images/queries.ts'
import { defaultKeyOf } from '../keys/keys.ts'
import type { KeyHolder } from '../keys/port.ts'
import { findKey } from '../keys/queries.ts'
import { checkEnabled, managerOf } from '../keys/use.ts'
import type { Service } from '../service.ts'
import { isOfSignature } from '../signatures/signature.ts'
import { hasBytes, openImageBytes } from './download.ts'
import { sameAs } from './expectation.ts'
import { openingBy, sealingBy } from './image-keys.ts'
import { streamOf } from './reader-stream.ts'
import { upload } from './upload.ts'

/** What a copy shall be; what is left out is as the image. */
export interface CopyWish {
  readonly name: string | undefined
  /** Whether its bytes are sealed, under a key of the own project. */
  readonly encrypt: boolean | undefined
  readonly keyId: string | undefined
}

/** A copy costs the service much and the client nothing. */
const copiesAtOnce = 2
const retryAfterS = 10

const tooMany = () =>
  apiError(
    'too_many_requests',
    { what: 'copies of your project', seconds: retryAfterS },
    { 'retry-after': String(retryAfterS) },
  )

/** The copies that run in this process. */
export interface Copies {
  /** @throws ApiError `too_many_requests` */
  run(projectId: string, work: () => Promise<void>): void
  /** Resolves when none runs. */
  settled(): Promise<void>
}

export const createCopies = (onError: (error: unknown) => void): Copies => {
  const running = new Map<Promise<void>, string>()
  return {
    run: (projectId, work) => {
      const own = [...running.values()].filter((one) => one === projectId).length
      if (own >= copiesAtOnce) throw tooMany()
      const done: Promise<void> = work()
        .catch(onError)
        .finally(() => running.delete(done))
      running.set(done, projectId)
    },
    settled: async () => {
      await Promise.all(running.keys())
    },
  }
}

/** The image and its key, if the actor may read its bytes. */
const copyable = async (service: Service, actor: Actor, imageId: string): Promise<ImagesTable> => {
  const { database, now } = service
  const found = await findImage(database.read, imageId, actor.projectId, now())
  const image = entitled(actor, 'image.download', { image: imageId }, found)
  const { row } = image
  if (row.status === 'deactivated' && !actor.roles.has('admin')) throw apiError('image_deactivated', {})
  if (!hasBytes(row)) throw apiError('conflict', { why: `The image is ${row.status} and has no bytes to copy` })
  const consumer = onlyOf(actor, image)
  if (consumer !== undefined) service.usage.count(imageId, consumer)
  return row
}

/** Which key a copy is sealed under; null: under none. */
const keyForCopy = async (
  service: Service,
  projectId: string,
  source: ImagesTable,
  { encrypt = source.encryption === 'sealed', keyId }: CopyWish,
): Promise<{ readonly id: string } | 'default' | null> => {
  if (!encrypt) {
    if (keyId !== undefined) throw apiError('invalid_body', { why: 'key_id belongs to a copy that is encrypted' })
    return null
  }
  managerOf(service)
  if (keyId === undefined) return 'default'
  const key = await findKey(service.database.read, keyId)
  if (key === undefined || key.project_id !== projectId || key.version < 1) {
    throw apiError('resource_not_found', { kind: 'key', id: keyId })
  }
  checkEnabled(key)
  return key
}

/** The default key of the project, which is made if there is none. */
const enabledDefault = async (service: Service, cause: Cause, projectId: string): Promise<{ readonly id: string }> => {
  const key = await defaultKeyOf(service, cause, projectId)
  checkEnabled(key)
  return key
}

/** The copy before it has bytes: what describes the bytes stays, what is the owner's own does not. */
const draftCopy = (source: Image, projectId: string, name: string | undefined, now: number): Image => ({
  ...newImage(randomUUID(), projectId, now),
  name: name ?? source.name,
  diskFormat: source.diskFormat,
  containerFormat: source.containerFormat,
  minDisk: source.minDisk,
  minRam: source.minRam,
  tags: source.tags,
  // The signature may need a certificate that only the owner of the image has.
  properties: new Map([...withoutSeal(source)].filter(([name]) => !isOfSignature(name))),
})

/**
 * Begins to copy an image into the project of the actor; for a sealed one, the project must hold its key. The copy is an image
 * of its own from then on: no withdrawal reaches it.
 * @returns the copy, which is saving; it is active when its bytes are there, and queued again if that fails
 * @throws ApiError `image_not_found`, `role_required`, `image_deactivated`, `conflict`, `key_not_held` and others of the key,
 *   `resource_not_found`, `image_quota`, `too_many_requests`, `store_unavailable`, `image_damaged`
 */
export const copyImage = async (
  service: Service,
  actor: Actor,
  holder: KeyHolder,
  cause: Cause,
  imageId: string,
  wish: CopyWish,
): Promise<Image> => {
  const projectId = projectOf(actor, 'member')
  const source = await copyable(service, actor, imageId)
  const chosen = await keyForCopy(service, projectId, source, wish)
  const reader = await openImageBytes(service, cause, source, openingBy(service, holder, cause))
  if (reader === undefined) throw apiError('store_unavailable', {})
  try {
    const draft = draftCopy(fromRow(source), projectId, wish.name, cause.at)
    // Only now: a copy that is refused leaves no new key behind.
    const key = chosen === 'default' ? await enabledDefault(service, cause, projectId) : chosen
    const copy = key === null ? draft : sealedWith(draft, key.id, cause.at)
    const { promise: claimed, resolve: onClaimed } = Promise.withResolvers<void>()
    const sealing = sealingBy(service, holder, cause)
    const work = async (): Promise<void> => {
      try {
        await createImage(service, actor, cause, copy)
        await upload(service, actor, cause, {
          imageId: copy.id,
          store: service.stores.byDefault,
          source: streamOf(reader),
          announcedBytes: reader.sizeBytes,
          expected: sameAs(fromRow(source)),
          sealingOf: async (image) => {
            onClaimed()
            return sealing(image)
          },
        })
      } finally {
        await reader.close()
      }
    }
    await new Promise<void>((resolve, reject) => {
      claimed.then(resolve)
      service.copies.run(projectId, () =>
        work().catch((error: unknown) => {
          reject(error)
          throw error
        }),
      )
    })
    return { ...copy, status: 'saving' }
  } catch (error) {
    await reader.close()
    throw error
  }
}
