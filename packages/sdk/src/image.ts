import type { MemberStatus } from '@vitrine/contract/words'
import { patchMediaTypes } from '@vitrine/contract/words'
import { type ImageAttributes, isBaseAttribute, wireAttributes } from './attributes.ts'
import { type DownloadOptions, type ImageDownload, rangeHeader, readDownload } from './download.ts'
import {
  type CanBoot,
  type CanBootQuestion,
  type CopyAttributes,
  type CopyOptions,
  canBoot,
  cancelEncryption,
  type Encryption,
  type EncryptOptions,
  encrypt,
  getEncryption,
} from './encryption.ts'
import { InvalidArgumentError, OpenStackError } from './errors.ts'
import { type ImageEvent, parseEvent } from './event.ts'
import { wireBody } from './fields.ts'
import type { CallOptions, ImageApi, Query } from './image-api.ts'
import {
  type ImportAttributes,
  type ImportOptions,
  type ImportState,
  type ImportWaitOptions,
  startImport,
  waitForImport,
} from './image-import.ts'
import { ImageRecord } from './image-record.ts'
import { createInvitation, type Invitation, type InvitationAttributes } from './invitation.ts'
import type { PageOptions, PaginatedIterator, ResourceIterator } from './iterators.ts'
import type { JsonValue } from './json.ts'
import { PatchDocument, PatchOperation } from './json-patch.ts'
import { createLink, type Link, type LinkAttributes, listLinks } from './link.ts'
import { type Listing, type ListingAttributes, publish } from './listing.ts'
import { addLocation, type Location, type LocationDigest, listLocations } from './location.ts'
import { Member, projectId, putStatus } from './member.ts'
import { collection, paginated } from './paginated.ts'
import { mayResume, uploadResumably } from './resumable-upload.ts'
import { decideOperationType, type Schema } from './schema.ts'
import {
  cancelWithdrawal,
  type Explanation,
  explain,
  getStatistics,
  getWithdrawal,
  listShares,
  type Share,
  type ShareAttributes,
  type ShareResult,
  type Statistics,
  shareOne,
  type Withdrawal,
  type WithdrawOptions,
  withdraw,
} from './share.ts'
import { deleteFromStore } from './store.ts'
import { listImageTasks, type Task } from './task.ts'
import { type UploadOptions, type UploadSource, uploadRequest } from './upload.ts'
import { waitUntil } from './wait.ts'

/**
 * One image. Attributes are those of the last answer; `refresh()` asks again. Methods that change the image change this
 * object too.
 */
export class Image extends ImageRecord {
  readonly #api: ImageApi

  /** @throws UnexpectedResponseError when the document is no image */
  constructor(api: ImageApi, document: JsonValue | undefined) {
    super(document)
    this.#api = api
  }

