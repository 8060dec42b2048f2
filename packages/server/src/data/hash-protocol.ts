/** What travels between the service and a hash thread. Bytes do not: both see the same memory. */
export const hashAlgorithms = ['md5', 'sha1', 'sha256', 'sha512'] as const
export type HashAlgorithm = (typeof hashAlgorithms)[number]

/** A signature that is checked over the bytes as they pass. */
export interface Verification {
  readonly digest: 'sha224' | 'sha256' | 'sha384' | 'sha512'
  readonly kind: 'rsa' | 'dsa' | 'ec'
  /** PEM. */
  readonly publicKey: string
  readonly signature: Uint8Array
}

export interface HashWorkerData {
  readonly slab: SharedArrayBuffer
  readonly slotBytes: number
}

export type HashRequest =
  | { readonly kind: 'open'; readonly stream: number; readonly job: HashAlgorithm | Verification }
  | { readonly kind: 'update'; readonly stream: number; readonly slot: number; readonly lengthBytes: number }
  | { readonly kind: 'finish'; readonly stream: number }
  | { readonly kind: 'discard'; readonly stream: number }

/**
 * Answers come in the order of the `update` and `finish` requests: the digest for a `finish`, or `valid` or `invalid` for that of a
 * signature; else empty.
 */
export type HashReply = string
