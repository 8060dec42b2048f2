import type { Actor } from '../access/actor.ts'
import { ApiError, apiError } from '../api-error.ts'
import { insertBlob, newBlobKey, reserveBytes } from '../data/blobs.ts'
import { checkSize, type Expectation, expectationOf } from '../data/expectation.ts'
import { uploadDoor } from '../data/upload.ts'
import { checkUploading } from '../data/uploading.ts'
import type { Cause } from '../events/events.ts'
import { asApiError } from '../http/errors.ts'
import type { Image } from '../images/image.ts'
import { findImageForChange, updateImage } from '../images/queries.ts'
import type { KeyHolder } from '../keys/port.ts'
import type { Service } from '../service.ts'
import type { ByteStore } from '../storage/port.ts'
import { dataKeyFor } from './data-key.ts'
import { expiryOf, failUpload } from './end.ts'
import { insertUpload, newUploadId, type Upload } from './queries.ts'

/** What an upload is begun with. */
export interface NewUpload {
  readonly imageId: string
  readonly store: ByteStore
  readonly sizeBytes: number
  readonly metadata: string | null
  readonly expected: Expectation
}

const claim = (
  service: Service,
  actor: Actor,
  cause: Cause,
  { imageId, store, sizeBytes, metadata, expected }: NewUpload,
): Promise<{ readonly upload: Upload; readonly image: Image }> =>
  service.database.write(async (tx) => {
    const { limits, presence } = service
    const found = await findImageForChange(tx, imageId, actor.projectId, cause.at)
    const { before, after } = uploadDoor(service, actor, cause, imageId).claim(found)
    if (sizeBytes > limits.image_size_bytes) throw apiError('image_too_large', { limit: limits.image_size_bytes })
    checkSize([expectationOf(before), expected], sizeBytes)
    await checkUploading(tx, limits, before.owner)
    const key = newBlobKey()
    await insertBlob(tx, {
      key,
      store: store.name,
      image_id: imageId,
      project_id: before.owner,
      state: 'resumable',
      reserved_bytes: 0,
      process_id: presence.processId,
      created_at: cause.at,
    })
    if (before.owner !== null) {
      const allowed = { all: limits.project_storage_bytes, staged: -1 }
      const over = await reserveBytes(tx, { key, projectId: before.owner }, sizeBytes, allowed)
      if (over !== undefined) throw apiError('storage_quota', { limit: allowed.all, used: over.usedBytes })
    }
    await updateImage(tx, before, after)
    const upload: Upload = {
      id: newUploadId(),
      image_id: imageId,
      blob_key: key,
      store: store.name,
      size_bytes: sizeBytes,
      offset_bytes: 0,
      tail: null,
      unsettled: 0,
      state: 'open',
      failure: null,
      metadata,
      expected: JSON.stringify(expected),
      process_id: null,
      wanted: 0,
      created_at: cause.at,
      expires_at: expiryOf(service, cause.at),
    }
    await insertUpload(tx, upload)
    return { upload, image: after }
  })

/**
 * Begins a resumable upload: the image is saving until it is at its end, and the bytes that were announced are set aside.
 * @throws ApiError as an upload in one request
 */
export const beginUpload = async (
  service: Service,
  actor: Actor,
  holder: KeyHolder,
  cause: Cause,
  wish: NewUpload,
): Promise<Upload> => {
  const { upload, image } = await claim(service, actor, cause, wish)
  try {
    // Whoever may not seal the image learns it before sending a byte.
    await dataKeyFor(service, holder, cause, image, undefined)
  } catch (error) {
    const why = error instanceof ApiError ? error : asApiError(error)
    await failUpload(service, { ...cause, at: service.now() }, upload, why)
    throw error
  }
  return upload
}