  /** Asks the service for the image as it is now. */
  async refresh(options: CallOptions = {}): Promise<this> {
    // What was asked for before is asked for again.
    const query = this.membership === undefined ? undefined : { include: 'membership' }
    this.take(await this.#call('GET', [], { ...options, query }))
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
    this.take(await this.#call('PATCH', [], request))
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
    const path = ['images', this.id, 'members']
    return collection(this.#api, path, 'members', options, (member) => new Member(this.#api, member))
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

  /**
   * Shares the image with a project, with a message, an end and the right to its key. An extension: other clouds answer with a NotFoundError and
   * know `createMember`.
   * @param project its id, or `name@domain`, which invites the project of that name
   * @throws HttpError of the class that belongs to the refusal
   */
  share(project: string | number, attributes: ShareAttributes = {}, options: CallOptions = {}): Promise<ShareResult> {
    return shareOne(this.#api, this.id, project, attributes, options)
  }

  /** The members with message, end and use; for the producer. An extension, as are all that follow up to `explain`. */
  listShares(options: CallOptions = {}): ResourceIterator<Share> {
    return listShares(this.#api, this.id, options)
  }

  /** Makes a code that becomes a share when it is claimed, or an invitation for a project by its name. */
  invite(attributes: InvitationAttributes = {}, options: CallOptions = {}): Promise<Invitation> {
    return createInvitation(this.#api, { ...attributes, imageId: this.id }, options)
  }

  /** Announces the image in the public catalogue. The project needs a profile (`setProducer`). */
  publish(attributes: ListingAttributes, options: CallOptions = {}): Promise<Listing> {
    return publish(this.#api, this.id, attributes, options)
  }

  /** What a withdrawal would touch, and the one that is announced. */
  getWithdrawal(options: CallOptions = {}): Promise<Withdrawal> {
    return getWithdrawal(this.#api, this.id, options)
  }

  /** Ends shares now, or announces their end. An announcement takes the place of the former one. */
  withdraw(what: WithdrawOptions = {}, options: CallOptions = {}): Promise<Withdrawal> {
    return withdraw(this.#api, this.id, what, options)
  }

  /** Takes an announced withdrawal back. */
  cancelWithdrawal(options: CallOptions = {}): Promise<void> {
    return cancelWithdrawal(this.#api, this.id, options)
  }

  /** Counts for the producer: never more than the consumers agree to. */
  getStatistics(options: CallOptions = {}): Promise<Statistics> {
    return getStatistics(this.#api, this.id, options)
  }

  /** Why a project may see, list and download the image, or not. Default: the caller's own project. */
  explain(project?: string | number, options: CallOptions = {}): Promise<Explanation> {
    return explain(this.#api, this.id, project, options)
  }

  /** Whether and how the image is encrypted, and whether the own project can use the key. */
  getEncryption(options: CallOptions = {}): Promise<Encryption> {
    return getEncryption(this.#api, this.id, options)
  }

  /** The bytes of this queued image will be encrypted when they arrive. */
  async encrypt(choice: EncryptOptions = {}, options: CallOptions = {}): Promise<Encryption> {
    const encryption = await encrypt(this.#api, this.id, choice, options)
    await this.refresh(options)
    return encryption
  }

  /** Takes that back, while the image is queued. */
  async cancelEncryption(options: CallOptions = {}): Promise<void> {
    await cancelEncryption(this.#api, this.id, options)
    await this.refresh(options)
  }

  /** Whether a project could boot the image now, as a list of reasons. */
  canBoot(question: CanBootQuestion = {}, options: CallOptions = {}): Promise<CanBoot> {
    return canBoot(this.#api, this.id, question, options)
  }

  /**
   * Copies the image into the own project, an encrypted one under the own key.
   * @throws OpenStackError when it was waited for and did not succeed
   */
  async copy(attributes: CopyAttributes = {}, { wait, ...options }: CopyOptions = {}): Promise<Image> {
    const json = wireBody(attributes)
    const copy = new Image(this.#api, await this.#call('POST', ['copies'], { ...options, json }))
    return wait === true ? copy.waitWhileSaving(options) : copy
  }

  /**
   * Waits for as long as the service puts the bytes of the image in place: those of a copy.
   * @throws OpenStackError when the image is not active then
   */
  async waitWhileSaving(options: CallOptions = {}): Promise<this> {
    const isDone = async () => this.status !== 'saving' || (await this.refresh(options)).status !== 'saving'
    await waitUntil(isDone, this.#api.transport.clock, options.signal)
    if (this.status === 'active') return this
    throw new OpenStackError(`The image ${this.id} did not become active; it is ${this.status}.`)
  }

  async addTag(tag: string, options: CallOptions = {}): Promise<void> {
    await this.#call('PUT', ['tags', tag], options)
    this.take({ ...this.data, tags: [...new Set([...this.tags, tag])].sort() })
  }

  async deleteTag(tag: string, options: CallOptions = {}): Promise<void> {
    await this.#call('DELETE', ['tags', tag], options)
    this.take({ ...this.data, tags: this.tags.filter((other) => other !== tag) })
  }

  /** Locks the bytes: nobody but administrators can download or boot the image until it is reactivated. */
  async deactivate(options: CallOptions = {}): Promise<void> {
    await this.#call('POST', ['actions', 'deactivate'], options)
    this.take({ ...this.data, status: 'deactivated' })
  }

  async reactivate(options: CallOptions = {}): Promise<void> {
    await this.#call('POST', ['actions', 'reactivate'], options)
    this.take({ ...this.data, status: 'active' })
  }

  /**
   * Uploads the bytes of a queued image as a stream. They can be uploaded once; afterwards the image is active, and
   * `refresh()` fetches its size and digests. A large source that can be read from any place is uploaded in parts, where the
   * service offers that, and goes on by itself when the connection breaks off.
   */
  async uploadData(source: UploadSource, options: UploadOptions = {}): Promise<void> {
    const { transport } = this.#api
    if (mayResume(source, options) && (await uploadResumably(this.#api, this.id, source, options))) return
    await this.#api.stream(this.#file, uploadRequest(source, options, transport), async (response, watchdog) => {
      await response.body?.cancel()
      watchdog.end()
    })
  }

  /** Uploads the bytes of a queued image to where `import({ method: 'glance-direct' })` takes them from. */
  async stageData(source: UploadSource, options: Omit<UploadOptions, 'store'> = {}): Promise<void> {
    const { transport } = this.#api
    const path = ['images', this.id, 'stage']
    await this.#api.stream(path, uploadRequest(source, options, transport), async (response, watchdog) => {
      await response.body?.cancel()
      watchdog.end()
    })
  }

  /**
   * Has the service import bytes. It does so in the background: give `wait`, or call `waitForImport` later.
   * @throws ImportFailedError when it was waited for and failed
   */
  async import(attributes: ImportAttributes, { wait, onChange, ...options }: ImportOptions = {}): Promise<this> {
    await startImport(this.#api, this.id, attributes, options)
    if (wait === true) await this.waitForImport({ ...options, onChange })
    else await this.refresh(options)
    return this
  }

  /**
   * Waits until an import is over; there is no limit but the signal.
   * @returns which stores have the bytes, and which could not take them
   * @throws ImportFailedError with the cause, when the image is not active then or the copy to further stores failed
   */
  waitForImport(options: ImportWaitOptions = {}): Promise<ImportState> {
    return waitForImport(this.#api, this, () => this.refresh({ signal: options.signal }), options)
  }

  /** What was and is done for the image in the background, as far as the own project asked for it. */
  listTasks(options: CallOptions = {}): ResourceIterator<Task> {
    return listImageTasks(this.#api, this.id, options)
  }

  /** Makes an address that reads the bytes without a token, for a short time: for QEMU, curl and the like. */
  createLink(attributes: LinkAttributes = {}, options: CallOptions = {}): Promise<Link> {
    return createLink(this.#api, this.id, attributes, options)
  }

  /** The links of the own project that work, newest first; without their addresses. */
  listLinks(options: PageOptions & CallOptions = {}): PaginatedIterator<Link> {
    return listLinks(this.#api, this.id, options)
  }

  /** Deletes the bytes from one of several stores. By default clouds let only administrators do that. */
  async deleteFromStore(store: string, options: CallOptions = {}): Promise<void> {
    await deleteFromStore(this.#api, store, this.id, options)
    await this.refresh(options)
  }

  /** Where the bytes are; for services and administrators. */
  listLocations(options: CallOptions = {}): Promise<Location[]> {
    return listLocations(this.#api, this.id, options)
  }

  /** Takes what is at an address for the bytes of a queued image. `waitForImport` tells when it is active. */
  async addLocation(url: string, digest?: LocationDigest, options: CallOptions = {}): Promise<void> {
    await addLocation(this.#api, this.id, url, digest, options)
    await this.refresh(options)
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
