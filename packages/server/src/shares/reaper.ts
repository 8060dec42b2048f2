import { fragment, runFragment } from '../database/fragment.ts'
import { type Cause, recordEvent } from '../events/events.ts'
import { wireDate } from '../http/json.ts'
import { findImageForChange } from '../images/queries.ts'
import { dropEnded } from '../invitations/queries.ts'
import { dropEndedLinks } from '../links/queries.ts'
import { endShare, lockToEnd, shareAudience } from '../members/share.ts'
import { dropDecided, dropUnconfirmed } from '../requests/queries.ts'
import type { Service } from '../service.ts'
import { dropPlan, findPlan, isOver } from './plan.ts'
import { withdrawNow } from './withdrawal.ts'

const periodMs = 1000
const batchSize = 100
/** Rows removed by one transaction, so that none is long. */
const removedAtOnce = 1000
const jobLifeMs = 7 * 24 * 60 * 60 * 1000
/** How often to look for what is kept for a while only. */
const tidyEveryMs = 10 * 60 * 1000

/** Ends shares and deletes images when their date has come, and reminds before. */
export interface Reaper {
  stop(): Promise<void>
}

/** Nobody asks for what happens on a date. */
const byItself = (at: number): Cause => ({ projectId: null, userId: null, requestId: null, at })

/** Work that is due for one image, done in one transaction under the lock of the image. */
interface Duty {
  /** Images with work of this kind, those that are due longest first, without these. */
  readonly due: (service: Service, at: number, except: readonly string[]) => Promise<string[]>
  readonly work: (service: Service, imageId: string, at: number) => Promise<void>
}

const withdrawals: Duty = {
  due: async ({ database }, at, except) => {
    const due = database.read.selectFrom('withdrawals').select('image_id').where('at', '<=', at)
    const rows = await (except.length === 0 ? due : due.where('image_id', 'not in', except))
      .orderBy('at')
      .limit(batchSize)
      .execute()
    return rows.map(({ image_id }) => image_id)
  },
  work: async ({ database, uploads, sweeper }, imageId, at) => {
    const deleted = await database.write(async (tx) => {
      const image = (await findImageForChange(tx, imageId, null, at))?.row
      const plan = await findPlan(tx, imageId)
      if (image === undefined || plan === undefined || plan.at > at) return false
      const cause = byItself(at)
      const isKept = plan.deleteImage && image.protected === 1
      if (isKept) {
        await recordEvent(tx, cause, {
          type: 'image.update',
          imageId,
          ownerId: image.owner,
          audience: 'owner',
          detail: { changed: [], not_deleted: 'image_protected' },
        })
      }
      await dropPlan(tx, imageId)
      return withdrawNow(tx, cause, image, { ...plan, deleteImage: plan.deleteImage && !isKept })
    })
    if (!deleted) return
    uploads.abort(imageId)
    sweeper.kick()
  },
}

/** Images with shares whose time has come by one of their two dates. */
const sharesDue =
  (date: 'ends_at' | 'remind_at'): Duty['due'] =>
  async ({ database }, at, except) => {
    const due = database.read.selectFrom('members').select('image_id').where(date, '<=', at)
    const rows = await (except.length === 0 ? due : due.where('image_id', 'not in', except))
      .orderBy(date)
      .limit(batchSize)
      .execute()
    return [...new Set(rows.map(({ image_id }) => image_id))]
  }

const ends: Duty = {
  due: sharesDue('ends_at'),
  work: ({ database }, imageId, at) =>
    database.write(async (tx) => {
      const image = (await findImageForChange(tx, imageId, null, at))?.row
      if (image === undefined) return
      const rows = await tx
        .selectFrom('members')
        .selectAll()
        .where('image_id', '=', imageId)
        .where('ends_at', '<=', at)
        .orderBy('ends_at')
        .orderBy('member_id')
        .execute()
      await lockToEnd(tx, image, rows)
      for (const row of rows) {
        await endShare(tx, byItself(at), image, row, row.withdrawn === 1 ? 'withdrawn' : 'expired')
      }
    }),
}

