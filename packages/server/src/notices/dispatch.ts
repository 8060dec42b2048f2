import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { Limits } from '../config.ts'
import type { Database, Tx } from '../database/database.ts'
import { isPostgres, lockName } from '../database/dialect.ts'
import type { EventRow } from '../database/tables.ts'
import type { Delivery } from './claims.ts'
import { type Facts, factsOf, type MailPayload, noticeContent, noticeDocument } from './content.ts'
import { countUp } from './counts.ts'
import { type Meaning, meaningsOf, type Told, toldOf } from './meaning.ts'
import { queued } from './queue.ts'
import { blocksAmong, projectsNamed, type Target, targetsForListings, targetsOf } from './recipients.ts'
import { nextDigest } from './schedule.ts'

/** How many events one turn tells of. */
export const batchMax = 500
/** Deliveries from which on a transaction ends: an event can concern many, and nobody else writes meanwhile. */
const deliveriesMax = 1000
const rowsAtOnce = 50

/** A delivery that is not in the queue yet. */
export type NewDelivery = Omit<Delivery, 'sequence'>

/** What the operator says of telling. */
export interface Telling {
  readonly limits: Limits
  /** Whether projects can be told of every new listing. */
  readonly newListings: boolean
}

/** A notice to one mailbox or webhook. */
interface Addressed {
  readonly event: Told
  readonly meaning: Meaning
  readonly target: Target
}

/** The same for the same event and target, whenever it is made: who gets it twice can tell. */
export const deliveryId = (targetId: string, eventId: string): string => {
  const hex = createHash('sha256').update(`${targetId} ${eventId}`).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
}

const waiting = (tx: Tx, limit: number): Promise<EventRow[]> =>
  tx.selectFrom('events').selectAll().where('position', 'is', null).orderBy('sequence').limit(limit).execute()

/**
 * Gives events their place in the order of telling. It is the order of `sequence`, but for those that were committed after
 * later ones had been told of: they come now, so that whoever reads on from a position misses none.
 */
const setPositions = async (tx: Tx, rows: readonly EventRow[]): Promise<void> => {
  const first = rows[0]
  if (first === undefined) return
  const last = await tx
    .selectFrom('events')
    .select('position')
    .where('position', 'is not', null)
    .orderBy('position', 'desc')
    .limit(1)
    .executeTakeFirst()
  const offset = Math.max(0, (last?.position ?? 0) + 1 - first.sequence)
  const sequences = rows.map(({ sequence }) => sequence)
  const among = isPostgres(tx)
    ? sql<boolean>`sequence = any(${sequences}::bigint[])`
    : sql<boolean>`sequence in (select value from json_each(${JSON.stringify(sequences)}))`
  await tx
    .updateTable('events')
    .set(({ eb, ref }) => ({ position: eb(ref('sequence'), '+', offset) }))
    .where(among)
    .execute()
}

interface Notice {
  readonly event: Told
  readonly meaning: Meaning
}

/** The projects that a notice is for. */
const projectsOf = (
  { audience }: Meaning,
  named: ReadonlyMap<string, string[]>,
  listeners: ReadonlyMap<string, Target[]>,
): readonly string[] => {
  if (audience.to === 'name') return named.get(audience.name) ?? []
  return audience.to === 'everyone' ? [...listeners.keys()] : [audience.projectId]
}

/** Every mailbox and webhook that is to be told, in the order of the events. */
const addressed = async (tx: Tx, notices: readonly Notice[], only?: string): Promise<Addressed[]> => {
  const audiences = notices.map(({ meaning }) => meaning.audience)
  const named = await projectsNamed(
    tx,
    audiences.flatMap((audience) => (audience.to === 'name' ? [audience.name] : [])),
  )
  const listeners = audiences.some(({ to }) => to === 'everyone') ? await targetsForListings(tx) : new Map()
  const concerned = audiences.flatMap((audience) =>
    'projectId' in audience ? [audience.projectId] : audience.to === 'name' ? (named.get(audience.name) ?? []) : [],
  )
  const targets = await targetsOf(tx, [...new Set(concerned)])
  if (targets.size === 0 && listeners.size === 0) return []

  const told = [...new Set([...targets.keys(), ...listeners.keys()])]
  const producers = [...new Set(notices.flatMap(({ event }) => (event.ownerId === null ? [] : [event.ownerId])))]
  const blocked = await blocksAmong(tx, told, producers)

  return notices.flatMap(({ event, meaning }) =>
    projectsOf(meaning, named, listeners).flatMap((projectId) => {
      const { to } = meaning.audience
      if (only !== undefined && projectId !== only) return []
      if (to !== 'producer' && (projectId === event.project_id || projectId === event.ownerId)) return []
      if (to !== 'producer' && blocked(projectId, event.ownerId)) return []
      const ofProject = (to === 'everyone' ? listeners : targets).get(projectId) ?? []
      return ofProject
        .filter((target: Target) => target.kinds.has(meaning.kind))
        .map((target: Target) => ({ event, meaning, target }))
    }),
  )
}

