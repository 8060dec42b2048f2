import type { Database } from '../database/database.ts'
import { fromRow } from '../images/image.ts'
import { findImageForChange, updateImage } from '../images/queries.ts'
import type { Stores } from '../storage/stores.ts'
import { abandonedBlobs, type Blob, doomedBlobs, forgetBlob } from './blobs.ts'
import type { Presence } from './processes.ts'
import { withoutData } from './rules.ts'

const periodMs = 10_000

/** Removes bytes that nobody needs, and takes back uploads that died with their process. */
export interface Sweeper {
  /** Sweeps soon; returns at once. */
  kick(): void
  stop(): Promise<void>
}

interface Parts {
  readonly database: Database
  readonly stores: Stores
  readonly presence: Presence
  readonly now: () => number
  /** Told about every failure; sweeping goes on later. */
  readonly onError: (error: unknown) => void
}

const discard = async ({ database, stores }: Parts, { key, store }: Blob): Promise<void> => {
  await stores.byName(store)?.remove(key)
  await database.write((tx) => forgetBlob(tx, key))
}

/** The image of an upload that nobody goes on with waits for bytes again. */
const requeue = ({ database, now }: Parts, imageId: string): Promise<void> =>
  database.write(async (tx) => {
    const found = await findImageForChange(tx, imageId, null)
    if (found?.row.status !== 'saving') return
    const image = fromRow(found.row)
    await updateImage(tx, image, withoutData(image, now()))
  })

const sweep = async (parts: Parts): Promise<void> => {
  await parts.presence.refresh()
  for (const blob of await abandonedBlobs(parts.database.read)) {
    await requeue(parts, blob.image_id)
    await discard(parts, blob)
  }
  for (const blob of await doomedBlobs(parts.database.read)) await discard(parts, blob)
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
