import { sql } from 'kysely'
import type { Reader } from '../database/database.ts'

/** A mailbox or a webhook of a project. */
export interface Target {
  readonly kind: 'mail' | 'webhook'
  readonly id: string
  readonly projectId: string
  /** Mailbox or URL. */
  readonly target: string
  readonly kinds: ReadonlySet<string>
  /** Whether its notices wait for the digest. */
  readonly daily: boolean
  /** Until then nothing is sent to it. */
  readonly retryAt: number | null
}

const addressTarget = (row: {
  id: string
  project_id: string
  email: string
  kinds: string
  mode: string
}): Target => ({
  kind: 'mail',
  id: row.id,
  projectId: row.project_id,
  target: row.email,
  kinds: new Set(JSON.parse(row.kinds)),
  daily: row.mode === 'daily',
  retryAt: null,
})

const webhookTarget = (row: {
  id: string
  project_id: string
  url: string
  kinds: string
  retry_at: number | null
}): Target => ({
  kind: 'webhook',
  id: row.id,
  projectId: row.project_id,
  target: row.url,
  kinds: new Set(JSON.parse(row.kinds)),
  daily: false,
  retryAt: row.retry_at,
})

const addresses = (db: Reader) =>
  db
    .selectFrom('notice_addresses')
    .select(['id', 'project_id', 'email', 'kinds', 'mode'])
    .where('state', '=', 'confirmed')

const webhooks = (db: Reader) =>
  db.selectFrom('webhooks').select(['id', 'project_id', 'url', 'kinds', 'retry_at']).where('enabled', '=', 1)

const grouped = (targets: readonly Target[]): Map<string, Target[]> =>
  Map.groupBy(targets, ({ projectId }) => projectId)

/** The mailboxes and webhooks of projects, by project. */
export const targetsOf = async (db: Reader, projectIds: readonly string[]): Promise<Map<string, Target[]>> => {
  if (projectIds.length === 0) return new Map()
  const mailboxes = await addresses(db).where('project_id', 'in', projectIds).execute()
  const hooks = await webhooks(db).where('project_id', 'in', projectIds).execute()
  return grouped([...mailboxes.map(addressTarget), ...hooks.map(webhookTarget)])
}

/** Those that asked for every new listing, by project. */
export const targetsForListings = async (db: Reader): Promise<Map<string, Target[]>> => {
  const mailboxes = await addresses(db).where('wants_listings', '=', sql.lit(1)).execute()
  const hooks = await webhooks(db).where('wants_listings', '=', sql.lit(1)).execute()
  return grouped([...mailboxes.map(addressTarget), ...hooks.map(webhookTarget)])
}

/** The projects that go by these names, as their own tokens said. */
export const projectsNamed = async (db: Reader, names: readonly string[]): Promise<Map<string, string[]>> => {
  if (names.length === 0) return new Map()
  const rows = await db.selectFrom('project_names').selectAll().where('name', 'in', names).execute()
  const byName = new Map<string, string[]>()
  for (const { name, project_id } of rows) byName.set(name, [...(byName.get(name) ?? []), project_id])
  return byName
}

/** Says whether a consumer blocks a producer. */
export type Blocks = (consumer: string, producer: string | null) => boolean

/** A news for everyone can concern more projects than one query takes. */
const projectsAtOnce = 500

/** Loads which of these consumers block which of these producers. */
export const blocksAmong = async (
  db: Reader,
  consumers: readonly string[],
  producers: readonly string[],
): Promise<Blocks> => {
  const blocked = new Map<string, Set<string>>()
  if (producers.length === 0) return () => false
  for (let start = 0; start < consumers.length; start += projectsAtOnce) {
    const rows = await db
      .selectFrom('rules')
      .select(['project_id', 'producer_id'])
      .where('project_id', 'in', consumers.slice(start, start + projectsAtOnce))
      .where('producer_id', 'in', producers)
      .where('kind', '=', 'block')
      .where('mode', '=', 'enforce')
      .execute()
    for (const { project_id, producer_id } of rows) {
      blocked.set(project_id, (blocked.get(project_id) ?? new Set()).add(producer_id))
    }
  }
  return (consumer, producer) => producer !== null && (blocked.get(consumer)?.has(producer) ?? false)
}
