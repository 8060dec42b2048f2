import { randomBytes } from 'node:crypto'
import type { Reader, Tx } from '../database/database.ts'
import { lockName } from '../database/dialect.ts'
import type { BlobsTable } from '../database/tables.ts'
import type { StoreKey } from '../storage/port.ts'

/**
 * Rows about bytes. A row is durable before its first byte is written and goes only after its last byte is gone, so
 * that no crash leaves bytes that nobody knows of, and a quota counts whatever takes up room.
 */
export interface Blob {
  readonly key: StoreKey
  readonly store: string
}

export const newBlobKey = (): StoreKey => randomBytes(16).toString('hex')

export const insertBlob = async (tx: Tx, row: BlobsTable): Promise<void> => {
  await tx.insertInto('blobs').values(row).execute()
}

/**
 * The bytes are whole and belong to their image from now on.
 * @returns false when the write was given up meanwhile, by a process that took this one for dead
 */
export const keepBlob = async (tx: Tx, key: StoreKey, sizeBytes: number): Promise<boolean> => {
  const { numUpdatedRows } = await tx
    .updateTable('blobs')
    .set({ state: 'stored', reserved_bytes: sizeBytes })
    .where('key', '=', key)
    .where('state', '=', 'writing')
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** The bytes of an image count for its new owner. */
export const moveBlobs = async (tx: Tx, imageId: string, projectId: string | null): Promise<void> => {
  await tx.updateTable('blobs').set({ project_id: projectId }).where('image_id', '=', imageId).execute()
}

/**
 * Gives up the stored bytes of an image; the sweeper removes them. An upload under way keeps its row: it finds the image
 * gone by itself, and then removes what it wrote.
 */
export const doomBlobs = async (tx: Tx, imageId: string): Promise<void> => {
  await tx
    .updateTable('blobs')
    .set({ state: 'doomed' })
    .where('image_id', '=', imageId)
    .where('state', '=', 'stored')
    .execute()
}

/**
 * Gives up a write. Of several who try at once, one is told that it did: only that one may touch the image.
 * @returns whether it was still a write until now
 */
export const doomBlob = async (tx: Tx, key: StoreKey): Promise<boolean> => {
  const { numUpdatedRows } = await tx
    .updateTable('blobs')
    .set({ state: 'doomed' })
    .where('key', '=', key)
    .where('state', '=', 'writing')
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Whether a write has become the bytes of its image. */
export const isStored = async (db: Reader, key: StoreKey): Promise<boolean> => {
  const row = await db.selectFrom('blobs').select('state').where('key', '=', key).executeTakeFirst()
  return row?.state === 'stored'
}

/** Only after the bytes are gone. */
export const forgetBlob = async (tx: Tx, key: StoreKey): Promise<void> => {
  await tx.deleteFrom('blobs').where('key', '=', key).execute()
}

export const doomedBlobs = (db: Reader): Promise<Blob[]> =>
  db.selectFrom('blobs').select(['key', 'store']).where('state', '=', 'doomed').limit(1000).execute()

/**
 * Writes that nobody goes on with: those of processes that are gone, and those of this one that are not under way.
 * @param underWay keys of the uploads that run in this process
 */
export const abandonedBlobs = async (
  db: Reader,
  processId: string,
  underWay: (key: StoreKey) => boolean,
): Promise<(Blob & { image_id: string })[]> => {
  const rows = await db
    .selectFrom('blobs')
    .leftJoin('processes', 'processes.id', 'blobs.process_id')
    .select(['blobs.key', 'blobs.store', 'blobs.image_id'])
    .where('blobs.state', '=', 'writing')
    .where((where) => where.or([where('processes.id', 'is', null), where('processes.id', '=', processId)]))
    .limit(1000)
    .execute()
  return rows.filter(({ key }) => !underWay(key))
}

/**
 * Sets bytes aside for a write, if the project may have them.
 * @returns what the other bytes of the project take up, when these are too many together; undefined when all is well
 */
export const reserveBytes = async (
  tx: Tx,
  blob: { key: StoreKey; projectId: string },
  totalBytes: number,
  limitBytes: number,
): Promise<number | undefined> => {
  await lockName(tx, `bytes of ${blob.projectId}`)
  const { used } = await tx
    .selectFrom('blobs')
    .select(({ fn }) => fn.sum<number | null>('reserved_bytes').as('used'))
    .where('project_id', '=', blob.projectId)
    .where('key', '<>', blob.key)
    .executeTakeFirstOrThrow()
  const others = Number(used ?? 0)
  if (others + totalBytes > limitBytes) return others
  await tx.updateTable('blobs').set({ reserved_bytes: totalBytes }).where('key', '=', blob.key).execute()
  return undefined
}
