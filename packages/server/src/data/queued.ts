import type { EventType } from '@vitrine/contract'
import type { ApiError } from '../api-error.ts'
import type { Tx } from '../database/database.ts'
import { type Cause, recordEvent } from '../events/events.ts'
import type { Image } from '../images/image.ts'
import { updateImage } from '../images/queries.ts'
import { deleteSeal } from '../keys/queries.ts'
import { doomWhole, findStaged } from './blobs.ts'
import { withoutData } from './rules.ts'

/**
 * Lets an image wait for bytes again, as if none had ever come: those that are staged or stored for it are given up.
 * @param given what else changes of the image
 */
export const emptied = async (tx: Tx, image: Image, now: number, given: Partial<Image> = {}): Promise<void> => {
  const staged = await findStaged(tx, image.id)
  await doomWhole(tx, [...image.locations.map(({ key }) => key), ...(staged === undefined ? [] : [staged.key])])
  await deleteSeal(tx, image.id)
  await updateImage(tx, image, { ...withoutData(image, now), ...given })
}

/** The same because something failed, which is written down. */
export const backToQueued = async (
  tx: Tx,
  cause: Cause,
  image: Image,
  type: EventType,
  why: ApiError,
  given?: Partial<Image>,
): Promise<void> => {
  await emptied(tx, image, cause.at, given)
  const detail = { reason: why.code, message: why.message }
  // The cause may tell of quotas of the project, and of where the bytes were to come from.
  await recordEvent(tx, cause, { type, imageId: image.id, ownerId: image.owner, audience: 'owner', detail })
}
