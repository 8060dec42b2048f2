import { Readable } from 'node:stream'
import { type ByteWriter, StoreError } from '../storage/port.ts'
import type { ContentCheck } from './content-check.ts'
import { type Conveyor, createConveyor } from './conveyor.ts'
import type { Verification } from './hash-protocol.ts'
import { type HashAlgorithm, type Hashing, HashingError, type HashRun } from './hashing.ts'
import { IngestError, type IngestFailure } from './ingest-error.ts'
import { type Intake, type IntakeFailure, openIntake } from './intake.ts'
import { createReservation } from './reservation.ts'

export interface IngestOptions {
  readonly writer: ByteWriter
  readonly hashing: Hashing
  readonly hashAlgorithm: HashAlgorithm
  /** Further digests that are wanted. */
  readonly alsoHash?: readonly HashAlgorithm[] | undefined
  /** A signature that the bytes must have. */
  readonly verification?: Verification | undefined
  /** The largest number of bytes taken. */
  readonly limitBytes: number
  /** What the client said it would send; a different number of bytes is a failure. */
  readonly announcedBytes?: number | undefined
  /**
   * Asked before bytes are stored, with the total that the upload needs from now on: the announced size at once, else
   * in steps that grow. When it rejects although nothing less would do, the upload fails with that same error.
   */
  readonly reserve?: ((totalBytes: number) => Promise<void>) | undefined
  readonly inspector?: ContentCheck | undefined
  readonly signal: AbortSignal
  /** The longest that the client may send nothing while we wait for it. */
  readonly idleTimeoutMs: number
}

export interface Ingested {
  readonly sizeBytes: number
  /** MD5 in hex. */
  readonly checksum: string
  readonly hashAlgorithm: HashAlgorithm
  /** Hex. */
  readonly hashValue: string
  /** All that were computed, in hex. */
  readonly digests: ReadonlyMap<HashAlgorithm, string>
  readonly virtualSizeBytes: number | null
  readonly encryptedContent: 'luks' | null
  /** The signature that they were verified with, in base64. */
  readonly verified: string | null
}

const textOf: Readonly<Record<IntakeFailure | 'aborted', string>> = {
  incomplete: 'The client broke off before the end of the bytes.',
  timeout: 'The client sent nothing for too long.',
  aborted: 'The upload was called off.',
}

/**
 * Takes the bytes of an upload into a store, hashing and inspecting them on the way.
 *
 * On success they are committed. On failure the writer is aborted and nothing is left; a stream that was given is
 * paused and not destroyed, so that an answer can still be sent on its connection.
 *
 * @throws IngestError, or whatever `reserve` rejected with
 */
export const ingest = async (
  source: AsyncIterable<Uint8Array> | Readable,
  options: IngestOptions,
): Promise<Ingested> => {
  const stream = source instanceof Readable ? source : Readable.from(source, { objectMode: false })
  const upload = new Upload(options)
  try {
    return await upload.take(stream)
  } catch (error) {
    // What cannot be taken back now is an unfinished write, which the sweeper finds; the first failure is the one told.
    await options.writer.abort().catch(() => {})
    throw upload.failureOf(error)
  } finally {
    upload.end()
    if (stream !== source) stream.destroy()
  }
}

/** One upload under way. */
class Upload {
  readonly #options: IngestOptions
  // Fires with the first failure, wherever it happens, and so ends every wait of this upload.
  readonly #life = new AbortController()
  #receivedBytes = 0
  #run: HashRun | undefined
  #intake: Intake | undefined

  constructor(options: IngestOptions) {
    this.#options = options
    options.signal.addEventListener('abort', this.#callOff, { once: true })
    if (options.signal.aborted) this.#callOff()
  }

  readonly #callOff = (): void => {
    this.#life.abort(this.#failure('aborted', textOf.aborted, this.#options.signal.reason))
  }

