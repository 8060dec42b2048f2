import type { Readable } from 'node:stream'
import type { Actor } from '../access/actor.ts'
import { entitled } from '../access/entitle.ts'
import { ApiError, apiError } from '../api-error.ts'
import type { Tx } from '../database/database.ts'
import type { ImageSealsTable } from '../database/key-tables.ts'
import type { ImagesTable } from '../database/tables.ts'
import { type Cause, recordEvent } from '../events/events.ts'
import { asApiError } from '../http/errors.ts'
import { fromRow, type Image } from '../images/image.ts'
import { findImageForChange, updateImage } from '../images/queries.ts'
import { checkUploadable } from '../images/status.ts'
import { createContentCheck } from '../inspect/check.ts'
import { keepVersion } from '../keys/key-rows.ts'
import { insertSeal } from '../keys/queries.ts'
import { sealedWriter } from '../sealing/sealed-writer.ts'
import type { Service } from '../service.ts'
import { type ByteStore, type ByteWriter, StoreError, type StoreKey } from '../storage/port.ts'
import { doomBlob, insertBlob, isStored, keepBlob, newBlobKey, reserveBytes } from './blobs.ts'
import { discard } from './discard.ts'
import { type Ingested, ingest } from './ingest.ts'
import { IngestError } from './ingest-error.ts'
import { withData, withoutData } from './rules.ts'
import { storeAnswer } from './store-answers.ts'

/** How the bytes of one upload are encrypted on their way to the store. */
export interface Sealing {
  /** Made for this upload alone. */
  readonly key: Uint8Array
  /** What opens them again; stored when they are whole. */
  readonly seal: ImageSealsTable
}

/** What an upload is called with. */
export interface UploadRequest {
  readonly imageId: string
  readonly store: ByteStore
  readonly source: Readable
  readonly announcedBytes: number | undefined
  /** What the bytes must turn out to be, where that is known. */
  readonly expected?: Pick<ImagesTable, 'checksum' | 'os_hash_algo' | 'os_hash_value'>
  /** Asked once the image is claimed. Without an answer the bytes are stored as they are, unless the image is a sealed one. */
  readonly sealingOf?: (image: Image) => Promise<Sealing | undefined>
}

interface Attempt extends UploadRequest {
  readonly key: StoreKey
  readonly image: Image
  readonly signal: AbortSignal
}

/** Claims the image: of two uploads at once, one finds it queued. */
const claim = (
  { database, presence }: Service,
  actor: Actor,
  cause: Cause,
  { imageId, store }: UploadRequest,
  key: StoreKey,
): Promise<Image> =>
  database.write(async (tx) => {
    const found = await findImageForChange(tx, imageId, actor.projectId, cause.at)
    const before = fromRow(entitled(actor, 'image.change', { image: imageId }, found).row)
    checkUploadable(before)
    await insertBlob(tx, {
      key,
      store: store.name,
      image_id: imageId,
      project_id: before.owner,
      state: 'writing',
      reserved_bytes: 0,
      process_id: presence.processId,
      created_at: cause.at,
    })
    const image: Image = { ...before, status: 'saving', updatedAt: cause.at }
    await updateImage(tx, before, image)
    return image
  })

/** Bytes whose key was deleted while they arrived could be opened by nobody. @throws ApiError `key_unknown` */
const storeSeal = async (tx: Tx, { seal }: Sealing): Promise<void> => {
  const { key_id: key, key_version: version } = seal
  if (!(await keepVersion(tx, key, version))) throw apiError('key_unknown', { key })
  await insertSeal(tx, seal)
}

/** Makes the image active, unless it was deleted meanwhile. */
const finish = (
  { database, now }: Service,
  cause: Cause,
  attempt: Attempt,
  bytes: Ingested,
  sealing: Sealing | undefined,
): Promise<void> =>
  database.write(async (tx) => {
    const { imageId, key, store } = attempt
    const found = await findImageForChange(tx, imageId, null, cause.at)
    if (found === undefined) throw apiError('image_deleted', {})
    const image = fromRow(found.row)
    if (!(await keepBlob(tx, key, bytes.sizeBytes))) throw apiError('upload_lost', {})
    if (sealing !== undefined) await storeSeal(tx, sealing)
    await updateImage(tx, image, withData(image, bytes, { key, store: store.name }, now()))
    const { sizeBytes, checksum, hashAlgorithm, hashValue } = bytes
    const detail = { size: sizeBytes, checksum, os_hash_algo: hashAlgorithm, os_hash_value: hashValue }
    await recordEvent(tx, { ...cause, at: now() }, { type: 'image.upload', imageId, ownerId: image.owner, detail })
  })

/**
 * Takes the attempt back: the image waits for bytes again, and what was written of them goes. What of this fails is left to
 * the sweeper.
 * @returns why the upload failed; undefined when it had succeeded after all, and only the word of it was lost
 */
