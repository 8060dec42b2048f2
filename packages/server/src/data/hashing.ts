import { availableParallelism } from 'node:os'
import type { HashAlgorithm, Verification } from './hash-protocol.ts'
import { HashingError, HashThread } from './hash-thread.ts'
import { createSlotPool, type Slot, type SlotPool } from './slots.ts'

export { type HashAlgorithm, hashAlgorithms } from './hash-protocol.ts'
export { HashingError } from './hash-thread.ts'

/** A few threads that hash for all uploads of the process, and the memory that uploads pass through. */
export interface Hashing {
  readonly slots: SlotPool
  /** Starts hashing one upload, each algorithm in a thread of its own as far as there are threads. */
  start(algorithms: readonly HashAlgorithm[], verification?: Verification): HashRun
  /** Ends the threads. Uploads under way fail. */
  close(): Promise<void>
}

/** The hashing of one upload. Everything rejects once a thread that serves it has died. */
export interface HashRun {
  /** Slots are hashed in the order of the calls. When it settles, the slot is not read any more. */
  update(slot: Slot, lengthBytes: number): Promise<void>
  /** @returns digests in hex, and whether the signature holds, if one is checked. Ends the run. */
  finish(): Promise<{ readonly digests: ReadonlyMap<HashAlgorithm, string>; readonly isSigned: boolean | undefined }>
  /** Ends the run without a result. May follow `finish`. */
  discard(): void
}

export interface HashingOptions {
  /** Threads; from two on, the hashes of one upload run beside each other. */
  readonly workers?: number
  readonly slots?: number
  readonly slotBytes?: number
}

// About the time that one takes for a byte, in relation to the others: for a fair share of the work between threads.
const cost: Readonly<Record<HashAlgorithm, number>> = { md5: 13, sha512: 9, sha256: 6, sha1: 5 }
const verificationCost = 9

interface Seat {
  thread: HashThread | undefined
  load: number
}

export const createHashing = ({
  workers = Math.max(2, Math.min(4, availableParallelism())),
  slots: slotCount = 32,
  slotBytes = 512 * 1024,
}: HashingOptions = {}): Hashing => {
  const slots = createSlotPool(slotCount, slotBytes)
  const seats: readonly Seat[] = Array.from({ length: workers }, () => ({ thread: undefined, load: 0 }))
  let closed = false

  /** Threads start when they are first needed, and so a dead one is replaced by the next upload that needs it. */
  const threadOf = (seat: Seat): HashThread => {
    if (seat.thread === undefined || seat.thread.dead) seat.thread = new HashThread(slots)
    return seat.thread
  }

  const leastLoaded = (taken: ReadonlySet<Seat>): Seat => {
    const open = seats.filter((seat) => !taken.has(seat))
    const [first, ...others] = open.length > 0 ? open : seats
    if (first === undefined) throw new RangeError('Hashing needs at least one worker.')
    return others.reduce((least, seat) => (seat.load < least.load ? seat : least), first)
  }

  const start = (algorithms: readonly HashAlgorithm[], verification?: Verification): HashRun => {
    if (closed) throw new HashingError('Hashing is closed.')
    const taken = new Set<Seat>()
    const open = (job: HashAlgorithm | Verification) => {
      const seat = leastLoaded(taken)
      taken.add(seat)
      const load = typeof job === 'string' ? cost[job] : verificationCost
      seat.load += load
      return { seat, load, stream: threadOf(seat).open(job) }
    }
    const hashes = algorithms.map((algorithm) => ({ algorithm, ...open(algorithm) }))
    const signature = verification === undefined ? undefined : open(verification)
    const streams = signature === undefined ? hashes : [...hashes, signature]
    let ended = false
    const end = (): void => {
      if (ended) return
      ended = true
      for (const { load, seat, stream } of streams) {
        seat.load -= load
        stream.discard()
      }
    }
    return {
      update: async (slot, lengthBytes) => {
        // All of them must be done with the slot, also when one has failed.
        const results = await Promise.allSettled(streams.map(({ stream }) => stream.update(slot.index, lengthBytes)))
        for (const result of results) if (result.status === 'rejected') throw result.reason
      },
      finish: async () => {
        try {
          const digests = new Map(
            await Promise.all(hashes.map(async ({ algorithm, stream }) => [algorithm, await stream.finish()] as const)),
          )
          return { digests, isSigned: signature && (await signature.stream.finish()) === 'valid' }
        } finally {
          end()
        }
      },
      discard: end,
    }
  }

  return {
    slots,
    start,
    close: async () => {
      closed = true
      await Promise.all(seats.map(({ thread }) => thread?.close()))
    },
  }
}
