import type { NoticeContent } from '../content.ts'
import type { Letter } from '../letter.ts'
import { messageOf, type Place, paragraph, producerName, quoted, shortProducer } from './parts.ts'

/** A new listing in the catalogue. */
export const listingPublished = ({ listing, producer }: NoticeContent, { origin }: Place): Letter => {
  const title = listing === null ? 'a listing that is gone already' : quoted(listing.title)
  return {
    subject: `New in the catalogue: ${title} by ${shortProducer(producer)}`,
    blocks: [
      paragraph(`${producerName(producer)} announces ${title}.`),
      ...messageOf(producerName(producer), listing?.summary ?? null),
      ...(listing === null
        ? []
        : [{ kind: 'link' as const, label: 'Read more, or ask for access', url: `${origin}${listing.path}` }]),
    ],
  }
}
