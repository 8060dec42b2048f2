const endOfHead = Buffer.from('\r\n\r\n')

/** An answer whose last byte is here. */
export interface Answer {
  readonly status: number
  readonly bodyBytes: number
}

const parseHead = (head: string): { status: number; length: number } => {
  const status = Number(head.slice(9, 12))
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length === undefined && status !== 204) throw new Error(`An answer without Content-Length: ${head}`)
  return { status, length: Number(length ?? 0) }
}

/**
 * Reads the answers of one HTTP/1.1 connection. Bodies are counted and dropped; those without a length are refused, for
 * nothing that is measured here sends them.
 * @returns takes the next bytes; it keeps none of them
 */
export const createAnswerReader = (onAnswer: (answer: Answer) => void): ((bytes: Buffer) => void) => {
  let partialHead: Buffer | undefined
  let current: { status: number; length: number; left: number } | undefined

  const finishIfDone = (): void => {
    if (current === undefined || current.left > 0) return
    const { status, length } = current
    current = undefined
    onAnswer({ status, bodyBytes: length })
  }

  return (bytes) => {
    let rest = bytes
    while (rest.length > 0) {
      if (current === undefined) {
        const joined = partialHead === undefined ? rest : Buffer.concat([partialHead, rest])
        const end = joined.indexOf(endOfHead)
        if (end < 0) {
          partialHead = Buffer.from(joined)
          return
        }
        partialHead = undefined
        const { status, length } = parseHead(joined.toString('latin1', 0, end))
        current = { status, length, left: length }
        rest = joined.subarray(end + endOfHead.length)
      } else {
        const taken = Math.min(current.left, rest.length)
        current.left -= taken
        rest = rest.subarray(taken)
      }
      finishIfDone()
    }
  }
}
