/** Asks for room ahead of the bytes, so that it is asked once in many chunks. */
export type Reservation = (neededBytes: number) => Promise<void>

export interface ReservationOptions {
  readonly reserve: (totalBytes: number) => Promise<void>
  readonly limitBytes: number
  readonly announcedBytes: number | undefined
}

const stepBytes = 64 * 1024 * 1024
const smallestStepBytes = 1024 * 1024

/**
 * An announced size is asked for at once. Without one, room is asked for in steps; where a step is refused, in smaller
 * ones down to the bytes in hand, so that an upload that just fits is not refused for room that it never needs.
 */
export const createReservation = ({ reserve, limitBytes, announcedBytes }: ReservationOptions): Reservation => {
  let reservedBytes = 0
  let step = stepBytes

  return async (neededBytes) => {
    while (neededBytes > reservedBytes) {
      const total =
        announcedBytes === undefined
          ? Math.max(neededBytes, Math.min(limitBytes, reservedBytes + step))
          : Math.max(neededBytes, announcedBytes)
      try {
        await reserve(total)
        reservedBytes = total
      } catch (error) {
        if (total === neededBytes || announcedBytes !== undefined) throw error
        step = step > smallestStepBytes ? Math.floor(step / 2) : 0
      }
    }
  }
}
