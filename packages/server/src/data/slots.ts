/** A piece of the shared memory that uploads pass through. */
export interface Slot {
  readonly index: number
  readonly bytes: Uint8Array
}

/**
 * A fixed amount of memory in equal slots. Who finds none free waits in the order of arrival. Memory that was never
 * touched costs nothing, so slots are handed out last used first.
 */
export interface SlotPool {
  readonly slab: SharedArrayBuffer
  readonly slotBytes: number
  /** @throws the signal's reason when it fires first */
  take(signal: AbortSignal): Promise<Slot>
  /** Nobody may read or write the slot any more. */
  give(slot: Slot): void
}

interface Waiting {
  readonly resolve: (slot: Slot) => void
}

export const createSlotPool = (slots: number, slotBytes: number): SlotPool => {
  const slab = new SharedArrayBuffer(slots * slotBytes)
  const free: Slot[] = []
  for (let index = slots - 1; index >= 0; index--) {
    free.push({ index, bytes: new Uint8Array(slab, index * slotBytes, slotBytes) })
  }
  const waiting = new Set<Waiting>()

  const waitForOne = (signal: AbortSignal): Promise<Slot> =>
    new Promise((resolve, reject) => {
      const leave = (): void => {
        waiting.delete(entry)
        reject(signal.reason)
      }
      const entry: Waiting = {
        resolve: (slot) => {
          signal.removeEventListener('abort', leave)
          resolve(slot)
        },
      }
      waiting.add(entry)
      signal.addEventListener('abort', leave, { once: true })
    })

  return {
    slab,
    slotBytes,
    take: async (signal) => {
      signal.throwIfAborted()
      return free.pop() ?? waitForOne(signal)
    },
    give: (slot) => {
      const [next] = waiting
      if (next === undefined) {
        free.push(slot)
        return
      }
      waiting.delete(next)
      next.resolve(slot)
    },
  }
}
