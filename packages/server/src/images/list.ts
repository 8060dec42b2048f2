import type { MemberStatus, Visibility } from '@vitrine/contract'
import type { Actor } from '../access/actor.ts'
import type { Reader } from '../database/database.ts'
import { isPostgres } from '../database/dialect.ts'
import { type Fragment, fragment, joined, parameters, runFragment } from '../database/fragment.ts'
import type { ImagesTable } from '../database/tables.ts'
import type { Comparison, Filter, NumberColumn, TextColumn } from './filters.ts'
import type { ListQuery } from './list-query.ts'
import {
  type Membership,
  type MembershipColumns,
  membershipColumns,
  membershipJoins,
  membershipOf,
} from './membership.ts'
import type { SortAttribute, SortKey } from './sort.ts'

/**
 * A part of a list that one index already holds in the default order. A list is the merge of a few of them, cut at the
 * page; an image that stands in two is listed once.
 */
type Source =
  | { readonly kind: 'owner'; readonly project: string; readonly visibility: Visibility | undefined }
  | { readonly kind: 'visibility'; readonly visibility: Visibility }
  | { readonly kind: 'member'; readonly project: string; readonly status: MemberStatus }

/** The sources of what the actor sees, before filters. */
const sourcesOf = (actor: Actor, { visibility: asked, memberStatuses }: ListQuery): Source[] => {
  const project = actor.projectId ?? ''
  const only = asked === 'all' ? undefined : asked
  const wants = (visibility: Visibility) => only === undefined || only === visibility
  const community = asked === 'all' || asked === 'community'
  const everyone = (visibility: Visibility): Source[] => (wants(visibility) ? [{ kind: 'visibility', visibility }] : [])

  if (actor.roles.has('admin')) {
    return [
      ...everyone('public'),
      ...everyone('private'),
      ...everyone('shared'),
      ...(community ? everyone('community') : []),
      ...(asked === undefined ? [{ kind: 'owner', project, visibility: 'community' } as const] : []),
    ]
  }
  return [
    { kind: 'owner', project, visibility: only },
    ...everyone('public'),
    ...(community ? everyone('community') : []),
    ...(wants('shared') ? memberStatuses.map((status) => ({ kind: 'member', project, status }) as const) : []),
  ]
}

const textColumns: Readonly<Record<TextColumn, Fragment>> = {
  id: fragment`i.id`,
  status: fragment`i.status`,
  container_format: fragment`i.container_format`,
  disk_format: fragment`i.disk_format`,
  owner: fragment`i.owner`,
  checksum: fragment`i.checksum`,
  os_hash_value: fragment`i.os_hash_value`,
}

const numberColumns: Readonly<Record<NumberColumn, Fragment>> = {
  min_disk: fragment`i.min_disk`,
  min_ram: fragment`i.min_ram`,
  size_bytes: fragment`i.size_bytes`,
  virtual_size_bytes: fragment`i.virtual_size_bytes`,
}

const operators: Readonly<Record<Comparison, Fragment>> = {
  gt: fragment`>`,
  gte: fragment`>=`,
  lt: fragment`<`,
  lte: fragment`<=`,
  eq: fragment`=`,
  neq: fragment`<>`,
}

/** Instants are kept to the millisecond and compared as they are shown: by the second. */
const instantCondition = (column: Fragment, comparison: Comparison, second: number): Fragment => {
  const next = second + 1000
  const conditions: Record<Comparison, Fragment> = {
    gt: fragment`${column} >= ${next}`,
    gte: fragment`${column} >= ${second}`,
    lt: fragment`${column} < ${second}`,
    lte: fragment`${column} < ${next}`,
    eq: fragment`(${column} >= ${second} and ${column} < ${next})`,
    neq: fragment`(${column} < ${second} or ${column} >= ${next})`,
  }
  return conditions[comparison]
}

const ofImage = fragment`f.image_id = i.id and f.created_at = i.created_at`

/** All of these terms, as one condition however many there are: a planner takes long over many like it. */
const allTerms = (terms: readonly string[]): Fragment =>
  fragment`(select count(*) from image_terms f where ${ofImage} and f.term in (${parameters(terms)})) = ${terms.length}`

