/**
 * The port for keys: what the service needs of a key manager, whether it is the embedded one or a Barbican.
 *
 * A key belongs to a project and has versions, each with material of its own (256 bits). Material wraps data keys: those of
 * sealed images, and those that a project encrypts with by itself. Who else may use a key is granted to whole projects. What
 * the service decides itself (names, defaults, whether a key is disabled or may be granted at all) is no concern of the port.
 *
 * Every call fails with `KeyError` and nothing else, apart from a programming error. Calls that change something may be
 * repeated: what is done already stays done. The service never runs two of them for one key at once.
 */

/** A key as the manager knows it. */
export interface Key {
  readonly id: string
  /** The project that it belongs to. */
  readonly projectId: string
}

/** One version of a key; versions count from 1. */
export interface KeyVersion extends Key {
  readonly version: number
}

/**
 * Who wants to use a key: a project, with the token of whoever acts for it. Without a token the question is whether the
 * project as a whole may, as far as the manager can tell; the answer is found by really using the key either way.
 */
export interface KeyHolder {
  readonly projectId: string
  readonly token: string | null
}

/**
 * `unavailable`: the manager does not answer, or refuses the service itself. `refused`: this holder may not use the key.
 * `missing`: the manager has no such key or version. `damaged`: what is kept under the key, or was given, cannot be opened
 * with it.
 */
export type KeyFailure = 'unavailable' | 'refused' | 'missing' | 'damaged'

/** Its message is fit for a log, not for a caller; it holds no secret, host or path. */
export class KeyError extends Error {
  override readonly name = 'KeyError'
  readonly reason: KeyFailure

  constructor(reason: KeyFailure, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

export interface KeyManager {
  readonly kind: 'embedded' | 'barbican'
  /** Whether a key that was not made through the service exists for this project (a secret of 256 bits in its Barbican). */
  find(key: Key): Promise<boolean>
  /** Makes the material of a version. Whoever holds the version before holds this one too. */
  make(key: KeyVersion): Promise<void>
  /** Removes the material of a version; one that was not made through the service is only forgotten. */
  remove(key: KeyVersion): Promise<void>
  /** Removes a key with all its versions, also one that was not made through the service. */
  destroy(key: Key): Promise<void>
  /**
   * Encrypts a data key, authenticated.
   * @param context what it is for; unwrapping needs the same
   */
  wrap(key: KeyVersion, holder: KeyHolder, dataKey: Uint8Array, context: string): Promise<Uint8Array>
  unwrap(key: KeyVersion, holder: KeyHolder, wrapped: Uint8Array, context: string): Promise<Uint8Array>
  /** Shows by really using it that the holder may use a version. */
  prove(key: KeyVersion, holder: KeyHolder): Promise<void>
  /** Lets a project use all versions of a key, also those to come. */
  grant(key: Key, projectId: string): Promise<void>
  /** Takes that back; the owner of the key keeps it. */
  revoke(key: Key, projectId: string): Promise<void>
  /** A certificate that it keeps, if it keeps any. @param token of whoever wants it */
  certificate?(id: string, token: string | null): Promise<Uint8Array | undefined>
  /** Resolves when the manager answers just now. */
  check(): Promise<void>
  close(): Promise<void>
}
