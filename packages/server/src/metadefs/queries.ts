import type { Insertable, Selectable } from 'kysely'
import type { Reader, Tx } from '../database/database.ts'
import { locked } from '../database/dialect.ts'
import type {
  MetadefAssociationsTable,
  MetadefDefinitionsTable,
  MetadefNamespacesTable,
  MetadefResourceTypesTable,
  MetadefTagsTable,
} from '../database/metadef-tables.ts'
import type { Parts } from './documents.ts'

export type NamespaceRow = Selectable<MetadefNamespacesTable>
/** An object or a property. */
export type PartRow = Selectable<MetadefDefinitionsTable>
export type TagRow = Selectable<MetadefTagsTable>
export type AssociationRow = Selectable<MetadefAssociationsTable>

/** Tables of definitions, by what they define. */
const partTables = { object: 'metadef_objects', property: 'metadef_properties' } as const
export type PartKind = keyof typeof partTables

export const findNamespace = (db: Reader, name: string): Promise<NamespaceRow | undefined> =>
  db.selectFrom('metadef_namespaces').selectAll().where('name', '=', name).executeTakeFirst()

/** Like `findNamespace`; it and what is in it stay as they are until the transaction ends. */
export const lockNamespace = (tx: Tx, name: string): Promise<NamespaceRow | undefined> =>
  locked(tx, tx.selectFrom('metadef_namespaces').selectAll().where('name', '=', name)).executeTakeFirst()

export const insertNamespaces = (
  tx: Tx,
  rows: readonly Insertable<MetadefNamespacesTable>[],
): Promise<NamespaceRow[]> => tx.insertInto('metadef_namespaces').values(rows).returningAll().execute()

/** Which of these names are taken. */
export const takenNames = async (db: Reader, names: readonly string[]): Promise<ReadonlySet<string>> => {
  const rows = await db.selectFrom('metadef_namespaces').select('name').where('name', 'in', names).execute()
  return new Set(rows.map(({ name }) => name))
}

export const listLoadedStock = async (db: Reader): Promise<ReadonlySet<string>> => {
  const rows = await db.selectFrom('metadef_stock').select('name').execute()
  return new Set(rows.map(({ name }) => name))
}

/** @returns those that were not marked before */
export const markStockLoaded = async (tx: Tx, names: readonly string[], at: number): Promise<ReadonlySet<string>> => {
  const rows = await tx
    .insertInto('metadef_stock')
    .values(names.map((name) => ({ name, loaded_at: at })))
    .onConflict((conflict) => conflict.column('name').doNothing())
    .returning('name')
    .execute()
  return new Set(rows.map(({ name }) => name))
}

export const updateNamespace = async (
  tx: Tx,
  id: number,
  changes: Omit<NamespaceRow, 'id' | 'created_at'>,
): Promise<void> => {
  await tx.updateTable('metadef_namespaces').set(changes).where('id', '=', id).execute()
}

/** With all that is in it. */
export const deleteNamespace = async (tx: Tx, id: number): Promise<void> => {
  await tx.deleteFrom('metadef_namespaces').where('id', '=', id).execute()
}

