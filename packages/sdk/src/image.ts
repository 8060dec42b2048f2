import type { ContainerFormat, DiskFormat, ImageStatus, MemberStatus, Visibility } from '@vitrine/contract/words'
import { patchMediaTypes } from '@vitrine/contract/words'
import { type ImageAttributes, isBaseAttribute, wireAttributes, wireName } from './attributes.ts'
import { type DownloadOptions, type ImageDownload, rangeHeader, readDownload } from './download.ts'
import { InvalidArgumentError, UnexpectedResponseError } from './errors.ts'
import { type ImageEvent, parseEvent } from './event.ts'
import type { CallOptions, ImageApi, Query } from './image-api.ts'
import { type PageOptions, type PaginatedIterator, ResourceIterator } from './iterators.ts'
import {
  arrayIn,
  booleanIn,
  dateIn,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  numberIn,
  own,
  stringIn,
} from './json.ts'
import { PatchDocument, PatchOperation } from './json-patch.ts'
import { Member, projectId, putStatus } from './member.ts'
import { paginated } from './paginated.ts'
import { decideOperationType, type Schema } from './schema.ts'
import { type UploadOptions, type UploadSource, uploadRequest } from './upload.ts'

/** A known word, or one that only another cloud knows. */
type Open<Word extends string> = Word | (string & {})

/** The document of an image as the service sent it; keys this package does not know are kept. */
export type ImageData = Readonly<JsonObject> & { readonly id: string }

const parseImage = (value: JsonValue | undefined): ImageData => {
  const id = isJsonObject(value) ? stringIn(value, 'id') : undefined
  if (isJsonObject(value) && id !== undefined && id !== '') return { ...value, id }
  throw new UnexpectedResponseError('The service sent an image without an id.')
}

/**
 * One image. Attributes are those of the last answer; `refresh()` asks again. Methods that change the image change this
 * object too.
 */
export class Image {
  readonly #api: ImageApi
  #data: ImageData

  /** @throws UnexpectedResponseError when the document is no image */
  constructor(api: ImageApi, document: JsonValue | undefined) {
    this.#api = api
    this.#data = parseImage(document)
  }

  get id(): string {
    return this.#data.id
  }

  /** Everything that the service told of the image, under the names of the wire. */
  get data(): ImageData {
    return this.#data
  }

