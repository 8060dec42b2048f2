import type { EventType } from '@vitrine/contract'
import type { Reader } from '../database/database.ts'
import type { EventRow } from '../database/tables.ts'

/** What happened to what a project owns, and to it as a consumer, over all images. */

/** Events that one page looks at while it searches for those of a type. */
const lookedAtMax = 5000
const chunk = 1000

/** The events of one side, without those that are not for its eyes. */
const ofSide = (db: Reader, side: 'owner' | 'consumer', projectId: string) => {
  const events = db.selectFrom('events').selectAll()
  return side === 'owner'
    ? events
        .where('owner_id', '=', projectId)
        .where((where) => where.or([where('audience', '<>', 'consumer'), where('member_id', '=', projectId)]))
    : events
        .where('member_id', '=', projectId)
        .where('audience', '<>', 'owner')
        .where((where) => where.or([where('owner_id', 'is', null), where('owner_id', '<>', projectId)]))
}

const byPosition = (a: EventRow, b: EventRow): number =>
  (b.position ?? Number.MAX_SAFE_INTEGER) - (a.position ?? Number.MAX_SAFE_INTEGER) || b.sequence - a.sequence

/** What was not told of yet: the newest of all. There are few: they get their position within a moment. */
const untold = async (db: Reader, projectId: string, before: EventRow | undefined, limit: number) => {
  if (before !== undefined && before.position !== null) return []
  const sides = (['owner', 'consumer'] as const).map((side) => {
    const waiting = ofSide(db, side, projectId).where('position', 'is', null).orderBy('sequence', 'desc').limit(limit)
    return (before === undefined ? waiting : waiting.where('sequence', '<', before.sequence)).execute()
  })
  return (await Promise.all(sides)).flat()
}

/**
 * Events of a project, newest first.
 * @param before the event after which the page begins, if any
 */
export const projectEvents = async (
  db: Reader,
  projectId: string,
  { limit, before }: { limit: number; before: EventRow | undefined },
): Promise<EventRow[]> => {
  if (limit === 0) return []
  // First, so that what is told of meanwhile is found twice, not missed.
  const waiting = await untold(db, projectId, before, limit)
  const sides = (['owner', 'consumer'] as const).map((side) => {
    const told = ofSide(db, side, projectId).where('position', 'is not', null).orderBy('position', 'desc').limit(limit)
    const { position = null } = before ?? {}
    return (position === null ? told : told.where('position', '<', position)).execute()
  })
  const told = (await Promise.all(sides)).flat()
  const distinct = new Map([...waiting, ...told].map((row) => [row.id, row]))
  return [...distinct.values()].sort(byPosition).slice(0, limit)
}

/** A page of events, and the event after which the next one begins, if there may be one. */
export interface ActivityPage {
  readonly rows: readonly EventRow[]
  readonly last: EventRow | undefined
}

/**
 * A page of the activity, of some types only if any are given. A search for rare types ends after a while: then the page is
 * not full, and the next one goes on.
 */
export const activityPage = async (
  db: Reader,
  projectId: string,
  { limit, before, types }: { limit: number; before: EventRow | undefined; types: ReadonlySet<EventType> },
): Promise<ActivityPage> => {
  if (types.size === 0) {
    const rows = await projectEvents(db, projectId, { limit, before })
    return { rows, last: rows.length === limit ? rows.at(-1) : undefined }
  }
  const found: EventRow[] = []
  let last = before
  for (let looked = 0; looked < lookedAtMax && limit > 0; looked += chunk) {
    const rows = await projectEvents(db, projectId, { limit: chunk, before: last })
    for (const row of rows) {
      last = row
      if (!types.has(row.type)) continue
      found.push(row)
      if (found.length === limit) return { rows: found, last }
    }
    if (rows.length < chunk) return { rows: found, last: undefined }
  }
  return { rows: found, last: limit === 0 ? undefined : last }
}

/** An event that the project may read. */
export const findProjectEvent = async (db: Reader, projectId: string, id: string): Promise<EventRow | undefined> => {
  for (const side of ['owner', 'consumer'] as const) {
    const row = await ofSide(db, side, projectId).where('id', '=', id).executeTakeFirst()
    if (row !== undefined) return row
  }
  return undefined
}

/** Events of a project between two positions (the first not included), oldest first. */
export const eventsBetween = async (
  db: Reader,
  projectId: string,
  { after, upTo, limit }: { after: number; upTo: number; limit: number },
): Promise<EventRow[]> => {
  const sides = (['owner', 'consumer'] as const).map((side) =>
    ofSide(db, side, projectId)
      .where('position', '>', after)
      .where('position', '<=', upTo)
      .orderBy('position')
      .limit(limit)
      .execute(),
  )
  return (await Promise.all(sides))
    .flat()
    .sort((a, b) => byPosition(b, a))
    .slice(0, limit)
}
