import type { Kysely } from 'kysely'
import { columnTypes } from '../columns.ts'
import type { Tables } from '../tables.ts'

/** Links by which the bytes of an image are read without a token. */
export const linkTables = {
  up: async (db: Kysely<Tables>): Promise<void> => {
    const { text } = columnTypes(db)

    await db.schema
      .createTable('links')
      .addColumn('id', text, (column) => column.primaryKey())
      .addColumn('secret_digest', text, (column) => column.notNull().unique())
      .addColumn('image_id', text, (column) => column.notNull().references('images.id').onDelete('cascade'))
      .addColumn('project_id', text, (column) => column.notNull())
      .addColumn('user_id', text, (column) => column.notNull())
      .addColumn('roles', text, (column) => column.notNull())
      .addColumn('shared_at', 'bigint')
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('expires_at', 'bigint', (column) => column.notNull())
      .execute()
    await db.schema
      .createIndex('links_of_image')
      .on('links')
      .columns(['image_id', 'project_id', 'created_at', 'id'])
      .execute()
    await db.schema.createIndex('links_of_project').on('links').columns(['project_id', 'expires_at']).execute()
    await db.schema.createIndex('links_by_end').on('links').column('expires_at').execute()
  },
}
