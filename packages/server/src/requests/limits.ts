import { apiError } from '../api-error.ts'
import type { Limits } from '../config.ts'
import type { Tx } from '../database/database.ts'
import { lockName } from '../database/dialect.ts'
import { countSince } from './queries.ts'

const hourMs = 60 * 60 * 1000
const dayMs = 24 * hourMs

/**
 * Counts what a request comes from and goes to, within the transaction that makes it: of many at once, no more get through
 * than are allowed. The locks are always taken in this order, so that no two wait for each other. The same for every
 * project id, whether or not it exists.
 * @throws ApiError `too_many_requests` with `Retry-After`
 */
export const checkRequestLimits = async (
  tx: Tx,
  limits: Limits,
  from: { readonly email: string; readonly network: string; readonly listingId: string },
  now: number,
): Promise<void> => {
  const rules = [
    {
      column: 'email',
      value: from.email,
      limit: limits.requests_per_email_day,
      windowMs: dayMs,
      what: 'requests with this mailbox',
    },
    {
      column: 'network',
      value: from.network,
      limit: limits.requests_per_network_hour,
      windowMs: hourMs,
      what: 'requests from your network',
    },
    {
      column: 'listing_id',
      value: from.listingId,
      limit: limits.requests_per_listing_hour,
      windowMs: hourMs,
      what: 'requests for this image',
    },
  ] as const
  for (const { column, value, limit, windowMs, what } of rules) {
    if (limit < 0) continue
    await lockName(tx, `requests by ${column} ${value}`)
    const { count, first } = await countSince(tx, column, value, now - windowMs)
    if (count < limit) continue
    const seconds = Math.max(1, Math.ceil((first + windowMs - now) / 1000))
    throw apiError('too_many_requests', { what, seconds }, { 'retry-after': String(seconds) })
  }
}
