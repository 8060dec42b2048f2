import type { Tx } from '../database/database.ts'
import { prepared } from '../database/prepared.ts'
import type { RulesTable } from '../database/sharing-tables.ts'
import { keepRules } from './lock.ts'

const matching = prepared<{ project: string; producer: string }, RulesTable>((db, value) =>
  db
    .selectFrom('rules')
    .selectAll()
    .where('project_id', '=', value('project'))
    .where('producer_id', '=', value('producer'))
    // In one order for all, because they are counted up in it.
    .orderBy('id'),
)

/** What the rules of a consumer say of a new share. */
export interface RuleEffect {
  /** The rule that decides, if any: a block before an acceptance. */
  readonly enforced: RulesTable | undefined
  /** Rules that match and only report. */
  readonly audited: readonly RulesTable[]
}

/** Whether a rule speaks of shares that came about through this listing (null: through none). */
const concerns = (rule: RulesTable, listingId: string | null): boolean =>
  rule.listing_id === '' || rule.listing_id === listingId

/** Decides from the rules alone. */
export const effectOf = (rules: readonly RulesTable[], listingId: string | null): RuleEffect => {
  const concerned = rules.filter((rule) => concerns(rule, listingId))
  const enforced = concerned.filter(({ mode }) => mode === 'enforce')
  return {
    enforced: enforced.find(({ kind }) => kind === 'block') ?? enforced[0],
    audited: concerned.filter(({ mode }) => mode === 'audit'),
  }
}

/** What the rules of a project say of a share by this producer. They stay so until the share is made. */
export const ruleEffect = async (
  tx: Tx,
  project: string,
  producer: string | null,
  listingId: string | null,
): Promise<RuleEffect> => {
  if (producer === null) return effectOf([], listingId)
  await keepRules(tx, [project])
  return effectOf(await matching(tx, { project, producer }), listingId)
}

/** Counts that a rule did, or would have done, something. */
export const countRule = async (tx: Tx, id: string): Promise<void> => {
  await tx
    .updateTable('rules')
    .set(({ eb }) => ({ reported: eb('reported', '+', 1) }))
    .where('id', '=', id)
    .execute()
}
