import type { AccessRequestStatus as StatusDocument } from '@vitrine/contract'
import type { RequestState } from '@vitrine/contract/words'
import { type AccessRequestAttributes, type AccessRequestReceipt, readReceipt } from './access-request.ts'
import { imageBase, pathSegment, readUrl } from './endpoint.ts'
import { InvalidArgumentError, UnexpectedResponseError } from './errors.ts'
import { instant, orNull, record, type Shape, text, wireBody, word } from './fields.ts'
import { type CallOptions, type Query, searchParams } from './image-api.ts'
import { nextQuery, type PageOptions, PaginatedIterator } from './iterators.ts'
import { arrayIn, isJsonObject, type JsonValue, own, stringIn } from './json.ts'
import { type Producer, type PublicListing, readProducer, readPublicListing } from './listing.ts'
import { projectId } from './member.ts'
import { createTransport, readJson, type Transport, type TransportOptions } from './transport.ts'

/** What to look for; a listing must have all of it. */
export type CatalogueSearch = {
  /** Words; the last one may be the beginning of one. */
  q?: string | undefined
  /** Operating system, such as `debian`. */
  os?: string | undefined
  /** Such as `x86_64`. */
  architecture?: string | undefined
  /** Handle of a producer. */
  producer?: string | undefined
}

const readStatus = record('state of a request', {
  state: word<RequestState>(),
  listing: record('listing of a request', {
    title: text,
    /** Path of its page, while it has one. */
    path: orNull(text),
  } satisfies Shape<StatusDocument['listing']>),
  project: text,
  email: text,
  created_at: instant,
  decided_at: orNull(instant),
  /** The producer's reason for denying, or its message. */
  reason: orNull(text),
  /** Id of the image, once approved. */
  image_id: orNull(text),
} satisfies Shape<StatusDocument>)
/** How a request for access stands. */
export type AccessRequestStatus = ReturnType<typeof readStatus>

/** The public catalogue of a service. It needs no token and sends none. */
export class Catalogue {
  readonly #transport: Transport
  readonly #base: string

  /**
   * @param url address of the service, or of its image endpoint
   * @throws ConfigurationError when it is no address
   */
  constructor(url: string, options: TransportOptions = {}) {
    this.#transport = createTransport(options)
    this.#base = `${imageBase(url.replace(/\/catalogue\/*$/, '')).replace(/\/v2(?:\.\d+)?(?:\/[^/]*)?$/, '')}/catalogue`
  }

  /** Newest first. The service decides how long a page is. */
  search(
    params: CatalogueSearch = {},
    options: Pick<PageOptions, 'maxItems'> & CallOptions = {},
  ): PaginatedIterator<PublicListing> {
    return new PaginatedIterator(async (next) => {
      const answer = await this.#call('GET', '.json', { ...options, query: next ?? params })
      const listings = isJsonObject(answer) ? arrayIn(answer, 'listings') : undefined
      if (!isJsonObject(answer) || listings === undefined) {
        throw new UnexpectedResponseError('The service sent no list of listings.')
      }
      const elements = listings.map((listing) => readPublicListing(listing))
      return { elements, next: nextQuery(stringIn(answer, 'next'), 'catalogue.json') }
    }, options)
  }

  async getListing(handle: string, slug: string, options: CallOptions = {}): Promise<PublicListing> {
    return readPublicListing(await this.#call('GET', `${listingPath(handle, slug)}.json`, options))
  }

  /** The profile; its listings are found by `search({ producer: handle })`. */
  async getProducer(handle: string, options: CallOptions = {}): Promise<Producer> {
    const answer = await this.#call('GET', `/producers/${segment(handle)}.json`, options)
    return readProducer(isJsonObject(answer) ? own(answer, 'producer') : undefined)
  }

  /**
   * Asks the producer for access. The mailbox gets a link that confirms the request first. The answer is the same
   * whatever exists.
   * @throws TooManyRequestsError when this mailbox, network or listing had too many
   */
  async requestAccess(
    handle: string,
    slug: string,
    { project, email, message }: AccessRequestAttributes,
    options: CallOptions = {},
  ): Promise<AccessRequestReceipt> {
    const json = wireBody({ project: projectId(project), email, message })
    return readReceipt(await this.#call('POST', `${listingPath(handle, slug)}/requests`, { ...options, json }))
  }

  /**
   * How a request stands.
   * @param track the address in the receipt; its secret part is sent to this catalogue and nowhere else
   */
  async getRequest(track: string, options: CallOptions = {}): Promise<AccessRequestStatus> {
    const secret = readUrl(track)?.pathname.match(/\/catalogue\/requests\/([^/]+)$/)?.[1]
    if (secret === undefined) {
      throw new InvalidArgumentError('This is not the address of a request: .../catalogue/requests/...')
    }
    return readStatus(await this.#call('GET', `/requests/${secret}.json`, options))
  }

  #call(
    method: string,
    path: string,
    { query, json, signal }: CallOptions & { query?: Query | URLSearchParams; json?: JsonValue },
  ): Promise<JsonValue | undefined> {
    const url = new URL(this.#base + path)
    url.search = searchParams(query).toString()
    const request = { method, url, repeatable: method === 'GET', resendable: true, signal }
    if (json === undefined) return this.#transport.send(request, readJson)
    const body = JSON.stringify(json)
    const headers = { 'Content-Type': 'application/json' }
    return this.#transport.send({ ...request, headers, body: () => body }, readJson)
  }
}

const segment = (word: string): string => pathSegment(word, 'A part of the address of a listing')

const listingPath = (handle: string, slug: string): string => `/producers/${segment(handle)}/${segment(slug)}`