const condition = (filter: Filter): Fragment => {
  switch (filter.kind) {
    case 'term':
      return fragment`exists (select 1 from image_terms f where ${ofImage} and f.term in (${parameters(filter.terms)}))`
    case 'text':
      return fragment`${textColumns[filter.column]} in (${parameters(filter.values)})`
    case 'number':
      return fragment`${numberColumns[filter.column]} ${operators[filter.comparison]} ${filter.value}`
    case 'protected':
      return fragment`i.protected = ${filter.value ? 1 : 0}`
    case 'instant':
      return instantCondition(sortable[filter.column], filter.comparison, filter.second)
    case 'nothing':
      return fragment`1 = 0`
  }
}

type Columns = Readonly<Record<SortAttribute, Fragment>>

/** Columns that may be null sort as the empty text or as zero. */
const sortable: Columns = {
  name: fragment`coalesce(i.name, '')`,
  status: fragment`i.status`,
  container_format: fragment`coalesce(i.container_format, '')`,
  disk_format: fragment`coalesce(i.disk_format, '')`,
  size: fragment`coalesce(i.size_bytes, 0)`,
  id: fragment`i.id`,
  created_at: fragment`i.created_at`,
  updated_at: fragment`i.updated_at`,
}
const fromMember: Columns = { ...sortable, created_at: fragment`m.image_created_at`, id: fragment`m.image_id` }
const fromTerm: Columns = { ...sortable, created_at: fragment`t.created_at`, id: fragment`t.image_id` }

type SortValues = Readonly<Record<SortAttribute, string | number>>

/** What an image is sorted by. */
export const sortValues = (row: ImagesTable): SortValues => ({
  name: row.name ?? '',
  status: row.status,
  container_format: row.container_format ?? '',
  disk_format: row.disk_format ?? '',
  size: row.size_bytes ?? 0,
  id: row.id,
  created_at: row.created_at,
  updated_at: row.updated_at,
})

const past = (direction: SortKey['direction']): Fragment => (direction === 'asc' ? operators.gt : operators.lt)

/** Everything after the marker in the order of the list. */
const afterMarker = (sort: readonly SortKey[], columns: Columns, marker: SortValues): Fragment => {
  const [first] = sort
  if (first !== undefined && sort.every((key) => key.direction === first.direction)) {
    const left = joined(
      sort.map(({ attribute }) => columns[attribute]),
      ', ',
    )
    const right = parameters(sort.map(({ attribute }) => marker[attribute]))
    return fragment`(${left}) ${past(first.direction)} (${right})`
  }
  const alternatives = sort.map(({ attribute, direction }, index) => {
    const equal = sort.slice(0, index).map((key) => fragment`${columns[key.attribute]} = ${marker[key.attribute]}`)
    return joined([...equal, fragment`${columns[attribute]} ${past(direction)} ${marker[attribute]}`], ' and ')
  })
  return fragment`(${joined(alternatives, ' or ')})`
}

interface Reading {
  readonly from: Fragment
  readonly conditions: readonly Fragment[]
  /** Sort columns as the index that is read first holds them. */
  readonly columns: Columns
}

type TermFilter = Extract<Filter, { kind: 'term' }>

const isTerm = (filter: Filter): filter is TermFilter => filter.kind === 'term'

/** The conditions of all filters but the one that leads. */
const conditionsOf = (filters: readonly Filter[], lead: Filter | undefined): Fragment[] => {
  const others = filters.filter((filter) => filter !== lead)
  const single = new Set(others.filter(isTerm).flatMap(({ terms }) => (terms.length === 1 ? terms : [])))
  const rest = others.filter((filter) => !isTerm(filter) || filter.terms.length !== 1)
  return [...(single.size === 0 ? [] : [allTerms([...single])]), ...rest.map(condition)]
}

