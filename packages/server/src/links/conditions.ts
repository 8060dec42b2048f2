/**
 * Conditions of a request, by the validators of a file whose bytes never change.
 * https://www.rfc-editor.org/rfc/rfc9110#name-preconditions
 */

/** What a client knows a version of the bytes by. */
export interface Validators {
  /** Strong, with its quotes. */
  readonly etag: string
  /** Milliseconds since 1970, whole seconds. */
  readonly lastModified: number
}

/** Headers of a request that make it depend on what the client has. */
export interface ConditionHeaders {
  readonly 'if-match'?: string | undefined
  readonly 'if-none-match'?: string | undefined
  readonly 'if-unmodified-since'?: string | undefined
  readonly 'if-modified-since'?: string | undefined
  readonly 'if-range'?: string | string[] | undefined
}

const tagsOf = (header: string): string[] => header.match(/(?:W\/)?"[^"]*"/g) ?? []

const isAny = (header: string): boolean => header.trim() === '*'

/** Undefined for what is no date, which counts as if it were not there. */
const dateOf = (header: string | undefined): number | undefined => {
  const instant = header === undefined ? Number.NaN : Date.parse(header)
  return Number.isNaN(instant) ? undefined : instant
}

const isMatch = (headers: ConditionHeaders, { etag, lastModified }: Validators): boolean => {
  const tags = headers['if-match']
  if (tags !== undefined) return isAny(tags) || tagsOf(tags).includes(etag)
  const since = dateOf(headers['if-unmodified-since'])
  return since === undefined || lastModified <= since
}

const isKnown = (headers: ConditionHeaders, { etag, lastModified }: Validators): boolean => {
  const tags = headers['if-none-match']
  // This comparison is weak: W/"a" and "a" are the same.
  if (tags !== undefined) return isAny(tags) || tagsOf(tags).some((tag) => tag.replace(/^W\//, '') === etag)
  const since = dateOf(headers['if-modified-since'])
  return since !== undefined && lastModified <= since
}

/** `failed`: 412. `known`: the client has these bytes, 304. */
export const judge = (headers: ConditionHeaders, validators: Validators): 'go' | 'known' | 'failed' => {
  if (!isMatch(headers, validators)) return 'failed'
  return isKnown(headers, validators) ? 'known' : 'go'
}

/** Whether a part may be sent: not if the client has the other parts of something else, or cannot tell. */
export const rangeCounts = (headers: ConditionHeaders, { etag, lastModified }: Validators): boolean => {
  const sent = headers['if-range']
  if (sent === undefined) return true
  if (typeof sent !== 'string') return false
  const wanted = sent.trim()
  return wanted === etag || (!/^(?:W\/)?"/.test(wanted) && dateOf(wanted) === lastModified)
}
