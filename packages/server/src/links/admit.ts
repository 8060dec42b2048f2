import { entitled, onlyOf } from '../access/entitle.ts'
import { ApiError, apiError } from '../api-error.ts'
import type { ImagesTable } from '../database/tables.ts'
import type { Cause } from '../events/events.ts'
import { digestOf } from '../http/secret.ts'
import { findImage } from '../images/queries.ts'
import { openImageKey } from '../keys/use.ts'
import type { Service } from '../service.ts'
import { findBySecret } from './queries.ts'
import { actorOfLink, isOfThisShare } from './rules.ts'

/** What a link lets its bearer read, at this moment. */
export interface Admitted {
  readonly linkId: string
  readonly image: ImagesTable
  /** The project through whose share the bytes are read, if it is one. */
  readonly consumer: string | undefined
  /** To open a sealed image with. */
  readonly dataKey: Uint8Array | undefined
}

/** Answers that tell a bearer no more than that the link does not work; what the service itself lacks is another thing. */
const hidden = (error: unknown): unknown =>
  error instanceof ApiError && error.status < 500 && error.code !== 'image_deactivated'
    ? apiError('image_link_not_found', {})
    : error

/**
 * Decides anew, by everything as it is now, whether who made the link may read the bytes: the link stands for the one who
 * made it and lets nobody have more.
 * @throws ApiError `image_link_not_found`, `image_deactivated`, `key_manager_unavailable`, `key_damaged`
 */
export const admit = async (service: Service, secret: string, requestId: string): Promise<Admitted> => {
  const { database, now } = service
  try {
    const at = now()
    const link = await findBySecret(database.read, digestOf(secret), at)
    if (link === undefined) throw apiError('image_link_not_found', {})
    const { image_id: imageId, project_id: projectId, user_id: userId } = link
    const actor = actorOfLink(link)
    const found = entitled(
      actor,
      'image.download',
      { image: imageId },
      await findImage(database.read, imageId, projectId, at),
    )
    if (!isOfThisShare(actor, found, link)) throw apiError('image_link_not_found', {})
    const { row: image } = found
    if (image.status === 'deactivated' && !actor.roles.has('admin')) throw apiError('image_deactivated', {})
    const cause: Cause = { projectId, userId, requestId, at }
    const dataKey =
      image.encryption === 'sealed' ? await openImageKey(service, { projectId, token: null }, cause, image) : undefined
    return { linkId: link.id, image, consumer: onlyOf(actor, found), dataKey }
  } catch (error) {
    throw hidden(error)
  }
}
