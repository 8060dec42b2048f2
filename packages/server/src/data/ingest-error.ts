/**
 * Why an upload failed. All of these leave nothing behind.
 *
 * - `too_large`: more than the limit
 * - `size_mismatch`: another number of bytes than announced
 * - `incomplete`: the client broke off
 * - `timeout`: the client sent nothing for too long
 * - `content_mismatch`: the bytes are not what the image says they are
 * - `virtual_size`: they state a larger disk than is allowed
 * - `not_signed`: the signature that they should have is not one of these bytes
 * - `store_full`, `store_unavailable`: see `StoreError`
 * - `aborted`: the caller's signal
 * - `hashing_failed`: the thread that hashed died
 */
export type IngestFailure =
  | 'too_large'
  | 'size_mismatch'
  | 'incomplete'
  | 'timeout'
  | 'content_mismatch'
  | 'virtual_size'
  | 'not_signed'
  | 'store_full'
  | 'store_unavailable'
  | 'aborted'
  | 'hashing_failed'

/** `receivedBytes` counts up to the failure. The message of `content_mismatch` and `virtual_size` is fit to be told to the client. */
export class IngestError extends Error {
  override readonly name = 'IngestError'
  readonly reason: IngestFailure
  readonly receivedBytes: number

  constructor(reason: IngestFailure, message: string, receivedBytes: number, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
    this.receivedBytes = receivedBytes
  }
}