  /** Any attribute or custom property; undefined when the image has none of that name. */
  get(name: string): JsonValue | undefined {
    return own(this.#data, wireName(name))
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#data, wireName(name))
  }

  toJSON(): ImageData {
    return this.#data
  }

  get name(): string | null {
    return stringIn(this.#data, 'name') ?? null
  }

  /** Empty when the cloud does not say. */
  get status(): Open<ImageStatus> {
    return stringIn(this.#data, 'status') ?? ''
  }

  /** Empty when the cloud does not say. */
  get visibility(): Open<Visibility> {
    return stringIn(this.#data, 'visibility') ?? ''
  }

  /** Project that owns the image. */
  get owner(): string | null {
    return stringIn(this.#data, 'owner') ?? null
  }

  get protected(): boolean {
    return booleanIn(this.#data, 'protected') ?? false
  }

  /** Left out of lists unless they ask for hidden images. */
  get osHidden(): boolean {
    return booleanIn(this.#data, 'os_hidden') ?? false
  }

  get diskFormat(): Open<DiskFormat> | null {
    return stringIn(this.#data, 'disk_format') ?? null
  }

  get containerFormat(): Open<ContainerFormat> | null {
    return stringIn(this.#data, 'container_format') ?? null
  }

  /** Bytes of the image; null until it has data. */
  get size(): number | null {
    return numberIn(this.#data, 'size') ?? null
  }

  /** Bytes of the disk inside the image. */
  get virtualSize(): number | null {
    return numberIn(this.#data, 'virtual_size') ?? null
  }

  /** Gigabytes of disk needed to boot. */
  get minDisk(): number {
    return numberIn(this.#data, 'min_disk') ?? 0
  }

  /** Megabytes of memory needed to boot. */
  get minRam(): number {
    return numberIn(this.#data, 'min_ram') ?? 0
  }

  /** MD5 of the bytes, in hex. */
  get checksum(): string | null {
    return stringIn(this.#data, 'checksum') ?? null
  }

  get osHashAlgo(): string | null {
    return stringIn(this.#data, 'os_hash_algo') ?? null
  }

  get osHashValue(): string | null {
    return stringIn(this.#data, 'os_hash_value') ?? null
  }

  get tags(): string[] {
    return (arrayIn(this.#data, 'tags') ?? []).filter((tag) => typeof tag === 'string')
  }

  get createdAt(): Date | null {
    return dateIn(this.#data, 'created_at') ?? null
  }

  get updatedAt(): Date | null {
    return dateIn(this.#data, 'updated_at') ?? null
  }

  /** Asks the service for the image as it is now. */
  async refresh(options: CallOptions = {}): Promise<this> {
    this.#data = parseImage(await this.#call('GET', [], options))
    return this
  }

  /**
   * Changes attributes, all or none. Values keep their JSON type. A custom property is taken away by null, false or an
   * empty text; a base attribute is set to whatever is given. Names may be in either spelling. Nothing to change: no
   * request.
   * @param schema the cloud's image schema; with it values are checked before anything is sent
   */
  async update(changes: ImageAttributes, schema?: Schema, options: CallOptions = {}): Promise<this> {
    const operations = wireAttributes(changes).map(([name, value]) => this.#operation(name, value, schema))
    return operations.length === 0 ? this : this.patch(new PatchDocument(operations), options)
  }

  /** Sends operations as they are, for what `update` cannot say (a custom property with an empty text). */
  async patch(document: PatchDocument, options: CallOptions = {}): Promise<this> {
    const json = document.toJSON().map((operation) => ({ ...operation }))
    const request = { ...options, json, contentType: patchMediaTypes.v21 }
    this.#data = parseImage(await this.#call('PATCH', [], request))
    return this
  }

  #operation(name: string, value: JsonValue, schema: Schema | undefined): PatchOperation {
    const property = schema?.getProperty(name)
    const isBase = property?.isBase ?? isBaseAttribute(name)
    const type = decideOperationType(isBase, value, this.has(name))
    if (property?.readOnly === true) throw new InvalidArgumentError(`The attribute ${name} is read-only.`)
    if (schema !== undefined && type !== 'remove') {
      if (property === undefined) schema.validateAdditionalProperty(name, value)
      else property.validate(value)
    }
    return new PatchOperation(type, name, value)
  }

  /** Deletes the image, its bytes and its shares. */
  async delete(options: CallOptions = {}): Promise<void> {
    await this.#call('DELETE', [], options)
  }

  /** The owner sees every member, a consumer only its own project. */
  listMembers(options: CallOptions = {}): ResourceIterator<Member> {
    return new ResourceIterator(async () => {
      const answer = await this.#call('GET', ['members'], options)
      const members = isJsonObject(answer) ? arrayIn(answer, 'members') : undefined
      if (members === undefined) throw new UnexpectedResponseError('The service sent no list of members.')
      return members.map((member) => new Member(this.#api, member))
    })
  }

  async getMember(memberId: string | number, options: CallOptions = {}): Promise<Member> {
    return new Member(this.#api, await this.#call('GET', ['members', projectId(memberId)], options))
  }

  /** Shares the image with a project. It can use the image at once; in its list the image appears when it accepts. */
  async createMember(tenantId: string | number, options: CallOptions = {}): Promise<Member> {
    const json = { member: projectId(tenantId) }
    return new Member(this.#api, await this.#call('POST', ['members'], { ...options, json }))
  }

  /** A member project's answer in one call, without fetching the member first. */
  async updateMember(memberId: string | number, status: MemberStatus, options: CallOptions = {}): Promise<Member> {
    return new Member(this.#api, await putStatus(this.#api, this.id, projectId(memberId), status, options))
  }

  /** Ends a share. */
  async deleteMember(memberId: string | number, options: CallOptions = {}): Promise<void> {
    await this.#call('DELETE', ['members', projectId(memberId)], options)
  }

  async addTag(tag: string, options: CallOptions = {}): Promise<void> {
    await this.#call('PUT', ['tags', tag], options)
    this.#data = { ...this.#data, tags: [...new Set([...this.tags, tag])].sort() }
  }

  async deleteTag(tag: string, options: CallOptions = {}): Promise<void> {
    await this.#call('DELETE', ['tags', tag], options)
    this.#data = { ...this.#data, tags: this.tags.filter((other) => other !== tag) }
  }

  /** Locks the bytes: nobody but administrators can download or boot the image until it is reactivated. */
  async deactivate(options: CallOptions = {}): Promise<void> {
    await this.#call('POST', ['actions', 'deactivate'], options)
    this.#data = { ...this.#data, status: 'deactivated' }
  }

  async reactivate(options: CallOptions = {}): Promise<void> {
    await this.#call('POST', ['actions', 'reactivate'], options)
    this.#data = { ...this.#data, status: 'active' }
  }

  /**
   * Uploads the bytes of a queued image as a stream. They can be uploaded once; afterwards the image is active, and
   * `refresh()` fetches its size and digests.
   */
  async uploadData(source: UploadSource, options: UploadOptions = {}): Promise<void> {
    const { transport } = this.#api
    await this.#api.stream(this.#file, uploadRequest(source, options, transport), async (response, watchdog) => {
      await response.body?.cancel()
      watchdog.end()
    })
  }

  /** @throws NoDataError when the image has no bytes yet */
  async downloadData(options: DownloadOptions = {}): Promise<ImageDownload> {
    const headers: Record<string, string> = {
      // JSON is named for the sake of errors.
      Accept: 'application/octet-stream, application/json',
      'Accept-Encoding': 'identity',
    }
    if (options.range !== undefined) headers.Range = rangeHeader(options.range)
    const known = {
      md5: this.checksum ?? undefined,
      algorithm: this.osHashAlgo ?? undefined,
      value: this.osHashValue?.toLowerCase(),
      sizeBytes: this.size ?? undefined,
    }
    const request = { method: 'GET', headers, repeatable: true, resendable: true, signal: options.signal }
    return this.#api.stream(this.#file, request, readDownload(this.#api.transport, known, options))
  }

  /** What happened to the image, newest first. An extension: other clouds answer with a NotFoundError. */
  listEvents(query: Query = {}, options: PageOptions & CallOptions = {}): PaginatedIterator<ImageEvent> {
    return paginated(this.#api, ['images', this.id, 'events'], 'events', query, options, parseEvent)
  }

  get #file(): string[] {
    return ['images', this.id, 'file']
  }

  #call(method: string, path: string[], request: Parameters<ImageApi['call']>[2]): Promise<JsonValue | undefined> {
    return this.#api.call(method, ['images', this.id, ...path], request)
  }
}
