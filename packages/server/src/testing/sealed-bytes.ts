import { randomBytes } from 'node:crypto'
import { chunkBytes, dataKeyBytes, sealedChunkBytes } from '../sealing/chunks.ts'
import { openSealed } from '../sealing/sealed-reader.ts'
import { sealedWriter } from '../sealing/sealed-writer.ts'
import type { ByteReader, ByteWriter } from '../storage/port.ts'
import { readAll } from '../storage/store-contract.ts'

export const damaged = { name: 'StoreError', reason: 'damaged' }

export const newDataKey = (): Uint8Array => randomBytes(dataKeyBytes)

/** Stored bytes, counting what is asked of them. */
export class StoredBytes implements ByteReader {
  readonly bytes: Uint8Array
  reads = 0
  closes = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  get sizeBytes(): number {
    return this.bytes.byteLength
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    this.reads += 1
    const piece = this.bytes.subarray(position, position + into.byteLength)
    into.set(piece)
    return piece.byteLength
  }

  async close(): Promise<void> {
    this.closes += 1
  }
}

/** A writer that keeps what it is given, having let go of the memory it came in. */
export const collect = () => {
  const parts: Uint8Array[] = []
  const calls: string[] = []
  const writer: ByteWriter = {
    write: async (bytes) => void parts.push(Buffer.from(bytes)),
    commit: async () => void calls.push('commit'),
    abort: async () => void calls.push('abort'),
  }
  return { writer, calls, parts, stored: () => Buffer.concat(parts) }
}

export const seal = async (key: Uint8Array, ...parts: readonly Uint8Array[]): Promise<Buffer> => {
  const { writer, stored } = collect()
  const sealed = sealedWriter(writer, key)
  for (const part of parts) await sealed.write(part)
  await sealed.commit()
  return stored()
}

export const open = async (key: Uint8Array, stored: Uint8Array, sizeBytes: number): Promise<ByteReader> =>
  openSealed(new StoredBytes(stored), key, sizeBytes)

export const openAll = async (key: Uint8Array, stored: Uint8Array, sizeBytes: number): Promise<Buffer> =>
  readAll(await open(key, stored, sizeBytes), 300_000)

export const chunksOf = (stored: Buffer): Buffer[] =>
  Array.from({ length: Math.ceil(stored.length / sealedChunkBytes) }, (_, index) =>
    stored.subarray(index * sealedChunkBytes, (index + 1) * sealedChunkBytes),
  )

/** Sizes about every border. */
export const borderSizes = [0, 1, 2, 6].flatMap((chunks) =>
  [-1, 0, 1].map((more) => chunks * chunkBytes + more).filter((size) => size >= 0),
)
