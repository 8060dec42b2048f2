import type { StatisticsDocument } from '@vitrine/contract'
import type { Actor } from '../access/actor.ts'
import { entitled } from '../access/entitle.ts'
import { findImage } from '../images/queries.ts'
import type { Service } from '../service.ts'
import { wireWeek } from './dates.ts'
import { countListingRequests, countShares, findListingPath } from './queries.ts'

/** What the producer of an image may know of its shares: sums, of consumers that let their use be counted. */
export const readStatistics = async (
  { database, now }: Service,
  actor: Actor,
  image: string,
): Promise<StatisticsDocument> => {
  const at = now()
  entitled(actor, 'share.list', { image }, await findImage(database.read, image, actor.projectId, at))
  const { lastUsedWeek, ...counts } = await countShares(database.read, image, at)
  const listing = await findListingPath(database.read, image)
  const ofListing =
    listing === undefined ? undefined : await countShares(database.read, image, at, { listingId: listing.id })
  return {
    image_id: image,
    ...counts,
    last_used_week: lastUsedWeek === null ? null : wireWeek(lastUsedWeek),
    by_listing:
      listing === undefined || ofListing === undefined
        ? null
        : {
            path: listing.path,
            requests: await countListingRequests(database.read, listing.id),
            accepted: ofListing.accepted,
            downloads: ofListing.downloads,
          },
  }
}
