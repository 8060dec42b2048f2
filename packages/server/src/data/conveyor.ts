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
  /** Sends off all that was appended. */
  finish(): Promise<void>
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

// What arrives is gathered in memory of the upload's own until it is this much, and only then a slot is taken: a client
// that drips holds no memory that others wait for.
const gatherBytes = 64 * 1024

// A slot that was taken is kept while its bytes come at this rate; then it goes on its way half full. To hold all slots
// for long, clients would have to send more than a quick network carries.
const slotBytesPerMs = 6 * 1024

export const createConveyor = ({ slots, run, writer, signal, onFailure }: ConveyorOptions): Conveyor => {
  const gatherLimit = Math.min(gatherBytes, slots.slotBytes)
  let gathered: Uint8Array | undefined
  let gatheredBytes = 0
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

  const patienceMs = (): number | undefined =>
    filling && Math.max(0, filling.since + filling.filled / slotBytesPerMs - performance.now())

  const gather = (bytes: Uint8Array): void => {
    // Pages that were never touched cost nothing, so there is no need to let it grow.
    gathered ??= Buffer.allocUnsafeSlow(gatherLimit)
    gathered.set(bytes, gatheredBytes)
    gatheredBytes += bytes.byteLength
  }

  /** What was gathered always fits, since a slot is only taken when the one before is gone. */
  const startWithGathered = async (): Promise<NonNullable<typeof filling>> => {
    const started = await startFilling()
    if (gathered !== undefined) started.slot.bytes.set(gathered.subarray(0, gatheredBytes))
    started.filled = gatheredBytes
    gatheredBytes = 0
    return started
  }

  return {
    append: async (bytes) => {
      for (let taken = 0; taken < bytes.byteLength; ) {
        signal.throwIfAborted()
        if (filling === undefined && gatheredBytes + bytes.byteLength - taken < gatherLimit) {
          gather(bytes.subarray(taken))
          return
        }
        filling ??= await startWithGathered()
        const piece = bytes.subarray(taken, taken + slots.slotBytes - filling.filled)
        filling.slot.bytes.set(piece, filling.filled)
        filling.filled += piece.byteLength
        taken += piece.byteLength
        // Also here, for a client may send a little just before the patience with it ends, again and again.
        if (filling.filled === slots.slotBytes || patienceMs() === 0) flush()
      }
    },
    patienceMs,
    flush,
    finish: async () => {
      if (gatheredBytes > 0) filling = await startWithGathered()
      flush()
    },
    settled: async () => {
      if (signal.aborted && filling !== undefined) {
        slots.give(filling.slot)
        filling = undefined
      }
      while (underWay > 0) await oneLess()
    },
  }
}
