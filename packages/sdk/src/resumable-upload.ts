import { HttpError, NetworkError, UnexpectedResponseError } from './errors.ts'
import type { ImageApi } from './image-api.ts'
import type { Read } from './transport.ts'
import { announcedSize, ownSize, sourceFrom, type UploadOptions, type UploadSource, uploadBody } from './upload.ts'

/** Below this, to send all of it again costs less than to ask. */
const resumableFromBytes = 16 * 1024 * 1024

const tus = { 'Tus-Resumable': '1.0.0' }

/** Services that were asked and do not offer it. */
const withoutUploads = new WeakSet<ImageApi>()

/** Whether a source is to be uploaded in parts, as far as that is up to the caller. */
export const mayResume = (source: UploadSource, { resumable }: UploadOptions): boolean => {
  const sizeBytes = ownSize(source)
  if (resumable === false || sizeBytes === undefined || sourceFrom(source, 0) === undefined) return false
  return resumable === true || sizeBytes >= resumableFromBytes
}

/** How services answer that know no such call, or have no store for it. */
const notOffered: ReadonlySet<number> = new Set([404, 405, 501])

/** Answers after which the same upload can be gone on with. */
const passing: ReadonlySet<number> = new Set([408, 409, 429, 460, 500, 502, 503, 504])

const lockedStatus = 423
const lockedDelayMs = 1000
const failuresMax = 10
const baseDelayMs = 250
const longestDelayMs = 10_000

const offsetIn = (response: Response): number => {
  const header = response.headers.get('upload-offset') ?? ''
  if (/^\d{1,16}$/.test(header)) return Number(header)
  throw new UnexpectedResponseError('The service did not say where the upload stands.')
}

const readOffset: Read<number> = async (response, watchdog) => {
  await response.body?.cancel()
  watchdog.end()
  return offsetIn(response)
}

const readId: Read<string> = async (response, watchdog) => {
  await response.body?.cancel()
  watchdog.end()
  const id = /\/uploads\/([\w-]{1,64})$/.exec(response.headers.get('location') ?? '')?.[1]
  if (id === undefined) throw new UnexpectedResponseError('The service did not say where the upload goes.')
  return id
}

/** One upload of an image. */
interface Going {
  readonly api: ImageApi
  readonly imageId: string
  readonly source: UploadSource
  readonly sizeBytes: number
  readonly options: UploadOptions
}

/** @returns undefined when the service does not offer it */
const begin = async ({ api, imageId, sizeBytes, options }: Going): Promise<string | undefined> => {
  const headers: Record<string, string> = { ...tus, 'Upload-Length': String(sizeBytes) }
  if (options.store !== undefined) headers['X-Image-Meta-Store'] = options.store
  const request = { method: 'POST', headers, repeatable: false, resendable: true, signal: options.signal }
  try {
    return await api.stream(['images', imageId, 'uploads'], request, readId)
  } catch (error) {
    if (!(error instanceof HttpError) || !notOffered.has(error.status)) throw error
    // 404 also answers for an image that is not there.
    if (error.status !== 404) withoutUploads.add(api)
    return undefined
  }
}

const pathOf = ({ imageId }: Going, id: string): string[] => ['images', imageId, 'uploads', id]

const askOffset = (going: Going, id: string): Promise<number> => {
  const request = { method: 'HEAD', headers: tus, repeatable: true, resendable: true, signal: going.options.signal }
  return going.api.stream(pathOf(going, id), request, readOffset)
}

const sendFrom = (going: Going, id: string, offset: number): Promise<number> => {
  const { api, source, sizeBytes, options } = going
  const rest = sourceFrom(source, offset)
  if (rest === undefined) throw new TypeError('The source can only be read from its start.')
  const restBytes = sizeBytes - offset
  const headers = {
    ...tus,
    'Content-Type': 'application/offset+octet-stream',
    'Content-Length': String(restBytes),
    'Upload-Offset': String(offset),
  }
  const onProgress =
    options.onProgress &&
    (({ transferredBytes }: { transferredBytes: number }) =>
      options.onProgress?.({ transferredBytes: offset + transferredBytes, totalBytes: sizeBytes }))
  const body = uploadBody(rest, restBytes, api.transport, onProgress)
  const request = { method: 'PATCH', headers, repeatable: false, resendable: true, signal: options.signal, ...body }
  return api.stream(pathOf(going, id), request, readOffset)
}

/** Sends what is missing, again and again, until all of it is there. */
const goOn = async (going: Going, id: string, knownOffset: number | undefined): Promise<void> => {
  const { api, sizeBytes, options } = going
  const { clock, random } = api.transport
  let offset = knownOffset
  let farthest = offset ?? 0
  let failures = 0
  for (;;) {
    try {
      offset ??= await askOffset(going, id)
      if (offset > farthest) failures = 0
      farthest = Math.max(farthest, offset)
      if (offset === sizeBytes) return
      offset = await sendFrom(going, id, offset)
    } catch (error) {
      const status = error instanceof HttpError ? error.status : undefined
      // All bytes may be there, and be checked still.
      if (status === lockedStatus) {
        await clock.sleep(lockedDelayMs, options.signal)
        offset = undefined
        continue
      }
      const isPassing = error instanceof NetworkError || (status !== undefined && passing.has(status))
      failures += 1
      if (!isPassing || failures > failuresMax) throw error
      const ceiling = Math.min(longestDelayMs, baseDelayMs * 2 ** failures)
      await clock.sleep(ceiling * (0.5 + random() / 2), options.signal)
      offset = undefined
    }
  }
}

/** Where an earlier upload stands; undefined when it is not there any more. */
const standOf = async (going: Going, id: string): Promise<number | undefined> => {
  try {
    return await askOffset(going, id)
  } catch (error) {
    const isOver = error instanceof HttpError && error.status !== 401 && error.status < 500
    if (isOver && error.status !== lockedStatus) return undefined
    throw error
  }
}

/**
 * Uploads in parts, by tus 1.0.0.
 * @returns false when the service does not offer it; then nothing was done
 */
export const uploadResumably = async (
  api: ImageApi,
  imageId: string,
  source: UploadSource,
  options: UploadOptions,
): Promise<boolean> => {
  const sizeBytes = announcedSize(source, options.sizeBytes)
  if (sizeBytes === undefined || withoutUploads.has(api)) return false
  const going: Going = { api, imageId, source, sizeBytes, options }
  const known = options.uploadId
  const stands = known === undefined ? undefined : await standOf(going, known)
  const id = known !== undefined && stands !== undefined ? known : await begin(going)
  if (id === undefined) return false
  await options.onUpload?.(id)
  await goOn(going, id, stands ?? 0)
  return true
}
