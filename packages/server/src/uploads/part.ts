import type { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import type { Actor } from '../access/actor.ts'
import { type ApiError, apiError } from '../api-error.ts'
import { isGivenUp } from '../data/blobs.ts'
import type { ContentCheck } from '../data/content-check.ts'
import { algorithmsOf, checkExpectations, type Expectation, expectationOf } from '../data/expectation.ts'
import { whyFailed } from '../data/failures.ts'
import type { Hashing } from '../data/hashing.ts'
import { type Ingested, type IngestOptions, ingest } from '../data/ingest.ts'
import { IngestError } from '../data/ingest-error.ts'
import { streamOf } from '../data/reader-stream.ts'
import { storeAnswer } from '../data/store-answers.ts'
import { contentCheckOf } from '../data/upload.ts'
import type { Cause } from '../events/events.ts'
import type { Image } from '../images/image.ts'
import type { KeyHolder } from '../keys/port.ts'
import type { Service } from '../service.ts'
import { verificationFor } from '../signatures/verification.ts'
import { type ByteWriter, StoreError } from '../storage/port.ts'
import { type Claimed, claimUpload, freeElsewhere, readLiveUpload, type UploadName } from './claim.ts'
import { dataKeyFor } from './data-key.ts'
import { expiryOf, failUpload, keepUpload } from './end.ts'
import { keepNotes } from './keeping.ts'
import { changeOwnUpload, findUpload, readExpectation, type Upload } from './queries.ts'
import type { UploadTurn } from './turns.ts'
import type { PartChecksum } from './tus.ts'
import { goOn, type Stand, sealedChunksAt, type Unfinished } from './unfinished.ts'

/** Some of the bytes of an upload. */
export interface Part {
  readonly offset: number
  /** Undefined: until the body ends. */
  readonly lengthBytes: number | undefined
  readonly checksum: PartChecksum | undefined
  readonly stream: Readable
}

/** Takes bytes that go to where they are, or stay there, whatever becomes of the request. */
const onlyWrite = (write: ByteWriter['write']): ByteWriter => ({
  write,
  commit: async () => undefined,
  abort: async () => undefined,
})

/** For parts, whose digests nobody asks for. */
const unhashed = (hashing: Hashing): Hashing => ({
  ...hashing,
  start: () => {
    const run = hashing.start([])
    return { ...run, finish: async () => ({ digests: new Map([['md5', '']]), isSigned: undefined }) }
  },
})

/** Tells early what can never be accepted; the rest is seen when all bytes are there. */
const atBeginning = (check: ContentCheck | undefined): ContentCheck | undefined =>
  check && {
    push: (bytes) => check.push(bytes),
    refusal: () => check.refusal(),
    finish: () => ({ accepted: true, virtualSizeBytes: null, encryptedContent: null }),
  }

interface Work {
  readonly service: Service
  readonly upload: Upload
  readonly image: Image
  readonly bytes: Unfinished
  readonly expectations: readonly Expectation[]
  /** Of the caller, for certificates that are had with it. */
  readonly token: string | null
  readonly signal: AbortSignal
}

const common = ({ service, signal }: Work): Pick<IngestOptions, 'hashing' | 'signal' | 'idleTimeoutMs'> => ({
  hashing: service.hashing,
  signal,
  idleTimeoutMs: service.limits.upload_idle_seconds * 1000,
})

/** Receives all bytes in one go: then they are hashed and looked at as they come. */
const receiveAll = async (work: Work, part: Part, write: ByteWriter['write']): Promise<Ingested> => {
  const { service, image, upload } = work
  return ingest(part.stream, {
    ...common(work),
    writer: onlyWrite(write),
    hashAlgorithm: service.hashAlgorithm,
    verification: await verificationFor(service, image, work.token),
    alsoHash: algorithmsOf(work.expectations),
    limitBytes: service.limits.image_size_bytes,
    announcedBytes: upload.size_bytes,
    inspector: contentCheckOf(service, image),
  })
}

/** @throws ApiError `upload_checksum`, `upload_exceeds`; IngestError */
const receivePart = async (work: Work, part: Part, write: ByteWriter['write']): Promise<void> => {
  const { service, image, upload } = work
  const { checksum, offset } = part
  try {
    const { hashValue } = await ingest(part.stream, {
      ...common(work),
      writer: onlyWrite(write),
      ...(checksum === undefined
        ? { hashing: unhashed(service.hashing), hashAlgorithm: 'md5' }
        : { hashAlgorithm: checksum.algorithm }),
      limitBytes: upload.size_bytes - offset,
      announcedBytes: part.lengthBytes,
      inspector: offset === 0 ? atBeginning(contentCheckOf(service, image)) : undefined,
    })
    if (checksum !== undefined && hashValue !== checksum.digest)
      throw apiError('upload_checksum', { algorithm: checksum.algorithm })
  } catch (error) {
    const reason = error instanceof IngestError ? error.reason : undefined
    if (reason === 'too_large') throw apiError('upload_exceeds', { size: upload.size_bytes })
    throw reason === 'size_mismatch' ? apiError('upload_stopped', {}) : error
  }
}

/** Reads all bytes once more, to hash them and to look at them. */
const examine = async (work: Work): Promise<Ingested> => {
  const { service, image, bytes, upload } = work
  const verification = await verificationFor(service, image, work.token)
  return ingest(streamOf(await bytes.whole()), {
    ...common(work),
    writer: onlyWrite(async () => undefined),
    hashAlgorithm: service.hashAlgorithm,
    verification,
    alsoHash: algorithmsOf(work.expectations),
    limitBytes: service.limits.image_size_bytes,
    announcedBytes: upload.size_bytes,
    inspector: contentCheckOf(service, image),
  })
}

/** What ends a request and not its upload, which can be gone on with. */
const passingCodes: ReadonlySet<string> = new Set([
  'upload_stopped',
  'upload_busy',
  'upload_checksum',
  'upload_exceeds',
  'request_timeout',
])

/** Whether it would not help to send the same bytes again. */
const isFinal = ({ code, status }: ApiError): boolean =>
  code === 'image_damaged' || (status < 500 && !passingCodes.has(code))

/** What is told of a part that could not be taken. */
const whyStopped = ({ service, upload, image, signal }: Work, turn: UploadTurn, error: unknown): ApiError => {
  if (turn.signal.aborted) return apiError('upload_busy', { doing: 'gone on with by another request' })
  if (signal.aborted) return service.stopping.aborted ? apiError('stopping', {}) : apiError('image_deleted', {})
  const limitBytes = service.limits.image_size_bytes
  const why = whyFailed(error, { announcedBytes: upload.size_bytes, diskFormat: image.diskFormat, limitBytes })
  // The words of an upload in one request: there, all of it would have to be sent again.
  return why.code === 'upload_incomplete' ? apiError('upload_stopped', {}) : why
}

/**
 * Writes down where the upload stands, and lets it go.
 * @param stand undefined: as it stood before
 */
const settle = async ({ database, presence, now, limits }: Service, upload: Upload, stand: Stand | undefined) => {
  const known = stand === undefined ? {} : { offset_bytes: stand.offsetBytes, tail: stand.tail, unsettled: 0 as const }
  const expires_at = expiryOf({ limits }, now())
  await database.write((tx) =>
    changeOwnUpload(tx, upload.id, presence.processId, { ...known, process_id: null, wanted: 0, expires_at }),
  )
}

/** Whether another process has taken the upload over, or it is gone. */
const isLost = async ({ database, presence }: Service, upload: Upload): Promise<boolean> => {
  const current = await findUpload(database.read, upload.image_id, upload.id)
  return current?.state !== 'open' || current.process_id !== presence.processId
}

/** Makes durable what was received, and writes it down. */
const stay = async ({ service, upload, bytes }: Work, keepsBytes: boolean): Promise<Stand | undefined> => {
  // Nothing may go to a store any more that another one writes to.
  if (await isLost(service, upload)) return undefined
  if (!keepsBytes) {
    await settle(service, upload, undefined)
    return undefined
  }
  // The last byte counts when the image is active.
  const stand = bytes.stand(upload.size_bytes - 1)
  await bytes.sync()
  await settle(service, upload, stand)
  return stand
}

/** Everything is there: the image becomes active. */
const complete = async (
  work: Work,
  { actor, cause }: { readonly actor: Actor; readonly cause: Cause },
  received: Ingested | undefined,
): Promise<void> => {
  const examined = received ?? (await examine(work))
  checkExpectations(work.expectations, examined)
  await work.bytes.commit()
  await keepUpload(work.service, actor, { ...cause, at: work.service.now() }, work, examined)
}

/** The caller of a request, in all its roles. */
export interface Caller {
  readonly actor: Actor
  readonly holder: KeyHolder
  readonly cause: Cause
}

/** Receives a part, and brings the upload to its end if it was the last. @returns where it stands */
const takePart = async (work: Work, caller: Caller, part: Part, turn: UploadTurn): Promise<number> => {
  const { service, upload, bytes } = work
  const isAll = part.offset === 0 && part.lengthBytes === upload.size_bytes && part.checksum === undefined
  const keeping = keepNotes(service, upload, bytes, { takesNotes: part.checksum === undefined, stop: turn.stop })
  let received: Ingested | undefined
  // Bytes of a part with a checksum count when all of them are there; the last byte of all, when the image is active.
  let keepsBytes = part.checksum === undefined
  try {
    try {
      if (isAll) received = await receiveAll(work, part, keeping.write)
      else await receivePart(work, part, keeping.write)
      keepsBytes = true
    } finally {
      await keeping.end()
    }
    if (bytes.receivedBytes() < upload.size_bytes) {
      const stand = await stay(work, true)
      return stand?.offsetBytes ?? upload.offset_bytes
    }
    keepsBytes = false
    turn.finishing()
    await complete(work, caller, received)
    return upload.size_bytes
  } catch (error) {
    const why = whyStopped(work, turn, error)
    const cause = { ...caller.cause, at: service.now() }
    if (why.code === 'internal' || why.code === 'database_unavailable')
      service.log.error({ err: error, reqId: cause.requestId }, 'a part of an upload could not be taken')
    if (isFinal(why)) {
      // What is on its way to the store would arrive after the others are removed.
      await bytes.release().catch(() => undefined)
      await failUpload(service, cause, upload, why)
    } else await stay(work, keepsBytes).catch(() => settle(service, upload, undefined))
    throw why
  }
}

/** Opens what is there of an upload, so that the part can follow it. */
const open = async (service: Service, { holder, cause }: Caller, { upload, image }: Claimed): Promise<Unfinished> => {
  const store = service.stores.byName(upload.store)
  if (store === undefined) throw apiError('store_unavailable', {})
  const stand: Stand = { offsetBytes: upload.offset_bytes, tail: upload.tail }
  const chunks = sealedChunksAt(stand.offsetBytes, stand.tail !== null)
  const dataKey = await dataKeyFor(service, holder, cause, image, upload.unsettled === 1 ? chunks : undefined)
  return goOn(store, upload.blob_key, stand, dataKey)
}

/** Nothing was written: the upload is let go as it was, unless its bytes are lost. */
const giveBack = async (service: Service, cause: Cause, upload: Upload, error: unknown): Promise<void> => {
  if (error instanceof StoreError && error.reason === 'damaged') {
    await failUpload(service, cause, upload, storeAnswer(error))
    return
  }
  const { database, presence } = service
  const asItWas = { process_id: null, unsettled: upload.unsettled }
  await database.write((tx) => changeOwnUpload(tx, upload.id, presence.processId, asItWas))
}

/** Another process may have removed the bytes of a deleted image while this one still wrote. */
const removeIfGivenUp = async ({ database, stores, log }: Service, { blob_key: key, store }: Upload): Promise<void> => {
  try {
    if (await isGivenUp(database.read, key)) await stores.byName(store)?.remove(key)
  } catch (error) {
    log.error({ err: error }, 'bytes of an upload that was given up could not be removed')
  }
}

const takeClaimed = async (
  service: Service,
  caller: Caller,
  claimed: Claimed,
  part: Part,
  turn: UploadTurn,
): Promise<number> => {
  const { upload, image } = claimed
  const { signal, end } = service.uploads.begin(upload.image_id, upload.blob_key)
  try {
    const bytes = await open(service, caller, claimed).catch(async (error: unknown) => {
      await giveBack(service, { ...caller.cause, at: service.now() }, upload, error)
      throw error instanceof StoreError ? storeAnswer(error) : error
    })
    const expectations = [expectationOf(image), readExpectation(upload)]
    const either = AbortSignal.any([signal, turn.signal])
    const { token } = caller.holder
    const work: Work = { service, upload, image, bytes, expectations, token, signal: either }
    try {
      return await takePart(work, caller, part, turn)
    } finally {
      await bytes.release().catch(() => undefined)
    }
  } finally {
    await removeIfGivenUp(service, upload)
    end()
  }
}

const patienceMs = 20_000

/** Another request has sent all bytes already: its outcome is the outcome of this one as well. */
const joinFinishing = async (
  service: Service,
  actor: Actor,
  name: UploadName,
  done: Promise<void>,
): Promise<number> => {
  const patience = new AbortController()
  await Promise.race([done, wait(patienceMs, undefined, { signal: patience.signal }).catch(() => undefined)])
  patience.abort()
  const { state, size_bytes: sizeBytes } = await readLiveUpload(service, actor, name)
  if (state === 'done') return sizeBytes
  throw apiError('upload_busy', { doing: 'being checked, now that all bytes are there' })
}

/**
 * Takes a part of an upload. Whatever breaks off, what arrived of it is kept, and the upload can be gone on with from there.
 * @returns where the upload stands: at its end, the image is active and durable
 * @throws ApiError
 */
export const takeUploadPart = async (
  service: Service,
  caller: Caller,
  name: UploadName,
  part: Part,
): Promise<number> => {
  const { actor, cause } = caller
  const { size_bytes: size } = await readLiveUpload(service, actor, name)
  if (part.offset + (part.lengthBytes ?? 0) > size) throw apiError('upload_exceeds', { size })
  const turn = await service.uploadTurns.take(name.uploadId)
  if ('done' in turn) return joinFinishing(service, actor, name, turn.done)
  try {
    if (!(await freeElsewhere(service, name))) {
      throw apiError('upload_busy', { doing: 'gone on with by another request' })
    }
    const claimed = await claimUpload(service, actor, cause, name, part.offset)
    return claimed === undefined ? size : await takeClaimed(service, caller, claimed, part, turn)
  } finally {
    turn.end()
  }
}
