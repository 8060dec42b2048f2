import { randomUUID } from 'node:crypto'
import type { EventType } from '@vitrine/contract'
import type { FastifyRequest } from 'fastify'
import type { Reader, Tx } from '../database/database.ts'
import { prepared } from '../database/prepared.ts'
import type { EventRow, EventsTable } from '../database/tables.ts'
import { actorOf } from '../http/authentication.ts'

/** Who made something happen, and when (milliseconds since 1970). */
export interface Cause {
  readonly projectId: string | null
  readonly userId: string | null
  readonly requestId: string | null
  readonly at: number
}

/** The caller of a request as the cause of what the request changes. */
export const causeOf = (request: FastifyRequest, at: number): Cause => {
  const { projectId, userId } = actorOf(request)
  return { projectId, userId, requestId: request.id, at }
}

export interface Happening {
  readonly type: EventType
  readonly imageId: string
  /** Project that owns the image. */
  readonly ownerId: string | null
  readonly memberId?: string
  /** Everyone concerned by default; `owner`: nothing for members; `consumer`: only for `memberId`. */
  readonly audience?: EventsTable['audience']
  /** What changed, fit to be shown to everyone who may read the event. */
  readonly detail?: Readonly<Record<string, unknown>>
}

const insert = prepared<Omit<EventRow, 'sequence' | 'position'>, never>((db, value) =>
  db.insertInto('events').values({
    id: value('id'),
    type: value('type'),
    image_id: value('image_id'),
    member_id: value('member_id'),
    project_id: value('project_id'),
    user_id: value('user_id'),
    request_id: value('request_id'),
    created_at: value('created_at'),
    detail: value('detail'),
    audience: value('audience'),
    owner_id: value('owner_id'),
  }),
)

/**
 * Writes down what happened, in the transaction that made it happen.
 * @returns the id of the event
 */
export const recordEvent = async (tx: Tx, cause: Cause, happening: Happening): Promise<string> => {
  const id = randomUUID()
  await insert(tx, {
    id,
    type: happening.type,
    image_id: happening.imageId,
    member_id: happening.memberId ?? null,
    project_id: cause.projectId,
    user_id: cause.userId,
    request_id: cause.requestId,
    created_at: cause.at,
    detail: JSON.stringify(happening.detail ?? {}),
    audience: happening.audience ?? 'members',
    owner_id: happening.ownerId,
  })
  return id
}

/**
 * What a reader may see of the events of an image: a member, what concerns it since the image was shared with it; nobody
 * but a consumer, what is for its eyes alone.
 */
export interface EventView {
  readonly imageId: string
  readonly member: { readonly projectId: string; readonly since: number } | undefined
}

const eventsOf = (db: Reader, { imageId, member }: EventView) => {
  const all = db.selectFrom('events').selectAll().where('image_id', '=', imageId)
  return member === undefined
    ? all.where('audience', '<>', 'consumer')
    : all
        .where('created_at', '>=', member.since)
        .where('audience', '<>', 'owner')
        .where((where) => where.or([where('member_id', 'is', null), where('member_id', '=', member.projectId)]))
}

/** One event that the reader can see. */
export const findEvent = (db: Reader, view: EventView, id: string): Promise<EventRow | undefined> =>
  eventsOf(db, view).where('id', '=', id).executeTakeFirst()

/**
 * A page of events, newest first.
 * @param before the event after which the page begins, if any
 */
export const listEvents = (
  db: Reader,
  view: EventView,
  limit: number,
  before: EventRow | undefined,
): Promise<EventRow[]> => {
  const events = eventsOf(db, view).orderBy('sequence', 'desc').limit(limit)
  return (before === undefined ? events : events.where('sequence', '<', before.sequence)).execute()
}
