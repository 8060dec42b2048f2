import type { ContainerFormat, DiskFormat, ImageStatus, Visibility } from '@vitrine/contract/words'
import { wireName } from './attributes.ts'
import { UnexpectedResponseError } from './errors.ts'
import type { Open } from './fields.ts'
import {
  arrayIn,
  booleanIn,
  dateIn,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  numberIn,
  objectIn,
  own,
  stringIn,
} from './json.ts'
import { type Membership, readMembership } from './share.ts'

/** The document of an image as the service sent it; keys this package does not know are kept. */
export type ImageData = Readonly<JsonObject> & { readonly id: string }

const parseImage = (value: JsonValue | undefined): ImageData => {
  const id = isJsonObject(value) ? stringIn(value, 'id') : undefined
  if (isJsonObject(value) && id !== undefined && id !== '') return { ...value, id }
  throw new UnexpectedResponseError('The service sent an image without an id.')
}

/** What an image tells of itself: the attributes of the last answer. */
export abstract class ImageRecord {
  #data: ImageData

  /** @throws UnexpectedResponseError when the document is no image */
  constructor(document: JsonValue | undefined) {
    this.#data = parseImage(document)
  }

  /** Takes the place of what was told before. */
  protected take(document: JsonValue | undefined): void {
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

  /** Stores that have the bytes, on clouds that tell. */
  get stores(): string[] {
    return (stringIn(this.#data, 'stores') ?? '').split(',').filter((store) => store !== '')
  }

  get createdAt(): Date | null {
    return dateIn(this.#data, 'created_at') ?? null
  }

  get updatedAt(): Date | null {
    return dateIn(this.#data, 'updated_at') ?? null
  }

  /**
   * The share through which the project sees the image. Undefined for images that are not shared with it, and for those
   * that were not asked for with `include: 'membership'`.
   * @throws UnexpectedResponseError when the document's membership is none
   */
  get membership(): Membership | undefined {
    const membership = objectIn(this.#data, 'membership')
    return membership === undefined ? undefined : readMembership(membership)
  }
}
