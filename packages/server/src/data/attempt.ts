import type { Readable } from 'node:stream'
import { type ApiError, apiError } from '../api-error.ts'
import type { Database, Tx } from '../database/database.ts'
import type { ImageSealsTable } from '../database/key-tables.ts'
import type { BlobsTable } from '../database/tables.ts'
import type { Cause } from '../events/events.ts'
import { fromRow, type Image, type Location } from '../images/image.ts'
import { findImageForChange, type ImageAndMembership, updateImage } from '../images/queries.ts'
import { keepVersion } from '../keys/key-rows.ts'
import { insertSeal } from '../keys/queries.ts'
import { sealedWriter } from '../sealing/sealed-writer.ts'
import type { Service } from '../service.ts'
import { signatureText } from '../signatures/signature.ts'
import { verificationFor } from '../signatures/verification.ts'
import type { ByteStore, StoreKey } from '../storage/port.ts'
import { type ByteLimits, doomBlob, insertBlob, isWhole, newBlobKey, reserveBytes } from './blobs.ts'
import type { ContentCheck } from './content-check.ts'
import { discard } from './discard.ts'
import { algorithmsOf, checkExpectations, checkSize, type Expectation, expectationOf } from './expectation.ts'
import { whyFailed } from './failures.ts'
import type { Verification } from './hash-protocol.ts'
import { type Ingested, ingest } from './ingest.ts'
import { checkUploading } from './uploading.ts'

/** How the bytes of one write are encrypted on their way to the store. */
export interface Sealing {
  /** Made for this write alone. */
  readonly key: Uint8Array
  /** What opens them again; stored when they are whole. */
  readonly seal: ImageSealsTable
}

/** Where bytes come from. */
export interface Source {
  readonly stream: Readable
  readonly announcedBytes: number | undefined
  /** Lets go of whatever stands behind the stream, whether it was read to its end or not. */
  close?(): Promise<void>
}

/**
 * A way for bytes to get into a store for an image: what the image is while they arrive, and what it is once they are there.
 * Each method runs in a transaction that holds the image.
 */
export interface Door {
  /** Claims the image for this write, if it can be: of two at once, one finds it free. @returns it before and after */
  claim(found: ImageAndMembership | undefined): { readonly before: Image; readonly after: Image }
  readonly state: Extract<BlobsTable['state'], 'writing' | 'staging'>
  /** Looks at the bytes; undefined: they were looked at before. */
  check(image: Image): ContentCheck | undefined
  /** The bytes are whole: keeps the blob, or tells that it was given up meanwhile. */
  keep(tx: Tx, image: Image, bytes: Ingested, location: Location): Promise<boolean>
  /** The write came to nothing. */
  release(tx: Tx, image: Image, why: ApiError): Promise<void>
}

/** What a write is called with. */
export interface Write {
  readonly imageId: string
  readonly store: ByteStore
  /** Asked once the image is claimed. */
  open(signal: AbortSignal): Promise<Source> | Source
  /** What the bytes must turn out to be, besides what the image itself says. */
  readonly expected?: Expectation | undefined
  /**
   * Asked once the image is claimed. Without an answer the bytes are stored as they are, unless the image is a sealed one.
   * `sealed already`: they come from another store, in the form that they are stored in.
   */
  readonly sealingOf?: ((image: Image) => Promise<Sealing | undefined>) | 'sealed already' | undefined
  /** Of whoever brings the bytes, for certificates that are had with it. */
  readonly token?: string | null
}

interface Attempt extends Write {
  readonly inspector: ContentCheck | undefined
  readonly key: StoreKey
  readonly image: Image
  readonly signal: AbortSignal
  readonly expectations: readonly Expectation[]
}

const claim = (
  { database, presence, limits }: Service,
  cause: Cause,
  door: Door,
  { imageId, store }: Write,
  key: StoreKey,
): Promise<Image> =>
  database.write(async (tx) => {
    const found = await findImageForChange(tx, imageId, cause.projectId, cause.at)
    const { before, after } = door.claim(found)
    if (before.status === 'queued') await checkUploading(tx, limits, before.owner)
    await insertBlob(tx, {
      key,
      store: store.name,
      image_id: imageId,
      project_id: before.owner,
      state: door.state,
      reserved_bytes: 0,
      process_id: presence.processId,
      created_at: cause.at,
    })
    if (after !== before) await updateImage(tx, before, after)
    return after
  })

/** Bytes whose key was deleted while they arrived could be opened by nobody. @throws ApiError `key_unknown` */
export const storeSeal = async (tx: Tx, { seal }: Sealing): Promise<void> => {
  const { key_id: key, key_version: version } = seal
  if (!(await keepVersion(tx, key, version))) throw apiError('key_unknown', { key })
  await insertSeal(tx, seal)
}

const keep = (
  { database }: Service,
  cause: Cause,
  door: Door,
  { imageId, key, store, image: claimed, inspector }: Attempt,
  bytes: Ingested,
  sealing: Sealing | undefined,
): Promise<void> =>
  database.write(async (tx) => {
    const found = await findImageForChange(tx, imageId, null, cause.at)
    if (found === undefined) throw apiError('image_deleted', {})
    const image = fromRow(found.row)
    if (inspector !== undefined && signatureText(image) !== signatureText(claimed)) {
      throw apiError('signature_refused', { why: 'it was changed while the bytes arrived' })
    }
    if (!(await door.keep(tx, image, bytes, { store: store.name, key }))) throw apiError('upload_lost', {})
    if (sealing !== undefined) await storeSeal(tx, sealing)
  })

