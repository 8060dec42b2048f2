import type { NoticeKind } from '@vitrine/contract'
import type { EventRow } from '../database/tables.ts'

/** What happened, as the log of events has it, with its detail read. */
export interface Told extends Pick<EventRow, 'id' | 'type' | 'image_id' | 'member_id' | 'project_id' | 'created_at'> {
  readonly ownerId: string | null
  readonly detail: Readonly<Record<string, unknown>>
}

/**
 * Whom a notice is for: one project as the producer or as the consumer of the image, the projects of a name, or everyone
 * who asked for such news.
 */
export type Audience =
  | { readonly to: 'producer' | 'consumer'; readonly projectId: string }
  | { readonly to: 'name'; readonly name: string }
  | { readonly to: 'everyone' }

/** A notice that an event gives rise to. */
export interface Meaning {
  readonly kind: NoticeKind
  readonly audience: Audience
}

export const toldOf = (row: EventRow): Told => ({
  id: row.id,
  type: row.type,
  image_id: row.image_id,
  member_id: row.member_id,
  project_id: row.project_id,
  created_at: row.created_at,
  ownerId: row.owner_id,
  detail: JSON.parse(row.detail),
})

/** A text of an event's detail, if it is there. */
export const textOf = (detail: Readonly<Record<string, unknown>>, key: string): string | null => {
  const value = detail[key]
  return typeof value === 'string' && value !== '' ? value : null
}

const toConsumer = (kind: NoticeKind, { member_id: projectId }: Told): Meaning[] =>
  projectId === null ? [] : [{ kind, audience: { to: 'consumer', projectId } }]

const toProducer = (kind: NoticeKind, { ownerId: projectId }: Told): Meaning[] =>
  projectId === null ? [] : [{ kind, audience: { to: 'producer', projectId } }]

/** Whoever rejected an image has nothing to lose by its end. */
const ofEnd = (kind: NoticeKind, event: Told): Meaning[] =>
  event.detail.status === 'rejected' ? [] : toConsumer(kind, event)

const meanings: Partial<Record<Told['type'], (event: Told) => Meaning[]>> = {
  'member.create': (event) => toConsumer('share.created', event),
  'member.update': (event) =>
    event.detail.to === 'accepted' || event.detail.to === 'rejected' ? toProducer('share.answered', event) : [],
  'member.expiring': (event) => ofEnd('share.expiring', event),
  'member.withdraw': (event) => ofEnd('share.withdrawing', event),
  'member.keep': (event) => ofEnd('share.kept', event),
  'member.delete': (event) => ofEnd('share.withdrawn', event),
  'request.receive': (event) => toProducer('request.received', event),
  'invitation.create': ({ detail }) => {
    const name = textOf(detail, 'addressee')
    return name === null ? [] : [{ kind: 'invitation.received', audience: { to: 'name', name: name.toLowerCase() } }]
  },
  'listing.publish': () => [{ kind: 'listing.published', audience: { to: 'everyone' } }],
}

/**
 * What an event means to whom. Nobody is told of what it did itself.
 */
export const meaningsOf = (event: Told): Meaning[] =>
  (meanings[event.type]?.(event) ?? []).filter(
    ({ audience }) => !('projectId' in audience) || audience.projectId !== event.project_id,
  )