const giveUp = async (
  service: Service,
  cause: Cause,
  attempt: Attempt,
  why: ApiError,
): Promise<ApiError | undefined> => {
  const { database, now } = service
  const { imageId, key, store } = attempt
  const { doomed, answer } = await database.write(async (tx) => {
    const found = await findImageForChange(tx, imageId, null, cause.at)
    if (!(await doomBlob(tx, key))) return { doomed: false, answer: (await isStored(tx, key)) ? undefined : why }
    if (found === undefined) return { doomed: true, answer: apiError('image_deleted', {}) }
    const image = fromRow(found.row)
    await updateImage(tx, image, withoutData(image, now()))
    const detail = { reason: why.code, message: why.message }
    await recordEvent(
      tx,
      { ...cause, at: now() },
      { type: 'image.upload_failed', imageId, ownerId: image.owner, detail },
    )
    return { doomed: true, answer: why }
  })
  if (doomed) {
    await discard(service, { key, store: store.name }).catch((error: unknown) => {
      service.log.error({ err: error, reqId: cause.requestId }, 'bytes could not be removed; it is tried again')
    })
  }
  return answer
}

const whyFailed = (error: unknown, { announcedBytes, image }: Attempt, limitBytes: number): ApiError => {
  if (error instanceof ApiError) return error
  if (error instanceof StoreError) return storeAnswer(error)
  if (!(error instanceof IngestError)) return asApiError(error)
  switch (error.reason) {
    case 'too_large':
      return apiError('image_too_large', { limit: limitBytes })
    case 'size_mismatch':
      return apiError('size_mismatch', { announced: announcedBytes ?? 0, received: error.receivedBytes })
    case 'content_mismatch':
      return apiError('content_mismatch', { format: image.diskFormat ?? 'none', why: error.message })
    case 'incomplete':
      if (error.cause instanceof StoreError) return storeAnswer(error.cause)
      return apiError('upload_incomplete', {})
    case 'timeout':
      return apiError('request_timeout', {})
    case 'store_full':
      return apiError('store_full', {})
    case 'store_unavailable':
      return apiError('store_unavailable', {})
    case 'aborted':
      return apiError('stopping', {})
    case 'hashing_failed':
      return apiError('internal', {})
  }
}

/** @throws ApiError `image_damaged` when the bytes are not those that they should be */
const checkExpected = ({ expected }: Attempt, { checksum, hashAlgorithm, hashValue }: Ingested): void => {
  if (expected === undefined) return
  const isSame =
    (expected.checksum === null || expected.checksum === checksum) &&
    (expected.os_hash_algo !== hashAlgorithm || expected.os_hash_value === hashValue)
  if (!isSame) throw apiError('image_damaged', {})
}

/** Sets room aside as the upload grows, when the project's bytes are limited. */
const reservation = ({ database, limits }: Service, { key, image }: Attempt) => {
  const limit = limits.project_storage_bytes
  const projectId = image.owner
  if (limit < 0 || projectId === null) return undefined
  return async (totalBytes: number): Promise<void> => {
    const used = await database.write((tx) => reserveBytes(tx, { key, projectId }, totalBytes, limit))
    if (used !== undefined) throw apiError('storage_quota', { limit, used })
  }
}

const contentCheck = ({ formatCheck }: Service, { diskFormat, containerFormat }: Image) =>
  diskFormat === null || containerFormat === null
    ? undefined
    : createContentCheck({ diskFormat, containerFormat, enforce: formatCheck })

const sealingFor = async ({ sealingOf, image }: Attempt): Promise<Sealing | undefined> => {
  const sealing = await sealingOf?.(image)
  if (sealing === undefined && image.sealedUnder !== null) throw new Error('A sealed image was to be stored unsealed.')
  return sealing
}

/** Everything about the bytes (sizes, digests, what they hold) is found out before they are sealed. */
const store = async (
  service: Service,
  attempt: Attempt,
  writer: ByteWriter,
  sealing: Sealing | undefined,
): Promise<Ingested> => {
  const { hashing, hashAlgorithm, limits } = service
  return ingest(attempt.source, {
    writer: sealing === undefined ? writer : sealedWriter(writer, sealing.key),
    hashing,
    hashAlgorithm,
    limitBytes: limits.image_size_bytes,
    announcedBytes: attempt.announcedBytes,
    reserve: reservation(service, attempt),
    inspector: contentCheck(service, attempt.image),
    signal: attempt.signal,
    idleTimeoutMs: limits.upload_idle_seconds * 1000,
  })
}

/**
 * Takes the bytes of an image, which is active and durable when this resolves. Whatever goes wrong, the image is queued
 * again (or gone, if it was deleted meanwhile) and no byte of the attempt stays.
 * @throws ApiError
 */
export const upload = async (service: Service, actor: Actor, cause: Cause, request: UploadRequest): Promise<void> => {
  const key = newBlobKey()
  const { signal, end } = service.uploads.begin(request.imageId, key)
  try {
    const image = await claim(service, actor, cause, request, key)
    const attempt: Attempt = { ...request, key, image, signal }
    try {
      const sealing = await sealingFor(attempt)
      const writer = await request.store.write(key)
      const bytes = await store(service, attempt, writer, sealing)
      checkExpected(attempt, bytes)
      await finish(service, cause, attempt, bytes, sealing)
    } catch (error) {
      const why = whyFailed(error, attempt, service.limits.image_size_bytes)
      if (why.code === 'internal' || why.code === 'database_unavailable')
        service.log.error({ err: error, reqId: cause.requestId }, 'an upload failed')
      const failure = await giveUp(service, cause, attempt, why)
      if (failure !== undefined) throw failure
    }
  } finally {
    end()
  }
}
