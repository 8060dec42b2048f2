import { apiError } from '../api-error.ts'
import { discard } from '../data/discard.ts'
import type { StoreKey } from '../storage/port.ts'
import { type EndParts, failUpload } from './end.ts'
import { expiredUploads, forgetUploads, isPresent, orphanedBytes, turnBlob } from './queries.ts'

interface SweepParts extends EndParts {
  readonly uploads: { isUnderWay(key: StoreKey): boolean }
  readonly now: () => number
  readonly onError: (error: unknown) => void
}

const hourMs = 3_600_000

/** Gives up uploads that nobody goes on with, and removes what is left of those whose image is gone. */
export const sweepUploads = async (parts: SweepParts): Promise<void> => {
  const { database, uploads, now, onError } = parts
  for (const upload of await expiredUploads(database.read, now())) {
    const holder = upload.process_id
    if (holder !== null && (await isPresent(database.read, holder)) && uploads.isUnderWay(upload.blob_key)) continue
    const cause = { projectId: null, userId: null, requestId: null, at: now() }
    const hours = Math.round((upload.expires_at - upload.created_at) / hourMs)
    await failUpload(parts, cause, upload, apiError('upload_expired', { hours })).catch(onError)
  }
  await database.write((tx) => forgetUploads(tx, now()))
  for (const { key, store } of await orphanedBytes(database.read)) {
    if (uploads.isUnderWay(key) || !(await database.write((tx) => turnBlob(tx, key, 'doomed')))) continue
    await discard(parts, { key, store }).catch(onError)
  }
}
