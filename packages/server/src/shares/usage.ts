import type { Database } from '../database/database.ts'
import { weekOf } from './dates.ts'

const flushEveryMs = 5000
const rowsAtOnce = 500
/** Pairs kept while the database does not answer; beyond it, counts of more are lost. */
const pairsMax = 100_000

/** Counts the downloads of shared images by the projects that they are shared with. */
export interface Usage {
  /** One whole download, or the last part of one. Returns at once. */
  count(imageId: string, projectId: string): void
  /** Writes down what was counted. */
  flush(): Promise<void>
  stop(): Promise<void>
}

interface Parts {
  readonly database: Database
  readonly now: () => number
  /** Told about every failure; the counts are kept and written later. */
  readonly onError: (error: unknown) => void
}

interface Counted {
  readonly imageId: string
  readonly projectId: string
  readonly downloads: number
  readonly week: number
}

/** Adds counts to what is stored, but those of images that are gone and of projects that let nothing be seen. */
const store = (database: Database, counts: readonly Counted[]): Promise<void> =>
  database.write(async (tx) => {
    const imageIds = [...new Set(counts.map(({ imageId }) => imageId))]
    const projectIds = [...new Set(counts.map(({ projectId }) => projectId))]
    const images = await tx.selectFrom('images').select('id').where('id', 'in', imageIds).execute()
    const silent = await tx
      .selectFrom('project_settings')
      .select('project_id')
      .where('project_id', 'in', projectIds)
      .where('usage', '=', 'nothing')
      .execute()
    const present = new Set(images.map(({ id }) => id))
    const unseen = new Set(silent.map(({ project_id }) => project_id))
    const rows = counts
      .filter(({ imageId, projectId }) => present.has(imageId) && !unseen.has(projectId))
      .map(({ imageId, projectId, downloads, week }) => ({
        image_id: imageId,
        project_id: projectId,
        downloads,
        last_used_week: week,
      }))
    if (rows.length === 0) return
    await tx
      .insertInto('share_usage')
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(['image_id', 'project_id']).doUpdateSet(({ ref, eb }) => ({
          downloads: eb(ref('share_usage.downloads'), '+', ref('excluded.downloads')),
          last_used_week: eb
            .case()
            .when('share_usage.last_used_week', '>', ref('excluded.last_used_week'))
            .then(ref('share_usage.last_used_week'))
            .else(ref('excluded.last_used_week'))
            .end(),
        })),
      )
      .execute()
  })

/** Starts counting. Counts are written every few seconds; a crash loses those in between. */
export const startUsage = ({ database, now, onError }: Parts): Usage => {
  let counted = new Map<string, Counted>()

  const add = ({ imageId, projectId, downloads, week }: Counted): void => {
    const key = JSON.stringify([imageId, projectId])
    const present = counted.get(key)
    if (present === undefined && counted.size >= pairsMax) return
    counted.set(key, {
      imageId,
      projectId,
      downloads: downloads + (present?.downloads ?? 0),
      week: Math.max(week, present?.week ?? week),
    })
  }

  const flushOnce = async (): Promise<void> => {
    if (counted.size === 0) return
    // In one order for all processes, so that none waits for another that waits for it.
    const taken = [...counted].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, value]) => value)
    counted = new Map()
    for (let start = 0; start < taken.length; start += rowsAtOnce) {
      const piece = taken.slice(start, start + rowsAtOnce)
      try {
        await store(database, piece)
      } catch (error) {
        for (const one of piece) add(one)
        onError(error)
      }
    }
  }

  let running: Promise<void> = Promise.resolve()
  const flush = (): Promise<void> => {
    running = running.then(flushOnce)
    return running
  }
  const timer = setInterval(() => void flush(), flushEveryMs)
  timer.unref()

  return {
    count: (imageId, projectId) => add({ imageId, projectId, downloads: 1, week: weekOf(now()) }),
    flush,
    stop: async () => {
      clearInterval(timer)
      await flush()
    },
  }
}
