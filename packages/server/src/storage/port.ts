/**
 * The port for bytes: what the service needs of a store, whether it is a folder or an object store.
 *
 * Keys are made by the service alone (`isStoreKey`), so no text of a caller ever becomes a path or an object name.
 * Every call fails with `StoreError` and nothing else, apart from a programming error.
 */

/** 32 lower-case hex digits. */
export type StoreKey = string

export const isStoreKey = (text: string): boolean => /^[0-9a-f]{32}$/.test(text)

/**
 * `full`: no room left for more bytes. `unavailable`: the store does not answer, refuses, or answers wrongly. `damaged`: the
 * stored bytes are not those that were written, or the key that is to open them is not theirs; only opening and reading find
 * that, and to try again does not help.
 */
export type StoreFailure = 'full' | 'unavailable' | 'damaged'

/** Its message is fit for a log, not for a caller; it names no path, host or secret. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly reason: StoreFailure

  constructor(reason: StoreFailure, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

/**
 * One unfinished write. Calls follow each other: the next one starts when the promise of the one before is settled.
 * After any failure, `abort` is the only call left.
 */
export interface ByteWriter {
  /** Appends `bytes`. The memory belongs to the caller again when the promise settles, and not before. */
  write(bytes: Uint8Array): Promise<void>
  /** Once it resolves the bytes are found under their key and survive a loss of power. */
  commit(): Promise<void>
  /** Leaves nothing behind. May be called at any time, also repeatedly; after `commit` it does nothing. */
  abort(): Promise<void>
}

/** An unfinished write that can be left as it is and gone on with later, also by another process and after a crash. */
export interface ResumableWriter extends ByteWriter {
  /** Makes durable all that was written before. No write may be under way. */
  sync(): Promise<void>
  /**
   * Makes durable what is cheap to, which may be nothing; it may run beside further writes.
   * @returns how many bytes are durable now, from the first on; of sealed bytes that were written in whole chunks, whole chunks
   */
  syncSome(): Promise<number>
  /** Reads what was written so far, as a `ByteReader` does. No write may follow. */
  read(into: Uint8Array, position: number): Promise<number>
  /** Leaves the write as it is. Of what is not durable, any part may be gone. May be called repeatedly. */
  release(): Promise<void>
}

/** An open object. It stays readable to its end even when the key is removed meanwhile, where the store can do that. */
export interface ByteReader {
  readonly sizeBytes: number
  /**
   * Reads from `position` until `into` is full or the object ends.
   * @returns the number of bytes read; less than `into` holds only at the end of the object
   */
  read(into: Uint8Array, position: number): Promise<number>
  /** May be called repeatedly. No read may be under way. */
  close(): Promise<void>
}

/** What a sweeper sees: `unfinished` ones are writes that were neither committed nor aborted (yet). */
export interface StoredKey {
  readonly key: StoreKey
  readonly state: 'stored' | 'unfinished'
  readonly modifiedAt: Date
}

/** What is told of a store. */
export interface StoreFacts {
  /** As it stands in the configuration. */
  readonly name: string
  readonly type: 'file' | 's3'
  readonly description: string | undefined
  /** Of the stores that have an image, those of a larger weight are read before the others. */
  readonly weight: number
  /** Whether its bytes come over a network: a local copy of them is worth its room. */
  readonly isRemote: boolean
  /** For administrators; never a secret. */
  readonly properties: Readonly<Record<string, string | number | boolean>>
}

export interface ByteStore extends StoreFacts {
  /** Where an object is, for other services of the cloud that reach the store themselves. */
  urlOf(key: StoreKey): string
  /** Starts a write. A key is written once: a second write under the same key fails. */
  write(key: StoreKey): Promise<ByteWriter>
  /**
   * Goes on with a write that was released or cut off, or committed without ever being used: its first `sizeBytes` stay, and
   * what follows them goes. With 0 there need be nothing yet. Only one may go on with a write at a time.
   */
  resume(key: StoreKey, sizeBytes: number): Promise<ResumableWriter>
  /** @returns undefined when nothing is stored under this key */
  open(key: StoreKey): Promise<ByteReader | undefined>
  /** Removes what is stored and what is unfinished under the key. Durable when it resolves; idempotent. */
  remove(key: StoreKey): Promise<void>
  /** Everything present, in no order. What comes or goes during the walk may be seen or not. */
  keys(): AsyncIterable<StoredKey>
  /** Resolves when the store can be read and written just now. */
  check(): Promise<void>
}
