import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import { StoreError } from '../storage/port.ts'

/**
 * The form of sealed bytes. An object is cut into chunks of 64 KiB, the last one shorter or as long; each is encrypted with
 * AES-256-GCM and followed by its tag. So chunk `i` begins at `i * (64 KiB + 16)`, and any part of the object can be read and
 * checked on its own. There is no header: without the key the whole is not to be told from random bytes.
 *
 * The nonce is the number of the chunk, and whether it is the last. Thus a chunk opens at its own place only, and an object
 * that ends early, or goes on, does not open at its end. This is the STREAM construction (Hoang, Reyhanitabar, Rogaway and
 * Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", https://eprint.iacr.org/2015/189), which
 * age uses (https://age-encryption.org/v1) and Tink; as in age, nothing random is left in the nonce, and therefore **a key
 * must seal one object only**. An object without bytes is one empty last chunk, so emptiness is authenticated as well.
 *
 * A write that was cut off without notice may have sealed chunks that are thrown away when it is gone on with. So that none of
 * their nonces comes again with other bytes, the key then remembers from which chunk on it was resumed, and the nonces from
 * there on carry how often that happened. What a key remembers is part of it, and wrapped with it.
 */

/** What is recorded beside an object that is sealed in this way. */
export const sealingScheme = 'aes-256-gcm-chunks-64k'

/** The length of the keys that objects are sealed with. */
export const dataKeyBytes = 32

// Smaller chunks cost more calls for each byte; larger ones make a small read wait for more than it asked for, and more bytes
// be sealed in one go.
export const chunkBytes = 64 * 1024

export const tagBytes = 16

/** The room that a full chunk takes in the store. */
export const sealedChunkBytes = chunkBytes + tagBytes

/** How many bytes the store holds for an object of this many. */
export const sealedSizeOf = (sizeBytes: number): number =>
  sizeBytes + tagBytes * Math.max(1, Math.ceil(sizeBytes / chunkBytes))

/** Where a chunk stands in its object. */
export interface ChunkPlace {
  readonly index: number
  readonly isLast: boolean
}

/** A key in the form that chunks are sealed and opened with. */
export interface DataKey {
  readonly secret: KeyObject
  /** Chunks at which the write was resumed, in rising order. */
  readonly resumedAt: readonly number[]
}

const chunkNumberBytes = 8
const resumptionsMax = 2 ** 24 - 1

/** Copies the key, in a form that OpenSSL need not take in again for each chunk. */
export const dataKeyOf = (bytes: Uint8Array): DataKey => {
  const rest = bytes.byteLength - dataKeyBytes
  if (rest < 0 || rest % chunkNumberBytes !== 0) throw new RangeError(`A data key has ${dataKeyBytes} bytes.`)
  const view = new DataView(bytes.buffer, bytes.byteOffset + dataKeyBytes, rest)
  const resumedAt = Array.from({ length: rest / chunkNumberBytes }, (_, place) =>
    Number(view.getBigUint64(place * chunkNumberBytes)),
  )
  return { secret: createSecretKey(bytes.subarray(0, dataKeyBytes)), resumedAt }
}

/** The key for going on at a chunk that may have been sealed before. */
export const resumedKey = (bytes: Uint8Array, index: number): Uint8Array => {
  const { resumedAt } = dataKeyOf(bytes)
  if (resumedAt.length >= resumptionsMax) throw new RangeError('A write was resumed too often.')
  const next = new Uint8Array(bytes.byteLength + chunkNumberBytes)
  next.set(bytes)
  new DataView(next.buffer).setBigUint64(bytes.byteLength, BigInt(index))
  return next
}

const algorithm = 'aes-256-gcm'
const options = { authTagLength: tagBytes }

const nonceOf = ({ resumedAt }: DataKey, { index, isLast }: ChunkPlace): Uint8Array => {
  const nonce = new Uint8Array(12)
  const view = new DataView(nonce.buffer)
  // The number of the chunk begins behind these three bytes.
  if (resumedAt.length > 0) view.setUint32(0, resumedAt.filter((from) => from <= index).length << 8)
  view.setBigUint64(3, BigInt(index))
  nonce[11] = isLast ? 1 : 0
  return nonce
}

/**
 * Gives memory back that nobody uses any more. OpenSSL's results come in fresh memory each time; left to the garbage
 * collector, it would grow cold and pile up, and take longer than the encryption itself.
 */
export const release = ({ buffer, byteLength }: Uint8Array): void => {
  const isWhole = byteLength > 0 && byteLength === buffer.byteLength
  if (isWhole && buffer instanceof ArrayBuffer) buffer.transfer(0)
}

/**
 * Encrypts one chunk.
 * @param into takes the ciphertext and the tag from its beginning
 * @returns the number of bytes put there
 */
export const sealChunk = (key: DataKey, place: ChunkPlace, plain: Uint8Array, into: Uint8Array): number => {
  const cipher = createCipheriv(algorithm, key.secret, nonceOf(key, place), options)
  const sealed = cipher.update(plain)
  cipher.final()
  into.set(sealed)
  into.set(cipher.getAuthTag(), sealed.byteLength)
  release(sealed)
  return plain.byteLength + tagBytes
}

/**
 * Decrypts one chunk, given with its tag.
 * @returns memory that is the caller's; see `release`
 * @throws StoreError `damaged` when it is not the chunk that was sealed with this key for this place
 */
export const openChunk = (key: DataKey, place: ChunkPlace, sealed: Uint8Array): Uint8Array => {
  const cipherBytes = sealed.byteLength - tagBytes
  const decipher = createDecipheriv(algorithm, key.secret, nonceOf(key, place), options).setAuthTag(
    sealed.subarray(cipherBytes),
  )
  const plain = decipher.update(sealed.subarray(0, cipherBytes))
  try {
    decipher.final()
  } catch {
    release(plain)
    throw new StoreError('damaged', `Chunk ${place.index} of a sealed object is not what was stored there.`)
  }
  return plain
}
