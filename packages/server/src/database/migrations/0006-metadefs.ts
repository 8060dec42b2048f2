import type { Kysely } from 'kysely'
import { columnTypes } from '../columns.ts'
import type { Tables } from '../tables.ts'

/** Metadata definitions: namespaces, what is in them, and the resource types that they are for. */
export const metadefTables = {
  up: async (db: Kysely<Tables>): Promise<void> => {
    const { text, sequence } = columnTypes(db)

    await db.schema
      .createTable('metadef_namespaces')
      .addColumn('id', sequence)
      .addColumn('name', text, (column) => column.notNull().unique())
      .addColumn('display_name', text)
      .addColumn('description', text)
      .addColumn('visibility', text, (column) => column.notNull())
      .addColumn('protected', 'integer', (column) => column.notNull())
      .addColumn('owner', text)
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('updated_at', 'bigint', (column) => column.notNull())
      .execute()
    await db.schema
      .createIndex('metadef_namespaces_by_date')
      .on('metadef_namespaces')
      .columns(['created_at', 'id'])
      .execute()

    for (const kind of ['objects', 'properties'] as const) {
      await db.schema
        .createTable(`metadef_${kind}`)
        .addColumn('id', sequence)
        .addColumn('namespace_id', 'bigint', (column) =>
          column.notNull().references('metadef_namespaces.id').onDelete('cascade'),
        )
        .addColumn('name', text, (column) => column.notNull())
        .addColumn('definition', text, (column) => column.notNull())
        .addColumn('created_at', 'bigint', (column) => column.notNull())
        .addColumn('updated_at', 'bigint', (column) => column.notNull())
        .addUniqueConstraint(`metadef_${kind}_by_name`, ['namespace_id', 'name'])
        .execute()
    }

    await db.schema
      .createTable('metadef_tags')
      .addColumn('id', sequence)
      .addColumn('namespace_id', 'bigint', (column) =>
        column.notNull().references('metadef_namespaces.id').onDelete('cascade'),
      )
      .addColumn('name', text, (column) => column.notNull())
      .addColumn('folded', text, (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('updated_at', 'bigint', (column) => column.notNull())
      .addUniqueConstraint('metadef_tags_by_name', ['namespace_id', 'folded'])
      .execute()
    await db.schema
      .createIndex('metadef_tags_by_date')
      .on('metadef_tags')
      .columns(['namespace_id', 'created_at', 'id'])
      .execute()

    await db.schema
      .createTable('metadef_resource_types')
      .addColumn('name', text, (column) => column.primaryKey())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('updated_at', 'bigint', (column) => column.notNull())
      .execute()
    await db.schema
      .createTable('metadef_associations')
      .addColumn('id', sequence)
      .addColumn('namespace_id', 'bigint', (column) =>
        column.notNull().references('metadef_namespaces.id').onDelete('cascade'),
      )
      .addColumn('resource_type', text, (column) => column.notNull().references('metadef_resource_types.name'))
      .addColumn('prefix', text)
      .addColumn('properties_target', text)
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('updated_at', 'bigint', (column) => column.notNull())
      .addUniqueConstraint('metadef_associations_by_type', ['namespace_id', 'resource_type'])
      .execute()
    await db.schema
      .createIndex('metadef_associations_of_type')
      .on('metadef_associations')
      .columns(['resource_type', 'namespace_id'])
      .execute()

    await db.schema
      .createTable('metadef_stock')
      .addColumn('name', text, (column) => column.primaryKey())
      .addColumn('loaded_at', 'bigint', (column) => column.notNull())
      .execute()
  },
}