const reminders: Duty = {
  due: sharesDue('remind_at'),
  work: ({ database }, imageId, at) =>
    database.write(async (tx) => {
      const image = (await findImageForChange(tx, imageId, null, at))?.row
      if (image === undefined) return
      const due = await tx
        .selectFrom('members')
        .selectAll()
        .where('image_id', '=', imageId)
        .where('remind_at', '<=', at)
        .orderBy('member_id')
        .execute()
      await tx
        .updateTable('members')
        .set({ remind_at: null })
        .where('image_id', '=', imageId)
        .where('remind_at', '<=', at)
        .execute()
      for (const row of due) {
        if (row.ends_at === null || isOver(row, at)) continue
        await recordEvent(tx, byItself(at), {
          type: 'member.expiring',
          imageId,
          ownerId: image.owner,
          memberId: row.member_id,
          audience: shareAudience(row),
          detail: { status: row.status, ends_at: wireDate(row.ends_at), withdrawn: row.withdrawn === 1 },
        })
      }
    }),
}

/** Withdrawals before ends: the shares of an image that is deleted end with it. */
const duties: readonly Duty[] = [withdrawals, ends, reminders]

/** The next instant at which something is due, by the ends of three indexes. */
const nextDue = async ({ database }: Service): Promise<number> => {
  const [row] = await runFragment<Readonly<Record<string, number | null>>>(
    database.read,
    fragment`select
      (select min(at) from withdrawals) as withdrawal,
      (select min(ends_at) from members where ends_at is not null) as share,
      (select min(remind_at) from members where remind_at is not null) as reminder`,
  )
  const instants = Object.values(row ?? {}).filter((instant) => instant !== null)
  return Math.min(Number.POSITIVE_INFINITY, ...instants.map(Number))
}

/**
 * Does everything that is due. What fails is logged and left for the next time; it does not keep the rest.
 * @returns how many images something was done for
 */
export const reap = async (service: Service): Promise<number> => {
  const at = service.now()
  let done = 0
  for (const { due, work } of duties) {
    const failed: string[] = []
    const seen = new Set<string>()
    for (;;) {
      const images = (await due(service, at, failed)).filter((imageId) => !seen.has(imageId))
      if (images.length === 0) break
      for (const imageId of images) {
        seen.add(imageId)
        try {
          await work(service, imageId, at)
          done += 1
        } catch (error) {
          failed.push(imageId)
          service.log.error({ err: error, imageId }, 'what is due for an image could not be done; it is tried again')
        }
      }
      // More than this at once is no fault of single images.
      if (failed.length >= batchSize) break
    }
  }
  return done
}

/** @returns whether there may be more */
const removeOldJobs = async ({ database }: Pick<Service, 'database'>, at: number): Promise<boolean> => {
  const old = await database.read
    .selectFrom('jobs')
    .select('id')
    .where('begin_at', '<', at - jobLifeMs)
    .limit(removedAtOnce)
    .execute()
  const ids = old.map(({ id }) => id)
  if (ids.length > 0) {
    await database.write(async (tx) => {
      await tx.deleteFrom('jobs').where('id', 'in', ids).execute()
    })
  }
  return ids.length === removedAtOnce
}

/** Removes what is kept for a while only: jobs, and requests that nobody confirmed. */
export const tidy = async ({ database, now }: Pick<Service, 'database' | 'now'>): Promise<void> => {
  const at = now()
  while (await removeOldJobs({ database }, at));
  await database.write(async (tx) => {
    await dropUnconfirmed(tx, at)
    await dropDecided(tx, at)
    await dropEnded(tx, at)
    await dropEndedLinks(tx, at)
  })
}

/**
 * Starts reaping. What was due when the service started is done when the promise resolves. Several processes may reap at
 * once: each piece of work is done under the lock of its image, by the first that comes.
 */
export const startReaper = async (service: Service): Promise<Reaper> => {
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let tidiedAt = Number.NEGATIVE_INFINITY

  const round = async (): Promise<number> => {
    try {
      if (service.now() - tidiedAt >= tidyEveryMs) {
        tidiedAt = service.now()
        await tidy(service)
      }
      let due = await nextDue(service)
      if (due <= service.now()) {
        if ((await reap(service)) > 0) service.notices.kick()
        due = await nextDue(service)
      }
      // What could not be done is due still.
      const aheadMs = due - service.now()
      return aheadMs > 0 ? Math.min(periodMs, aheadMs) : periodMs
    } catch (error) {
      service.log.error({ err: error }, 'looking for what is due failed; it is tried again')
      return periodMs
    }
  }

  let running: Promise<void> = Promise.resolve()
  const sleep = (forMs: number): void => {
    if (stopped) return
    timer = setTimeout(() => {
      running = round().then(sleep)
    }, forMs)
    timer.unref()
  }
  sleep(await round())

  return {
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}
