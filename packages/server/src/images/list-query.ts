import { type MemberStatus, memberStatuses, type Visibility, visibilities } from '@vitrine/contract'
import { apiError } from '../api-error.ts'
import type { Limits } from '../config.ts'
import { parseLimit, type QueryParameters } from '../http/query.ts'
import { type Filter, parseBoolean, parseFilter } from './filters.ts'
import { parseSort, type SortKey } from './sort.ts'

/** What a caller asks of `GET /v2/images`, parsed. */
export interface ListQuery {
  readonly limit: number
  readonly marker: string | undefined
  readonly sort: readonly SortKey[]
  /** `undefined`: what the caller may see without community images; `all`: those too. */
  readonly visibility: Visibility | 'all' | undefined
  readonly memberStatuses: readonly MemberStatus[]
  readonly hidden: boolean
  /** Whether the caller's share is told with each image that is shared with it. */
  readonly withMembership: boolean
  readonly filters: readonly Filter[]
}

/** Each condition costs the database a look-up for every image that it passes. */
const filtersMax = 64

const bad = (name: string, why: string) => apiError('invalid_parameter', { name, why })

const oneOf = <Word extends string>(name: string, words: readonly Word[], value: string): Word => {
  const found = words.find((word) => word === value)
  if (found === undefined) throw bad(name, `it must be one of ${words.join(', ')}`)
  return found
}

/** `include=membership` (docs/reference/shares.md). Any other `include` is what it is to every such service: a property. */
export const includesMembership = (parameters: QueryParameters): boolean =>
  new Map(parameters).get('include') === 'membership'

const listedVisibilities = [...visibilities, 'all'] as const

const parseMemberStatuses = (value: string): readonly MemberStatus[] => {
  const word = oneOf('member_status', [...memberStatuses, 'all'], value)
  return word === 'all' ? memberStatuses : [word]
}

/** Parameters that steer the list; every other one is a filter. */
const steering: ReadonlySet<string> = new Set([
  'limit',
  'marker',
  'sort',
  'sort_key',
  'sort_dir',
  'visibility',
  'member_status',
  'os_hidden',
])

/** Columns of other services that must neither match nor tell anything. */
const ignored: ReadonlySet<string> = new Set(['deleted', 'is_public'])

/**
 * @throws ApiError `invalid_parameter`
 */
export const parseListQuery = (parameters: QueryParameters, limits: Limits): ListQuery => {
  // Of a repeated parameter the last counts, except for tags, which are all demanded.
  const last = new Map(parameters)
  const visibility = last.get('visibility')
  const memberStatus = last.get('member_status')
  const hidden = last.get('os_hidden')
  if (last.has('changes-since')) throw bad('changes-since', 'it is not supported; filter by updated_at')
  const marker = last.get('marker')
  if (marker === '') throw bad('marker', 'it is empty')

  const tags = parameters.filter(([name]) => name === 'tag')
  const withMembership = includesMembership(parameters)
  if (withMembership) last.delete('include')
  const others = [...last].filter(([name]) => name !== 'tag' && !steering.has(name) && !ignored.has(name))
  const filters = [...others, ...new Map(tags.map((tag) => [tag[1], tag])).values()]
  if (filters.length > filtersMax) throw bad('tag', `there are more than ${filtersMax} conditions`)
  return {
    limit: parseLimit(last.get('limit'), limits),
    marker,
    sort: parseSort(parameters),
    visibility: visibility === undefined ? undefined : oneOf('visibility', listedVisibilities, visibility),
    memberStatuses: memberStatus === undefined ? ['accepted'] : parseMemberStatuses(memberStatus),
    hidden: hidden === undefined ? false : parseBoolean('os_hidden', hidden),
    withMembership,
    filters: filters.map(([name, value]) => parseFilter(name, value)),
  }
}
