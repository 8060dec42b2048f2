import { randomBytes } from 'node:crypto'
import type { Insertable } from 'kysely'
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

export const insertBlob = async (tx: Tx, row: Insertable<BlobsTable>): Promise<void> => {
  await tx.insertInto('blobs').values(row).execute()
}

/** The states of a write that is under way. */
const beingWritten = ['writing', 'staging'] as const

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

/** The same for bytes that wait for their import. @param content what they turned out to be */
export const stageBlob = async (tx: Tx, key: StoreKey, sizeBytes: number, content: string): Promise<boolean> => {
  const { numUpdatedRows } = await tx
    .updateTable('blobs')
    .set({ state: 'staged', reserved_bytes: sizeBytes, content })
    .where('key', '=', key)
    .where('state', '=', 'staging')
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** The staged bytes of an image; undefined when there are none. */
export const findStaged = async (db: Reader, imageId: string): Promise<(Blob & { content: string }) | undefined> => {
  const row = await db
    .selectFrom('blobs')
    .select(['key', 'store', 'content'])
    .where('image_id', '=', imageId)
    .where('state', '=', 'staged')
    .executeTakeFirst()
  return row === undefined || row.content === null ? undefined : { ...row, content: row.content }
}

/** Staged bytes become those of their image. */
export const promoteStaged = async (tx: Tx, key: StoreKey): Promise<boolean> => {
  const { numUpdatedRows } = await tx
    .updateTable('blobs')
    .set({ state: 'stored', content: null })
    .where('key', '=', key)
    .where('state', '=', 'staged')
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Gives up whole bytes, staged or stored; the sweeper removes them. */
export const doomWhole = async (tx: Tx, keys: readonly StoreKey[]): Promise<void> => {
  if (keys.length === 0) return
  await tx
    .updateTable('blobs')
    .set({ state: 'doomed' })
    .where('key', 'in', keys)
    .where('state', 'in', ['staged', 'stored'])
    .execute()
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
    .where('state', 'in', ['staged', 'stored'])
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
    .where('state', 'in', beingWritten)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Whether a write has come to its end: its bytes are staged, or those of its image. */
export const isWhole = async (db: Reader, key: StoreKey): Promise<boolean> => {
  const row = await db.selectFrom('blobs').select('state').where('key', '=', key).executeTakeFirst()
  return row?.state === 'stored' || row?.state === 'staged'
}

/** Whether a write was given up: its bytes are removed, or soon will be. */
export const isGivenUp = async (db: Reader, key: StoreKey): Promise<boolean> => {
  const row = await db.selectFrom('blobs').select('state').where('key', '=', key).executeTakeFirst()
  return row === undefined || row.state === 'doomed'
}

/** Only after the bytes are gone. */
export const forgetBlob = async (tx: Tx, key: StoreKey): Promise<void> => {
  await tx.deleteFrom('blobs').where('key', '=', key).execute()
}

/** A page of bytes that are given up, in the order of their keys. @param after the last key of the page before */
export const doomedBlobs = (db: Reader, after: StoreKey): Promise<Blob[]> =>
  db
    .selectFrom('blobs')
    .select(['key', 'store'])
    .where('state', '=', 'doomed')
    .where('key', '>', after)
    .orderBy('key')
    .limit(1000)
    .execute()

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
    .where('blobs.state', 'in', beingWritten)
    .where((where) => where.or([where('processes.id', 'is', null), where('processes.id', '=', processId)]))
    .limit(1000)
    .execute()
  return rows.filter(({ key }) => !underWay(key))
}

/** Bytes that a project takes up: all of them, or those that wait for their import. */
const bytesOf = async (
  db: Reader,
  projectId: string,
  states: readonly BlobsTable['state'][] | undefined,
  except = '',
): Promise<number> => {
  const { used } = await db
    .selectFrom('blobs')
    .select(({ fn }) => fn.sum<number | null>('reserved_bytes').as('used'))
    .where('project_id', '=', projectId)
    .where('key', '<>', except)
    .$if(states !== undefined, (query) => query.where('state', 'in', states ?? []))
    .executeTakeFirstOrThrow()
  return Number(used ?? 0)
}

const stageStates = ['staging', 'staged'] as const

export const stagedBytes = (db: Reader, projectId: string): Promise<number> => bytesOf(db, projectId, stageStates)

export const usedBytes = (db: Reader, projectId: string): Promise<number> => bytesOf(db, projectId, undefined)

/** What a project may take up; negative: as much as it likes. */
export interface ByteLimits {
  readonly all: number
  /** Of bytes that wait for their import; only asked of such. */
  readonly staged: number
}

/** Which limit a write met, and what the other bytes that count for it take up. */
export interface OverLimit {
  readonly limit: keyof ByteLimits
  readonly usedBytes: number
}

/**
 * Sets bytes aside for a write, if the project may have them.
 * @returns undefined when all is well
 */
export const reserveBytes = async (
  tx: Tx,
  blob: { key: StoreKey; projectId: string },
  totalBytes: number,
  limits: ByteLimits,
): Promise<OverLimit | undefined> => {
  await lockName(tx, `bytes of ${blob.projectId}`)
  for (const [limit, states] of [
    ['all', undefined],
    ['staged', stageStates],
  ] as const) {
    if (limits[limit] < 0) continue
    const others = await bytesOf(tx, blob.projectId, states, blob.key)
    if (others + totalBytes > limits[limit]) return { limit, usedBytes: others }
  }
  await tx.updateTable('blobs').set({ reserved_bytes: totalBytes }).where('key', '=', blob.key).execute()
  return undefined
}
