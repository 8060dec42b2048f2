import { StoreError, type StoreFailure } from './port.ts'

/** What a failed call says of itself: the code of S3, of the operating system, or the kind of the error. */
const codeOf = (error: unknown): string => {
  if (!(error instanceof Error)) return 'unknown'
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name
  // Anything else may be text of the store.
  return /^[A-Za-z]\w{0,60}$/.test(code) ? code : 'unknown'
}

const statusOf = (error: unknown): number | undefined => {
  if (!(error instanceof Error) || !('$metadata' in error)) return undefined
  const { $metadata: metadata } = error
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined
}

export const isMissing = (error: unknown): boolean => statusOf(error) === 404

export const isUploadGone = (error: unknown): boolean => codeOf(error) === 'NoSuchUpload'

/** The object is not the one that was asked for. */
const isOther = (error: unknown): boolean => statusOf(error) === 412

// What stores of different makers answer when there is no room: by quota or in fact, or for so large an object.
const fullCodes: ReadonlySet<string> = new Set([
  'QuotaExceeded',
  'EntityTooLarge',
  'InsufficientCapacity',
  'StorageFull',
  'XMinioStorageFull',
  'XMinioAdminBucketQuotaExceeded',
])

const reasonOf = (error: unknown, doing: string): StoreFailure => {
  if (fullCodes.has(codeOf(error)) || statusOf(error) === 507) return 'full'
  return doing === 'read an object' && isOther(error) ? 'damaged' : 'unavailable'
}

/**
 * What a failed call means to the users of a store. The original error is left out on purpose: it names hosts, buckets and
 * access keys.
 *
 * @param doing completes "could not"
 */
export const s3ErrorOf = (error: unknown, store: string, doing: string): StoreError => {
  if (error instanceof StoreError) return error
  const code = codeOf(error)
  const why = code === 'AbortError' ? 'no answer in time' : code
  const status = statusOf(error)
  return new StoreError(
    reasonOf(error, doing),
    `The store ${store} could not ${doing} (${status === undefined ? why : `${status} ${why}`}).`,
  )
}
