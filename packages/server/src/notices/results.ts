import { sql } from 'kysely'
import type { Tx } from '../database/database.ts'
import type { Delivery } from './claims.ts'
import type { Outcome } from './outcome.ts'
import { pauseAfter, webhookPatienceMs } from './schedule.ts'

export interface Result {
  readonly delivery: Delivery
  readonly outcome: Outcome
}

/** How soon a mail is tried again that the server did not even look at. */
const nextProbeMs = 10_000

const finish = async (tx: Tx, { id, attempts }: Delivery, why: string | null, now: number): Promise<void> => {
  await tx
    .updateTable('deliveries')
    .set({
      state: why === null ? 'sent' : 'failed',
      attempts: attempts + 1,
      last_error: why,
      next_at: null,
      claimed_until: null,
      finished_at: now,
    })
    .where('id', '=', id)
    .where('state', '=', sql.lit('waiting'))
    .execute()
}

const postpone = async (tx: Tx, delivery: Delivery, why: string, next: number, now: number): Promise<void> => {
  if (delivery.give_up_at <= now) return finish(tx, delivery, why, now)
  await tx
    .updateTable('deliveries')
    .set({ attempts: delivery.attempts + 1, last_error: why, next_at: next, claimed_until: null })
    .where('id', '=', delivery.id)
    .where('state', '=', sql.lit('waiting'))
    .execute()
}

/** Gives up everything that waits for a webhook or an address. */
export const abandon = async (tx: Tx, targetId: string, why: string, now: number): Promise<void> => {
  await tx
    .updateTable('deliveries')
    .set({ state: 'failed', last_error: why, next_at: null, claimed_until: null, finished_at: now })
    .where('target_id', '=', targetId)
    .where('state', 'in', ['waiting', 'digest'])
    .execute()
}

const switchOff = async (tx: Tx, webhookId: string, now: number): Promise<void> => {
  await tx.updateTable('webhooks').set({ enabled: 0 }).where('id', '=', webhookId).execute()
  await abandon(tx, webhookId, 'The webhook was switched off, since it failed for too long or asked for it.', now)
}

const webhookWorks = async (tx: Tx, webhookId: string): Promise<void> => {
  await tx
    .updateTable('webhooks')
    .set({ failing_since: null, failures: 0, retry_at: null })
    .where('id', '=', webhookId)
    .where('failures', '>', 0)
    .execute()
}

/** A webhook that fails gets a pause, with all that waits for it; one that fails for days is switched off. */
const webhookFails = async (tx: Tx, delivery: Delivery, why: string, now: number): Promise<void> => {
  const { target_id: webhookId } = delivery
  const row =
    webhookId === null
      ? undefined
      : await tx.selectFrom('webhooks').selectAll().where('id', '=', webhookId).executeTakeFirst()
  const failures = (row?.failures ?? 0) + 1
  const retryAt = now + pauseAfter(failures)
  // After the others, so that one notice that a webhook chokes on does not keep it from the rest.
  await postpone(tx, delivery, why, Math.max(retryAt, now + pauseAfter(delivery.attempts + 1)) + 1, now)
  if (row === undefined) return
  await tx
    .updateTable('webhooks')
    .set({ failures, failing_since: row.failing_since ?? now, retry_at: retryAt })
    .where('id', '=', row.id)
    .execute()
  await tx
    .updateTable('deliveries')
    .set({ next_at: retryAt })
    .where('target_id', '=', row.id)
    .where('state', '=', sql.lit('waiting'))
    .where('claimed_until', 'is', null)
    .where('next_at', '<', retryAt)
    .execute()
  if (row.failing_since !== null && row.failing_since <= now - webhookPatienceMs) await switchOff(tx, row.id, now)
}

/** Writes down what became of attempts. */
export const recordResult = async (tx: Tx, { delivery, outcome }: Result, now: number): Promise<void> => {
  const isWebhook = delivery.kind === 'webhook'
  if (outcome.result === 'sent') {
    await finish(tx, delivery, null, now)
    if (isWebhook && delivery.target_id !== null) await webhookWorks(tx, delivery.target_id)
    return
  }
  const { why } = outcome
  switch (outcome.result) {
    case 'refused':
      return finish(tx, delivery, why, now)
    case 'gone':
      await finish(tx, delivery, why, now)
      if (delivery.target_id !== null) await switchOff(tx, delivery.target_id, now)
      return
    case 'unavailable':
      return postpone(tx, delivery, why, now + nextProbeMs, now)
    case 'retry':
      return isWebhook
        ? webhookFails(tx, delivery, why, now)
        : postpone(tx, delivery, why, now + pauseAfter(delivery.attempts + 1), now)
  }
}
