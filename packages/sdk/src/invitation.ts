import type { InvitationDocument } from '@vitrine/contract'
import {
  flag,
  instant,
  integer,
  listOf,
  optional,
  orElse,
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
import { Member } from './member.ts'
import { paginated } from './paginated.ts'
import type { ShareAttributes } from './share.ts'

export type InvitationAttributes = ShareAttributes & {
  /** How many projects can claim it. Default 1. */
  uses?: number | undefined
  /** When the code ends. Default: in 14 days. */
  expiresAt?: Date | undefined
  /** Only projects with a confirmed notice address in this domain. */
  emailDomain?: string | undefined
  /** Instead of a code: the project `name@domain` that finds the invitation in its inbox. */
  project?: string | undefined
  /** The membership's status once claimed. Default `pending`. */
  status?: 'pending' | 'accepted' | undefined
}

const readInvitation = record('invitation', {
  id: text,
  image_id: text,
  /** Only in the answer that made it: the service keeps no copy. */
  code: optional(text),
  /** The first characters of the code. */
  hint: orNull(text),
  /** The project that it is addressed to: `name@domain`. */
  project: orNull(text),
  uses: integer,
  used: integer,
  email_domain: orNull(text),
  status: word<InvitationDocument['status']>(),
  message: orNull(text),
  /** When the shares made by it end by themselves. */
  ends_at: orNull(instant),
  /** Whether who claims it is also let use the key of an encrypted image. */
  grant: orElse(flag, false),
  created_at: instant,
  expires_at: instant,
  state: word<InvitationDocument['state']>(),
  /** Newest first; empty in lists. */
  claims: listOf(
    record('claim', {
      project_id: text,
      claimed_at: instant,
    } satisfies Shape<InvitationDocument['claims'][number]>),
  ),
} satisfies Shape<InvitationDocument>)

/** A code, or a message to a project by its name, that becomes a share when it is claimed. */
export class Invitation extends withFields(readInvitation) {
  readonly #api: ImageApi

  constructor(api: ImageApi, document: JsonValue | undefined) {
    super(document)
    this.#api = api
  }

  /** Nobody can claim it any more. Shares that were made by it stay. */
  async revoke(options: CallOptions = {}): Promise<void> {
    await this.#api.call('DELETE', [...path, this.id], options)
  }
}

const path = ['invitations']

export const createInvitation = async (
  api: ImageApi,
  attributes: InvitationAttributes & { imageId: string },
  options: CallOptions,
): Promise<Invitation> => new Invitation(api, await api.call('POST', path, { ...options, json: wireBody(attributes) }))

export type InvitationFilter = {
  /** Id of an image. */
  image?: string | undefined
}

export const listInvitations = (
  api: ImageApi,
  filter: InvitationFilter,
  options: PageOptions & CallOptions,
): PaginatedIterator<Invitation> =>
  paginated(api, path, 'invitations', filter, options, (invitation) => new Invitation(api, invitation))

export const getInvitation = async (api: ImageApi, id: string, options: CallOptions): Promise<Invitation> =>
  new Invitation(api, await api.call('GET', [...path, id], options))

/** What to claim: a code, or the id of an invitation in the inbox. */
export type Claim = { code: string } | { invitation: string }

export const claimInvitation = async (api: ImageApi, claim: Claim, options: CallOptions): Promise<Member> =>
  new Member(api, await api.call('POST', ['invitation-claims'], { ...options, json: { ...claim } }))
