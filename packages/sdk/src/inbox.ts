import type { InboxAnswers as AnswersDocument, InboxItem as ItemDocument } from '@vitrine/contract'
import type { MemberStatus } from '@vitrine/contract/words'
import { type BootAnswer, readBootAnswer } from './encryption.ts'
import { UnexpectedResponseError } from './errors.ts'
import { flag, instant, integer, listOf, orNull, record, type Shape, text, wireBody, word } from './fields.ts'
import { Image } from './image.ts'
import type { CallOptions, ImageApi } from './image-api.ts'
import type { PageOptions, PaginatedIterator } from './iterators.ts'
import { isJsonObject, type JsonValue, own, stringIn } from './json.ts'
import { paginated } from './paginated.ts'
import { type Membership, readMembership } from './share.ts'

type WireInvitation = Extract<ItemDocument, { kind: 'invitation' }>['invitation']

const readInboxInvitation = record('invitation', {
  id: text,
  /** What can be told of the image before the invitation is claimed. */
  image: record('image of an invitation', {
    name: orNull(text),
    /** Bytes. */
    size: orNull(integer),
    disk_format: orNull(text),
    os_hash_algo: orNull(text),
    os_hash_value: orNull(text),
  } satisfies Shape<WireInvitation['image']>),
  /** Project that invites. */
  shared_by: text,
  /** Handle of that project in the catalogue. */
  producer: orNull(text),
  shared_at: instant,
  message: orNull(text),
  /** When the share will end. */
  ends_at: orNull(instant),
  /** When the invitation ends. */
  expires_at: orNull(instant),
} satisfies Shape<WireInvitation>)
/** An invitation to a project of this name, not claimed yet. */
export type InboxInvitation = ReturnType<typeof readInboxInvitation>

/** What others offer to the project. */
export type InboxItem =
  | {
      readonly kind: 'share'
      readonly image: Image
      readonly membership: Membership
      /** Whether the project could boot it; null when the service does not tell. */
      readonly canBoot: BootAnswer | null
    }
  | { readonly kind: 'invitation'; readonly invitation: InboxInvitation }

const readCanBoot = orNull(readBootAnswer)

const parseItem = (api: ImageApi, value: JsonValue): InboxItem => {
  const kind = isJsonObject(value) ? stringIn(value, 'kind') : undefined
  if (isJsonObject(value) && kind === 'share') {
    const membership = readMembership(own(value, 'membership'))
    const canBoot = readCanBoot(own(value, 'can_boot'), 'share (can_boot)')
    return { kind, image: new Image(api, own(value, 'image')), membership, canBoot }
  }
  if (isJsonObject(value) && kind === 'invitation') {
    return { kind, invitation: readInboxInvitation(own(value, 'invitation')) }
  }
  throw new UnexpectedResponseError('The inbox of the service holds something that is neither share nor invitation.')
}

export type InboxFilter = {
  /** Default `pending`: what waits. */
  status?: MemberStatus | 'all' | undefined
}

export const listInbox = (
  api: ImageApi,
  filter: InboxFilter,
  options: PageOptions & CallOptions,
): PaginatedIterator<InboxItem> => paginated(api, ['inbox'], 'items', filter, options, (item) => parseItem(api, item))

/** `block` rejects, and blocks the producers of these images. */
export type InboxAnswer = MemberStatus | 'block'

/** Ids of what to answer. */
export interface InboxChoice {
  images?: readonly string[] | undefined
  invitations?: readonly string[] | undefined
}

type WireAnswer = AnswersDocument['results'][number]

const readAnswers = record('answers', {
  results: listOf(
    record('answer', {
      image_id: orNull(text),
      invitation_id: orNull(text),
      result: word<WireAnswer['result']>(),
      /** Why it failed. */
      error: orNull(text),
    } satisfies Shape<WireAnswer>),
  ),
  /** Producers that this call blocked. */
  blocked: listOf(text),
  /** More wait than one call answers: call again. */
  more: flag,
} satisfies Shape<AnswersDocument>)
export type InboxAnswers = ReturnType<typeof readAnswers>

export const answerInbox = async (
  api: ImageApi,
  answer: InboxAnswer,
  { images, invitations }: InboxChoice,
  options: CallOptions,
): Promise<InboxAnswers> => {
  const json = wireBody({ answer, images, invitations })
  return readAnswers(await api.call('POST', ['inbox', 'answers'], { ...options, json }))
}
