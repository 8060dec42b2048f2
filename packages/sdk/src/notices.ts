import type { DeliveryDocument, NoticeAddressDocument, WebhookDocument } from '@vitrine/contract'
import type { DeliveryState, NoticeKind } from '@vitrine/contract/words'
import {
  flag,
  instant,
  integer,
  listOf,
  optional,
  orNull,
  record,
  type Shape,
  text,
  wireBody,
  withFields,
  word,
} from './fields.ts'
import type { CallOptions, ImageApi } from './image-api.ts'
import type { PageOptions, PaginatedIterator, ResourceIterator } from './iterators.ts'
import type { JsonValue } from './json.ts'
import { collection, paginated } from './paginated.ts'

export type NoticeChoice = {
  /** Default: all but news of the catalogue. */
  kinds?: readonly NoticeKind[] | undefined
  /** Each at once, or one mail a day with all. Default `instant`. */
  mode?: NoticeAddressDocument['mode'] | undefined
}

const readNoticeAddress = record('notice address', {
  id: text,
  email: text,
  /** Mails go only to a `confirmed` one. */
  state: word<NoticeAddressDocument['state']>(),
  kinds: listOf(word<NoticeKind>()),
  mode: word<NoticeAddressDocument['mode']>(),
  created_at: instant,
} satisfies Shape<NoticeAddressDocument>)

const addressPath = ['notice-addresses']

/** A mailbox that gets the notices of the project. */
export class NoticeAddress extends withFields(readNoticeAddress) {
  readonly #api: ImageApi

  constructor(api: ImageApi, document: JsonValue | undefined) {
    super(document)
    this.#api = api
  }

  async update(changes: NoticeChoice, options: CallOptions = {}): Promise<this> {
    const answer = await this.#api.call('PATCH', [...addressPath, this.id], { ...options, json: wireBody(changes) })
    return Object.assign(this, readNoticeAddress(answer))
  }

  async delete(options: CallOptions = {}): Promise<void> {
    await this.#api.call('DELETE', [...addressPath, this.id], options)
  }
}

export const listNoticeAddresses = (api: ImageApi, options: CallOptions): ResourceIterator<NoticeAddress> =>
  collection(api, addressPath, 'addresses', options, (address) => new NoticeAddress(api, address))

/** The mailbox is asked for its consent first. */
export const addNoticeAddress = async (
  api: ImageApi,
  attributes: NoticeChoice & { email: string },
  options: CallOptions,
): Promise<NoticeAddress> =>
  new NoticeAddress(api, await api.call('POST', addressPath, { ...options, json: wireBody(attributes) }))

export type WebhookAttributes = {
  /** Where notices are posted to. */
  url: string
  /** Default: all but news of the catalogue. */
  kinds?: readonly NoticeKind[] | undefined
}
export type WebhookChanges = Partial<WebhookAttributes> & {
  /** Takes up a webhook again that was switched off, or switches it off. */
  enabled?: boolean | undefined
}

const readWebhook = record('webhook', {
  id: text,
  url: text,
  kinds: listOf(word<NoticeKind>()),
  enabled: flag,
  /** Since when no delivery succeeded. */
  failing_since: orNull(instant),
  created_at: instant,
  /** Key of the signature (Standard Webhooks); only in the answer that made the webhook. */
  secret: optional(text),
} satisfies Shape<WebhookDocument>)

const readReplay = record('answer to a replay', { queued: integer })

const webhookPath = ['webhooks']

/** An address of the project's own that notices are posted to. */
export class Webhook extends withFields(readWebhook) {
  readonly #api: ImageApi

  constructor(api: ImageApi, document: JsonValue | undefined) {
    super(document)
    this.#api = api
  }

  async update(changes: WebhookChanges, options: CallOptions = {}): Promise<this> {
    const { secret } = this
    const answer = await this.#api.call('PATCH', this.#path(), { ...options, json: wireBody(changes) })
    const fields = readWebhook(answer)
    return Object.assign(this, fields, { secret: fields.secret ?? secret })
  }

  async delete(options: CallOptions = {}): Promise<void> {
    await this.#api.call('DELETE', this.#path(), options)
  }

  /** Queues a notice of the type `test`. What becomes of it is told by `listDeliveries`. */
  async test(options: CallOptions = {}): Promise<Delivery> {
    return new Delivery(this.#api, await this.#api.call('POST', this.#path('test'), options))
  }

  /** Delivers again what happened since then. @returns how many notices were queued */
  async replay(since: Date, options: CallOptions = {}): Promise<number> {
    const json = wireBody({ since })
    return readReplay(await this.#api.call('POST', this.#path('replay'), { ...options, json })).queued
  }

  #path(...rest: string[]): string[] {
    return [...webhookPath, this.id, ...rest]
  }
}

export const listWebhooks = (api: ImageApi, options: CallOptions): ResourceIterator<Webhook> =>
  collection(api, webhookPath, 'webhooks', options, (webhook) => new Webhook(api, webhook))

export const getWebhook = async (api: ImageApi, id: string, options: CallOptions): Promise<Webhook> =>
  new Webhook(api, await api.call('GET', [...webhookPath, id], options))

/** The answer alone holds the secret. */
export const createWebhook = async (
  api: ImageApi,
  attributes: WebhookAttributes,
  options: CallOptions,
): Promise<Webhook> => new Webhook(api, await api.call('POST', webhookPath, { ...options, json: wireBody(attributes) }))

const readDelivery = record('delivery', {
  id: text,
  kind: word<DeliveryDocument['kind']>(),
  /** Kind of notice. */
  notice: text,
  /** Mailbox or URL. */
  target: text,
  image_id: orNull(text),
  state: word<DeliveryState>(),
  attempts: integer,
  last_error: orNull(text),
  created_at: instant,
  /** When it is tried next. */
  next_at: orNull(instant),
  /** When it was sent or given up. */
  finished_at: orNull(instant),
} satisfies Shape<DeliveryDocument>)

const deliveryPath = ['deliveries']

/** One mail or webhook call, and what became of it. */
export class Delivery extends withFields(readDelivery) {
  readonly #api: ImageApi

  constructor(api: ImageApi, document: JsonValue | undefined) {
    super(document)
    this.#api = api
  }

  /** Queues it again. */
  async resend(options: CallOptions = {}): Promise<this> {
    const answer = await this.#api.call('POST', [...deliveryPath, this.id, 'resend'], options)
    return Object.assign(this, readDelivery(answer))
  }
}

export type DeliveryFilter = { state?: DeliveryState | undefined }

export const listDeliveries = (
  api: ImageApi,
  filter: DeliveryFilter,
  options: PageOptions & CallOptions,
): PaginatedIterator<Delivery> =>
  paginated(api, deliveryPath, 'deliveries', filter, options, (delivery) => new Delivery(api, delivery))

const readFeed = record('feed', { url: text })

/** @returns the address of the project's Atom feed. Whoever has it can read the feed; the former address ends. */
export const createFeed = async (api: ImageApi, options: CallOptions): Promise<string> =>
  readFeed(await api.call('POST', ['feeds'], options)).url

export const deleteFeed = async (api: ImageApi, options: CallOptions): Promise<void> => {
  await api.call('DELETE', ['feeds'], options)
}