export const countNamespaces = async (db: Reader): Promise<number> => {
  const { count } = await db
    .selectFrom('metadef_namespaces')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** Objects or properties of a namespace in the order in which they came. */
export const listParts = async (
  db: Reader,
  kind: PartKind,
  namespaceId: number,
  limit?: number,
): Promise<PartRow[]> => {
  const query = db
    .selectFrom(partTables[kind])
    .selectAll()
    .where('namespace_id', '=', namespaceId)
    .orderBy('created_at')
    .orderBy('id')
  return limit === undefined ? query.execute() : query.limit(limit).execute()
}

export const findPart = (
  db: Reader,
  kind: PartKind,
  { namespaceId, name }: { readonly namespaceId: number; readonly name: string },
): Promise<PartRow | undefined> =>
  db
    .selectFrom(partTables[kind])
    .selectAll()
    .where('namespace_id', '=', namespaceId)
    .where('name', '=', name)
    .executeTakeFirst()

const rowsAtOnce = 1000

export const insertParts = async (
  tx: Tx,
  kind: PartKind,
  rows: readonly Insertable<MetadefDefinitionsTable>[],
): Promise<void> => {
  // A statement has room for some ten thousand values, and a request for more.
  for (let at = 0; at < rows.length; at += rowsAtOnce) {
    await tx
      .insertInto(partTables[kind])
      .values(rows.slice(at, at + rowsAtOnce))
      .execute()
  }
}

export const updatePart = async (
  tx: Tx,
  kind: PartKind,
  id: number,
  changes: Pick<PartRow, 'name' | 'definition' | 'updated_at'>,
): Promise<void> => {
  await tx.updateTable(partTables[kind]).set(changes).where('id', '=', id).execute()
}

export const deletePart = async (tx: Tx, kind: PartKind, id: number): Promise<void> => {
  await tx.deleteFrom(partTables[kind]).where('id', '=', id).execute()
}

export const deleteParts = async (tx: Tx, kind: PartKind, namespaceId: number): Promise<void> => {
  await tx.deleteFrom(partTables[kind]).where('namespace_id', '=', namespaceId).execute()
}

/** Characters that the objects or properties of a namespace take. */
export const countCharacters = async (db: Reader, kind: PartKind, namespaceId: number): Promise<number> => {
  const { characters } = await db
    .selectFrom(partTables[kind])
    .select(({ fn }) => fn.sum<number | null>(fn<number>('length', ['definition'])).as('characters'))
    .where('namespace_id', '=', namespaceId)
    .executeTakeFirstOrThrow()
  return Number(characters ?? 0)
}

export const findTag = (db: Reader, namespaceId: number, name: string): Promise<TagRow | undefined> =>
  db
    .selectFrom('metadef_tags')
    .selectAll()
    .where('namespace_id', '=', namespaceId)
    .where('folded', '=', name.toLowerCase())
    .executeTakeFirst()

export const insertTags = async (tx: Tx, rows: readonly Insertable<MetadefTagsTable>[]): Promise<void> => {
  if (rows.length > 0) await tx.insertInto('metadef_tags').values(rows).execute()
}

export const updateTag = async (
  tx: Tx,
  id: number,
  changes: Pick<TagRow, 'name' | 'folded' | 'updated_at'>,
): Promise<void> => {
  await tx.updateTable('metadef_tags').set(changes).where('id', '=', id).execute()
}

export const deleteTag = async (tx: Tx, id: number): Promise<void> => {
  await tx.deleteFrom('metadef_tags').where('id', '=', id).execute()
}

export const deleteTags = async (tx: Tx, namespaceId: number): Promise<void> => {
  await tx.deleteFrom('metadef_tags').where('namespace_id', '=', namespaceId).execute()
}

const countedTables = { ...partTables, tag: 'metadef_tags', association: 'metadef_associations' } as const

/** How many of a kind are in a namespace. */
export const countOf = async (db: Reader, kind: keyof typeof countedTables, namespaceId: number): Promise<number> => {
  const { count } = await db
    .selectFrom(countedTables[kind])
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('namespace_id', '=', namespaceId)
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** Associations of namespaces in the order in which they came. */
export const listAssociations = async (db: Reader, namespaceIds: readonly number[]): Promise<AssociationRow[]> =>
  namespaceIds.length === 0
    ? []
    : db
        .selectFrom('metadef_associations')
        .selectAll()
        .where('namespace_id', 'in', namespaceIds)
        .orderBy('created_at')
        .orderBy('id')
        .execute()

export const findAssociation = (
  db: Reader,
  namespaceId: number,
  resourceType: string,
): Promise<AssociationRow | undefined> =>
  db
    .selectFrom('metadef_associations')
    .selectAll()
    .where('namespace_id', '=', namespaceId)
    .where('resource_type', '=', resourceType)
    .executeTakeFirst()

/** Also makes the types that are new. Always in one order: two transactions may make the same ones. */
export const insertAssociations = async (
  tx: Tx,
  rows: readonly Insertable<MetadefAssociationsTable>[],
): Promise<void> => {
  if (rows.length === 0) return
  const byName = new Map(
    rows.map(({ resource_type: name, created_at }) => [name, { name, created_at, updated_at: created_at }]),
  )
  const types = [...byName.values()].sort((one, other) => (one.name < other.name ? -1 : 1))
  await tx
    .insertInto('metadef_resource_types')
    .values(types)
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute()
  await tx.insertInto('metadef_associations').values(rows).execute()
}

export const deleteAssociation = async (tx: Tx, id: number): Promise<void> => {
  await tx.deleteFrom('metadef_associations').where('id', '=', id).execute()
}

export const listResourceTypes = (db: Reader): Promise<MetadefResourceTypesTable[]> =>
  db.selectFrom('metadef_resource_types').selectAll().orderBy('name').execute()

export const countResourceTypes = async (db: Reader): Promise<number> => {
  const { count } = await db
    .selectFrom('metadef_resource_types')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** All that is in a namespace, in the order in which it came: made anew from that, it is the same. */
export const readParts = async (db: Reader, namespaceId: number): Promise<Parts> => ({
  associations: await listAssociations(db, [namespaceId]),
  objects: await listParts(db, 'object', namespaceId),
  properties: await listParts(db, 'property', namespaceId),
  tags: await db
    .selectFrom('metadef_tags')
    .selectAll()
    .where('namespace_id', '=', namespaceId)
    .orderBy('created_at')
    .orderBy('id')
    .execute(),
})
