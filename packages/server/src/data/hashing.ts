export const hashAlgorithms = ['md5', 'sha1', 'sha256', 'sha512'] as const
export type HashAlgorithm = (typeof hashAlgorithms)[number]

/** A few threads that hash for all uploads of the process, and the memory that uploads pass through. */
export interface Hashing {
  /** Ends the threads. Uploads under way fail. */
  close(): Promise<void>
}

export interface HashingOptions {
  readonly workers?: number
}

export const createHashing = (_options: HashingOptions = {}): Hashing => {
  throw new Error('being written')
}
