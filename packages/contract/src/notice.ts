import Type from 'typebox'
import { EventSchema } from './event.ts'
import { email, instant, orNull, pageLinks, webLink } from './field.ts'
import { deliveryStates, noticeKinds } from './words.ts'

/** Mail, webhooks, feed and live stream (extension, docs/reference/notices.md). */

const kinds = () =>
  Type.Array(Type.Enum(noticeKinds, { type: 'string' }), { uniqueItems: true, description: 'Notices that are wanted.' })
const mode = () =>
  Type.Enum(['instant', 'daily'], { type: 'string', description: 'Each at once, or one mail a day with all.' })

/** `POST /v2/notice-addresses`. */
export const NoticeAddressCreateSchema = Type.Object(
  {
    email: email('Mailbox; it is asked for its consent first.'),
    kinds: Type.Optional(kinds()),
    mode: Type.Optional(mode()),
  },
  { additionalProperties: false },
)

/** `PATCH /v2/notice-addresses/{id}`. */
export const NoticeAddressChangeSchema = Type.Object(
  { kinds: Type.Optional(kinds()), mode: Type.Optional(mode()) },
  { additionalProperties: false, minProperties: 1 },
)

export const NoticeAddressSchema = Type.Object({
  id: Type.String(),
  email: Type.String(),
  state: Type.Enum(['unconfirmed', 'confirmed', 'unsubscribed'], { type: 'string' }),
  kinds: kinds(),
  mode: mode(),
  created_at: instant('When it was added.'),
})
export type NoticeAddressDocument = Type.Static<typeof NoticeAddressSchema>
export const NoticeAddressesSchema = Type.Object({ addresses: Type.Array(NoticeAddressSchema) })

/** `POST /v2/webhooks`. */
export const WebhookCreateSchema = Type.Object(
  { url: webLink('Where events are posted to.'), kinds: Type.Optional(kinds()) },
  { additionalProperties: false },
)
export const WebhookChangeSchema = Type.Object(
  {
    url: Type.Optional(webLink('Where events are posted to.')),
    kinds: Type.Optional(kinds()),
    enabled: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false, minProperties: 1 },
)

export const WebhookSchema = Type.Object({
  id: Type.String(),
  url: Type.String(),
  kinds: kinds(),
  enabled: Type.Boolean(),
  failing_since: orNull(instant('Since when no delivery succeeded.')),
  created_at: instant('When it was added.'),
  secret: Type.Optional(
    Type.String({ description: 'Key of the signature (Standard Webhooks); only in the answer that made it.' }),
  ),
})
export type WebhookDocument = Type.Static<typeof WebhookSchema>
export const WebhooksSchema = Type.Object({ webhooks: Type.Array(WebhookSchema) })

/** `POST /v2/webhooks/{id}/replay`: deliver again what happened since then. */
export const ReplaySchema = Type.Object({ since: instant('Beginning.') }, { additionalProperties: false })

/** What is posted to a webhook, and what the live stream sends as `data`. */
export const NoticeSchema = Type.Object({
  type: Type.Union([Type.Enum(noticeKinds, { type: 'string' }), Type.Literal('test')]),
  timestamp: instant('When it happened.'),
  data: Type.Object({
    event_id: orNull(Type.String()),
    image_id: orNull(Type.String()),
    image_name: orNull(Type.String()),
    project_id: orNull(Type.String({ description: 'Consumer concerned.' })),
    owner_id: orNull(Type.String({ description: 'Producer concerned.' })),
    detail: Type.Record(Type.String(), Type.Unknown()),
  }),
})
export type NoticeDocument = Type.Static<typeof NoticeSchema>

/** One mail or webhook call, and what became of it. */
export const DeliverySchema = Type.Object({
  id: Type.String(),
  kind: Type.Enum(['mail', 'webhook'], { type: 'string' }),
  notice: Type.String({ description: 'Kind of notice.' }),
  target: Type.String({ description: 'Mailbox or URL.' }),
  image_id: orNull(Type.String()),
  state: Type.Enum(deliveryStates, { type: 'string' }),
  attempts: Type.Integer(),
  last_error: orNull(Type.String()),
  created_at: instant('When it was queued.'),
  next_at: orNull(instant('When it is tried next.')),
  finished_at: orNull(instant('When it was sent or given up.')),
})
export type DeliveryDocument = Type.Static<typeof DeliverySchema>
export const DeliveriesSchema = Type.Object({ deliveries: Type.Array(DeliverySchema), ...pageLinks })
export type DeliveriesDocument = Type.Static<typeof DeliveriesSchema>

/** `POST /v2/feeds`: makes the address of the project's Atom feed anew; the former one ends. */
export const FeedSchema = Type.Object({
  url: Type.String({ description: 'Whoever has this address can read the feed.' }),
})

/** `GET /v2/activity?marker=&limit=`: what happened to what the project owns and to what is shared with it. */
export const ActivitySchema = Type.Object({ events: Type.Array(EventSchema), ...pageLinks })
export type ActivityDocument = Type.Static<typeof ActivitySchema>
