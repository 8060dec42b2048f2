import type { Database } from '../database/database.ts'
import { fromRow } from '../images/image.ts'
import { findImageForChange } from '../images/queries.ts'
import type { Stores } from '../storage/stores.ts'
import { sweepUploads } from '../uploads/sweep.ts'
import { abandonedBlobs, type Blob, doomBlob, doomedBlobs } from './blobs.ts'
import { discard } from './discard.ts'
import type { Presence } from './processes.ts'
import { emptied } from './queued.ts'
import type { Uploads } from './uploads.ts'

const periodMs = 10_000

/** Removes bytes that nobody needs, and takes back uploads that nobody goes on with. */
export interface Sweeper {
  /** Sweeps soon; returns at once. */
  kick(): void
  stop(): Promise<void>
}

interface Parts {
  readonly database: Database
  readonly stores: Stores
  readonly presence: Presence
  readonly uploads: Uploads
  readonly now: () => number
  /** Told about every failure; sweeping goes on later. */
  readonly onError: (error: unknown) => void
}

/** Lets the image of an upload that nobody goes on with wait for bytes again. */
const takeBack = ({ database, now }: Parts, { key, image_id }: Blob & { image_id: string }): Promise<void> =>
  database.write(async (tx) => {
    const found = await findImageForChange(tx, image_id, null, now())
    const given = await doomBlob(tx, key)
    // Of an import, the task that it belongs to is taken up again.
    if (!given || (found?.row.status !== 'saving' && found?.row.status !== 'uploading')) return
    await emptied(tx, fromRow(found.row), now())
  })

const sweep = async (parts: Parts): Promise<void> => {
  const { database, presence, uploads, onError } = parts
  for (const blob of await abandonedBlobs(database.read, presence.processId, uploads.isUnderWay)) {
    await takeBack(parts, blob)
  }
  await sweepUploads(parts)
  // Those that cannot be removed now must not keep the others, however many they are.
  for (let after: string | undefined = ''; after !== undefined; ) {
    const page = await doomedBlobs(database.read, after)
    for (const blob of page) await discard(parts, blob).catch(onError)
    after = page.at(-1)?.key
  }
}

/** Starts sweeping. The first sweep is over when the promise resolves: what a crash left is gone then. */
export const startSweeper = async (parts: Parts): Promise<Sweeper> => {
  await sweep(parts)
  let running: Promise<void> | undefined
  let again = false

  const run = async (): Promise<void> => {
    do {
      again = false
      await sweep(parts).catch(parts.onError)
    } while (again)
  }
  const kick = (): void => {
    again = true
    running ??= run().finally(() => {
      running = undefined
    })
  }
  const timer = setInterval(kick, periodMs)
  timer.unref()

  return {
    kick,
    stop: async () => {
      clearInterval(timer)
      await running
    },
  }
}
