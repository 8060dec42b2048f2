import { randomUUID } from 'node:crypto'
import type { RuleDocument, RuleKind, RuleMode } from '@vitrine/contract'
import type { Actor } from '../access/actor.ts'
import { projectOf } from '../access/project.ts'
import { apiError } from '../api-error.ts'
import type { Limits } from '../config.ts'
import type { Reader, Tx } from '../database/database.ts'
import type { RulesTable } from '../database/sharing-tables.ts'
import { wireDate } from '../http/json.ts'
import type { Service } from '../service.ts'
import { blockShares, unblockShares } from './blocking.ts'
import { lockRules } from './lock.ts'

/** A rule as a caller writes it. */
export interface RuleWish {
  readonly kind: RuleKind
  readonly producer: string
  readonly listing?: string | undefined
  readonly mode?: RuleMode | undefined
}

/** A rule with the names of what it speaks of. */
export type NamedRule = RulesTable & { readonly handle: string | null; readonly slug: string | null }

const refuse = (name: string, why: string) => apiError('invalid_attribute', { name, why })

const named = (db: Reader, projectId: string) =>
  db
    .selectFrom('rules')
    .leftJoin('producers', 'producers.project_id', 'rules.producer_id')
    .leftJoin('listings', 'listings.id', 'rules.listing_id')
    .selectAll('rules')
    .select(['producers.handle', 'listings.slug'])
    .where('rules.project_id', '=', projectId)

/** The rules of the actor's project, oldest first. */
export const readRules = ({ database }: Service, actor: Actor): Promise<NamedRule[]> =>
  named(database.read, projectOf(actor, 'reader')).orderBy('rules.created_at').orderBy('rules.id').execute()

/** @returns the id of the producing project, which need not exist unless it is named by its handle */
const findProducer = async (tx: Tx, name: string): Promise<string> => {
  if (!name.startsWith('@')) return name
  const handle = name.slice(1).toLowerCase()
  const found = await tx.selectFrom('producers').select('project_id').where('handle', '=', handle).executeTakeFirst()
  if (found === undefined) throw apiError('resource_not_found', { kind: 'producer', id: name })
  return found.project_id
}

/** @returns the id of the listing, or the empty text for whatever the producer shares */
const findListing = async (tx: Tx, producerId: string, slug: string | undefined): Promise<string> => {
  if (slug === undefined) return ''
  const found = await tx
    .selectFrom('listings')
    .select('id')
    .where('project_id', '=', producerId)
    .where('slug', '=', slug)
    .executeTakeFirst()
  if (found === undefined) throw apiError('resource_not_found', { kind: 'listing', id: slug })
  return found.id
}

const checkQuota = async (tx: Tx, projectId: string, limit: number): Promise<void> => {
  if (limit < 0) return
  const { count } = await tx
    .selectFrom('rules')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('project_id', '=', projectId)
    .executeTakeFirstOrThrow()
  if (Number(count) >= limit) throw apiError('resource_quota', { limit, kind: 'rules' })
}

const findRule = (tx: Tx, rule: Pick<RulesTable, 'project_id' | 'producer_id' | 'kind' | 'listing_id'>) =>
  tx
    .selectFrom('rules')
    .selectAll()
    .where('project_id', '=', rule.project_id)
    .where('producer_id', '=', rule.producer_id)
    .where('kind', '=', rule.kind)
    .where('listing_id', '=', rule.listing_id)
    .executeTakeFirst()

const insertRule = async (tx: Tx, limits: Limits, rule: RulesTable): Promise<void> => {
  await checkQuota(tx, rule.project_id, limits.rules_per_project)
  const blocks = rule.kind === 'block' && rule.mode === 'enforce'
  const reported = blocks ? await blockShares(tx, rule.project_id, rule.producer_id) : 0
  await tx
    .insertInto('rules')
    .values({ ...rule, reported })
    .execute()
}

/**
 * Makes a rule of the actor's project. A rule that blocks also takes the shares out of sight that are there and not
 * accepted; one that accepts only speaks of shares to come.
 * @throws ApiError `resource_not_found`, `invalid_attribute`, `conflict`, `resource_quota`
 */
export const makeRule = async (
  { database, limits, now }: Service,
  actor: Actor,
  wish: RuleWish,
): Promise<NamedRule> => {
  const projectId = projectOf(actor, 'member')
  if (wish.listing !== undefined && wish.kind === 'block') {
    throw refuse('listing', 'only rules that accept are about a listing')
  }
  return database.write(async (tx) => {
    const producerId = await findProducer(tx, wish.producer)
    if (producerId === projectId) throw refuse('producer', 'it is your own project')
    const rule: RulesTable = {
      id: randomUUID(),
      project_id: projectId,
      kind: wish.kind,
      producer_id: producerId,
      listing_id: await findListing(tx, producerId, wish.listing),
      mode: wish.mode ?? 'enforce',
      reported: 0,
      created_at: now(),
    }
    await lockRules(tx, projectId)
    const same = await findRule(tx, rule)
    if (same !== undefined) {
      throw apiError('conflict', { why: `There is such a rule already (${same.id}, ${same.mode}); remove it first` })
    }
    await insertRule(tx, limits, rule)
    return named(tx, projectId).where('rules.id', '=', rule.id).executeTakeFirstOrThrow()
  })
}

/**
 * Makes sure that a project blocks a producer: a rule that only reports so far acts from now on.
 * @throws ApiError `resource_quota`
 */
export const ensureBlocked = async (
  tx: Tx,
  limits: Limits,
  projectId: string,
  producerId: string,
  now: number,
): Promise<void> => {
  await lockRules(tx, projectId)
  const rule: RulesTable = {
    id: randomUUID(),
    project_id: projectId,
    kind: 'block',
    producer_id: producerId,
    listing_id: '',
    mode: 'enforce',
    reported: 0,
    created_at: now,
  }
  const same = await findRule(tx, rule)
  if (same?.mode === 'enforce') return
  if (same === undefined) {
    await insertRule(tx, limits, rule)
    return
  }
  const count = await blockShares(tx, projectId, producerId)
  await tx
    .updateTable('rules')
    .set(({ eb }) => ({ mode: 'enforce', reported: eb('reported', '+', count) }))
    .where('id', '=', same.id)
    .execute()
}

/** Removes a rule of the actor's project. Shares that it kept out of sight are seen again. */
export const removeRule = async ({ database }: Service, actor: Actor, id: string): Promise<void> => {
  const projectId = projectOf(actor, 'member')
  await database.write(async (tx) => {
    await lockRules(tx, projectId)
    const rule = await tx
      .selectFrom('rules')
      .selectAll()
      .where('id', '=', id)
      .where('project_id', '=', projectId)
      .executeTakeFirst()
    if (rule === undefined) throw apiError('resource_not_found', { kind: 'rule', id })
    await tx.deleteFrom('rules').where('id', '=', id).execute()
    if (rule.kind === 'block' && rule.mode === 'enforce') await unblockShares(tx, projectId, rule.producer_id)
  })
}

export const ruleDocument = (rule: NamedRule): RuleDocument => ({
  id: rule.id,
  kind: rule.kind,
  producer_id: rule.producer_id,
  producer: rule.handle,
  // A listing that was withdrawn has no slug any more; its rule must not look like one for everything.
  listing: rule.slug ?? (rule.listing_id === '' ? null : rule.listing_id),
  mode: rule.mode,
  created_at: wireDate(rule.created_at),
  reported: rule.reported,
})
