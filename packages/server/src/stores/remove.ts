import type { Actor } from '../access/actor.ts'
import { entitled } from '../access/entitle.ts'
import { apiError } from '../api-error.ts'
import { doomWhole } from '../data/blobs.ts'
import { type Cause, recordEvent } from '../events/events.ts'
import { fromRow } from '../images/image.ts'
import { findImageForChange, updateImage } from '../images/queries.ts'
import type { Service } from '../service.ts'

/**
 * Removes the copy of an image in one store; another stays.
 * @throws ApiError `import_store_unknown`, `image_not_found`, `role_required`, `copy_not_active`, `last_copy`,
 *   `resource_not_found`
 */
export const removeFromStore = async (
  { database, stores, sweeper }: Service,
  actor: Actor,
  cause: Cause,
  imageId: string,
  store: string,
): Promise<void> => {
  if (stores.byName(store) === undefined) throw apiError('import_store_unknown', { store })
  await database.write(async (tx) => {
    const found = await findImageForChange(tx, imageId, actor.projectId, cause.at)
    const image = fromRow(entitled(actor, 'image.stores', { image: imageId }, found).row)
    if (image.status !== 'active') throw apiError('copy_not_active', { status: image.status })
    const location = image.locations.find((one) => one.store === store)
    if (location === undefined) throw apiError('resource_not_found', { kind: 'copy in the store', id: store })
    const locations = image.locations.filter((one) => one !== location)
    if (locations.length === 0) throw apiError('last_copy', {})
    await doomWhole(tx, [location.key])
    await updateImage(tx, image, { ...image, locations, updatedAt: cause.at })
    await recordEvent(tx, cause, {
      type: 'image.store_remove',
      imageId,
      ownerId: image.owner,
      audience: 'owner',
      detail: { store },
    })
  })
  sweeper.kick()
}
