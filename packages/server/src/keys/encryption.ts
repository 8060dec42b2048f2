import type { EncryptionDocument } from '@vitrine/contract'
import type { Actor } from '../access/actor.ts'
import { entitled } from '../access/entitle.ts'
import { apiError } from '../api-error.ts'
import type { Tx } from '../database/database.ts'
import type { ImagesTable } from '../database/tables.ts'
import { type Cause, recordEvent } from '../events/events.ts'
import { sealedWith } from '../images/encryption.ts'
import { fromRow, type Image } from '../images/image.ts'
import { findImage, findImageForChange, updateImage } from '../images/queries.ts'
import type { Service } from '../service.ts'
import { keepOwnKey } from './key-rows.ts'
import { defaultKeyOf } from './keys.ts'
import { findKey } from './queries.ts'
import { keyStatesOf } from './states.ts'
import { checkEnabled, managerOf } from './use.ts'

/** How an image is encrypted, for whoever sees it; whether it can be opened, for the project that asks. */
export const readEncryption = async (service: Service, actor: Actor, image: string): Promise<EncryptionDocument> => {
  const { database, now } = service
  const found = await findImage(database.read, image, actor.projectId, now())
  return encryptionDocument(service, actor, entitled(actor, 'image.show', { image }, found).row)
}

const encryptionDocument = async (
  service: Service,
  actor: Actor,
  row: Pick<ImagesTable, 'id' | 'owner' | 'encryption' | 'key_id' | 'encrypted_content'>,
): Promise<EncryptionDocument> => {
  const key = row.key_id === null ? undefined : await findKey(service.database.read, row.key_id)
  const [state = 'unknown'] = await keyStatesOf(service, [{ image: row, projectId: actor.projectId ?? '' }])
  return {
    image_id: row.id,
    kind: row.encryption ?? 'none',
    key_id: row.key_id,
    // Whoever marks an image with the key of another learns nothing of it.
    key_project: key !== undefined && key.project_id === row.owner ? key.project_id : null,
    key_state: state,
    content: row.encrypted_content,
  }
}

/** Changes an image that waits for its bytes. */
const changeQueued = (
  { database }: Service,
  actor: Actor,
  cause: Cause,
  imageId: string,
  next: (tx: Tx, image: Image) => Promise<Image>,
): Promise<ImagesTable> =>
  database.write(async (tx) => {
    const found = await findImageForChange(tx, imageId, actor.projectId, cause.at)
    const { row } = entitled(actor, 'image.change', { image: imageId }, found)
    if (row.status !== 'queued') throw apiError('image_not_queued', { status: row.status })
    const before = fromRow(row)
    const after = await next(tx, before)
    await updateImage(tx, before, after)
    const detail = { changed: ['encryption'], key_id: after.sealedUnder }
    await recordEvent(tx, cause, { type: 'image.update', imageId, ownerId: after.owner, audience: 'owner', detail })
    return (await findImage(tx, imageId, actor.projectId, cause.at))?.row ?? row
  })

/**
 * Has the bytes of a queued image sealed when they arrive, under a key of the project that owns it.
 * @param keyId left out: the default key of the project, which is made if there is none
 * @throws ApiError `image_not_found`, `forbidden`, `image_not_queued`, `resource_not_found`, `key_disabled`,
 *   `key_manager_missing`, `key_manager_unavailable`
 */
export const encryptImage = async (
  service: Service,
  actor: Actor,
  cause: Cause,
  image: string,
  keyId: string | undefined,
): Promise<EncryptionDocument> => {
  managerOf(service)
  const found = await findImage(service.database.read, image, actor.projectId, cause.at)
  const { row } = entitled(actor, 'image.change', { image }, found)
  if (row.status !== 'queued') throw apiError('image_not_queued', { status: row.status })
  const { owner } = row
  if (owner === null)
    throw apiError('conflict', { why: 'An image without owner has no project whose key could seal it' })
  const chosen = keyId ?? (await defaultKeyOf(service, cause, owner)).id
  const stored = await changeQueued(service, actor, cause, image, async (tx, before) => {
    const key = await keepOwnKey(tx, before.owner ?? '', chosen)
    checkEnabled(key)
    return sealedWith(before, key.id, cause.at)
  })
  return encryptionDocument(service, actor, stored)
}

/** Takes that back: the bytes of the image will be stored as they are. */
export const leavePlain = async (service: Service, actor: Actor, cause: Cause, image: string): Promise<void> => {
  await changeQueued(service, actor, cause, image, async (_tx, before) =>
    before.sealedUnder === null ? before : sealedWith(before, null, cause.at),
  )
}
