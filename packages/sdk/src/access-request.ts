import type { AccessRequestDocument, AccessRequestReceipt as ReceiptDocument } from '@vitrine/contract'
import type { RequestState } from '@vitrine/contract/words'
import { flag, instant, orNull, record, type Shape, text, wireBody, withFields, word } from './fields.ts'
import type { CallOptions, ImageApi } from './image-api.ts'
import type { PageOptions, PaginatedIterator } from './iterators.ts'
import type { JsonValue } from './json.ts'
import { projectId } from './member.ts'
import { paginated } from './paginated.ts'
import type { ShareAttributes } from './share.ts'

/** Who asks, and where the answer goes. */
export interface AccessRequestAttributes {
  /** Id of the project that wants the image. */
  project: string | number
  /** Mailbox; it gets a link that confirms the request, and the answer. */
  email: string
  /** Plain text to the producer. */
  message?: string | undefined
}

export const readReceipt = record('receipt', {
  state: word<ReceiptDocument['state']>(),
  /** What happens next. */
  message: text,
  /** Address of the page that shows how the request stands. Whoever has it sees it. */
  track: text,
} satisfies Shape<ReceiptDocument>)
/** The answer to every request for access, whatever exists. */
export type AccessRequestReceipt = ReturnType<typeof readReceipt>

const readAccessRequest = record('request', {
  id: text,
  state: word<RequestState>(),
  listing_id: text,
  listing_title: text,
  image_id: text,
  /** Id of the project as the requester gave it. */
  project: text,
  /** Whether the requester was signed in to that project. */
  project_proven: flag,
  email: text,
  message: orNull(text),
  created_at: instant,
  /** When the address was confirmed. */
  confirmed_at: orNull(instant),
  decided_at: orNull(instant),
  /** Why it was denied. */
  reason: orNull(text),
} satisfies Shape<AccessRequestDocument>)

/** A request for access to a listed image, as its producer sees it. */
export class AccessRequest extends withFields(readAccessRequest) {
  readonly #api: ImageApi

  constructor(api: ImageApi, document: JsonValue | undefined) {
    super(document)
    this.#api = api
  }

  /** Shares the image with the project, and tells the requester. @throws ConflictError when it was decided already */
  approve(attributes: ShareAttributes = {}, options: CallOptions = {}): Promise<this> {
    return this.#decide('approve', wireBody(attributes), options)
  }

  /** @param reason the requester reads it. @throws ConflictError when it was decided already */
  deny(reason: string, options: CallOptions = {}): Promise<this> {
    return this.#decide('deny', { reason }, options)
  }

  async #decide(decision: 'approve' | 'deny', json: JsonValue, options: CallOptions): Promise<this> {
    const answer = await this.#api.call('POST', [...path, this.id, decision], { ...options, json })
    return Object.assign(this, readAccessRequest(answer))
  }
}

const path = ['access-requests']

export const requestAccess = async (
  api: ImageApi,
  { project, ...attributes }: SignedInRequestAttributes,
  options: CallOptions,
): Promise<AccessRequestReceipt> => {
  const json = wireBody({ ...attributes, project: project === undefined ? undefined : projectId(project) })
  return readReceipt(await api.call('POST', path, { ...options, json }))
}

/** A request by somebody signed in. */
export interface SignedInRequestAttributes extends Omit<AccessRequestAttributes, 'project'> {
  /** The listing, as in its address: `handle/slug`. */
  listing: string
  /** Default: the caller's own project, which the producer then knows to be right. */
  project?: string | number | undefined
}

export type AccessRequestFilter = {
  /** Default: those that wait. */
  state?: RequestState | undefined
  /** Id of an image. */
  image?: string | undefined
}

export const listAccessRequests = (
  api: ImageApi,
  filter: AccessRequestFilter,
  options: PageOptions & CallOptions,
): PaginatedIterator<AccessRequest> =>
  paginated(api, path, 'requests', filter, options, (request) => new AccessRequest(api, request))

export const getAccessRequest = async (api: ImageApi, id: string, options: CallOptions): Promise<AccessRequest> =>
  new AccessRequest(api, await api.call('GET', [...path, id], options))
