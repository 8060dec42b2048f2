import {
  type AccessRequest,
  type AccessRequestFilter,
  type AccessRequestReceipt,
  getAccessRequest,
  listAccessRequests,
  requestAccess,
  type SignedInRequestAttributes,
} from './access-request.ts'
import { type ActivityFilter, type LiveEvent, listActivity, type WatchOptions, watchActivity } from './activity.ts'
import type { ImageEvent } from './event.ts'
import type { CallOptions, ImageApi } from './image-api.ts'
import {
  type Claim,
  claimInvitation,
  createInvitation,
  getInvitation,
  type Invitation,
  type InvitationAttributes,
  type InvitationFilter,
  listInvitations,
} from './invitation.ts'
import type { PageOptions, PaginatedIterator, ResourceIterator } from './iterators.ts'
import {
  createDataKey,
  createKey,
  type DataKey,
  getKey,
  type Key,
  type KeyAttributes,
  listKeys,
  unwrapDataKey,
} from './key.ts'
import {
  getListing,
  getProducer,
  type Listing,
  type ListingFilter,
  listListings,
  type Producer,
  type ProducerAttributes,
  setProducer,
} from './listing.ts'
import type { Member } from './member.ts'
import {
  addNoticeAddress,
  createFeed,
  createWebhook,
  type Delivery,
  type DeliveryFilter,
  deleteFeed,
  getWebhook,
  listDeliveries,
  listNoticeAddresses,
  listWebhooks,
  type NoticeAddress,
  type NoticeChoice,
  type Webhook,
  type WebhookAttributes,
} from './notices.ts'
import { getProjectSettings, type ProjectSettings, setProjectSettings } from './project-settings.ts'
import { createRule, listRules, type Rule, type RuleAttributes } from './rule.ts'

/**
 * What belongs to a project beside its images: profile, listings, requests, invitations, rules, keys,
 * notices. Extensions of
 * Vitrine: other clouds answer with a NotFoundError.
 */
export abstract class ProjectService {
  readonly #api: ImageApi

  constructor(api: ImageApi) {
    this.#api = api
  }

