import { apiError } from '../api-error.ts'
import type { Limits } from '../config.ts'
import type { Tx } from '../database/database.ts'
import { lockName } from '../database/dialect.ts'
import { siteOf } from './network.ts'
import { countSince } from './queries.ts'

const hourMs = 60 * 60 * 1000
const dayMs = 24 * hourMs

/** A site that has many networks of IPv6 gets more requests through than one network, but not as many as it has networks. */
const networksPerSite = 5

const siteLimits = (network: string, limit: number) => {
  const value = siteOf(network)
  if (value === undefined) return []
  const what = 'requests from your network'
  return [
    { column: 'network', value, isBeginning: true, limit: limit * networksPerSite, windowMs: hourMs, what } as const,
  ]
}

/**
 * Counts what a request comes from and goes to, within the transaction that makes it: of many at once, no more get through
 * than are allowed. The locks are always taken in this order, so that no two wait for each other. The same for every
 * project id, whether or not it exists.
 * @throws ApiError `too_many_requests` with `Retry-After`
 */
export const checkRequestLimits = async (
  tx: Tx,
  limits: Limits,
  from: { readonly mailbox: string; readonly network: string; readonly listingId: string },
  now: number,
): Promise<void> => {
  const rules = [
    {
      column: 'mailbox',
      value: from.mailbox,
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
    ...siteLimits(from.network, limits.requests_per_network_hour),
    {
      column: 'listing_id',
      value: from.listingId,
      limit: limits.requests_per_listing_hour,
      windowMs: hourMs,
      what: 'requests for this image',
    },
  ] as const
  for (const { limit, windowMs, what, ...counted } of rules) {
    if (limit < 0) continue
    await lockName(tx, `requests by ${counted.column} ${counted.value}`)
    const { count, first } = await countSince(tx, counted, now - windowMs)
    if (count < limit) continue
    const seconds = Math.max(1, Math.ceil((first + windowMs - now) / 1000))
    throw apiError('too_many_requests', { what, seconds }, { 'retry-after': String(seconds) })
  }
}
