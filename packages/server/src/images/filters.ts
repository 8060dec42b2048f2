import { apiError } from '../api-error.ts'
import { termOf } from './terms.ts'

export type Comparison = 'gt' | 'gte' | 'lt' | 'lte' | 'eq' | 'neq'

/** Columns compared by equality or by a set of values. */
export type TextColumn = 'id' | 'status' | 'container_format' | 'disk_format' | 'owner' | 'checksum' | 'os_hash_value'
export type NumberColumn = 'min_disk' | 'min_ram' | 'size_bytes' | 'virtual_size_bytes'

/** One condition on the images of a list. */
export type Filter =
  | { readonly kind: 'term'; readonly terms: readonly string[] }
  | { readonly kind: 'text'; readonly column: TextColumn; readonly values: readonly string[] }
  | { readonly kind: 'number'; readonly column: NumberColumn; readonly comparison: Comparison; readonly value: number }
  | { readonly kind: 'protected'; readonly value: boolean }
  | {
      readonly kind: 'instant'
      readonly column: 'created_at' | 'updated_at'
      readonly comparison: Comparison
      /** Start of a second, in milliseconds: instants are shown, and so compared, in whole seconds. */
      readonly second: number
    }
  | { readonly kind: 'nothing' }

const bad = (name: string, why: string) => apiError('invalid_parameter', { name, why })

/** Values of one `in:`. */
const valuesMax = 1000

/** The values of `in:a,"b,c"`. */
export const parseSet = (name: string, text: string): string[] => {
  const values: string[] = []
  const part = /(?:"((?:[^"\\]|\\.)*)"|([^",]*))(,|$)/y
  let at = 0
  while (at <= text.length) {
    part.lastIndex = at
    const match = part.exec(text)
    if (match === null) throw bad(name, 'a quoted value must begin after a comma and end before one')
    const [whole, quoted, plain, end] = match
    values.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('\\"', '"'))
    if (end === '') break
    at += whole.length
  }
  return values
}

/** The values that an attribute may have: `x`, `eq:x` or `in:x,y`. */
const parseValues = (name: string, text: string): string[] => {
  const colon = text.indexOf(':')
  if (colon === -1) return [text]
  const operator = text.slice(0, colon)
  const rest = text.slice(colon + 1)
  if (operator === 'eq') return [rest]
  if (operator === 'in') {
    const values = [...new Set(parseSet(name, rest))]
    if (values.length > valuesMax) throw bad(name, `there are more than ${valuesMax} values`)
    return values
  }
  throw bad(name, `the operator ${operator} is not possible here; write eq: before a value that holds a colon`)
}

const instantForm = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/

const parseInstant = (name: string, text: string): number => {
  const match = instantForm.exec(text)
  const zoned = match !== null && (match[1] !== undefined || text.length === 10)
  const instant = match === null ? Number.NaN : Date.parse(zoned ? text : `${text}Z`)
  if (Number.isNaN(instant)) throw bad(name, 'it must be an ISO 8601 instant, such as 2026-01-31T12:00:00Z')
  return Math.floor(instant / 1000) * 1000
}

const comparisons: readonly Comparison[] = ['gt', 'gte', 'lt', 'lte', 'eq', 'neq']

const parseInstantFilter = (column: 'created_at' | 'updated_at', text: string): Filter => {
  const operator = /^([a-z]+):/.exec(text)?.[1]
  if (operator === undefined) {
    return { kind: 'instant', column, comparison: 'eq', second: parseInstant(column, text) }
  }
  const comparison = comparisons.find((one) => one === operator)
  if (comparison === undefined) throw bad(column, `the operator is one of ${comparisons.join(', ')}`)
  return { kind: 'instant', column, comparison, second: parseInstant(column, text.slice(operator.length + 1)) }
}

const numberColumns: Readonly<Record<string, NumberColumn>> = {
  min_disk: 'min_disk',
  min_ram: 'min_ram',
  size: 'size_bytes',
  virtual_size: 'virtual_size_bytes',
}

const parseRange = (name: string, column: NumberColumn, bound: string | undefined, text: string): Filter => {
  if (!/^-?\d{1,18}$/.test(text)) throw bad(name, 'it must be a whole number')
  return { kind: 'number', column, comparison: bound === 'min' ? 'gte' : 'lte', value: Number(text) }
}

const parseNumber = (column: NumberColumn, text: string): Filter =>
  /^-?\d{1,15}$/.test(text) ? { kind: 'number', column, comparison: 'eq', value: Number(text) } : { kind: 'nothing' }

/** @throws ApiError `invalid_parameter` */
export const parseBoolean = (name: string, text: string): boolean => {
  const word = text.toLowerCase()
  if (word === 'true' || word === 'false') return word === 'true'
  throw bad(name, 'it must be true or false')
}

const text = (column: TextColumn, values: readonly string[]): Filter => ({ kind: 'text', column, values })

const byName: Readonly<Record<string, (value: string) => Filter>> = {
  name: (value) => ({ kind: 'term', terms: parseValues('name', value).map((one) => termOf('name', one)) }),
  tag: (value) => ({ kind: 'term', terms: [termOf('tag', value)] }),
  id: (value) => text('id', parseValues('id', value)),
  status: (value) => text('status', parseValues('status', value)),
  container_format: (value) => text('container_format', parseValues('container_format', value)),
  disk_format: (value) => text('disk_format', parseValues('disk_format', value)),
  owner: (value) => text('owner', [value]),
  checksum: (value) => text('checksum', [value]),
  os_hash_value: (value) => text('os_hash_value', [value]),
  protected: (value) => ({ kind: 'protected', value: parseBoolean('protected', value) }),
  created_at: (value) => parseInstantFilter('created_at', value),
  updated_at: (value) => parseInstantFilter('updated_at', value),
}

/**
 * The condition of one query parameter. A name that is no attribute asks for a custom property.
 * @throws ApiError `invalid_parameter`
 */
export const parseFilter = (name: string, value: string): Filter => {
  const known = Object.hasOwn(byName, name) ? byName[name] : undefined
  if (known !== undefined) return known(value)
  const range = /^(.+)_(min|max)$/.exec(name)
  const ranged =
    range?.[1] !== undefined && Object.hasOwn(numberColumns, range[1]) ? numberColumns[range[1]] : undefined
  if (ranged !== undefined) return parseRange(name, ranged, range?.[2], value)
  const column = Object.hasOwn(numberColumns, name) ? numberColumns[name] : undefined
  if (column !== undefined) return parseNumber(column, value)
  return { kind: 'term', terms: [termOf('property', value, name)] }
}
