import type { LinkDocument } from '@vitrine/contract'
import { instant, optional, record, type Shape, text, wireBody, withFields } from './fields.ts'
import type { CallOptions, ImageApi } from './image-api.ts'
import type { PageOptions, PaginatedIterator } from './iterators.ts'
import type { JsonValue } from './json.ts'
import { paginated } from './paginated.ts'

export type LinkAttributes = {
  /** For how long the link works from now on. Default: an hour. */
  readonly expiresInSeconds?: number | undefined
}

const readLink = record('link', {
  id: text,
  image_id: text,
  /** Only in the answer that made it. Whoever has it reads the bytes. */
  url: optional(text),
  /** In whose name it reads: who made it, or renewed it last. */
  user_id: text,
  created_at: instant,
  expires_at: instant,
} satisfies Shape<LinkDocument>)

/** An address by which the bytes of one image are read without a token, for a short time (an extension of Vitrine). */
export class Link extends withFields(readLink) {
  readonly #api: ImageApi

  constructor(api: ImageApi, document: JsonValue | undefined) {
    super(document)
    this.#api = api
  }

  /** Counts its time anew. @returns the link as it is then; the address stays */
  async renew(attributes: LinkAttributes = {}, options: CallOptions = {}): Promise<Link> {
    const path = [...linksOf(this.imageId), this.id]
    return new Link(this.#api, await this.#api.call('PATCH', path, { ...options, json: wireBody(attributes) }))
  }

  /** Ends it: what is read by it breaks off within seconds. */
  async delete(options: CallOptions = {}): Promise<void> {
    await this.#api.call('DELETE', [...linksOf(this.imageId), this.id], options)
  }
}

const linksOf = (imageId: string): string[] => ['images', imageId, 'links']

export const createLink = async (
  api: ImageApi,
  imageId: string,
  attributes: LinkAttributes,
  options: CallOptions,
): Promise<Link> => new Link(api, await api.call('POST', linksOf(imageId), { ...options, json: wireBody(attributes) }))

export const listLinks = (
  api: ImageApi,
  imageId: string,
  options: PageOptions & CallOptions,
): PaginatedIterator<Link> => paginated(api, linksOf(imageId), 'links', {}, options, (link) => new Link(api, link))
