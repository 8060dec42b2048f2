/** The memory of one download: one buffer is read into while the other is being sent. */
export interface BufferPair {
  readonly first: Uint8Array
  readonly second: Uint8Array
}

/**
 * The memory that downloads pass through, for the whole process. A few downloads at a time get large buffers, the ones
 * beyond them small ones: nobody waits, and many slow clients cost little each.
 */
export interface SendBuffers {
  take(): BufferPair
  /** Nothing may read or write the pair any more. */
  give(pair: BufferPair): void
}

export interface SendBuffersOptions {
  readonly largePairs?: number
  readonly largeBytes?: number
  readonly smallBytes?: number
}

export const createSendBuffers = ({
  largePairs = 32,
  largeBytes = 256 * 1024,
  smallBytes = 64 * 1024,
}: SendBuffersOptions = {}): SendBuffers => {
  const make = (sizeBytes: number): BufferPair => ({
    first: Buffer.allocUnsafeSlow(sizeBytes),
    second: Buffer.allocUnsafeSlow(sizeBytes),
  })
  const free: BufferPair[] = []
  let made = 0

  return {
    take: () => {
      const pair = free.pop()
      if (pair !== undefined) return pair
      if (made === largePairs) return make(smallBytes)
      made += 1
      return make(largeBytes)
    },
    give: (pair) => {
      if (pair.first.byteLength === largeBytes) free.push(pair)
    },
  }
}