/** Where a source is read from. A cross join keeps the order in which SQLite reads the tables: the rarest first. */
const reading = (source: Source, query: ListQuery): Reading => {
  const hidden = query.hidden ? 1 : 0
  const lead = query.filters.find(isTerm)
  const filters = conditionsOf(query.filters, lead)
  const term = lead === undefined ? fragment`` : fragment`image_terms t cross join `
  const found = lead === undefined ? [] : [fragment`t.term in (${parameters(lead.terms)})`, fragment`i.id = t.image_id`]

  if (source.kind === 'member') {
    const { project, status } = source
    const own = fragment`m.member_id = ${project} and m.live = 1 and m.status = ${status} and m.image_hidden = ${hidden}`
    const byDefault = query.sort.every(({ attribute }) => attribute === 'id' || attribute === 'created_at')
    if (query.filters.length === 0 && byDefault) {
      return { from: fragment`members m`, conditions: [own], columns: fromMember }
    }
    return {
      from: fragment`${term}members m cross join images i`,
      conditions: [own, ...found, fragment`m.image_id = i.id`, ...filters],
      columns: fromMember,
    }
  }
  const own =
    source.kind === 'visibility'
      ? fragment`i.visibility = ${source.visibility} and i.os_hidden = ${hidden}`
      : fragment`i.owner = ${source.project} and i.os_hidden = ${hidden}`
  const only =
    source.kind === 'owner' && source.visibility !== undefined ? [fragment`i.visibility = ${source.visibility}`] : []
  return {
    from: fragment`${term}images i`,
    conditions: [own, ...only, ...found, ...filters],
    columns: lead === undefined ? sortable : fromTerm,
  }
}

const keyNames = ['k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7', 'k8', 'k9'].map((name) => fragment([name]))
const directions = { asc: fragment`asc`, desc: fragment`desc` }

const orderBy = (sort: readonly SortKey[]): Fragment =>
  joined(
    sort.map(({ direction }, index) => fragment`${keyNames[index]} ${directions[direction]}`),
    ', ',
  )

const selectSource = (source: Source, query: ListQuery, marker: SortValues | undefined): Fragment => {
  const { from, conditions, columns } = reading(source, query)
  const all = marker === undefined ? conditions : [...conditions, afterMarker(query.sort, columns, marker)]
  const keys = query.sort.map(({ attribute }, index) => fragment`${columns[attribute]} as ${keyNames[index]}`)
  return fragment`select ${joined(keys, ', ')} from ${from} where ${joined(all, ' and ')}`
}

/**
 * The keys of one page of all sources; `union` drops an image that comes from two. SQLite merges sources that are in order
 * already, and stops at the end of the page; PostgreSQL is told to take no more than a page from each.
 */
const selectPage = (db: Reader, sources: readonly Fragment[], { sort, limit }: ListQuery): Fragment => {
  const page = fragment`order by ${orderBy(sort)} limit ${limit}`
  const arms = isPostgres(db) && sources.length > 1 ? sources.map((source) => fragment`(${source} ${page})`) : sources
  return fragment`${joined(arms, ' union ')} ${page}`
}

export interface ListedImage {
  readonly id: string
  readonly document: string
  readonly status: ImagesTable['status']
  readonly stores: string | null
  /** Only if the query asks for it. */
  readonly membership?: Membership | undefined
}

/**
 * One page of what the actor sees, as one query that reads about a page from each source.
 * @param marker the image after which the page begins, if any
 * @param now milliseconds since 1970, for shares that end
 */
export const listImages = async (
  db: Reader,
  actor: Actor,
  query: ListQuery,
  marker: ImagesTable | undefined,
  now: number,
): Promise<ListedImage[]> => {
  if (query.limit === 0) return []
  const after = marker === undefined ? undefined : sortValues(marker)
  const sources = sourcesOf(actor, query).map((source) => selectSource(source, query, after))
  if (sources.length === 0) return []
  const id = keyNames[query.sort.findIndex(({ attribute }) => attribute === 'id')]
  const page = selectPage(db, sources, query)
  const columns = fragment`d.id, d.document, d.status, d.stores`
  const rest = fragment`where d.id = p.${id} order by ${orderBy(query.sort)}`
  if (!query.withMembership)
    return runFragment(db, fragment`select ${columns} from (${page}) p cross join images d ${rest}`)
  const joins = membershipJoins(actor.projectId, now)
  const rows = await runFragment<ListedImage & MembershipColumns>(
    db,
    fragment`select ${columns}, ${membershipColumns} from (${page}) p cross join images d ${joins} ${rest}`,
  )
  return rows.map((row) => {
    // Named one by one: to copy all columns of a row took a fifth of the whole list.
    const { id: imageId, document, status, stores } = row
    return { id: imageId, document, status, stores, membership: membershipOf(row) }
  })
}
