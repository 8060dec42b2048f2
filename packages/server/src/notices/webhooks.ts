import { randomBytes, randomUUID } from 'node:crypto'
import { defaultNoticeKinds, type NoticeDocument, type NoticeKind, type WebhookDocument } from '@vitrine/contract'
import { type Selectable, sql } from 'kysely'
import type { Actor } from '../access/actor.ts'
import { projectOf } from '../access/project.ts'
import { apiError } from '../api-error.ts'
import type { Reader, Tx } from '../database/database.ts'
import { lockName } from '../database/dialect.ts'
import type { WebhooksTable } from '../database/sharing-tables.ts'
import type { EventRow } from '../database/tables.ts'
import { parseInstant } from '../http/instant.ts'
import { wireDate } from '../http/json.ts'
import type { Service } from '../service.ts'
import { countUp, tooMany } from './counts.ts'
import { deliveriesAgain, insertDeliveries, type NewDelivery } from './dispatch.ts'
import { rememberNames } from './project-names.ts'
import { queued } from './queue.ts'
import { abandon } from './results.ts'

type WebhookRow = Selectable<WebhooksTable>

/** Events that one replay looks at. */
const replayMax = 1000
/** Of a project. A replay is up to a thousand calls to an address that nobody proved to own. */
const perHour = { tests: 60, replays: 10 } as const

export const webhookDocument = (row: WebhookRow): WebhookDocument => ({
  id: row.id,
  url: row.url,
  kinds: JSON.parse(row.kinds),
  enabled: row.enabled === 1,
  failing_since: row.failing_since === null ? null : wireDate(row.failing_since),
  created_at: wireDate(row.created_at),
})

const wantsListings = (kinds: readonly NoticeKind[]): 0 | 1 => (kinds.includes('listing.published') ? 1 : 0)

const ownWebhook = async (db: Reader, projectId: string, id: string): Promise<WebhookRow> => {
  const row = await db
    .selectFrom('webhooks')
    .selectAll()
    .where('id', '=', id)
    .where('project_id', '=', projectId)
    .executeTakeFirst()
  if (row === undefined) throw apiError('resource_not_found', { kind: 'webhook', id })
  return row
}

const checkUrl = ({ notices }: Pick<Service, 'notices'>, url: string): void => {
  const why = notices.refusalOf(url)
  if (why !== undefined) throw apiError('invalid_attribute', { name: 'url', why })
}

export const listWebhooks = ({ database }: Service, actor: Actor): Promise<WebhookRow[]> =>
  database.read
    .selectFrom('webhooks')
    .selectAll()
    .where('project_id', '=', projectOf(actor, 'reader'))
    .orderBy('created_at')
    .orderBy('id')
    .execute()

/** @throws ApiError `resource_not_found` */
export const readWebhook = ({ database }: Service, actor: Actor, id: string): Promise<WebhookRow> =>
  ownWebhook(database.read, projectOf(actor, 'reader'), id)

/**
 * Adds a webhook. Its secret is told here and never again.
 * @throws ApiError `invalid_attribute` for an address that can never be called, `resource_quota`
 */
export const addWebhook = async (
  service: Service,
  actor: Actor,
  wish: { readonly url: string; readonly kinds?: readonly NoticeKind[] },
): Promise<{ row: WebhookRow; secret: string }> => {
  const { database, limits, now } = service
  const projectId = projectOf(actor, 'member')
  checkUrl(service, wish.url)
  const kinds = wish.kinds ?? defaultNoticeKinds
  const row: WebhookRow = {
    id: randomUUID(),
    project_id: projectId,
    url: wish.url,
    secret: `whsec_${randomBytes(32).toString('base64')}`,
    kinds: JSON.stringify(kinds),
    wants_listings: wantsListings(kinds),
    enabled: 1,
    failing_since: null,
    failures: 0,
    retry_at: null,
    created_at: now(),
  }
  await database.write(async (tx) => {
    await lockName(tx, `webhooks ${projectId}`)
    const limit = limits.webhooks_per_project
    const rows = await tx.selectFrom('webhooks').select('id').where('project_id', '=', projectId).execute()
    if (limit >= 0 && rows.length >= limit) throw apiError('resource_quota', { limit, kind: 'webhooks' })
    await tx.insertInto('webhooks').values(row).execute()
    await rememberNames(tx, actor, projectId)
  })
  return { row, secret: row.secret }
}

