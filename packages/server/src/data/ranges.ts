/** Which bytes of an image to send: from `start` up to, not including, `end`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** `whole`: no part was asked for. A part is never empty and lies inside the image. */
export type RangeAnswer =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly range: ByteRange }
  | { readonly kind: 'unsatisfiable' }
  | { readonly kind: 'multiple' }

/** The headers of a download that choose bytes, as received. */
export interface RangeHeaders {
  readonly range?: string | undefined
  /** Old clients ask for a part with this header of answers; it counts only without `Range`. */
  readonly contentRange?: string | undefined
}

const unsatisfiable: RangeAnswer = { kind: 'unsatisfiable' }

const part = (start: number, end: number): RangeAnswer => ({ kind: 'part', range: { start, end } })

// Numbers too long for the arithmetic become too large rather than wrong, up to Infinity.
const parseRangeHeader = (header: string, sizeBytes: number): RangeAnswer => {
  if (header.includes(',')) return { kind: 'multiple' }
  // No blank can be matched in two ways: a header of nothing but blanks would take seconds otherwise.
  const match = /^\s*bytes\s*=\s*(?:(\d+)\s*)?-\s*(?:(\d+)\s*)?$/i.exec(header)
  if (match === null) return unsatisfiable
  const [, first = '', last = ''] = match
  if (first === '') {
    const suffixBytes = last === '' ? 0 : Math.min(Number(last), sizeBytes)
    return suffixBytes === 0 ? unsatisfiable : part(sizeBytes - suffixBytes, sizeBytes)
  }
  const start = Number(first)
  const stop = last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes)
  return start < stop ? part(start, stop) : unsatisfiable
}

/** A stop beyond the image is an error when the client left the size open, and else cut off as in `Range`. */
const parseContentRangeHeader = (header: string, sizeBytes: number): RangeAnswer => {
  const [, first, last, total] = /^\s*bytes\s+(\d+)-(\d+)\/(\d+|\*)\s*$/i.exec(header) ?? []
  if (first === undefined || last === undefined) return unsatisfiable
  const start = Number(first)
  const stop = Number(last) + 1
  if (stop > (total === '*' ? sizeBytes : Number(total))) return unsatisfiable
  const end = Math.min(stop, sizeBytes)
  return start < end ? part(start, end) : unsatisfiable
}

/**
 * Which bytes a download asks for. Single ranges only; never throws.
 * https://www.rfc-editor.org/rfc/rfc9110#name-range-requests
 */
export const parseRange = ({ range, contentRange }: RangeHeaders, sizeBytes: number): RangeAnswer => {
  if (range !== undefined) return parseRangeHeader(range, sizeBytes)
  if (contentRange !== undefined) return parseContentRangeHeader(contentRange, sizeBytes)
  return { kind: 'whole' }
}
