import { type MetadefVisibility, metadefVisibilities } from '@vitrine/contract'
import { apiError } from '../api-error.ts'
import type { Direction } from '../images/sort.ts'

/** What a caller asks of a list of namespaces or tags, parsed. */

const bad = (name: string, why: string) => apiError('invalid_parameter', { name, why })

const sortDirection = (text: string | undefined): Direction => {
  if (text === undefined) return 'desc'
  if (text === 'asc' || text === 'desc') return text
  throw bad('sort_dir', 'it must be asc or desc')
}

const namespaceSortKeys = [
  'created_at',
  'updated_at',
  'namespace',
  'display_name',
  'description',
  'visibility',
  'protected',
  'owner',
] as const
export type NamespaceSortKey = (typeof namespaceSortKeys)[number]

const tagSortKeys = ['created_at', 'updated_at', 'name'] as const
export type TagSortKey = (typeof tagSortKeys)[number]

const sortKey = <Key extends string>(keys: readonly [Key, ...Key[]], text: string | undefined): Key => {
  if (text === undefined) return keys[0]
  const found = keys.find((key) => key === text)
  if (found === undefined) throw bad('sort_key', `it must be one of ${keys.join(', ')}`)
  return found
}

export interface NamespaceListQuery {
  readonly limit: number
  readonly marker: string | undefined
  readonly sortKey: NamespaceSortKey
  readonly direction: Direction
  readonly visibility: MetadefVisibility | undefined
  /** Only namespaces that are associated with one of these. */
  readonly resourceTypes: readonly string[] | undefined
}

const typesMax = 100

const resourceTypesOf = (text: string | undefined): readonly string[] | undefined => {
  if (text === undefined) return undefined
  const types = [...new Set(text.split(','))]
  if (types.length > typesMax) throw bad('resource_types', `it names more than ${typesMax}`)
  return types
}

const visibilityOf = (text: string | undefined): MetadefVisibility | undefined => {
  if (text === undefined) return undefined
  const found = metadefVisibilities.find((word) => word === text)
  if (found === undefined) throw bad('visibility', `it must be one of ${metadefVisibilities.join(', ')}`)
  return found
}

/** @throws ApiError `invalid_parameter` */
export const parseNamespaceList = (
  query: ReadonlyMap<string, string>,
  { limit, marker }: { readonly limit: number; readonly marker: string | undefined },
): NamespaceListQuery => {
  if (marker === '') throw bad('marker', 'it is empty')
  return {
    limit,
    marker,
    sortKey: sortKey(namespaceSortKeys, query.get('sort_key')),
    direction: sortDirection(query.get('sort_dir')),
    visibility: visibilityOf(query.get('visibility')),
    resourceTypes: resourceTypesOf(query.get('resource_types')),
  }
}

export interface TagListQuery {
  /** Undefined: all of them, since clients of this list ask for no second page. */
  readonly limit: number | undefined
  readonly marker: string | undefined
  readonly sortKey: TagSortKey
  readonly direction: Direction
}

/**
 * The limit of a list that is only paged for those who ask.
 * @throws ApiError `invalid_parameter`
 */
export const positiveLimit = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  if (!/^\d{1,15}$/.test(text) || Number(text) === 0) throw bad('limit', 'it must be a whole number above zero')
  return Number(text)
}

/** @throws ApiError `invalid_parameter` */
export const parseTagList = (query: ReadonlyMap<string, string>): TagListQuery => {
  const marker = query.get('marker')
  if (marker === '') throw bad('marker', 'it is empty')
  return {
    limit: positiveLimit(query.get('limit')),
    marker,
    sortKey: sortKey(tagSortKeys, query.get('sort_key')),
    direction: sortDirection(query.get('sort_dir')),
  }
}
