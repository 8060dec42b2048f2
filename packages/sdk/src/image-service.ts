import { type ImageAttributes, wireAttributes } from './attributes.ts'
import { Image } from './image.ts'
import { type ApiRequest, type CallOptions, ImageApi, type Query } from './image-api.ts'
import type { PageOptions, PaginatedIterator } from './iterators.ts'
import type { JsonValue } from './json.ts'
import { paginated } from './paginated.ts'
import { Schema } from './schema.ts'
import { createTransport, type TransportOptions } from './transport.ts'

/**
 * What to list. Names may be in either spelling (`memberStatus`, `member_status`); every other name is a custom property
 * to filter by. A list of values repeats the name (`tag: ['a', 'b']`).
 */
export interface ListImagesParams extends Query {
  readonly visibility?: 'public' | 'private' | 'shared' | 'community' | 'all' | undefined
  /** Which of the images that others share with the project: default `accepted`. */
  readonly memberStatus?: 'pending' | 'accepted' | 'rejected' | 'all' | undefined
  readonly name?: string | undefined
  readonly status?: string | undefined
  readonly owner?: string | undefined
  /** Images must have all of them. */
  readonly tag?: string | readonly string[] | undefined
  readonly osHidden?: boolean | undefined
  readonly diskFormat?: string | undefined
  readonly containerFormat?: string | undefined
  readonly sizeMin?: number | undefined
  readonly sizeMax?: number | undefined
  /** With an operator: `gte:2026-01-01T00:00:00Z`. */
  readonly createdAt?: string | undefined
  readonly updatedAt?: string | undefined
  /** `name:asc,created_at:desc` */
  readonly sort?: string | undefined
  readonly limit?: number | undefined
  /** Id of the image after which the list begins. */
  readonly marker?: string | undefined
}

export interface TokenEndpoint extends TransportOptions {
  /** Address of the image service, with or without `/v2`. */
  endpoint: string
  /** Left out for services that ask for none. */
  token?: string | undefined
}

/** The images of one cloud as one project sees them. */
export class ImageService {
  readonly #api: ImageApi

  constructor(api: ImageApi) {
    this.#api = api
  }

  /** A service for a token that is already there; no identity service is asked, and the token is not renewed. */
  static withToken({ endpoint, token, ...options }: TokenEndpoint): ImageService {
    const tokens = { token: async (rejected?: string) => (rejected === undefined ? token : undefined) }
    return new ImageService(new ImageApi(createTransport(options), tokens, async () => endpoint))
  }

  /** The base of all requests, ending in `/v2` (or `/v2/TENANT`). */
  endpoint(): Promise<string> {
    return this.#api.endpoint()
  }

  listImages(params: ListImagesParams = {}, options: PageOptions & CallOptions = {}): PaginatedIterator<Image> {
    return paginated(this.#api, ['images'], 'images', params, options, (image) => new Image(this.#api, image))
  }

  async getImage(id: string, options: CallOptions = {}): Promise<Image> {
    return new Image(this.#api, await this.#api.call('GET', ['images', id], options))
  }

  /** Creates the record of an image; its bytes follow with `uploadData`. */
  async createImage(attributes: ImageAttributes = {}, options: CallOptions = {}): Promise<Image> {
    const json = Object.fromEntries(wireAttributes(attributes))
    return new Image(this.#api, await this.#api.call('POST', ['images'], { ...options, json }))
  }

  getImageSchema(options: CallOptions = {}): Promise<Schema> {
    return this.#schema('image', options)
  }

  getImagesSchema(options: CallOptions = {}): Promise<Schema> {
    return this.#schema('images', options)
  }

  getMemberSchema(options: CallOptions = {}): Promise<Schema> {
    return this.#schema('member', options)
  }

  getMembersSchema(options: CallOptions = {}): Promise<Schema> {
    return this.#schema('members', options)
  }

  /**
   * Any other call of the API, with the project's token.
   * @param path segments below the base, not encoded: `['info', 'stores']`
   * @returns the JSON of the answer, undefined when it has no body
   */
  request(method: string, path: readonly string[], request: ApiRequest = {}): Promise<JsonValue | undefined> {
    return this.#api.call(method, path, request)
  }

  async #schema(name: string, options: CallOptions): Promise<Schema> {
    return new Schema(await this.#api.call('GET', ['schemas', name], options))
  }
}
