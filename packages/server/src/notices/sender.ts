import type { FastifyBaseLogger } from 'fastify'
import { sql } from 'kysely'
import type { Database, Tx } from '../database/database.ts'
import type { Outbound } from '../outbound/fetch.ts'
import type { BootNotes } from './boot.ts'
import { createBreaker } from './breaker.ts'
import { claim, type Delivery, release } from './claims.ts'
import type { MailPayload } from './content.ts'
import { unsubscribePath } from './links.ts'
import type { Mailer } from './mail.ts'
import type { Outcome } from './outcome.ts'
import { type Result, recordResult } from './results.ts'
import { callWebhook } from './webhook.ts'

export interface SenderParts {
  readonly database: Database
  /** Undefined where no mail can be sent. */
  readonly mailer: Mailer | undefined
  readonly bootNotes: BootNotes
  readonly outbound: Outbound
  readonly origin: () => string
  readonly now: () => number
  readonly log: Pick<FastifyBaseLogger, 'error' | 'warn'>
}

export interface Sender {
  /** Sends what is due, as far as there is room; returns at once. */
  pump(): void
  /** Lets attempts under way come to their end for a moment, then lets go of them. */
  stop(): Promise<void>
}

const mailsAtOnce = 5
const callsAtOnce = 32
/** Of the calls to webhooks: one project must not take all. */
const callsPerProject = 4
const goodbyeMs = 3000

/** A delivery together with what it needs to be sent. */
interface Prepared {
  readonly delivery: Delivery
  readonly send: (signal: AbortSignal) => Promise<Outcome>
}

const unwanted: Outcome = { result: 'refused', why: 'The address or webhook does not want notices any more.' }

const prepareMails = async (tx: Tx, mailer: Mailer, taken: readonly Delivery[], parts: SenderParts) => {
  const ids = taken.flatMap(({ target_id }) => (target_id === null ? [] : [target_id]))
  const rows =
    ids.length === 0
      ? []
      : await tx
          .selectFrom('notice_addresses')
          .select(['id', 'state', 'unsubscribe_key'])
          .where('id', 'in', ids)
          .execute()
  const addresses = new Map(rows.map((row) => [row.id, row]))
  return taken.map((delivery): Prepared => {
    const payload: MailPayload = JSON.parse(delivery.payload)
    const address = delivery.target_id === null ? undefined : addresses.get(delivery.target_id)
    if (delivery.target_id !== null && address?.state !== 'confirmed') return { delivery, send: async () => unwanted }
    const key = address?.unsubscribe_key ?? ('unsubscribeKey' in payload ? payload.unsubscribeKey : null)
    const unsubscribeUrl = key === null ? null : `${parts.origin()}${unsubscribePath(key)}`
    const mail = { deliveryId: delivery.id, to: delivery.target, unsubscribeUrl, at: parts.now() }
    const send = async () => mailer.send({ ...mail, payload: await parts.bootNotes.add(payload, delivery.target) })
    return { delivery, send }
  })
}

const prepareCalls = async (tx: Tx, taken: readonly Delivery[], { outbound, now }: SenderParts) => {
  const ids = taken.flatMap(({ target_id }) => (target_id === null ? [] : [target_id]))
  const rows =
    ids.length === 0
      ? []
      : await tx.selectFrom('webhooks').select(['id', 'url', 'secret', 'enabled']).where('id', 'in', ids).execute()
  const webhooks = new Map(rows.map((row) => [row.id, row]))
  return taken.map((delivery): Prepared => {
    const webhook = webhooks.get(delivery.target_id ?? '')
    if (webhook === undefined || (webhook.enabled === 0 && delivery.notice !== 'test')) {
      return { delivery, send: async () => unwanted }
    }
    const { url, secret } = webhook
    const call = { deliveryId: delivery.id, url, secret, body: delivery.payload, at: now() }
    return { delivery, send: (signal) => callWebhook(outbound, { ...call, signal }) }
  })
}

