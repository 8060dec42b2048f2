import { sql } from 'kysely'
import type { NamespaceScope } from '../access/namespaces.ts'
import type { Reader } from '../database/database.ts'
import type { NamespaceListQuery, NamespaceSortKey, TagListQuery } from './list-query.ts'
import type { NamespaceRow, TagRow } from './queries.ts'

const columns = {
  created_at: 'created_at',
  updated_at: 'updated_at',
  namespace: 'name',
  display_name: 'display_name',
  description: 'description',
  visibility: 'visibility',
  protected: 'protected',
  owner: 'owner',
} as const satisfies Record<NamespaceSortKey, keyof NamespaceRow>

const nullable: ReadonlySet<string> = new Set(['display_name', 'description', 'owner'])

// What is unset sorts as the empty text: an order with null in it has no place to go on from.
const sortExpression = (column: string) =>
  nullable.has(column)
    ? sql<string | number>`coalesce(${sql.ref(column)}, '')`
    : sql<string | number>`${sql.ref(column)}`

/**
 * One page of the namespaces that a caller sees.
 * @param marker the namespace after which the page begins, if any
 */
export const listNamespaces = async (
  db: Reader,
  scope: NamespaceScope,
  query: NamespaceListQuery,
  marker: NamespaceRow | undefined,
): Promise<NamespaceRow[]> => {
  if (query.limit === 0) return []
  const { visibility, resourceTypes, direction } = query
  const column = columns[query.sortKey]
  const value = sortExpression(column)
  const after = direction === 'asc' ? '>' : '<'
  let rows = db.selectFrom('metadef_namespaces').selectAll()
  if (scope !== 'all') {
    rows = rows.where(({ eb, or }) =>
      or([eb('visibility', '=', 'public'), eb('owner', 'is', null), eb('owner', '=', scope.projectId)]),
    )
  }
  if (visibility !== undefined) rows = rows.where('visibility', '=', visibility)
  if (resourceTypes !== undefined) {
    rows = rows.where(({ exists, selectFrom }) =>
      exists(
        selectFrom('metadef_associations')
          .select('metadef_associations.id')
          .whereRef('metadef_associations.namespace_id', '=', 'metadef_namespaces.id')
          .where('metadef_associations.resource_type', 'in', resourceTypes),
      ),
    )
  }
  if (marker !== undefined) {
    const last = marker[column] ?? ''
    rows = rows.where(({ eb, or, and }) =>
      or([eb(value, after, last), and([eb(value, '=', last), eb('id', after, marker.id)])]),
    )
  }
  return rows.orderBy(value, direction).orderBy('id', direction).limit(query.limit).execute()
}

/** Tags of a namespace in the order that is asked for, from a tag on. */
export const listTags = (
  db: Reader,
  namespaceId: number,
  { limit, sortKey, direction }: TagListQuery,
  marker: TagRow | undefined,
): Promise<TagRow[]> => {
  const after = direction === 'asc' ? '>' : '<'
  let rows = db.selectFrom('metadef_tags').selectAll().where('namespace_id', '=', namespaceId)
  if (marker !== undefined) {
    rows = rows.where(({ eb, or, and }) =>
      or([eb(sortKey, after, marker[sortKey]), and([eb(sortKey, '=', marker[sortKey]), eb('id', after, marker.id)])]),
    )
  }
  const ordered = rows.orderBy(sortKey, direction).orderBy('id', direction)
  return (limit === undefined ? ordered : ordered.limit(limit)).execute()
}
