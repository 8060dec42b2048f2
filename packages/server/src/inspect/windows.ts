/** A part of a stream that someone wants to see whole. */
export interface Window {
  readonly start: number
  readonly length: number
  /**
   * @param bytes fewer than `length` where the stream ended before
   * @returns further windows, each starting behind the end of this one; others are shown as empty
   */
  readonly take: (bytes: Uint8Array) => readonly Window[]
}

interface Filling {
  readonly window: Window
  readonly bytes: Uint8Array
  filled: number
}

/** Cuts windows out of a stream that comes in chunks of any size; what is shown does not depend on the chunks. */
export interface Windows {
  push(chunk: Uint8Array): void
  finish(): void
}

export const createWindows = (first: readonly Window[]): Windows => {
  let position = 0
  let open: Filling[] = []

  const add = (window: Window): void => {
    open.push({ window, bytes: Buffer.allocUnsafeSlow(window.length), filled: 0 })
  }

  const close = (filling: Filling): void => {
    const { window, bytes, filled } = filling
    open = open.filter((other) => other !== filling)
    for (const next of window.take(bytes.subarray(0, filled))) {
      if (next.start >= window.start + window.length) add(next)
      else next.take(new Uint8Array(0))
    }
  }

  const feed = (filling: Filling, chunk: Uint8Array): void => {
    const { window, bytes } = filling
    const from = window.start + filling.filled - position
    if (from >= chunk.byteLength) return
    const piece = chunk.subarray(from, from + window.length - filling.filled)
    bytes.set(piece, filling.filled)
    filling.filled += piece.byteLength
    if (filling.filled === window.length) close(filling)
  }

  for (const window of first) add(window)

  return {
    push: (chunk) => {
      // A window that closes may open others in this chunk; they stand at the end of the list and get their turn.
      const fed = new Set<Filling>()
      for (let next = open[0]; next !== undefined; next = open.find((filling) => !fed.has(filling))) {
        fed.add(next)
        feed(next, chunk)
      }
      position += chunk.byteLength
    },
    finish: () => {
      for (let next = open[0]; next !== undefined; next = open[0]) close(next)
    },
  }
}
