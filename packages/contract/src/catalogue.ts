import Type from 'typebox'
import { email, instant, line, lines, orNull, pageLinks, webLink } from './field.ts'

/** The public catalogue (extension, docs/reference/catalogue.md). */

/** Handles and slugs: a part of an address. */
export const slugPattern = '^[a-z0-9](?:[a-z0-9]|-(?=[a-z0-9])){1,58}[a-z0-9]$'

/** What a producer tells of itself: `PUT /v2/producer`. */
export const ProducerChangeSchema = Type.Object(
  {
    handle: Type.String({
      pattern: slugPattern,
      description: 'Unique; small letters, digits and single hyphens, 3 to 60.',
    }),
    name: line(100, 'Name for people.', 1),
    description: Type.Optional(orNull(lines(20_000, 'Markdown.'))),
    website: Type.Optional(orNull(webLink('Its own page.'))),
    contact: Type.Optional(orNull(email('Where people reach it; shown to everyone.'))),
  },
  { additionalProperties: false },
)
export type ProducerChange = Type.Static<typeof ProducerChangeSchema>

/** A producer as everyone sees it. */
export const ProducerSchema = Type.Object({
  handle: Type.String(),
  name: Type.String(),
  description: orNull(Type.String({ description: 'Markdown.' })),
  website: orNull(Type.String()),
  contact: orNull(Type.String()),
  path: Type.String({ description: 'Its page.' }),
  since: instant('When the profile was made.'),
  /** Names of others that this one could be taken for, told to the producer itself. */
  warnings: Type.Optional(Type.Array(Type.String())),
})
export type ProducerDocument = Type.Static<typeof ProducerSchema>

/** What a page shows of the image itself; all but the hash and the formats can be left out. */
export const shownFacts = ['size', 'formats', 'checksum', 'dates'] as const

const listingFields = {
  title: line(120, 'Title.', 1),
  summary: Type.Optional(orNull(line(300, 'One sentence.'))),
  description: Type.Optional(orNull(lines(50_000, 'Markdown.'))),
  os_name: Type.Optional(orNull(line(60, 'Operating system, such as Debian.'))),
  os_version: Type.Optional(orNull(line(60, 'Its version.'))),
  architecture: Type.Optional(orNull(line(30, 'Architecture, such as x86_64.'))),
  licence: Type.Optional(orNull(line(120, 'Licence: a name or an SPDX identifier.'))),
  terms: Type.Optional(orNull(lines(20_000, 'Terms that the requester agrees to. Markdown.'))),
  documentation: Type.Optional(orNull(webLink('Documentation.'))),
  contact: Type.Optional(orNull(email('Where people ask about this image; shown to everyone.'))),
  shown: Type.Optional(
    Type.Array(Type.Enum(shownFacts, { type: 'string' }), {
      uniqueItems: true,
      description: 'Facts of the image that the page shows.',
    }),
  ),
}

/** `POST /v2/listings`. */
export const ListingCreateSchema = Type.Object(
  {
    image_id: Type.String({ description: 'Image of the caller that is announced.' }),
    slug: Type.Optional(
      Type.String({ pattern: slugPattern, description: 'Part of the address; from the title if left out.' }),
    ),
    ...listingFields,
  },
  { additionalProperties: false },
)
export type ListingCreate = Type.Static<typeof ListingCreateSchema>

/** `PATCH /v2/listings/{id}`: null takes a value away. */
export const ListingChangeSchema = Type.Object(
  { ...listingFields, title: Type.Optional(listingFields.title) },
  { additionalProperties: false, minProperties: 1 },
)
export type ListingChange = Type.Static<typeof ListingChangeSchema>

/** A listing as everyone sees it. Never the id of the image. */
export const PublicListingSchema = Type.Object({
  title: Type.String(),
  summary: orNull(Type.String()),
  description: Type.Optional(orNull(Type.String({ description: 'Markdown. Left out in lists.' }))),
  os_name: orNull(Type.String()),
  os_version: orNull(Type.String()),
  architecture: orNull(Type.String()),
  licence: orNull(Type.String()),
  terms: Type.Optional(orNull(Type.String({ description: 'Markdown. Left out in lists.' }))),
  documentation: orNull(Type.String()),
  contact: orNull(Type.String()),
  icon: orNull(Type.String({ description: 'Path of the icon.' })),
  producer: Type.Object({ handle: Type.String(), name: Type.String(), path: Type.String() }),
  slug: Type.String(),
  path: Type.String({ description: 'Its page.' }),
  requestable: Type.Boolean({ description: 'Whether access can be asked for: the image is there and shared.' }),
  image: Type.Object(
    {
      size: Type.Optional(orNull(Type.Integer({ description: 'Bytes.' }))),
      disk_format: Type.Optional(orNull(Type.String())),
      container_format: Type.Optional(orNull(Type.String())),
      min_disk: Type.Optional(Type.Integer()),
      min_ram: Type.Optional(Type.Integer()),
      checksum: Type.Optional(orNull(Type.String())),
      os_hash_algo: Type.Optional(orNull(Type.String())),
      os_hash_value: Type.Optional(orNull(Type.String())),
      created_at: Type.Optional(Type.String()),
      updated_at: Type.Optional(Type.String()),
    },
    { description: 'What the producer chose to show of the image.' },
  ),
  published_at: instant('When it was published.'),
  updated_at: instant('When it last changed.'),
})
export type PublicListingDocument = Type.Static<typeof PublicListingSchema>

/** A listing as its producer sees it. */
export const ListingSchema = Type.Object({
  ...PublicListingSchema.properties,
  id: Type.String(),
  image_id: Type.String(),
  shown: Type.Array(Type.Enum(shownFacts, { type: 'string' })),
  warnings: Type.Array(Type.String(), { description: 'Such as listings of others whose title looks the same.' }),
})
export type ListingDocument = Type.Static<typeof ListingSchema>
export const ListingsSchema = Type.Object({ listings: Type.Array(ListingSchema), ...pageLinks })
export type ListingsDocument = Type.Static<typeof ListingsSchema>

/** `GET /catalogue.json?q=&os=&architecture=&producer=&after=`. */
export const CatalogueSchema = Type.Object({
  listings: Type.Array(PublicListingSchema),
  next: orNull(Type.String({ description: 'Path of the next page.' })),
})
export type CatalogueDocument = Type.Static<typeof CatalogueSchema>

/** `GET /catalogue/producers/{handle}.json`. */
export const ProducerPageSchema = Type.Object({
  producer: ProducerSchema,
  listings: Type.Array(PublicListingSchema),
  next: orNull(Type.String()),
})
export type ProducerPageDocument = Type.Static<typeof ProducerPageSchema>
