import { apiError } from '../api-error.ts'
import type { QueryParameters } from '../http/query.ts'

export type Direction = 'asc' | 'desc'

/** What a list can be sorted by. */
const attributes = [
  'name',
  'status',
  'container_format',
  'disk_format',
  'size',
  'id',
  'created_at',
  'updated_at',
] as const
export type SortAttribute = (typeof attributes)[number]

export interface SortKey {
  readonly attribute: SortAttribute
  readonly direction: Direction
}

const bad = (name: string, why: string) => apiError('invalid_parameter', { name, why })

const attribute = (name: string, text: string): SortAttribute => {
  const found = attributes.find((one) => one === text)
  if (found === undefined) throw bad(name, `images are sorted by ${attributes.join(', ')}`)
  return found
}

const direction = (name: string, text: string): Direction => {
  if (text === 'asc' || text === 'desc') return text
  throw bad(name, 'the direction is asc or desc')
}

/** `created_at` and `id` at the end make the order total, so that a page ends at one place. */
const total = (keys: readonly SortKey[], fallback: Direction): SortKey[] => [
  // A key that is given again sorts nothing any more.
  ...keys.filter(({ attribute: name }, index) => keys.findIndex((key) => key.attribute === name) === index),
  ...(['created_at', 'id'] as const)
    .filter((name) => !keys.some((key) => key.attribute === name))
    .map((name) => ({ attribute: name, direction: fallback })),
]

const parseNew = (text: string): SortKey[] => {
  const keys = text.split(',').map((part) => {
    const [name = '', order = 'desc', ...rest] = part.trim().split(':')
    if (rest.length > 0) throw bad('sort', 'each part is key or key:direction')
    return { attribute: attribute('sort', name.trim()), direction: direction('sort', order.trim()) }
  })
  return total(keys, 'desc')
}

const parseClassic = (keys: readonly string[], dirs: readonly string[]): SortKey[] => {
  const directions = dirs.map((text) => direction('sort_dir', text))
  const names = keys.length === 0 ? ['created_at'] : keys
  if (directions.length > 1 && directions.length !== names.length) {
    throw bad('sort_dir', 'give one for all keys, or one for each')
  }
  const lone = directions.length === 1 ? directions[0] : undefined
  return total(
    names.map((name, index) => ({
      attribute: attribute('sort_key', name),
      direction: lone ?? directions[index] ?? 'desc',
    })),
    lone ?? 'desc',
  )
}

/**
 * The order of a list, in either of its two spellings. Always total.
 * @throws ApiError `invalid_parameter`
 */
export const parseSort = (parameters: QueryParameters): SortKey[] => {
  const all = (name: string) => parameters.filter(([key]) => key === name).map(([, value]) => value)
  const sort = all('sort').at(-1)
  const keys = all('sort_key')
  const dirs = all('sort_dir')
  if (sort === undefined) return parseClassic(keys, dirs)
  if (keys.length > 0 || dirs.length > 0) throw bad('sort', 'it cannot be mixed with sort_key and sort_dir')
  return parseNew(sort)
}
