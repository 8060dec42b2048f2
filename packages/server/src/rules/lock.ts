import type { Tx } from '../database/database.ts'
import { isPostgres, locked, lockName, shareNames } from '../database/dialect.ts'

/**
 * Whoever makes a share follows the rules of its consumer, and whoever changes a rule finds every share that did not follow
 * it yet. So a share is made while the rules of its consumer stand still.
 *
 * The order of locks, for all that lock more than one thing: images by their ids, invitations of a producer, grants of keys,
 * rules, rows of members. Who changes rules locks no image and no grant.
 */

/** Rules are locked by groups of projects, so that a batch of shares locks few names, however many projects it names. */
const groupCount = 64

const groupOf = (projectId: string): number => {
  let sum = 0
  for (const character of projectId) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 65_521
  return sum % groupCount
}

const nameOf = (group: number): string => `rules ${group}`

/** Waits for shares with this project that are being made, and keeps others back until its rules are changed. */
export const lockRules = (tx: Tx, projectId: string): Promise<void> => lockName(tx, nameOf(groupOf(projectId)))

/** Keeps the rules of these projects as they are until the transaction ends. */
export const keepRules = async (tx: Tx, projectIds: readonly string[]): Promise<void> => {
  const groups = [...new Set(projectIds.map(groupOf))].sort((one, other) => one - other)
  await shareNames(tx, groups.map(nameOf))
}

/**
 * The same for a batch of shares by these producers. Also locks the rules themselves, whose reports the batch will count, in
 * one order: two batches may come to them in different ones.
 */
export const keepRulesForBatch = async (
  tx: Tx,
  projectIds: readonly string[],
  producerIds: readonly string[],
): Promise<void> => {
  await keepRules(tx, projectIds)
  if (!isPostgres(tx) || projectIds.length === 0 || producerIds.length === 0) return
  const rules = tx
    .selectFrom('rules')
    .select('id')
    .where('project_id', 'in', projectIds)
    .where('producer_id', 'in', producerIds)
    .orderBy('id')
  await locked(tx, rules).execute()
}
