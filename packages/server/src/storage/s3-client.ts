import { createHash, createHmac, webcrypto } from 'node:crypto'
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import { s3ErrorOf } from './s3-errors.ts'
import type { S3Place } from './s3-setting.ts'

type Sha256Constructor = NonNullable<S3ClientConfig['sha256']>
type Data = string | ArrayBuffer | ArrayBufferView

const bytesOf = (data: Data): Uint8Array<ArrayBuffer> | string => {
  if (typeof data === 'string') return data
  if (data instanceof ArrayBuffer) return new Uint8Array(data)
  const { buffer, byteOffset, byteLength } = data
  if (!(buffer instanceof ArrayBuffer)) throw new TypeError('Shared memory cannot be signed.')
  return new Uint8Array(buffer, byteOffset, byteLength)
}

// Above this, handing the bytes to another thread costs less than hashing them here, where it would hold up every request.
const threadedFromBytes = 256 * 1024

/** SHA-256 as the client of S3 wants it for its signatures; what is signed of whole parts is hashed in another thread. */
class Sha256 {
  readonly #secret: Uint8Array | string | undefined
  #data: (Uint8Array<ArrayBuffer> | string)[] = []

  constructor(secret?: Data) {
    this.#secret = secret === undefined ? undefined : bytesOf(secret)
  }

  update(data: Data): void {
    this.#data.push(bytesOf(data))
  }

  async digest(): Promise<Uint8Array> {
    const [only, ...others] = this.#data
    if (this.#secret === undefined && only instanceof Uint8Array && only.byteLength >= threadedFromBytes) {
      if (others.length === 0) return new Uint8Array(await webcrypto.subtle.digest('SHA-256', only))
    }
    const hash = this.#secret === undefined ? createHash('sha256') : createHmac('sha256', this.#secret)
    for (const data of this.#data) hash.update(data)
    return hash.digest()
  }

  reset(): void {
    this.#data = []
  }
}
const sha256: Sha256Constructor = Sha256

/** What parts of a store need to call S3: the client, and the guard that every call goes through. */
export interface S3Calls {
  /** Of the store, as it stands in the configuration. */
  readonly name: string
  readonly client: S3Client
  readonly bucket: string
  readonly patienceMs: number
  /**
   * Gives a call its time, and turns its failure into that of a store.
   * @param doing completes "could not"
   * @throws StoreError
   */
  attempt<T>(doing: string, call: (abortSignal: AbortSignal) => Promise<T>, patienceMs?: number): Promise<T>
}

/** Runs a call that ends at the latest when its time is over, as `AbortError`. */
export const inTime = async <T>(call: (abortSignal: AbortSignal) => Promise<T>, patienceMs: number): Promise<T> => {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), patienceMs)
  try {
    return await call(late.signal)
  } finally {
    clearTimeout(timer)
  }
}

export const createS3Calls = (name: string, place: S3Place): S3Calls => {
  const { bucket, region, endpoint, credentials, patienceMs } = place
  // A download holds a connection for as long as its client takes; nobody shall wait for a free one.
  const connections = { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY }
  const client = new S3Client({
    region,
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(credentials === undefined ? {} : { credentials }),
    // Every part is signed with its SHA-256; further checksums would cost time, and older stores refuse their form.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    sha256,
    // It would open a connection for each part.
    expectContinueHeader: false,
    requestHandler: {
      httpAgent: connections,
      httpsAgent: connections,
      connectionTimeout: Math.min(5000, patienceMs),
    },
  })
  return {
    name,
    client,
    bucket,
    patienceMs,
    attempt: async (doing, call, limitMs = patienceMs) => {
      try {
        return await inTime(call, limitMs)
      } catch (error) {
        throw s3ErrorOf(error, name, doing)
      }
    },
  }
}
