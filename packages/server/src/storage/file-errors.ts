import { StoreError } from './port.ts'

interface SystemError extends Error {
  readonly code: string
}

const isSystemError = (error: unknown): error is SystemError =>
  error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string'

// EFBIG: the file system cannot hold a file of this size, which is want of room as well.
const fullCodes: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

export const isMissing = (error: unknown): boolean => isSystemError(error) && error.code === 'ENOENT'

/**
 * What a failed call of the operating system means to the users of a store. The original error is left out on
 * purpose: it names paths of the host.
 *
 * @param doing completes "could not"
 * @returns anything that is not a system error unchanged: that is a defect, not a state of the store
 */
export const storeErrorOf = (error: unknown, store: string, doing: string): unknown => {
  if (!isSystemError(error)) return error
  const reason = fullCodes.has(error.code) ? 'full' : 'unavailable'
  return new StoreError(reason, `The store ${store} could not ${doing} (${error.code}).`)
}
