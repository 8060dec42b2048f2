import type { ByteWriter } from '../storage/port.ts'
import type { HashRun } from './hashing.ts'
import type { Slot, SlotPool } from './slots.ts'

/** Carries bytes through slots of shared memory to the hash threads and to the store, both at the same time. */
export interface Conveyor {
  /** Copies the bytes; waits while too much is under way. */
  append(bytes: Uint8Array): Promise<void>
  /** How long the slot being filled may still wait for more bytes; undefined when there is none. */
  patienceMs(): number | undefined
  /** Sends off the slot being filled, however little it holds. */
  flush(): void
  /** Waits until no slot is held any more. Never rejects; a failure has been told to `onFailure`. */
  settled(): Promise<void>
}

export interface ConveyorOptions {
  readonly slots: SlotPool
  readonly run: HashRun
  readonly writer: ByteWriter
  /** Fires when the upload has failed for any reason; waiting in `append` ends with its reason. */
  readonly signal: AbortSignal
  readonly onFailure: (error: unknown) => void
}

// One being filled, and enough behind it to keep the threads and the disk busy: more than these would only take memory
// from other uploads.
const slotsAtOnce = 8

// A slow client fills a slot slowly. It may keep one this long; then the slot goes on its way half full, so that slow
// clients together cannot hold all the memory.
const lingerMs = 100

export const createConveyor = ({ slots, run, writer, signal, onFailure }: ConveyorOptions): Conveyor => {
  let filling: { readonly slot: Slot; readonly since: number; filled: number } | undefined
  let underWay = 0
  let written: Promise<void> = Promise.resolve()
  let wake: (() => void) | undefined

  const oneLess = (): Promise<void> =>
    new Promise((resolve) => {
      wake = () => {
        wake = undefined
        resolve()
      }
    })

  const dispatch = (slot: Slot, lengthBytes: number): void => {
    underWay += 1
    const bytes = slot.bytes.subarray(0, lengthBytes)
    const hashed = run.update(slot, lengthBytes)
    // After a failed write the chain stays failed: nothing is written behind a gap.
    written = written.then(() => writer.write(bytes))
    Promise.allSettled([hashed, written]).then((results) => {
      slots.give(slot)
      underWay -= 1
      for (const result of results) if (result.status === 'rejected') onFailure(result.reason)
      wake?.()
    })
  }

  const flush = (): void => {
    if (filling === undefined) return
    const { slot, filled } = filling
    filling = undefined
    dispatch(slot, filled)
  }

  const startFilling = async (): Promise<NonNullable<typeof filling>> => {
    while (underWay >= slotsAtOnce - 1) await oneLess()
    const slot = await slots.take(signal)
    return { slot, since: performance.now(), filled: 0 }
  }

  return {
    append: async (bytes) => {
      for (let taken = 0; taken < bytes.byteLength; ) {
        signal.throwIfAborted()
        filling ??= await startFilling()
        const piece = bytes.subarray(taken, taken + slots.slotBytes - filling.filled)
        filling.slot.bytes.set(piece, filling.filled)
        filling.filled += piece.byteLength
        taken += piece.byteLength
        if (filling.filled === slots.slotBytes) flush()
      }
    },
    patienceMs: () => filling && Math.max(0, filling.since + lingerMs - performance.now()),
    flush,
    settled: async () => {
      if (signal.aborted && filling !== undefined) {
        slots.give(filling.slot)
        filling = undefined
      }
      while (underWay > 0) await oneLess()
    },
  }
}