/** Mailboxes that a mail of a conversation tells of an event already. */
const toldDirectly = async (tx: Tx, all: readonly Addressed[]): Promise<ReadonlySet<string>> => {
  const events = [...new Set(all.filter(({ target }) => target.kind === 'mail').map(({ event }) => event.id))]
  if (events.length === 0) return new Set()
  const rows = await tx
    .selectFrom('deliveries')
    .select(['event_id', 'target'])
    .where('event_id', 'in', events)
    .where('target_id', 'is', null)
    .execute()
  return new Set(rows.map(({ event_id, target }) => `${event_id} ${target.toLowerCase()}`))
}

/**
 * Counts things of one kind.
 * @returns those within the limit, the first of each key before the later
 */
const withinLimit = async <Item>(
  tx: Tx,
  items: readonly Item[],
  keyOf: (item: Item) => string,
  { per, limit, now }: { per: 'hour' | 'day'; limit: number; now: number },
): Promise<ReadonlySet<Item>> => {
  if (limit < 0) return new Set(items)
  const within = new Set<Item>()
  for (const [key, ofKey] of Map.groupBy(items, keyOf)) {
    const before = (await countUp(tx, key, per, now, ofKey.length)) - ofKey.length
    for (const item of ofKey.slice(0, Math.max(0, limit - before))) within.add(item)
  }
  return within
}

/** Whose doing a notice is, for the limit on mails about it. */
const counterpart = ({ event, meaning }: Addressed): string =>
  (meaning.audience.to === 'producer' ? event.member_id : event.ownerId) ?? ''

const deliveryOf = (
  { event, meaning, target }: Addressed,
  facts: Facts,
  at: { now: number; digest: boolean },
): NewDelivery => {
  const document = noticeDocument(event, meaning, target.projectId, facts)
  const mail: MailPayload = { content: noticeContent(event, meaning, target.projectId, facts) }
  return {
    id: deliveryId(target.id, event.id),
    kind: target.kind,
    notice: meaning.kind,
    project_id: target.projectId,
    target_id: target.id,
    target: target.target,
    event_id: event.id,
    image_id: document.data.image_id,
    payload: JSON.stringify(target.kind === 'mail' ? mail : document),
    created_at: at.now,
    ...queued(at.now),
    ...(at.digest
      ? { state: 'digest', next_at: nextDigest(at.now) }
      : { next_at: Math.max(at.now, target.retryAt ?? 0) }),
  }
}

/** Puts deliveries into the queue; those that are there already stay as they are. */
export const insertDeliveries = async (tx: Tx, rows: readonly NewDelivery[]): Promise<void> => {
  for (let start = 0; start < rows.length; start += rowsAtOnce) {
    await tx
      .insertInto('deliveries')
      .values(rows.slice(start, start + rowsAtOnce))
      .onConflict((conflict) => conflict.columns(['target_id', 'event_id']).doNothing())
      .execute()
  }
}

/**
 * Leaves out news beyond as many a day as a producer can have listings: one that announces and withdraws all day long would
 * have everyone told each time.
 */
const withoutExcess = async (
  tx: Tx,
  all: readonly Addressed[],
  { listings_per_project: limit }: Limits,
  now: number,
): Promise<readonly Addressed[]> => {
  const isNews = ({ meaning }: Addressed) => meaning.audience.to === 'everyone'
  const news = [...new Set(all.filter(isNews).map(({ event }) => event))]
  const told = await withinLimit(tx, news, ({ ownerId }) => `news ${ownerId}`, { per: 'day', limit, now })
  return all.filter((one) => !isNews(one) || told.has(one.event))
}

