import { setTimeout as wait } from 'node:timers/promises'
import type { Actor } from '../access/actor.ts'
import { entitled } from '../access/entitle.ts'
import { apiError } from '../api-error.ts'
import type { Cause } from '../events/events.ts'
import { fromRow, type Image } from '../images/image.ts'
import { findImage, findImageForChange } from '../images/queries.ts'
import type { Service } from '../service.ts'
import { changeUpload, findUpload, findUploadForChange, isPresent, readFailure, type Upload } from './queries.ts'

/** An upload as a request names it. */
export interface UploadName {
  readonly imageId: string
  readonly uploadId: string
}

const noUpload = (id: string) => apiError('resource_not_found', { kind: 'upload', id })

/**
 * An upload for whoever may change its image. One that failed is refused with what it failed with.
 * @throws ApiError `image_not_found`, `forbidden`, `role_required`, `resource_not_found`, and what ended the upload
 */
export const readUpload = async (
  { database, now }: Service,
  actor: Actor,
  { imageId, uploadId }: UploadName,
): Promise<Upload> => {
  const found = await findImage(database.read, imageId, actor.projectId, now())
  entitled(actor, 'image.change', { image: imageId }, found)
  const upload = await findUpload(database.read, imageId, uploadId)
  if (upload === undefined) throw noUpload(uploadId)
  return upload
}

/** The same, unless it has failed. */
export const readLiveUpload = async (service: Service, actor: Actor, name: UploadName): Promise<Upload> => {
  const upload = await readUpload(service, actor, name)
  if (upload.state === 'failed') throw readFailure(upload)
  return upload
}

const lookEveryMs = 250
const waitMaxMs = 10_000

/** Asks the process that takes bytes for an upload to stop. @returns whether one still does */
const isHeldElsewhere = ({ database, presence }: Service, { imageId, uploadId }: UploadName): Promise<boolean> =>
  database.write(async (tx) => {
    const upload = await findUploadForChange(tx, imageId, uploadId)
    const holder = upload?.state === 'open' ? upload.process_id : null
    if (holder === null || holder === presence.processId) return false
    if (!(await isPresent(tx, holder))) return false
    if (upload?.wanted === 0) await changeUpload(tx, uploadId, { wanted: 1 })
    return true
  })

/**
 * Waits until no other process takes bytes for an upload: the newer request wins.
 * @returns whether that came in time
 */
export const freeElsewhere = async (service: Service, name: UploadName): Promise<boolean> => {
  for (let waitedMs = 0; waitedMs <= waitMaxMs; waitedMs += lookEveryMs) {
    if (!(await isHeldElsewhere(service, name))) return true
    await service.presence.look()
    await wait(lookEveryMs)
  }
  return false
}

/** An upload that this process may take bytes for now, as it stood before. */
export interface Claimed {
  readonly upload: Upload
  readonly image: Image
}

/**
 * Takes an upload for this process, for a part that begins where it stands.
 * @returns undefined when it is done already
 * @throws ApiError, `upload_offset` and `upload_busy` among them
 */
export const claimUpload = (
  { database, presence }: Service,
  actor: Actor,
  cause: Cause,
  { imageId, uploadId }: UploadName,
  offset: number,
): Promise<Claimed | undefined> =>
  database.write(async (tx) => {
    const found = await findImageForChange(tx, imageId, actor.projectId, cause.at)
    const { row } = entitled(actor, 'image.change', { image: imageId }, found)
    const upload = await findUploadForChange(tx, imageId, uploadId)
    if (upload === undefined) throw noUpload(uploadId)
    if (upload.state === 'failed') throw readFailure(upload)
    const stands = upload.state === 'done' ? upload.size_bytes : upload.offset_bytes
    if (stands !== offset) {
      throw apiError('upload_offset', { offset: stands, sent: offset }, { 'upload-offset': String(stands) })
    }
    if (upload.state === 'done') return undefined
    const holder = upload.process_id
    if (holder !== null && holder !== presence.processId && (await isPresent(tx, holder)))
      throw apiError('upload_busy', { doing: 'gone on with by another request' })
    await changeUpload(tx, uploadId, { process_id: presence.processId, wanted: 0, unsettled: 1 })
    return { upload, image: fromRow(row) }
  })