/** Changes a webhook. Switching it on again forgets its failures. @throws ApiError `resource_not_found`, `invalid_attribute` */
export const changeWebhook = (
  service: Service,
  actor: Actor,
  id: string,
  change: { readonly url?: string; readonly kinds?: readonly NoticeKind[]; readonly enabled?: boolean },
): Promise<WebhookRow> => {
  const projectId = projectOf(actor, 'member')
  if (change.url !== undefined) checkUrl(service, change.url)
  return service.database.write(async (tx) => {
    const row = await ownWebhook(tx, projectId, id)
    const kinds: readonly NoticeKind[] = change.kinds ?? JSON.parse(row.kinds)
    const changed = {
      url: change.url ?? row.url,
      kinds: JSON.stringify(kinds),
      wants_listings: wantsListings(kinds),
      enabled: change.enabled === undefined ? row.enabled : change.enabled ? (1 as const) : (0 as const),
      ...(change.enabled === true || change.url !== undefined
        ? { failing_since: null, failures: 0, retry_at: null }
        : {}),
    }
    await tx.updateTable('webhooks').set(changed).where('id', '=', id).execute()
    if (changed.enabled === 0) await abandon(tx, id, 'The webhook was switched off.', service.now())
    if (changed.url !== row.url) {
      await tx
        .updateTable('deliveries')
        .set({ target: changed.url, next_at: service.now() })
        .where('target_id', '=', id)
        .where('state', '=', sql.lit('waiting'))
        .execute()
    }
    await rememberNames(tx, actor, projectId)
    return { ...row, ...changed }
  })
}

/** Removes a webhook, with all that waits for it. @throws ApiError `resource_not_found` */
export const removeWebhook = ({ database }: Service, actor: Actor, id: string): Promise<void> => {
  const projectId = projectOf(actor, 'member')
  return database.write(async (tx) => {
    await ownWebhook(tx, projectId, id)
    await tx.deleteFrom('deliveries').where('target_id', '=', id).where('state', '=', sql.lit('waiting')).execute()
    await tx.deleteFrom('webhooks').where('id', '=', id).execute()
  })
}

const brake = async (tx: Tx, what: keyof typeof perHour, projectId: string, now: number): Promise<void> => {
  const limit = perHour[what]
  if ((await countUp(tx, `${what} ${projectId}`, 'hour', now)) <= limit) return
  throw tooMany(`${what} of webhooks`, 60 * 60)
}

/**
 * Queues a notice that tells of nothing, to try the webhook with.
 * @throws ApiError `resource_not_found`, `too_many_requests`
 */
export const testWebhook = ({ database, now }: Service, actor: Actor, id: string): Promise<NewDelivery> => {
  const projectId = projectOf(actor, 'member')
  const at = now()
  const notice: NoticeDocument = {
    type: 'test',
    timestamp: wireDate(at),
    data: { event_id: null, image_id: null, image_name: null, project_id: projectId, owner_id: null, detail: {} },
  }
  return database.write(async (tx) => {
    const row = await ownWebhook(tx, projectId, id)
    await brake(tx, 'tests', projectId, at)
    const delivery: NewDelivery = {
      id: randomUUID(),
      kind: 'webhook',
      notice: 'test',
      project_id: projectId,
      target_id: id,
      target: row.url,
      event_id: null,
      image_id: null,
      payload: JSON.stringify(notice),
      created_at: at,
      ...queued(at),
    }
    await tx.insertInto('deliveries').values(delivery).execute()
    return delivery
  })
}

/** The events of a project since a time, oldest first; no more than the newest that one replay looks at. */
const eventsSince = async (tx: Tx, projectId: string, since: number): Promise<EventRow[]> => {
  const newest = (side: 'owner_id' | 'member_id') =>
    tx
      .selectFrom('events')
      .selectAll()
      .where(side, '=', projectId)
      .where('position', 'is not', null)
      .orderBy('position', 'desc')
      .limit(replayMax)
      .execute()
  const rows = [...(await newest('owner_id')), ...(await newest('member_id'))]
  const distinct = new Map(rows.filter((row) => row.created_at >= since).map((row) => [row.sequence, row]))
  return [...distinct.values()].sort((a, b) => (a.position ?? 0) - (b.position ?? 0)).slice(-replayMax)
}

/**
 * Delivers again what happened since a time, also what happened before the webhook was there. Notices keep their ids.
 * @returns how many notices it is
 * @throws ApiError `resource_not_found`, `invalid_attribute`, `conflict` when it is switched off, `too_many_requests`
 */
export const replayWebhook = ({ database, now }: Service, actor: Actor, id: string, since: string): Promise<number> => {
  const projectId = projectOf(actor, 'member')
  const from = parseInstant('since', since)
  return database.write(async (tx) => {
    const row = await ownWebhook(tx, projectId, id)
    if (row.enabled === 0) throw apiError('conflict', { why: 'The webhook is switched off' })
    await brake(tx, 'replays', projectId, now())
    const rows = await deliveriesAgain(tx, await eventsSince(tx, projectId, from), { id, projectId }, now())
    const ids = rows.map((one) => one.id)
    // In the order of the events, those that were made before among the others: made anew, under the same ids.
    if (ids.length > 0) await tx.deleteFrom('deliveries').where('id', 'in', ids).execute()
    await insertDeliveries(tx, rows)
    return rows.length
  })
}