  async take(stream: Readable): Promise<Ingested> {
    const { writer, hashing, hashAlgorithm, limitBytes, announcedBytes, inspector } = this.#options
    const { idleTimeoutMs, alsoHash = [], verification } = this.#options
    const { signal } = this.#life
    if (announcedBytes !== undefined && announcedBytes > limitBytes) {
      throw this.#failure('too_large', `${announcedBytes} bytes were announced, and ${limitBytes} are allowed.`)
    }
    this.#run = hashing.start([...new Set<HashAlgorithm>(['md5', hashAlgorithm, ...alsoHash])], verification)
    this.#intake = openIntake(stream, {
      signal,
      idleTimeoutMs,
      failureOf: (failure, cause) => this.#failure(failure, textOf[failure], cause),
    })
    const onFailure = (error: unknown): void => this.#life.abort(error)
    const conveyor = createConveyor({ slots: hashing.slots, run: this.#run, writer, signal, onFailure })
    await this.#pump(this.#intake, conveyor).catch(onFailure)
    await conveyor.settled()
    signal.throwIfAborted()
    if (announcedBytes !== undefined && this.#receivedBytes !== announcedBytes) {
      throw this.#failure('size_mismatch', `${announcedBytes} bytes were announced, ${this.#receivedBytes} arrived.`)
    }
    const content = inspector?.finish()
    if (content?.accepted === false) throw this.#failure(content.limit ?? 'content_mismatch', content.why)
    const { digests, isSigned } = await this.#run.finish()
    if (isSigned === false) throw this.#failure('not_signed', 'The signature is not one of these bytes.')
    signal.throwIfAborted()
    await writer.commit()
    return {
      sizeBytes: this.#receivedBytes,
      checksum: digestOf(digests, 'md5'),
      hashAlgorithm,
      hashValue: digestOf(digests, hashAlgorithm),
      digests,
      virtualSizeBytes: content?.virtualSizeBytes ?? null,
      encryptedContent: content?.encryptedContent ?? null,
      verified: verification === undefined ? null : Buffer.from(verification.signature).toString('base64'),
    }
  }

  /** Reads to the end and passes on every byte, once it is known to be wanted. */
  async #pump(intake: Intake, conveyor: Conveyor): Promise<void> {
    const { limitBytes, announcedBytes, inspector, reserve } = this.#options
    const room = reserve && createReservation({ reserve, limitBytes, announcedBytes })
    for (;;) {
      const arrival = await intake.next(conveyor.patienceMs())
      if (arrival === 'end') break
      if (arrival === 'quiet') {
        conveyor.flush()
        continue
      }
      this.#receivedBytes += arrival.byteLength
      if (this.#receivedBytes > limitBytes) throw this.#failure('too_large', `More than ${limitBytes} bytes arrived.`)
      if (announcedBytes !== undefined && this.#receivedBytes > announcedBytes) {
        throw this.#failure('size_mismatch', `More than the announced ${announcedBytes} bytes arrived.`)
      }
      inspector?.push(arrival)
      const refusal = inspector?.refusal()
      if (refusal !== undefined) throw this.#failure('content_mismatch', refusal)
      await room?.(this.#receivedBytes)
      await conveyor.append(arrival)
    }
    await conveyor.finish()
  }

  failureOf(error: unknown): unknown {
    if (error instanceof HashingError) return this.#failure('hashing_failed', error.message, error)
    if (!(error instanceof StoreError)) return error
    return this.#failure(error.reason === 'full' ? 'store_full' : 'store_unavailable', error.message, error)
  }

  end(): void {
    this.#run?.discard()
    this.#intake?.release()
    this.#options.signal.removeEventListener('abort', this.#callOff)
  }

  #failure(reason: IngestFailure, message: string, cause?: unknown): IngestError {
    return new IngestError(reason, message, this.#receivedBytes, cause === undefined ? undefined : { cause })
  }
}

const digestOf = (digests: ReadonlyMap<HashAlgorithm, string>, algorithm: HashAlgorithm): string => {
  const digest = digests.get(algorithm)
  if (digest === undefined) throw new Error(`No ${algorithm} was computed.`)
  return digest
}
