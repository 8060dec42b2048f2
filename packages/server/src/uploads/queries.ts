import { randomBytes } from 'node:crypto'
import { ApiError } from '../api-error.ts'
import type { Expectation } from '../data/expectation.ts'
import type { Reader, Tx } from '../database/database.ts'
import { locked } from '../database/dialect.ts'
import type { UploadsTable } from '../database/tables.ts'
import type { StoreKey } from '../storage/port.ts'

/** A resumable upload. */
export type Upload = UploadsTable

export const newUploadId = (): string => randomBytes(16).toString('hex')

export const insertUpload = async (tx: Tx, row: Upload): Promise<void> => {
  await tx.insertInto('uploads').values(row).execute()
}

const ofImage = (db: Reader, imageId: string, id: string) =>
  db.selectFrom('uploads').selectAll().where('id', '=', id).where('image_id', '=', imageId)

/** An upload of this image. Whether the caller may know of it, the image decides. */
export const findUpload = (db: Reader, imageId: string, id: string): Promise<Upload | undefined> =>
  ofImage(db, imageId, id).executeTakeFirst()

/** The same, and nobody else changes it before the transaction ends. To be called after the image is locked. */
export const findUploadForChange = (tx: Tx, imageId: string, id: string): Promise<Upload | undefined> =>
  locked(tx, ofImage(tx, imageId, id)).executeTakeFirst()

/** Uploads of an image, newest first. */
export const listUploads = (db: Reader, imageId: string): Promise<Upload[]> =>
  db
    .selectFrom('uploads')
    .selectAll()
    .where('image_id', '=', imageId)
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .limit(100)
    .execute()

/** Changes an upload while its transaction holds it. */
export const changeUpload = async (tx: Tx, id: string, changes: Partial<Upload>): Promise<void> => {
  await tx.updateTable('uploads').set(changes).where('id', '=', id).execute()
}

/**
 * Writes down where the upload stands, which this process takes bytes for.
 * @returns false when it is not this process's any more
 */
export const changeOwnUpload = async (
  tx: Tx,
  id: string,
  processId: string,
  changes: Partial<Upload>,
): Promise<boolean> => {
  const { numUpdatedRows } = await tx
    .updateTable('uploads')
    .set(changes)
    .where('id', '=', id)
    .where('process_id', '=', processId)
    .where('state', '=', 'open')
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Whether a process is one of those that live. */
export const isPresent = async (db: Reader, processId: string): Promise<boolean> =>
  (await db.selectFrom('processes').select('id').where('id', '=', processId).executeTakeFirst()) !== undefined

/** Bytes of a resumable upload change their state: they are to be kept, or given up. @returns whether they were such bytes */
export const turnBlob = async (tx: Tx, key: StoreKey, state: 'writing' | 'doomed'): Promise<boolean> => {
  const { numUpdatedRows } = await tx
    .updateTable('blobs')
    .set({ state })
    .where('key', '=', key)
    .where('state', '=', 'resumable')
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Open uploads for which nothing came for too long. */
export const expiredUploads = (db: Reader, now: number): Promise<Upload[]> =>
  db.selectFrom('uploads').selectAll().where('expires_at', '<=', now).where('state', '=', 'open').limit(1000).execute()

/** Forgets what became of uploads that ended long ago. */
export const forgetUploads = async (tx: Tx, now: number): Promise<void> => {
  await tx.deleteFrom('uploads').where('expires_at', '<=', now).where('state', '<>', 'open').execute()
}

/** Bytes of uploads that are not there any more, since their image was deleted. */
export const orphanedBytes = (db: Reader): Promise<{ key: StoreKey; store: string }[]> =>
  db
    .selectFrom('blobs')
    .leftJoin('uploads', (join) => join.onRef('uploads.blob_key', '=', 'blobs.key').on('uploads.state', '=', 'open'))
    .select(['blobs.key', 'blobs.store'])
    .where('blobs.state', '=', 'resumable')
    .where('uploads.id', 'is', null)
    .limit(1000)
    .execute()

export const writeFailure = ({ code, message }: ApiError): string => JSON.stringify({ code, message })

/** Why an upload failed, as whoever sent its last bytes was told. */
export const readFailure = ({ failure }: Pick<Upload, 'failure'>): ApiError => {
  if (failure === null) throw new Error('The upload has not failed.')
  const { code, message } = JSON.parse(failure)
  return new ApiError(code, message)
}

/** What the client said at the beginning that all bytes must turn out to be. */
export const readExpectation = ({ expected }: Pick<Upload, 'expected'>): Expectation =>
  expected === null ? { sizeBytes: undefined, hashes: [], source: 'stated' } : JSON.parse(expected)