/**
 * Takes the attempt back: the image is released, and what was written goes. What of this fails is left to the sweeper.
 * @returns why it failed; undefined when it had succeeded after all, and only the word of it was lost
 */
const giveUp = async (
  service: Service,
  cause: Cause,
  door: Door,
  { imageId, key, store }: Attempt,
  why: ApiError,
): Promise<ApiError | undefined> => {
  const { doomed, answer } = await service.database.write(async (tx) => {
    const found = await findImageForChange(tx, imageId, null, cause.at)
    if (!(await doomBlob(tx, key))) return { doomed: false, answer: (await isWhole(tx, key)) ? undefined : why }
    if (found === undefined) return { doomed: true, answer: apiError('image_deleted', {}) }
    await door.release(tx, fromRow(found.row), why)
    return { doomed: true, answer: why }
  })
  if (doomed) {
    await discard(service, { key, store: store.name }).catch((error: unknown) => {
      service.log.error({ err: error, reqId: cause.requestId }, 'bytes could not be removed; it is tried again')
    })
  }
  return answer
}

const byteLimits = ({ limits }: Pick<Service, 'limits'>, door: Door): ByteLimits => ({
  all: limits.project_storage_bytes,
  staged: door.state === 'staging' ? limits.project_staged_bytes : -1,
})

/** Sets room aside as the bytes arrive, when the project's are limited. */
const reservation = (
  service: Pick<Service, 'limits'> & { readonly database: Database },
  door: Door,
  { key, image }: Attempt,
) => {
  const limits = byteLimits(service, door)
  const projectId = image.owner
  if ((limits.all < 0 && limits.staged < 0) || projectId === null) return undefined
  return async (totalBytes: number): Promise<void> => {
    const over = await service.database.write((tx) => reserveBytes(tx, { key, projectId }, totalBytes, limits))
    if (over === undefined) return
    const values = { limit: limits[over.limit], used: over.usedBytes }
    throw over.limit === 'all' ? apiError('storage_quota', values) : apiError('stage_quota', values)
  }
}

const sealingFor = async ({ sealingOf, image }: Attempt): Promise<Sealing | undefined> => {
  if (sealingOf === 'sealed already') return undefined
  const sealing = await sealingOf?.(image)
  if (sealing === undefined && image.sealedUnder !== null) throw new Error('A sealed image was to be stored unsealed.')
  return sealing
}

/** Everything about the bytes (sizes, digests, what they hold) is found out before they are sealed. */
const take = async (
  service: Service,
  door: Door,
  attempt: Attempt,
  { stream, announcedBytes }: Source,
  how: { readonly sealing: Sealing | undefined; readonly verification: Verification | undefined },
): Promise<Ingested> => {
  const { sealing, verification } = how
  const { hashing, hashAlgorithm, limits } = service
  checkSize(attempt.expectations, announcedBytes)
  const writer = await attempt.store.write(attempt.key)
  return ingest(stream, {
    writer: sealing === undefined ? writer : sealedWriter(writer, sealing.key),
    hashing,
    hashAlgorithm,
    verification,
    alsoHash: algorithmsOf(attempt.expectations),
    limitBytes: limits.image_size_bytes,
    announcedBytes,
    reserve: reservation(service, door, attempt),
    inspector: attempt.inspector,
    signal: attempt.signal,
    idleTimeoutMs: limits.upload_idle_seconds * 1000,
  })
}

/** Bytes that come sealed already say nothing of what they were before. */
const expectationsOf = (image: Image, { expected, sealingOf }: Write): readonly Expectation[] => [
  ...(sealingOf === 'sealed already' ? [] : [expectationOf(image)]),
  ...(expected === undefined ? [] : [expected]),
]

/**
 * Gets bytes into a store for an image, through one of the doors. They are durable when this resolves. Whatever goes wrong,
 * the image is released (or gone, if it was deleted meanwhile) and no byte of the attempt stays.
 * @throws ApiError
 */
export const writeBytes = async (service: Service, cause: Cause, door: Door, write: Write): Promise<void> => {
  const key = newBlobKey()
  const { signal, end } = service.uploads.begin(write.imageId, key)
  try {
    const image = await claim(service, cause, door, write, key)
    const inspector = door.check(image)
    const expectations = expectationsOf(image, write)
    const attempt: Attempt = { ...write, key, image, signal, inspector, expectations }
    let source: Source | undefined
    try {
      // Copies of bytes that were looked at before are held to their digests instead.
      const verification = inspector && (await verificationFor(service, image, write.token ?? null))
      const sealing = await sealingFor(attempt)
      source = await write.open(signal)
      const bytes = await take(service, door, attempt, source, { sealing, verification })
      checkExpectations(attempt.expectations, bytes)
      await keep(service, cause, door, attempt, bytes, sealing)
    } catch (error) {
      const about = {
        announcedBytes: source?.announcedBytes,
        diskFormat: image.diskFormat,
        limitBytes: service.limits.image_size_bytes,
      }
      const why = whyFailed(error, about)
      if (why.code === 'internal' || why.code === 'database_unavailable')
        service.log.error({ err: error, reqId: cause.requestId }, 'bytes could not be taken')
      const failure = await giveUp(service, cause, door, attempt, why)
      if (failure !== undefined) throw failure
    } finally {
      await source?.close?.()
    }
  } finally {
    end()
  }
}
