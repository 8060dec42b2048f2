import type {
  ListingChange,
  ListingCreate,
  ListingDocument,
  ProducerChange,
  ProducerDocument,
  PublicListingDocument,
} from '@vitrine/contract'
import {
  type CamelFields,
  flag,
  instant,
  integer,
  listOf,
  optional,
  orNull,
  record,
  type Shape,
  text,
  wireBody,
  withFields,
  word,
} from './fields.ts'
import type { CallOptions, ImageApi } from './image-api.ts'
import type { PageOptions, PaginatedIterator } from './iterators.ts'
import type { JsonValue } from './json.ts'
import { paginated } from './paginated.ts'
import { readJson } from './transport.ts'

/** A profile to make or change. */
export type ProducerAttributes = CamelFields<ProducerChange> & Pick<ProducerChange, 'handle' | 'name'>

export const readProducer = record('producer', {
  /** Unique; part of the addresses of its listings. */
  handle: text,
  name: text,
  /** Markdown. */
  description: orNull(text),
  website: orNull(text),
  /** Mailbox that everyone sees. */
  contact: orNull(text),
  /** Path of its page. */
  path: text,
  since: instant,
  /** Names of others that this one could be taken for; told to the producer alone. */
  warnings: optional(listOf(text)),
} satisfies Shape<ProducerDocument>)
/** The profile of a producer in the catalogue. */
export type Producer = ReturnType<typeof readProducer>

type ShownImage = PublicListingDocument['image']

const publicParsers = {
  title: text,
  /** One sentence. */
  summary: orNull(text),
  /** Markdown; undefined in lists, which leave long texts out. */
  description: optional(orNull(text)),
  os_name: orNull(text),
  os_version: orNull(text),
  architecture: orNull(text),
  licence: orNull(text),
  /** Markdown; the requester agrees to them. Undefined in lists. */
  terms: optional(orNull(text)),
  documentation: orNull(text),
  contact: orNull(text),
  /** Path of the icon. */
  icon: orNull(text),
  producer: record('producer of a listing', {
    handle: text,
    name: text,
    path: text,
  } satisfies Shape<PublicListingDocument['producer']>),
  slug: text,
  /** Path of its page. */
  path: text,
  /** Whether access can be asked for. */
  requestable: flag,
  /** What the producer chose to show of the image; the rest is undefined. */
  image: record('image of a listing', {
    /** Bytes. */
    size: optional(orNull(integer)),
    disk_format: optional(orNull(text)),
    container_format: optional(orNull(text)),
    min_disk: optional(integer),
    min_ram: optional(integer),
    checksum: optional(orNull(text)),
    os_hash_algo: optional(orNull(text)),
    os_hash_value: optional(orNull(text)),
    created_at: optional(instant),
    updated_at: optional(instant),
  } satisfies Shape<ShownImage>),
  published_at: instant,
  updated_at: instant,
} satisfies Shape<PublicListingDocument>

export const readPublicListing = record('listing', publicParsers)
/** A listing as everyone sees it. It never tells the id of the image. */
export type PublicListing = ReturnType<typeof readPublicListing>

const readListing = record('listing', {
  ...publicParsers,
  id: text,
  image_id: text,
  /** Facts of the image that the page shows. */
  shown: listOf(word<ListingDocument['shown'][number]>()),
  /** Such as listings of others whose title looks the same. */
  warnings: listOf(text),
} satisfies Shape<ListingDocument>)

/** What a listing says. */
export type ListingAttributes = CamelFields<Omit<ListingCreate, 'image_id'>> & Pick<ListingCreate, 'title'>
/** What to change of a listing; null takes a value away. */
export type ListingChanges = CamelFields<ListingChange>

/** A listing of the caller's project in the catalogue. */
export class Listing extends withFields(readListing) {
  readonly #api: ImageApi

  constructor(api: ImageApi, document: JsonValue | undefined) {
    super(document)
    this.#api = api
  }

  /** All changes or none. */
  async update(changes: ListingChanges, options: CallOptions = {}): Promise<this> {
    return this.#take(await this.#api.call('PATCH', this.#path, { ...options, json: wireBody(changes) }))
  }

  /**
   * Sets the picture of the listing.
   * @param bytes PNG, JPEG or WebP
   * @param mediaType `image/png`, `image/jpeg` or `image/webp`
   */
  async setIcon(bytes: Uint8Array<ArrayBuffer>, mediaType: string, options: CallOptions = {}): Promise<this> {
    const request = {
      method: 'PUT',
      headers: { 'Content-Type': mediaType },
      body: () => bytes,
      repeatable: true,
      resendable: true,
      signal: options.signal,
    }
    return this.#take(await this.#api.stream([...this.#path, 'icon'], request, readJson))
  }

  async deleteIcon(options: CallOptions = {}): Promise<this> {
    await this.#api.call('DELETE', [...this.#path, 'icon'], options)
    return Object.assign(this, { icon: null })
  }

  /** Takes the listing out of the catalogue. Shares that came of it stay. */
  async withdraw(options: CallOptions = {}): Promise<void> {
    await this.#api.call('DELETE', this.#path, options)
  }

  get #path(): string[] {
    return ['listings', this.id]
  }

  #take(document: JsonValue | undefined): this {
    return Object.assign(this, readListing(document))
  }
}

const producerPath = ['producer']

/** The caller's own profile. @throws NotFoundError when there is none */
export const getProducer = async (api: ImageApi, options: CallOptions): Promise<Producer> =>
  readProducer(await api.call('GET', producerPath, options))

export const setProducer = async (
  api: ImageApi,
  attributes: ProducerAttributes,
  options: CallOptions,
): Promise<Producer> => readProducer(await api.call('PUT', producerPath, { ...options, json: wireBody(attributes) }))

export type ListingFilter = {
  /** Handle of another producer; for administrators. */
  producer?: string | undefined
}

export const listListings = (
  api: ImageApi,
  filter: ListingFilter,
  options: PageOptions & CallOptions,
): PaginatedIterator<Listing> =>
  paginated(api, ['listings'], 'listings', filter, options, (listing) => new Listing(api, listing))

export const getListing = async (api: ImageApi, id: string, options: CallOptions): Promise<Listing> =>
  new Listing(api, await api.call('GET', ['listings', id], options))

export const publish = async (
  api: ImageApi,
  imageId: string,
  attributes: ListingAttributes,
  options: CallOptions,
): Promise<Listing> => {
  const json = wireBody({ ...attributes, imageId })
  return new Listing(api, await api.call('POST', ['listings'], { ...options, json }))
}
