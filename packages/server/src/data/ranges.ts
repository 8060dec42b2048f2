/** Which bytes of an image to send: from `start` up to, not including, `end`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

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

export const parseRange = (_headers: RangeHeaders, _sizeBytes: number): RangeAnswer => {
  throw new Error('being written')
}
