import type { FastifyReply, FastifyRequest } from 'fastify'
import { entitled, onlyOf } from '../access/entitle.ts'
import { type ApiError, apiError } from '../api-error.ts'
import type { ImagesTable } from '../database/tables.ts'
import type { Cause } from '../events/events.ts'
import { actorOf } from '../http/authentication.ts'
import { type Location, locationsOf } from '../images/image.ts'
import { findImage } from '../images/queries.ts'
import { openSealed } from '../sealing/sealed-reader.ts'
import type { Service } from '../service.ts'
import { type ByteReader, StoreError } from '../storage/port.ts'
import { type ByteRange, parseRange, type RangeHeaders } from './ranges.ts'
import { send } from './send.ts'
import { storeAnswer } from './store-answers.ts'

/** A browser must never show these bytes as a page of ours. */
export const neverRendered = {
  'content-type': 'application/octet-stream',
  'content-disposition': 'attachment',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "sandbox; default-src 'none'",
}

/** Gives the key that the bytes of an image are sealed with; undefined: they are stored as they are. */
export type OpenKey = (image: ImagesTable) => Promise<Uint8Array | undefined>

interface Downloadable {
  readonly row: ImagesTable
  /** The project through whose share the bytes are read, if it is one. */
  readonly consumer: string | undefined
}

/** @throws ApiError `image_not_found`, `role_required`, `image_deactivated` */
const downloadable = async (
  { database, now }: Service,
  request: FastifyRequest,
  imageId: string,
): Promise<Downloadable> => {
  const actor = actorOf(request)
  const found = await findImage(database.read, imageId, actor.projectId, now())
  const image = entitled(actor, 'image.download', { image: imageId }, found)
  const { row } = image
  if (row.status === 'deactivated' && !actor.roles.has('admin')) throw apiError('image_deactivated', {})
  return { row, consumer: onlyOf(actor, image) }
}

/** A damaged image needs the operator, who may not hear of it otherwise. */
const answerOf = ({ log }: Service, reqId: string | null, imageId: string, error: StoreError): ApiError => {
  if (error.reason === 'damaged') log.error({ err: error, reqId, imageId }, 'the bytes of an image are damaged')
  return storeAnswer(error)
}

/** Bytes that are stored as they are; sealed ones, taken for such, are too many. @throws StoreError `damaged` */
const checked = async (stored: ByteReader, sizeBytes: number): Promise<ByteReader> => {
  if (stored.sizeBytes === sizeBytes) return stored
  await stored.close()
  throw new StoreError('damaged', `${stored.sizeBytes} bytes of an image are stored, not ${sizeBytes}.`)
}

/**
 * The bytes of an image as they were uploaded; undefined while it has none. Stores are tried one after the other.
 * @param prefer names of stores to be tried before the others
 * @throws ApiError `store_unavailable`, `image_damaged`, and what `openKey` throws
 */
export const openImageBytes = async (
  service: Service,
  { requestId }: Pick<Cause, 'requestId'>,
  image: ImagesTable,
  openKey: OpenKey | undefined,
  prefer: readonly string[] = [],
): Promise<ByteReader | undefined> => {
  const { id, size_bytes: sizeBytes, encryption } = image
  if (!hasBytes(image) || sizeBytes === null) return undefined
  const dataKey = await openKey?.(image)
  if (dataKey === undefined && encryption === 'sealed') throw new Error('A sealed image was to be sent unopened.')
  let failure: StoreError | undefined
  for (const location of inOrder(service, locationsOf(image), prefer)) {
    try {
      const stored = await openLocation(service, location)
      if (stored === undefined) continue
      return dataKey === undefined ? await checked(stored, sizeBytes) : await openSealed(stored, dataKey, sizeBytes)
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      // Another store may have it; the operator is to hear of this one all the same.
      failure = error
      service.log.error({ err: error, reqId: requestId, imageId: id, store: location.store }, 'a store failed')
    }
  }
  if (failure !== undefined) throw storeAnswer(failure)
  return undefined
}

/** Bytes are there to be read from the moment that the image is active, and not while they still arrive. */
export const hasBytes = ({ status }: Pick<ImagesTable, 'status'>): boolean =>
  status === 'active' || status === 'deactivated'

