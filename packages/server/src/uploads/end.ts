import type { Actor } from '../access/actor.ts'
import { type ApiError, apiError } from '../api-error.ts'
import { discard } from '../data/discard.ts'
import type { Ingested } from '../data/ingest.ts'
import { backToQueued } from '../data/queued.ts'
import { uploadDoor } from '../data/upload.ts'
import type { Database, Tx } from '../database/database.ts'
import type { Cause } from '../events/events.ts'
import { fromRow, type Image } from '../images/image.ts'
import { findImageForChange } from '../images/queries.ts'
import type { Service } from '../service.ts'
import { signatureText } from '../signatures/signature.ts'
import type { Stores } from '../storage/stores.ts'
import { changeUpload, findUploadForChange, turnBlob, type Upload, writeFailure } from './queries.ts'

const hourMs = 3_600_000
/** What became of an upload is told for this long. */
const rememberedMs = 24 * hourMs

/** When an upload is given up for which nothing comes from now on. */
export const expiryOf = ({ limits }: Pick<Service, 'limits'>, now: number): number =>
  now + limits.upload_resumable_hours * hourMs

const ended = (now: number, changes: Partial<Upload>): Partial<Upload> => ({
  tail: null,
  unsettled: 0,
  process_id: null,
  wanted: 0,
  expires_at: now + rememberedMs,
  ...changes,
})

/** Ends an upload that came to nothing, and lets its image wait for bytes again. */
const failed = async (tx: Tx, cause: Cause, upload: Upload, why: ApiError): Promise<void> => {
  const found = await findImageForChange(tx, upload.image_id, null, cause.at)
  const current = await findUploadForChange(tx, upload.image_id, upload.id)
  // Without its image, the upload is gone as well.
  const isOpen = current?.state === 'open'
  if (current !== undefined && !isOpen) return
  await turnBlob(tx, upload.blob_key, 'doomed')
  if (found === undefined || !isOpen) return
  await changeUpload(tx, upload.id, ended(cause.at, { state: 'failed', failure: writeFailure(why) }))
  if (found.row.status === 'saving') await backToQueued(tx, cause, fromRow(found.row), 'image.upload_failed', why)
}

/** What is needed to end an upload. */
export interface EndParts {
  readonly database: Database
  readonly stores: Stores
}

/** Ends an upload for good, and removes its bytes. What of that fails is left to the sweeper. */
export const failUpload = async (parts: EndParts, cause: Cause, upload: Upload, why: ApiError): Promise<void> => {
  await parts.database.write((tx) => failed(tx, cause, upload, why))
  await discard(parts, { key: upload.blob_key, store: upload.store }).catch(() => undefined)
}

/**
 * All bytes are there and what they should be: the image is active, and its upload done.
 * @throws ApiError `image_deleted`, `upload_lost`, `signature_refused`, and what keeping them throws
 */
export const keepUpload = (
  service: Service,
  actor: Actor,
  cause: Cause,
  { upload, image: claimed }: { readonly upload: Upload; readonly image: Image },
  bytes: Ingested,
): Promise<void> =>
  service.database.write(async (tx) => {
    const { image_id: imageId, id, blob_key: key, store } = upload
    const found = await findImageForChange(tx, imageId, null, cause.at)
    if (found === undefined) throw apiError('image_deleted', {})
    const current = await findUploadForChange(tx, imageId, id)
    const isOurs = current?.state === 'open' && current.process_id === service.presence.processId
    if (!isOurs || !(await turnBlob(tx, key, 'writing'))) throw apiError('upload_lost', {})
    const image = fromRow(found.row)
    if (signatureText(image) !== signatureText(claimed))
      throw apiError('signature_refused', { why: 'it was changed while the bytes arrived' })
    const door = uploadDoor(service, actor, cause, imageId)
    if (!(await door.keep(tx, image, bytes, { store, key }))) throw apiError('upload_lost', {})
    await changeUpload(tx, id, ended(service.now(), { state: 'done', offset_bytes: upload.size_bytes }))
  })

/**
 * Calls an upload off.
 * @throws ApiError `conflict` when it is done
 */
export const cancelUpload = async (service: Service, cause: Cause, upload: Upload): Promise<void> => {
  if (upload.state === 'done') throw apiError('conflict', { why: 'The upload is done; delete the image instead' })
  await failUpload(service, cause, upload, apiError('upload_cancelled', {}))
}
