import { MemberStatus, memberStatuses } from '@vitrine/contract/words'
import { InvalidArgumentError, UnexpectedResponseError } from './errors.ts'
import type { CallOptions, ImageApi } from './image-api.ts'
import { dateIn, isJsonObject, type JsonObject, type JsonValue, numberIn, stringIn } from './json.ts'

interface MemberData {
  memberId: string
  imageId: string
  status: MemberStatus
  createdAt: Date
  updatedAt: Date
  schema: string
}

const isMemberStatus = (value: unknown): value is MemberStatus => memberStatuses.some((status) => status === value)

const parseMember = (value: JsonValue | undefined): MemberData => {
  if (isJsonObject(value)) {
    // Some services give an id back as the number that it was made with.
    const memberId = stringIn(value, 'member_id') ?? numberIn(value, 'member_id')?.toString()
    const imageId = stringIn(value, 'image_id')
    const status = stringIn(value, 'status')
    const createdAt = dateIn(value, 'created_at')
    const updatedAt = dateIn(value, 'updated_at')
    if (memberId && imageId && isMemberStatus(status) && createdAt !== undefined && updatedAt !== undefined) {
      const schema = stringIn(value, 'schema') ?? '/v2/schemas/member'
      return { memberId, imageId, status, createdAt, updatedAt, schema }
    }
  }
  throw new UnexpectedResponseError('The service sent a member without its id, image, status or dates.')
}

/** A project id as it goes into a path or body. Tenants of older clouds are numbers. */
export const projectId = (id: string | number): string => {
  const text = typeof id === 'number' && Number.isSafeInteger(id) && id > 0 ? String(id) : id
  if (typeof text === 'string' && text !== '') return text
  throw new InvalidArgumentError('A project id is a text that is not empty, or a positive integer.')
}

/** A membership: one image shared with one consumer project, and the consumer's answer. */
export class Member {
  readonly #api: ImageApi
  #member: MemberData

  /** @throws UnexpectedResponseError when the document is no member */
  constructor(api: ImageApi, document: JsonValue | undefined) {
    this.#api = api
    this.#member = parseMember(document)
  }

  /** The same as `memberId`. */
  get id(): string {
    return this.memberId
  }

  /** The project that the image is shared with. */
  get memberId(): string {
    return this.#member.memberId
  }

  get imageId(): string {
    return this.#member.imageId
  }

  get status(): MemberStatus {
    return this.#member.status
  }

  get createdAt(): Date {
    return this.#member.createdAt
  }

  /** When the status last changed. */
  get updatedAt(): Date {
    return this.#member.updatedAt
  }

  /** Path of the schema of a member. */
  get schema(): string {
    return this.#member.schema
  }

  /** The consumer's answer. Only the member project itself (and an administrator) may give it. */
  async updateStatus(status: MemberStatus, options: CallOptions = {}): Promise<this> {
    this.#member = parseMember(await putStatus(this.#api, this.imageId, this.memberId, status, options))
    return this
  }

  /** Ends the share; for the owner of the image. */
  async delete(options: CallOptions = {}): Promise<void> {
    await this.#api.call('DELETE', ['images', this.imageId, 'members', this.memberId], options)
  }

  /** The member as on the wire. */
  toJSON(): JsonObject {
    const instant = (date: Date) => date.toISOString().replace(/\.\d+Z$/, 'Z')
    return {
      member_id: this.memberId,
      image_id: this.imageId,
      status: this.status,
      created_at: instant(this.createdAt),
      updated_at: instant(this.updatedAt),
      schema: this.schema,
    }
  }
}

/** @throws InvalidArgumentError before any request when the word is no status */
export const putStatus = (
  api: ImageApi,
  imageId: string,
  memberId: string,
  status: MemberStatus,
  options: CallOptions,
): Promise<JsonValue | undefined> => {
  if (!isMemberStatus(status)) {
    const given = typeof status === 'string' ? ` ${JSON.stringify(status)}` : 'this'
    throw new InvalidArgumentError(
      `The status must be one of ${Object.values(MemberStatus).join(', ')}, in lower case; ${given.trim()} is none.`,
    )
  }
  return api.call('PUT', ['images', imageId, 'members', memberId], { ...options, json: { status } })
}