/** @throws StoreError, also for a store that is not configured any more */
const openLocation = ({ stores }: Service, { store, key }: Location): Promise<ByteReader | undefined> => {
  const from = stores.byName(store)
  if (from === undefined) throw new StoreError('unavailable', `There is no store ${store} any more.`)
  return from.open(key)
}

/** Preferred stores come first, in their order, then those of a larger weight. */
const inOrder = ({ stores }: Service, locations: readonly Location[], prefer: readonly string[]) => {
  const rank = ({ store }: Location): number => (prefer.includes(store) ? prefer.indexOf(store) : prefer.length)
  const weight = ({ store }: Location): number => stores.byName(store)?.weight ?? 0
  return locations.toSorted((one, other) => rank(one) - rank(other) || weight(other) - weight(one))
}

/**
 * What is sent for a range. One that cannot be sent is refused and never answered with the whole.
 * @throws ApiError `multiple_ranges`, `range_not_satisfiable`
 */
export const chosenRange = (asked: RangeHeaders, sizeBytes: number): Pick<SentPart, 'range' | 'part'> => {
  const answer = parseRange(asked, sizeBytes)
  switch (answer.kind) {
    case 'whole':
      return { range: { start: 0, end: sizeBytes }, part: false }
    case 'part':
      return { range: answer.range, part: true }
    case 'multiple':
      throw apiError('multiple_ranges', {})
    case 'unsatisfiable':
      throw apiError('range_not_satisfiable', { size: sizeBytes }, { 'content-range': `bytes */${sizeBytes}` })
  }
}

/** What of an image is sent, and under which headers besides those of every part. */
export interface SentPart {
  readonly range: ByteRange
  /** Whether it was asked for as a part, be it all of the image. */
  readonly part: boolean
  readonly headers: Readonly<Record<string, string>>
  /** Breaks the transfer off. */
  readonly signal: AbortSignal
}

/**
 * Hands the bytes to the connection. Until the first of them, an error can still be answered as such.
 * @returns whether all that was asked for was sent
 */
export const sendPart = async (
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
  reader: ByteReader,
  imageId: string,
  { range, part, headers, signal }: SentPart,
): Promise<boolean> => {
  const { start, end } = range
  const { raw } = reply
  const all = {
    ...neverRendered,
    'content-length': end - start,
    'accept-ranges': 'bytes',
    ...(part ? { 'content-range': `bytes ${start}-${end - 1}/${reader.sizeBytes}` } : {}),
    ...headers,
    'x-openstack-request-id': request.id,
  }
  raw.statusCode = part ? 206 : 200
  for (const [name, value] of Object.entries(all)) raw.setHeader(name, value)
  let isSent = false
  try {
    const { outcome } = await send(reader, range, raw, {
      buffers: service.sendBuffers,
      signal,
      idleTimeoutMs: service.limits.upload_idle_seconds * 1000,
    })
    isSent = outcome === 'sent'
  } catch (error) {
    if (!raw.headersSent && error instanceof StoreError) {
      for (const name of raw.getHeaderNames()) raw.removeHeader(name)
      throw answerOf(service, request.id, imageId, error)
    }
    service.log.error({ err: error, reqId: request.id, imageId }, 'a download broke off')
    raw.destroy()
  }
  reply.hijack()
  return isSent
}

/**
 * Answers with the bytes of an image, or the part of them that is asked for.
 * @param openKey asked when there are bytes to open, and the caller may read them
 */
export const download = async (
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
  imageId: string,
  openKey?: OpenKey,
  prefer?: readonly string[],
): Promise<FastifyReply> => {
  const { row, consumer } = await downloadable(service, request, imageId)
  const reader = await openImageBytes(service, { requestId: request.id }, row, openKey, prefer)
  if (reader === undefined) return reply.code(204).send()
  try {
    const { checksum, encryption } = row
    const { range, 'content-range': contentRange } = request.headers
    const chosen = chosenRange({ range, contentRange }, reader.sizeBytes)
    const headers = {
      ...(checksum === null ? {} : { 'content-md5': checksum }),
      ...(encryption === 'sealed' ? { 'cache-control': 'no-store' } : {}),
    }
    const { stopping: signal } = service
    const isSent = await sendPart(service, request, reply, reader, imageId, { ...chosen, headers, signal })
    const isLast = chosen.range.end === reader.sizeBytes
    if (isSent && isLast && consumer !== undefined) service.usage.count(imageId, consumer)
  } finally {
    await reader.close()
  }
  return reply
}