const queueNotices = async (tx: Tx, meant: readonly Addressed[], { limits }: Telling, now: number): Promise<number> => {
  if (meant.length === 0) return 0

  const all = await withoutExcess(tx, meant, limits, now)
  const direct = await toldDirectly(tx, all)
  const fresh = all.filter(
    ({ event, target }) => target.kind === 'webhook' || !direct.has(`${event.id} ${target.target.toLowerCase()}`),
  )
  // Whoever shares with thousands at once may; but not by our mail.
  const shares = fresh.filter(({ meaning, target }) => target.kind === 'mail' && meaning.kind === 'share.created')
  const mailed = await withinLimit(tx, shares, ({ event }) => `shares ${event.ownerId}`, {
    per: 'hour',
    limit: limits.new_shares_per_project_hour,
    now,
  })
  const kept = fresh.filter(
    (one) => one.target.kind === 'webhook' || one.meaning.kind !== 'share.created' || mailed.has(one),
  )
  if (kept.length === 0) return 0
  const instant = kept.filter(({ target }) => target.kind === 'mail' && !target.daily)
  const atOnce = await withinLimit(tx, instant, (one) => `mails ${one.target.target} ${counterpart(one)}`, {
    per: 'day',
    limit: limits.notice_mails_per_pair_day,
    now,
  })

  const facts = await factsOf(
    tx,
    kept.map(({ event }) => event),
  )
  const rows = kept.map((one) =>
    deliveryOf(one, facts, { now, digest: one.target.kind === 'mail' && !atOnce.has(one) }),
  )
  await insertDeliveries(tx, rows)
  return rows.length
}

const noticesOf = (rows: readonly EventRow[]): Notice[] =>
  rows.map(toldOf).flatMap((event) => meaningsOf(event).map((meaning) => ({ event, meaning })))

/** The first events of these, with as many deliveries as one transaction may queue; at least one event. */
const firstOf = (rows: readonly EventRow[], all: readonly Addressed[]): EventRow[] => {
  const counts = new Map<string, number>()
  for (const { event } of all) counts.set(event.id, (counts.get(event.id) ?? 0) + 1)
  let deliveries = 0
  const end = rows.findIndex(({ id }, index) => {
    deliveries += counts.get(id) ?? 0
    return index > 0 && deliveries > deliveriesMax
  })
  return end === -1 ? [...rows] : rows.slice(0, end)
}

/** One transaction of `dispatch`. */
const tellSome = (database: Database, telling: Telling, limit: number, now: number) =>
  database.write(async (tx) => {
    await lockName(tx, 'notices')
    const rows = await waiting(tx, limit)
    if (rows.length === 0) return { events: 0, deliveries: 0, isCut: false }
    const meant = noticesOf(rows)
    const notices = telling.newListings ? meant : meant.filter(({ meaning }) => meaning.audience.to !== 'everyone')
    const all = notices.length === 0 ? [] : await addressed(tx, notices)
    const told = firstOf(rows, all)
    await setPositions(tx, told)
    const ids = new Set(told.map(({ id }) => id))
    const some = all.filter(({ event }) => ids.has(event.id))
    const deliveries = await queueNotices(tx, some, telling, now)
    return { events: told.length, deliveries, isCut: told.length < rows.length }
  })

/**
 * Tells of the events that nobody was told of, up to `batchMax`: gives them positions and puts a delivery into the queue for
 * every mailbox and webhook concerned. One process at a time.
 * @returns how many events and deliveries it was
 */
export const dispatch = async (
  database: Database,
  telling: Telling,
  now: number,
): Promise<{ events: number; deliveries: number }> => {
  let events = 0
  let deliveries = 0
  let isMore = true
  let atOnce = batchMax
  while (isMore && events < batchMax) {
    const limit = Math.min(atOnce, batchMax - events)
    const some = await tellSome(database, telling, limit, now)
    events += some.events
    deliveries += some.deliveries
    isMore = some.isCut || some.events === limit
    // The next ones are likely to concern as many.
    if (some.isCut) atOnce = 2 * some.events
  }
  return { events, deliveries }
}

/** The deliveries that events mean for one webhook, whether or not they were made before. */
export const deliveriesAgain = async (
  tx: Tx,
  rows: readonly EventRow[],
  webhook: { readonly id: string; readonly projectId: string },
  now: number,
): Promise<NewDelivery[]> => {
  const all = await addressed(tx, noticesOf(rows), webhook.projectId)
  const own = all.filter(({ target }) => target.id === webhook.id)
  if (own.length === 0) return []
  const facts = await factsOf(
    tx,
    own.map(({ event }) => event),
  )
  return own.map((one) => deliveryOf(one, facts, { now, digest: false }))
}
