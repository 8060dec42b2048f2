import type { NoticeDocument, NoticeKind } from '@vitrine/contract'
import { listingPath } from '../catalogue/documents.ts'
import type { Reader } from '../database/database.ts'
import { wireDate } from '../http/json.ts'
import { type Meaning, type Told, textOf } from './meaning.ts'
import type { DirectMailPayload, MailedBoot, MailedImage } from './queue.ts'

/** Who shares: the project, and what its profile in the catalogue says, if it has one. */
export interface MailedProducer {
  readonly projectId: string
  readonly handle: string | null
  readonly name: string | null
}

/** An image as a notice tells of it. Its id is left out where the reader may not know it yet. */
export type NoticedImage = Omit<MailedImage, 'id'> & { readonly id: string | null }

/** Everything that the mail of a notice needs, kept with it: the image may be gone when it is sent. */
export interface NoticeContent {
  readonly template: 'notice'
  readonly kind: NoticeKind
  /** When it happened (milliseconds since 1970). */
  readonly at: number
  /** Project that is told. */
  readonly projectId: string
  /** Consumer concerned, if it is one. */
  readonly memberId: string | null
  readonly image: NoticedImage | null
  readonly producer: MailedProducer | null
  readonly listing: { readonly title: string; readonly path: string; readonly summary: string | null } | null
  readonly detail: Readonly<Record<string, unknown>>
  readonly boot?: MailedBoot
}

/** A mail that gathers the notices of a day. */
export interface DigestContent {
  readonly template: 'digest'
  readonly projectId: string
  readonly items: readonly NoticeContent[]
  /** How many more there were than a mail has room for. */
  readonly more: number
}

/** What stands in `deliveries.payload` of a mail. */
export type MailPayload = DirectMailPayload | { readonly content: NoticeContent | DigestContent }

/** What a batch of events speaks of. */
export interface Facts {
  readonly images: ReadonlyMap<string, MailedImage>
  readonly producers: ReadonlyMap<string, MailedProducer>
  /** By image. */
  readonly listings: ReadonlyMap<string, NonNullable<NoticeContent['listing']>>
  /** Of requests for access, by their ids: what only the producer is told. */
  readonly requests: ReadonlyMap<string, { readonly email: string; readonly message: string | null }>
}

const distinct = (values: readonly (string | null)[]): string[] => [
  ...new Set(values.filter((value) => value !== null)),
]

/** Loads what the events speak of: a few queries, however many there are. */
export const factsOf = async (db: Reader, events: readonly Told[]): Promise<Facts> => {
  const imageIds = distinct(events.map((event) => event.image_id))
  const owners = distinct(events.map((event) => event.ownerId))
  const announced = distinct(events.map(({ type, image_id }) => (type === 'listing.publish' ? image_id : null)))
  const images = await db
    .selectFrom('images')
    .select(['id', 'name', 'size_bytes', 'os_hash_algo', 'os_hash_value'])
    .where('id', 'in', imageIds)
    .execute()
  const producers =
    owners.length === 0
      ? []
      : await db
          .selectFrom('producers')
          .select(['project_id', 'handle', 'name'])
          .where('project_id', 'in', owners)
          .execute()
  const listings =
    announced.length === 0
      ? []
      : await db
          .selectFrom('listings')
          .innerJoin('producers', 'producers.project_id', 'listings.project_id')
          .select(['listings.image_id', 'listings.title', 'listings.summary', 'listings.slug', 'producers.handle'])
          .where('listings.image_id', 'in', announced)
          .execute()
  const asked = distinct(
    events.map(({ type, detail }) => (type === 'request.receive' ? textOf(detail, 'request_id') : null)),
  )
  const requests =
    asked.length === 0
      ? []
      : await db.selectFrom('access_requests').select(['id', 'email', 'message']).where('id', 'in', asked).execute()
  return {
    requests: new Map(requests.map(({ id, email, message }) => [id, { email, message }])),
    images: new Map(
      images.map((row) => [
        row.id,
        {
          id: row.id,
          name: row.name,
          sizeBytes: row.size_bytes,
          hashAlgorithm: row.os_hash_algo,
          hashValue: row.os_hash_value,
        },
      ]),
    ),
    producers: new Map(
      producers.map(({ project_id: projectId, handle, name }) => [projectId, { projectId, handle, name }]),
    ),
    listings: new Map(
      listings.map(({ image_id, title, summary, handle, slug }) => [
        image_id,
        { title, summary, path: listingPath({ handle, slug }) },
      ]),
    ),
  }
}

/** What may be told of an image before an invitation to it is claimed, or to everyone. */
const openDetail = (detail: Told['detail'], keys: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(keys.flatMap((key) => (key in detail ? [[key, detail[key]]] : [])))

const imageOf = (event: Told, { images }: Facts): NoticedImage => {
  const known = images.get(event.image_id)
  if (known !== undefined) return known
  return {
    id: event.image_id,
    name: textOf(event.detail, 'name'),
    sizeBytes: null,
    hashAlgorithm: null,
    hashValue: null,
  }
}

const producerOf = ({ ownerId }: Told, { producers }: Facts): MailedProducer | null =>
  ownerId === null ? null : (producers.get(ownerId) ?? { projectId: ownerId, handle: null, name: null })

/** The content of the mail of a notice to one project. */
export const noticeContent = (event: Told, { kind }: Meaning, projectId: string, facts: Facts): NoticeContent => {
  const common = {
    template: 'notice' as const,
    kind,
    at: event.created_at,
    projectId,
    memberId: event.member_id,
    producer: producerOf(event, facts),
    listing: facts.listings.get(event.image_id) ?? null,
  }
  const image = imageOf(event, facts)
  switch (kind) {
    case 'listing.published':
      return { ...common, image: null, detail: {} }
    case 'invitation.received': {
      const detail = openDetail(event.detail, ['invitation_id', 'addressee', 'message', 'ends_at', 'expires_at'])
      return { ...common, image: { ...image, id: null }, detail }
    }
    case 'request.received': {
      const request = facts.requests.get(textOf(event.detail, 'request_id') ?? '')
      return { ...common, image, detail: { ...event.detail, ...request } }
    }
    default:
      return { ...common, image, detail: event.detail }
  }
}

/** The body of a call to a webhook of one project. */
export const noticeDocument = (event: Told, meaning: Meaning, projectId: string, facts: Facts): NoticeDocument => {
  const { kind, image, listing, detail } = noticeContent(event, meaning, projectId, facts)
  return {
    type: kind,
    timestamp: wireDate(event.created_at),
    data: {
      event_id: event.id,
      image_id: image?.id ?? null,
      image_name: image?.name ?? null,
      project_id: event.member_id,
      owner_id: event.ownerId,
      detail: listing === null || kind !== 'listing.published' ? { ...detail } : { ...listing },
    },
  }
}
