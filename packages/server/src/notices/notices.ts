import { sql } from 'kysely'
import type { Reader } from '../database/database.ts'
import { createOutbound } from '../outbound/fetch.ts'
import { readNetworks } from '../outbound/settings.ts'
import type { Service } from '../service.ts'
import { createBootNotes } from './boot.ts'
import { trimCounts } from './counts.ts'
import { gatherDigests } from './digest.ts'
import { batchMax, dispatch } from './dispatch.ts'
import { createHub } from './hub.ts'
import { createMailer } from './mail.ts'
import { forgetMailboxes } from './mailboxes.ts'
import type { Notices } from './port.ts'
import { clearDeliveries, createSender } from './sender.ts'

/** What notices work with. */
export type NoticeParts = Omit<Service, 'notices'>

/** The settings that only notices read. */
export interface NoticeSettings {
  readonly smtp_url?: string | undefined
  readonly mail_from?: string | undefined
  readonly outbound_allow?: string | undefined
  readonly notices_of_new_listings: boolean
}

/** How long to gather events before they are told of: short after a pause, longer while one follows another. */
const kickMs = 20
const busyKickMs = 100
/** How soon events of other processes, and what was put off, are found. */
const pollMs = 1000
const clearEveryMs = 60_000

/** Whether there is anything to do, as one cheap query. */
const workIn = async (
  db: Reader,
  now: number,
  sendsMail: boolean,
): Promise<{ events: boolean; due: boolean; digests: boolean }> => {
  const { rows } = await sql<{ events: number; due: number; digests: number }>`
    select (select count(*) from (select 1 from events where position is null limit 1) e) as events,
      (select count(*) from (select 1 from deliveries where state = 'waiting' and kind in ('webhook', ${sendsMail ? 'mail' : 'webhook'}) and next_at <= ${now} limit 1) d) as due,
      (select count(*) from (select 1 from deliveries where state = 'digest' and next_at <= ${now} limit 1) g) as digests`.execute(
    db,
  )
  const [found] = rows
  return {
    events: Number(found?.events ?? 0) > 0,
    due: Number(found?.due ?? 0) > 0,
    digests: Number(found?.digests ?? 0) > 0,
  }
}

/**
 * Starts telling of what happened.
 * @throws ConfigError when `outbound_allow` holds what is no network
 */
export const startNotices = async (parts: NoticeParts, settings: NoticeSettings): Promise<Notices> => {
  const { database, limits, now, origin, log } = parts
  const outbound = createOutbound({ allowed: readNetworks('outbound_allow', settings.outbound_allow) })
  const { smtp_url: smtpUrl, mail_from: from } = settings
  const mailer = smtpUrl === undefined ? undefined : createMailer({ smtpUrl, from, origin })
  const sender = createSender({ database, mailer, bootNotes: createBootNotes(parts), outbound, origin, now, log })
  const hub = createHub(database)
  const telling = { limits, newListings: settings.notices_of_new_listings }
  let stopped = false
  let clearedAt = now()

  const tellAll = async (): Promise<void> => {
    while ((await dispatch(database, telling, now())).events === batchMax) await hub.wake()
  }

  const clear = async (): Promise<void> => {
    if (now() - clearedAt < clearEveryMs) return
    clearedAt = now()
    await database.write(async (tx) => {
      await clearDeliveries(tx, now())
      await forgetMailboxes(tx, now())
      await trimCounts(tx, now())
    })
  }

  const look = async (): Promise<void> => {
    const { events, digests, due } = await workIn(database.read, now(), mailer !== undefined)
    if (events) await tellAll()
    await hub.wake()
    if (digests) while (await gatherDigests(database, now()));
    if (events || digests || due) sender.pump()
    await clear()
  }

  let looking: Promise<void> | undefined
  let again = false
  let failing = false
  const run = (): void => {
    again = true
    looking ??= (async () => {
      while (again && !stopped) {
        again = false
        try {
          await look()
          failing = false
        } catch (error) {
          if (!failing) log.error({ err: error }, 'notices stand still; it is tried again')
          failing = true
        }
      }
      looking = undefined
    })()
  }

  let kicked: NodeJS.Timeout | undefined
  let lastRun = 0
  const kick = (): void => {
    if (stopped || kicked !== undefined) return
    const pause = performance.now() - lastRun < 2 * busyKickMs ? busyKickMs : kickMs
    kicked = setTimeout(() => {
      kicked = undefined
      lastRun = performance.now()
      run()
    }, pause)
    kicked.unref()
  }
  const poll = setInterval(run, pollMs)
  poll.unref()

  return {
    kick,
    listen: hub.listen,
    refusalOf: outbound.refusalOf,
    stop: async () => {
      stopped = true
      clearTimeout(kicked)
      clearInterval(poll)
      await looking
      await sender.stop()
    },
  }
}
