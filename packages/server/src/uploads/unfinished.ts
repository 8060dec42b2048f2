import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { chunkBytes, sealedChunkBytes, sealedSizeOf } from '../sealing/chunks.ts'
import { openSealed } from '../sealing/sealed-reader.ts'
import { sealedWriter } from '../sealing/sealed-writer.ts'
import { type ByteReader, type ByteStore, type ResumableWriter, StoreError, type StoreKey } from '../storage/port.ts'

/** Where an upload stands: how many bytes of it can be found again. */
export interface Stand {
  readonly offsetBytes: number
  /** Text that holds the last of them, where they are not in the store. */
  readonly tail: string | null
}

/** The bytes of an upload that is not at its end. Calls follow each other, but for `syncSome`, which may run beside a write. */
export interface Unfinished {
  /** The memory belongs to the caller again when the promise settles. */
  write(bytes: Uint8Array): Promise<void>
  sync(): Promise<void>
  /** Makes durable what is cheap to. @returns where the upload would be found to stand, without a tail */
  syncSome(): Promise<number>
  /** How many bytes there are, durable or not. */
  receivedBytes(): number
  /** Where the upload stands when no more is written, and a `sync` was done. @param limitBytes the most that shall count */
  stand(limitBytes: number): Stand
  /** No write may follow. @returns all bytes, to be read once more */
  whole(): Promise<ByteReader>
  commit(): Promise<void>
  /** Leaves the bytes as they are. */
  release(): Promise<void>
}

const readerOf = (writer: ResumableWriter, sizeBytes: number): ByteReader => ({
  sizeBytes,
  read: (into, position) => writer.read(into, position),
  close: async () => undefined,
})

const plain = (writer: ResumableWriter, from: Stand): Unfinished => {
  let offsetBytes = from.offsetBytes
  return {
    write: async (bytes) => {
      await writer.write(bytes)
      offsetBytes += bytes.byteLength
    },
    sync: () => writer.sync(),
    syncSome: () => writer.syncSome(),
    receivedBytes: () => offsetBytes,
    stand: (limitBytes) => ({ offsetBytes: Math.min(offsetBytes, limitBytes), tail: null }),
    whole: async () => readerOf(writer, offsetBytes),
    commit: () => writer.commit(),
    release: () => writer.release(),
  }
}

const nonceBytes = 12
const tagBytes = 16

/** The tail is sealed under a key of its own, each time with a nonce of its own. */
const tailKey = (dataKey: Uint8Array): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', dataKey.subarray(0, 32), '', 'tail of an unfinished upload', 32))

const sealTail = (dataKey: Uint8Array, bytes: Uint8Array): string | null => {
  if (bytes.byteLength === 0) return null
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', tailKey(dataKey), nonce)
  const sealed = Buffer.concat([cipher.update(bytes), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64')
}

const openTail = (dataKey: Uint8Array, tail: string | null): Uint8Array => {
  if (tail === null) return new Uint8Array()
  const stored = Buffer.from(tail, 'base64')
  const decipher = createDecipheriv('aes-256-gcm', tailKey(dataKey), stored.subarray(0, nonceBytes))
  decipher.setAuthTag(stored.subarray(nonceBytes, nonceBytes + tagBytes))
  try {
    return Buffer.concat([decipher.update(stored.subarray(nonceBytes + tagBytes)), decipher.final()])
  } catch {
    throw new StoreError('damaged', 'The tail of an unfinished upload is not what was kept.')
  }
}

const sealed = (writer: ResumableWriter, dataKey: Uint8Array, from: Stand): Unfinished => {
  const held = openTail(dataKey, from.tail)
  const sealing = sealedWriter(writer, dataKey, { sealedBytes: from.offsetBytes - held.byteLength, held })
  let offsetBytes = from.offsetBytes
  return {
    write: async (bytes) => {
      await sealing.write(bytes)
      offsetBytes += bytes.byteLength
    },
    sync: () => writer.sync(),
    syncSome: async () => Math.floor((await writer.syncSome()) / sealedChunkBytes) * chunkBytes,
    receivedBytes: () => offsetBytes,
    stand: (limitBytes) => {
      const { held } = sealing.progress()
      // At least the last byte is always held back.
      const tooMany = Math.max(0, offsetBytes - limitBytes)
      const tail = sealTail(dataKey, held.subarray(0, held.byteLength - tooMany))
      return { offsetBytes: offsetBytes - tooMany, tail }
    },
    whole: async () => {
      await sealing.finish()
      return openSealed(readerOf(writer, sealedSizeOf(offsetBytes)), dataKey, offsetBytes)
    },
    commit: () => sealing.commit(),
    release: () => writer.release(),
  }
}

/** The number of whole chunks that are in the store of a sealed upload. */
export const sealedChunksAt = (offsetBytes: number, hasTail: boolean): number =>
  // A tail may be as long as a chunk: whether a chunk is the last, the next byte tells.
  hasTail ? Math.max(0, Math.ceil(offsetBytes / chunkBytes) - 1) : offsetBytes / chunkBytes

/**
 * Goes on with the bytes of an upload from where it stands. What else may be in the store goes.
 * @param dataKey seals them; undefined: they are stored as they are
 * @throws StoreError
 */
export const goOn = async (
  store: ByteStore,
  key: StoreKey,
  from: Stand,
  dataKey: Uint8Array | undefined,
): Promise<Unfinished> => {
  if (dataKey === undefined) return plain(await store.resume(key, from.offsetBytes), from)
  const chunks = sealedChunksAt(from.offsetBytes, from.tail !== null)
  const writer = await store.resume(key, chunks * sealedChunkBytes)
  try {
    return sealed(writer, dataKey, from)
  } catch (error) {
    await writer.release()
    throw error
  }
}