  /** The project's own profile in the catalogue. @throws NotFoundError when it has none */
  getProducer(options: CallOptions = {}): Promise<Producer> {
    return getProducer(this.#api, options)
  }

  /** Makes the profile, or puts another in its place. @throws ConflictError when the handle is taken */
  setProducer(attributes: ProducerAttributes, options: CallOptions = {}): Promise<Producer> {
    return setProducer(this.#api, attributes, options)
  }

  /** The project's own listings, newest first; `image.publish` makes one. */
  listListings(filter: ListingFilter = {}, options: PageOptions & CallOptions = {}): PaginatedIterator<Listing> {
    return listListings(this.#api, filter, options)
  }

  getListing(id: string, options: CallOptions = {}): Promise<Listing> {
    return getListing(this.#api, id, options)
  }

  /** Asks a producer for access to a listed image. The answer is the same whatever exists. */
  requestAccess(attributes: SignedInRequestAttributes, options: CallOptions = {}): Promise<AccessRequestReceipt> {
    return requestAccess(this.#api, attributes, options)
  }

  /** Requests for the project's images, oldest first. */
  listAccessRequests(
    filter: AccessRequestFilter = {},
    options: PageOptions & CallOptions = {},
  ): PaginatedIterator<AccessRequest> {
    return listAccessRequests(this.#api, filter, options)
  }

  getAccessRequest(id: string, options: CallOptions = {}): Promise<AccessRequest> {
    return getAccessRequest(this.#api, id, options)
  }

  /** As `image.invite`, for an image that is known by its id. */
  createInvitation(
    attributes: InvitationAttributes & { imageId: string },
    options: CallOptions = {},
  ): Promise<Invitation> {
    return createInvitation(this.#api, attributes, options)
  }

  /** The project's own invitations, newest first. Who claimed one is told by `getInvitation`. */
  listInvitations(
    filter: InvitationFilter = {},
    options: PageOptions & CallOptions = {},
  ): PaginatedIterator<Invitation> {
    return listInvitations(this.#api, filter, options)
  }

  getInvitation(id: string, options: CallOptions = {}): Promise<Invitation> {
    return getInvitation(this.#api, id, options)
  }

  /** Makes the project a member of the image of an invitation. */
  claimInvitation(claim: Claim, options: CallOptions = {}): Promise<Member> {
    return claimInvitation(this.#api, claim, options)
  }

  listRules(options: CallOptions = {}): ResourceIterator<Rule> {
    return listRules(this.#api, options)
  }

  createRule(attributes: RuleAttributes, options: CallOptions = {}): Promise<Rule> {
    return createRule(this.#api, attributes, options)
  }

  /** The project's own keys, oldest first. */
  listKeys(options: PageOptions & CallOptions = {}): PaginatedIterator<Key> {
    return listKeys(this.#api, options)
  }

  getKey(id: string, options: CallOptions = {}): Promise<Key> {
    return getKey(this.#api, id, options)
  }

  createKey(attributes: KeyAttributes = {}, options: CallOptions = {}): Promise<Key> {
    return createKey(this.#api, attributes, options)
  }

  /** Takes a secret of the own project in the Barbican behind the service for a key; its id becomes that of the key. */
  adoptKey(secretId: string, attributes: KeyAttributes = {}, options: CallOptions = {}): Promise<Key> {
    return createKey(this.#api, { ...attributes, secretId }, options)
  }

  /** As `key.createDataKey`, for a key of another project that the own one was let use. */
  createDataKey(keyId: string, options: CallOptions = {}): Promise<DataKey> {
    return createDataKey(this.#api, keyId, options)
  }

  /** As `key.unwrap`, for a key of another project that the own one was let use. */
  unwrapDataKey(keyId: string, wrapped: string, options: CallOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    return unwrapDataKey(this.#api, keyId, wrapped, options)
  }

  listNoticeAddresses(options: CallOptions = {}): ResourceIterator<NoticeAddress> {
    return listNoticeAddresses(this.#api, options)
  }

  /** The mailbox is asked for its consent first. */
  addNoticeAddress(attributes: NoticeChoice & { email: string }, options: CallOptions = {}): Promise<NoticeAddress> {
    return addNoticeAddress(this.#api, attributes, options)
  }

  listWebhooks(options: CallOptions = {}): ResourceIterator<Webhook> {
    return listWebhooks(this.#api, options)
  }

  getWebhook(id: string, options: CallOptions = {}): Promise<Webhook> {
    return getWebhook(this.#api, id, options)
  }

  /** Only this answer holds the `secret` that signatures are checked with. */
  createWebhook(attributes: WebhookAttributes, options: CallOptions = {}): Promise<Webhook> {
    return createWebhook(this.#api, attributes, options)
  }

  /** Mails and webhook calls, and what became of them. */
  listDeliveries(filter: DeliveryFilter = {}, options: PageOptions & CallOptions = {}): PaginatedIterator<Delivery> {
    return listDeliveries(this.#api, filter, options)
  }

  /** @returns the address of the project's Atom feed. Whoever has it can read the feed; the former address ends. */
  createFeed(options: CallOptions = {}): Promise<string> {
    return createFeed(this.#api, options)
  }

  deleteFeed(options: CallOptions = {}): Promise<void> {
    return deleteFeed(this.#api, options)
  }

  /** What happened to the project's images and to what is shared with it, newest first. */
  listActivity(filter: ActivityFilter = {}, options: PageOptions & CallOptions = {}): PaginatedIterator<ImageEvent> {
    return listActivity(this.#api, filter, options)
  }

  /**
   * The same as it happens, for as long as it is walked over. Connections that break are made anew without a gap.
   * @throws the reason of the signal when it ends the walk
   */
  watchActivity(options: WatchOptions = {}): AsyncGenerator<LiveEvent, never, undefined> {
    return watchActivity(this.#api, options)
  }

  getProjectSettings(options: CallOptions = {}): Promise<ProjectSettings> {
    return getProjectSettings(this.#api, options)
  }

  setProjectSettings(settings: ProjectSettings, options: CallOptions = {}): Promise<ProjectSettings> {
    return setProjectSettings(this.#api, settings, options)
  }
}
