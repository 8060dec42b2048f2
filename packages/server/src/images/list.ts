import type { MemberStatus, Visibility } from '@vitrine/contract'
import { type RawBuilder, sql } from 'kysely'
import type { Actor } from '../access/actor.ts'
import type { Reader } from '../database/database.ts'
import type { ImagesTable } from '../database/tables.ts'
import type { Comparison, Filter } from './filters.ts'
import type { ListQuery } from './list-query.ts'
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
export const sourcesOf = (
  actor: Actor,
  { visibility: asked, memberStatuses }: Pick<ListQuery, 'visibility' | 'memberStatuses'>,
): Source[] => {
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
      ...(only === undefined && !community ? [{ kind: 'owner', project, visibility: 'community' } as const] : []),
    ]
  }
  return [
    { kind: 'owner', project, visibility: only },
    ...everyone('public'),
    ...(community ? everyone('community') : []),
    ...(wants('shared') ? memberStatuses.map((status) => ({ kind: 'member', project, status }) as const) : []),
  ]
}

const operators: Readonly<Record<Comparison, RawBuilder<unknown>>> = {
  gt: sql`>`,
  gte: sql`>=`,
  lt: sql`<`,
  lte: sql`<=`,
  eq: sql`=`,
  neq: sql`<>`,
}

/** Instants are kept to the millisecond and compared as they are shown: by the second. */
const instantCondition = (column: RawBuilder<unknown>, comparison: Comparison, second: number): RawBuilder<unknown> => {
  const next = second + 1000
  const conditions: Record<Comparison, RawBuilder<unknown>> = {
    gt: sql`${column} >= ${next}`,
    gte: sql`${column} >= ${second}`,
    lt: sql`${column} < ${second}`,
    lte: sql`${column} < ${next}`,
    eq: sql`(${column} >= ${second} and ${column} < ${next})`,
    neq: sql`(${column} < ${second} or ${column} >= ${next})`,
  }
  return conditions[comparison]
}

const condition = (filter: Filter): RawBuilder<unknown> => {
  switch (filter.kind) {
    case 'term':
      return sql`exists (select 1 from image_terms f where f.image_id = i.id and f.created_at = i.created_at and f.term in (${sql.join(filter.terms)}))`
    case 'text':
      return sql`i.${sql.ref(filter.column)} in (${sql.join(filter.values)})`
    case 'number':
      return sql`i.${sql.ref(filter.column)} ${operators[filter.comparison]} ${filter.value}`
    case 'flag':
      return sql`i.${sql.ref(filter.column)} = ${filter.value ? 1 : 0}`
    case 'instant':
      return instantCondition(sql`i.${sql.ref(filter.column)}`, filter.comparison, filter.second)
    case 'nothing':
      return sql`1 = 0`
  }
}

/** Columns that may be null sort as the empty text or as zero. */
const sortable: Readonly<Record<SortAttribute, RawBuilder<unknown>>> = {
  name: sql`coalesce(i.name, '')`,
  status: sql`i.status`,
  container_format: sql`coalesce(i.container_format, '')`,
  disk_format: sql`coalesce(i.disk_format, '')`,
  size: sql`coalesce(i.size_bytes, 0)`,
  id: sql`i.id`,
  created_at: sql`i.created_at`,
  updated_at: sql`i.updated_at`,
}

type Values = Partial<Record<SortAttribute, string | number>>

/** What the marker's image is sorted by. */
export const sortValues = (row: ImagesTable): Required<Values> => ({
  name: row.name ?? '',
  status: row.status,
  container_format: row.container_format ?? '',
  disk_format: row.disk_format ?? '',
  size: row.size_bytes ?? 0,
  id: row.id,
  created_at: row.created_at,
  updated_at: row.updated_at,
})

type Columns = Readonly<Record<SortAttribute, RawBuilder<unknown>>>

const past = (direction: SortKey['direction']) => (direction === 'asc' ? sql`>` : sql`<`)

/** Everything after the marker in the order of the list. */
const afterMarker = (sort: readonly SortKey[], columns: Columns, marker: Required<Values>): RawBuilder<unknown> => {
  const [first] = sort
  if (first !== undefined && sort.every((key) => key.direction === first.direction)) {
    const left = sql.join(sort.map(({ attribute }) => columns[attribute]))
    const right = sql.join(sort.map(({ attribute }) => marker[attribute]))
    return sql`(${left}) ${past(first.direction)} (${right})`
  }
  const alternatives = sort.map(({ attribute, direction }, index) =>
    sql.join(
      [
        ...sort.slice(0, index).map((key) => sql`${columns[key.attribute]} = ${marker[key.attribute]}`),
        sql`${columns[attribute]} ${past(direction)} ${marker[attribute]}`,
      ],
      sql` and `,
    ),
  )
  return sql`(${sql.join(alternatives, sql` or `)})`
}

