import { type ListingDocument, type ProducerDocument, type PublicListingDocument, shownFacts } from '@vitrine/contract'
import { wireDate } from '../http/json.ts'
import { type FullListing, isRequestable, type ProducerRow, type ShortListing } from './queries.ts'

export type ShownFact = (typeof shownFacts)[number]

/** Path of the page of a producer. */
export const producerPath = (handle: string): string => `/catalogue/producers/${handle}`

/** Path of the page of a listing. */
export const listingPath = ({ handle, slug }: { handle: string; slug: string }): string =>
  `${producerPath(handle)}/${slug}`

export const iconPath = (digest: string): string => `/catalogue/icons/${digest}`

/** The facts of the image that a listing shows. */
export const shownOf = ({ shown }: Pick<ShortListing, 'shown'>): ReadonlySet<ShownFact> => {
  const stored: unknown = JSON.parse(shown)
  return new Set(Array.isArray(stored) ? shownFacts.filter((fact) => stored.includes(fact)) : [])
}

/** What the producer chose to show of the image. */
const imageFacts = (row: ShortListing): PublicListingDocument['image'] => {
  const shown = shownOf(row)
  return {
    ...(shown.has('size') ? { size: row.size_bytes, min_disk: row.min_disk, min_ram: row.min_ram } : {}),
    ...(shown.has('formats') ? { disk_format: row.disk_format, container_format: row.container_format } : {}),
    ...(shown.has('checksum')
      ? { checksum: row.checksum, os_hash_algo: row.os_hash_algo, os_hash_value: row.os_hash_value }
      : {}),
    ...(shown.has('dates')
      ? { created_at: wireDate(row.image_created_at), updated_at: wireDate(row.image_updated_at) }
      : {}),
  }
}

/** A listing as everyone sees it: never an id of the image or of a project. */
export const publicListing = (row: ShortListing): PublicListingDocument => ({
  title: row.title,
  summary: row.summary,
  os_name: row.os_name,
  os_version: row.os_version,
  architecture: row.architecture,
  licence: row.licence,
  documentation: row.documentation,
  contact: row.contact,
  icon: row.icon === null ? null : iconPath(row.icon),
  producer: { handle: row.handle, name: row.producer_name, path: producerPath(row.handle) },
  slug: row.slug,
  path: listingPath(row),
  requestable: isRequestable(row),
  image: imageFacts(row),
  published_at: wireDate(row.published_at),
  updated_at: wireDate(row.updated_at),
})

export const fullListing = (row: FullListing): PublicListingDocument => ({
  ...publicListing(row),
  description: row.description,
  terms: row.terms,
})

/** A listing as its producer sees it. */
export const ownListing = (row: ShortListing | FullListing, warnings: readonly string[]): ListingDocument => ({
  ...('description' in row ? fullListing(row) : publicListing(row)),
  id: row.id,
  image_id: row.image_id,
  shown: [...shownOf(row)],
  warnings: [...warnings],
})

/** @param warnings what is told to the producer alone */
export const producerDocument = (row: ProducerRow, warnings?: readonly string[]): ProducerDocument => ({
  handle: row.handle,
  name: row.name,
  description: row.description,
  website: row.website,
  contact: row.contact,
  path: producerPath(row.handle),
  since: wireDate(row.created_at),
  ...(warnings === undefined ? {} : { warnings: [...warnings] }),
})
