import { type ImageAttributes, wireAttributes } from './attributes.ts'
import { type ImageCache, imageCache } from './cache.ts'
import { Image } from './image.ts'
import { type ApiRequest, type CallOptions, ImageApi, type Query } from './image-api.ts'
import {
  answerInbox,
  type InboxAnswer,
  type InboxAnswers,
  type InboxChoice,
  type InboxFilter,
  type InboxItem,
  listInbox,
} from './inbox.ts'
import type { PageOptions, PaginatedIterator, ResourceIterator } from './iterators.ts'
import type { JsonValue } from './json.ts'
import type { ResourceType } from './metadef-parts.ts'
import {
  createNamespace,
  getNamespace,
  importNamespace,
  listNamespaces,
  listResourceTypes,
  type Namespace,
  type NamespaceAttributes,
  type NamespaceFilter,
  type ResourceTypeOptions,
} from './namespace.ts'
import { paginated } from './paginated.ts'
import { ProjectService } from './project-service.ts'
import { Schema } from './schema.ts'
import { changeShares, type ShareAttributes, type ShareManyPairs, type ShareManyResult } from './share.ts'
import {
  getImportInfo,
  getStores,
  getUsage,
  type ImportInfo,
  type Store,
  type StoreOptions,
  type Usage,
} from './store.ts'
import { getTask, listTasks, type Task, type TaskFilter } from './task.ts'
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
  /** Tell of each image the share through which the project sees it: `image.membership`. An extension. */
  readonly include?: 'membership' | undefined
}

export interface GetImageOptions extends CallOptions {
  /** Tell of the share through which the project sees the image: `image.membership`. An extension. */
  include?: 'membership' | undefined
}

export interface TokenEndpoint extends TransportOptions {
  /** Address of the image service, with or without `/v2`. */
  endpoint: string
  /** Left out for services that ask for none. */
  token?: string | undefined
}

/** The images of one cloud as one project sees them. */
export class ImageService extends ProjectService {
  readonly #api: ImageApi

  constructor(api: ImageApi) {
    super(api)
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

  async getImage(id: string, { include, signal }: GetImageOptions = {}): Promise<Image> {
    return new Image(this.#api, await this.#api.call('GET', ['images', id], { query: { include }, signal }))
  }

  /** Creates the record of an image; its bytes follow with `uploadData`. */
  async createImage(attributes: ImageAttributes = {}, options: CallOptions = {}): Promise<Image> {
    const json = Object.fromEntries(wireAttributes(attributes))
    return new Image(this.#api, await this.#api.call('POST', ['images'], { ...options, json }))
  }

  /** What others offer to the project, newest first; invitations to a project of its name come before. An extension. */
  listInbox(filter: InboxFilter = {}, options: PageOptions & CallOptions = {}): PaginatedIterator<InboxItem> {
    return listInbox(this.#api, filter, options)
  }

  /**
   * Answers many shares and invitations in one call.
   * @param choice ids; left out: all that wait, up to 1,000 (then `more` is true)
   */
  answerInbox(answer: InboxAnswer, choice: InboxChoice = {}, options: CallOptions = {}): Promise<InboxAnswers> {
    return answerInbox(this.#api, answer, choice, options)
  }

  /** Shares every image with every project. Pairs that fail are told in the result, not thrown. An extension. */
  shareMany(pairs: ShareManyPairs & ShareAttributes, options: CallOptions = {}): Promise<ShareManyResult> {
    return changeShares(this.#api, 'share', pairs, options)
  }

  /** Ends the shares of every image with every project, as `shareMany` began them. */
  unshareMany(pairs: ShareManyPairs, options: CallOptions = {}): Promise<ShareManyResult> {
    return changeShares(this.#api, 'unshare', pairs, options)
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

  /** The methods by which images can be imported. */
  getImportInfo(options: CallOptions = {}): Promise<ImportInfo> {
    return getImportInfo(this.#api, options)
  }

  /** The stores of the cloud. @throws NotFoundError on clouds that have only one and do not name it */
  getStores(options: StoreOptions = {}): Promise<Store[]> {
    return getStores(this.#api, options)
  }

  /** What the machine that answers keeps near of images; for administrators. */
  get cache(): ImageCache {
    return imageCache(this.#api)
  }

  /** How much of its limits the project uses; nothing on clouds that do not tell. */
  getUsage(options: CallOptions = {}): Promise<Usage[]> {
    return getUsage(this.#api, options)
  }

  /** Every task of the cloud, newest first; for administrators. Those of one image: `image.listTasks()`. */
  listTasks(filter: TaskFilter = {}, options: PageOptions & CallOptions = {}): PaginatedIterator<Task> {
    return listTasks(this.#api, filter, options)
  }

  /** For administrators. */
  getTask(id: string, options: CallOptions = {}): Promise<Task> {
    return getTask(this.#api, id, options)
  }

  /** Namespaces of metadata definitions, newest first; what is in them is told by `getNamespace`. */
  listNamespaces(filter: NamespaceFilter = {}, options: PageOptions & CallOptions = {}): PaginatedIterator<Namespace> {
    return listNamespaces(this.#api, filter, options)
  }

  /** With all that is in it. */
  getNamespace(name: string, options: ResourceTypeOptions = {}): Promise<Namespace> {
    return getNamespace(this.#api, name, options)
  }

  /** For administrators: all of it is made, or nothing. */
  createNamespace(attributes: NamespaceAttributes, options: CallOptions = {}): Promise<Namespace> {
    return createNamespace(this.#api, attributes, options)
  }

  /** Makes a namespace of a file of definitions, or of what `namespace.export()` gave. */
  importNamespace(document: JsonValue, options: CallOptions = {}): Promise<Namespace> {
    return importNamespace(this.#api, document, options)
  }

  /** Resource types that some namespace was ever for. */
  listResourceTypes(options: CallOptions = {}): ResourceIterator<ResourceType> {
    return listResourceTypes(this.#api, options)
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