/** Sends deliveries, many at once but one at a time to the same target, and writes down what became of them. */
export const createSender = (parts: SenderParts): Sender => {
  const { database, mailer, now, log } = parts
  const breaker = createBreaker(now)
  const underWay = new Map<string, Delivery>()
  const stopping = new AbortController()
  let results: Result[] = []
  let running: Promise<void> | undefined
  let again = false
  let ended = false

  const busy = (kind: Delivery['kind']) => [...underWay.values()].filter((one) => one.kind === kind)

  const claimNext = async (tx: Tx): Promise<Prepared[]> => {
    if (ended) return []
    const mails = busy('mail')
    const calls = busy('webhook')
    const perProject = Map.groupBy(calls, ({ project_id }) => project_id ?? '')
    const callWish = {
      kind: 'webhook' as const,
      count: callsAtOnce - calls.length,
      busyTargets: calls.map(({ target }) => target),
      perProject: callsPerProject,
      busyProjects: [...perProject].filter(([, all]) => all.length >= callsPerProject).map(([project]) => project),
    }
    const prepared = await prepareCalls(tx, await claim(tx, callWish, now()), parts)
    if (mailer === undefined) return prepared
    const mailWish = {
      kind: 'mail' as const,
      count: breaker.room(mailsAtOnce - mails.length),
      busyTargets: mails.map(({ target }) => target),
      perProject: mailsAtOnce,
      busyProjects: [],
    }
    return [...prepared, ...(await prepareMails(tx, mailer, await claim(tx, mailWish, now()), parts))]
  }

  const attempt = async ({ delivery, send }: Prepared): Promise<void> => {
    underWay.set(delivery.id, delivery)
    const outcome = await send(stopping.signal).catch((error: unknown): Outcome => {
      log.error({ err: error, delivery: delivery.id }, 'a notice could not be made')
      return { result: 'refused', why: 'The notice could not be made.' }
    })
    if (delivery.kind === 'mail') breaker.note(outcome.result)
    if (outcome.result === 'unavailable') log.warn({ delivery: delivery.id }, outcome.why)
    // What was cut off by our own end says nothing of the target.
    if (stopping.signal.aborted) return
    results.push({ delivery, outcome })
    pump()
  }

  const step = async (): Promise<void> => {
    const done = results
    results = []
    try {
      const prepared = await database.write(async (tx) => {
        for (const result of done) await recordResult(tx, result, now())
        return claimNext(tx)
      })
      for (const { delivery } of done) underWay.delete(delivery.id)
      for (const one of prepared) void attempt(one)
      // Among what was due there may have been more for targets that were not looked at.
      if (prepared.length > 0) again = true
    } catch (error) {
      results = [...done, ...results]
      throw error
    }
  }

  const pump = (): void => {
    again = true
    running ??= (async () => {
      try {
        while (again) {
          again = false
          await step()
        }
      } catch (error) {
        log.error({ err: error }, 'notices cannot be sent; it is tried again')
      } finally {
        running = undefined
      }
    })()
  }

  const idle = async (): Promise<void> => {
    const end = performance.now() + goodbyeMs
    while ((underWay.size > 0 || running !== undefined) && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  return {
    pump: () => {
      if (!ended) pump()
    },
    stop: async () => {
      ended = true
      await idle()
      stopping.abort()
      mailer?.close()
      await running
      await database
        .write((tx) => release(tx, [...underWay.keys()]))
        .catch((error: unknown) => log.error({ err: error }, 'deliveries could not be released'))
    },
  }
}

/** Gives up what could not be delivered in time, and forgets what was finished long ago. */
export const clearDeliveries = async (tx: Tx, now: number): Promise<void> => {
  const dayMs = 24 * 60 * 60 * 1000
  await tx
    .updateTable('deliveries')
    .set(({ fn, ref, val }) => ({
      state: 'failed',
      finished_at: now,
      next_at: null,
      claimed_until: null,
      last_error: fn.coalesce(ref('last_error'), val('It could not be sent in time.')),
    }))
    .where('state', '=', sql.lit('waiting'))
    .where('give_up_at', '<=', now)
    .where((where) => where.or([where('claimed_until', 'is', null), where('claimed_until', '<=', now)]))
    .execute()
  await tx
    .deleteFrom('deliveries')
    .where('finished_at', '<', now - 30 * dayMs)
    .where('finished_at', 'is not', null)
    .where((where) => where.or([where('state', '=', 'sent'), where('finished_at', '<', now - 90 * dayMs)]))
    .execute()
}
