import { sealedChunkBytes } from '../sealing/chunks.ts'

/** Parts of a write that are all of one size, but for the last. */
interface Tier {
  readonly parts: number
  readonly partBytes: number
}

const mebibyte = 1024 * 1024
// S3 takes 10,000 parts. Small ones keep the memory of most writes small; the later ones make room for more than 1 TiB.
// They hold whole chunks of sealed bytes, so that sealing can be gone on with where a part ends.
const tiers: readonly Tier[] = [
  { parts: 2000, partBytes: 128 * sealedChunkBytes },
  { parts: 3000, partBytes: 512 * sealedChunkBytes },
  { parts: 5000, partBytes: 3328 * sealedChunkBytes },
]

/** @returns undefined when no further part is possible */
export const partBytesOf = (partIndex: number): number | undefined => {
  let before = 0
  for (const { parts, partBytes } of tiers) {
    before += parts
    if (partIndex < before) return partBytes
  }
  return undefined
}

/** The whole parts that so many bytes have, and the bytes of those. */
export const wholePartsIn = (sizeBytes: number): { readonly parts: number; readonly bytes: number } => {
  let parts = 0
  let bytes = 0
  for (const tier of tiers) {
    const whole = Math.min(tier.parts, Math.floor((sizeBytes - bytes) / tier.partBytes))
    parts += whole
    bytes += whole * tier.partBytes
    if (whole < tier.parts) break
  }
  return { parts, bytes }
}

/** The bytes of the first `parts` parts, when they are whole. */
export const bytesOfParts = (parts: number): number => {
  let bytes = 0
  let left = parts
  for (const tier of tiers) {
    const some = Math.min(left, tier.parts)
    bytes += some * tier.partBytes
    left -= some
  }
  return bytes
}

/** The memory of all writes to S3: parts are gathered here, for S3 wants to know their length and hash in advance. */
export interface PartBuffers {
  /** The one buffer that every write needs. */
  take(sizeBytes: number): Uint8Array<ArrayBuffer>
  /** A further one, to fill while the others are on their way; undefined when the writes have enough of them. */
  takeSpare(sizeBytes: number): Uint8Array<ArrayBuffer> | undefined
  give(buffer: Uint8Array<ArrayBuffer>, kind: 'first' | 'spare'): void
}

/**
 * @param spareBytes that all writes together may use beyond one buffer each
 * @param keptBuffers of the smallest size that are kept for the next write
 */
export const createPartBuffers = (spareBytes = 256 * mebibyte, keptBuffers = 8): PartBuffers => {
  const smallest = partBytesOf(0)
  const free: Uint8Array<ArrayBuffer>[] = []
  let spareLeft = spareBytes

  const take = (sizeBytes: number): Uint8Array<ArrayBuffer> => {
    const kept = sizeBytes === smallest ? free.pop() : undefined
    return kept ?? Buffer.allocUnsafeSlow(sizeBytes)
  }
  return {
    take,
    takeSpare: (sizeBytes) => {
      if (sizeBytes > spareLeft) return undefined
      spareLeft -= sizeBytes
      return take(sizeBytes)
    },
    give: (buffer, kind) => {
      if (kind === 'spare') spareLeft += buffer.byteLength
      if (buffer.byteLength === smallest && free.length < keptBuffers) free.push(buffer)
    },
  }
}
