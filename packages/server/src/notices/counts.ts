import { type ApiError, apiError } from '../api-error.ts'
import type { Tx } from '../database/database.ts'

const hourMs = 60 * 60 * 1000
export const dayMs = 24 * hourMs

/**
 * Counts something within the present hour or day (UTC).
 * @returns how often it happened since that began, this time included
 */
export const countUp = async (tx: Tx, key: string, per: 'hour' | 'day', now: number, by = 1): Promise<number> => {
  const length = per === 'hour' ? hourMs : dayMs
  const row = await tx
    .insertInto('notice_counts')
    .values({ key, begins_at: now - (now % length), count: by })
    .onConflict((conflict) =>
      conflict
        .columns(['key', 'begins_at'])
        .doUpdateSet(({ eb, ref }) => ({ count: eb(ref('notice_counts.count'), '+', by) })),
    )
    .returning('count')
    .executeTakeFirstOrThrow()
  return row.count
}

/** The refusal of a call that came too often, with how long to wait. */
export const tooMany = (what: string, seconds: number): ApiError =>
  apiError('too_many_requests', { what, seconds }, { 'retry-after': String(seconds) })

/** Forgets counts that no limit reads any more. */
export const trimCounts = async (tx: Tx, now: number): Promise<void> => {
  await tx
    .deleteFrom('notice_counts')
    .where('begins_at', '<', now - 2 * dayMs)
    .execute()
}