/** Where a source is read from: the index that leads, and the columns that it holds itself. */
const reading = (
  source: Source,
  query: ListQuery,
): { from: RawBuilder<unknown>; conditions: RawBuilder<unknown>[]; columns: Columns } => {
  const hidden = query.hidden ? 1 : 0
  const [lead, ...others] = [...query.filters].sort((a, b) => Number(b.kind === 'term') - Number(a.kind === 'term'))
  const byTerm = lead?.kind === 'term' ? lead : undefined
  const filters = (byTerm === undefined ? query.filters : others).map(condition)
  // A cross join keeps the order in which SQLite reads the tables: first what the filter finds.
  const term = byTerm === undefined ? sql`` : sql`image_terms t cross join `
  const termConditions =
    byTerm === undefined ? [] : [sql`t.term in (${sql.join(byTerm.terms)})`, sql`i.id = t.image_id`]

  if (source.kind === 'member') {
    const conditions = [
      sql`m.member_id = ${source.project}`,
      sql`m.live = 1`,
      sql`m.status = ${source.status}`,
      sql`m.image_hidden = ${hidden}`,
      ...termConditions,
    ]
    const fromMembers: Columns = { ...sortable, created_at: sql`m.image_created_at`, id: sql`m.image_id` }
    const plain =
      filters.length === 0 &&
      byTerm === undefined &&
      query.sort.every(({ attribute }) => attribute === 'id' || attribute === 'created_at')
    return plain
      ? { from: sql`members m`, conditions, columns: fromMembers }
      : {
          from: sql`${term}members m cross join images i`,
          conditions: [...conditions, sql`m.image_id = i.id`, ...filters],
          columns: fromMembers,
        }
  }
  const columns: Columns =
    byTerm === undefined ? sortable : { ...sortable, created_at: sql`t.created_at`, id: sql`t.image_id` }
  const own =
    source.kind === 'owner'
      ? [
          sql`i.owner = ${source.project}`,
          ...(source.visibility === undefined ? [] : [sql`i.visibility = ${source.visibility}`]),
        ]
      : [sql`i.visibility = ${source.visibility}`]
  return {
    from: sql`${term}images i`,
    conditions: [...own, sql`i.os_hidden = ${hidden}`, ...termConditions, ...filters],
    columns,
  }
}

const keyName = (index: number) => sql.ref(`k${index}`)

const orderBy = (sort: readonly SortKey[]): RawBuilder<unknown> =>
  sql.join(sort.map(({ direction }, index) => sql`${keyName(index)} ${direction === 'asc' ? sql`asc` : sql`desc`}`))

const selectSource = (source: Source, query: ListQuery, marker: Required<Values> | undefined): RawBuilder<unknown> => {
  const { from, conditions, columns } = reading(source, query)
  const all = marker === undefined ? conditions : [...conditions, afterMarker(query.sort, columns, marker)]
  const keys = query.sort.map(({ attribute }, index) => sql`${columns[attribute]} as ${keyName(index)}`)
  return sql`select * from (select ${columns.id} as id, ${sql.join(keys)} from ${from} where ${sql.join(all, sql` and `)} order by ${orderBy(query.sort)} limit ${query.limit}) s`
}

export interface ListedImage {
  readonly id: string
  readonly document: string
  readonly status: ImagesTable['status']
  readonly store: string | null
}

/**
 * One page of what the actor sees, as one query that reads about a page from each source.
 * @param marker the image after which the page begins, if any
 */
export const listImages = async (
  db: Reader,
  actor: Actor,
  query: ListQuery,
  marker: ImagesTable | undefined,
): Promise<ListedImage[]> => {
  if (query.limit === 0) return []
  const after = marker === undefined ? undefined : sortValues(marker)
  const sources = sourcesOf(actor, query).map((source) => selectSource(source, query, after))
  if (sources.length === 0) return []
  // `union` drops an image that comes from two sources.
  const page = sql`select * from (${sql.join(sources, sql` union `)}) u order by ${orderBy(query.sort)} limit ${query.limit}`
  const { rows } = await sql<ListedImage>`
    select d.id, d.document, d.status, d.store from (${page}) p cross join images d where d.id = p.id
    order by ${orderBy(query.sort)}`.execute(db)
  return rows
}
