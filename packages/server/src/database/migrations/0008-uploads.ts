import type { Kysely } from 'kysely'
import { columnTypes } from '../columns.ts'
import type { Tables } from '../tables.ts'

/** Uploads that can be gone on with after they broke off. */
export const uploadTables = {
  up: async (db: Kysely<Tables>): Promise<void> => {
    const { text } = columnTypes(db)

    await db.schema
      .createTable('uploads')
      .addColumn('id', text, (column) => column.primaryKey())
      .addColumn('image_id', text, (column) => column.notNull().references('images.id').onDelete('cascade'))
      .addColumn('blob_key', text, (column) => column.notNull())
      .addColumn('store', text, (column) => column.notNull())
      .addColumn('size_bytes', 'bigint', (column) => column.notNull())
      .addColumn('offset_bytes', 'bigint', (column) => column.notNull())
      .addColumn('tail', text)
      .addColumn('unsettled', 'integer', (column) => column.notNull())
      .addColumn('state', text, (column) => column.notNull())
      .addColumn('failure', text)
      .addColumn('metadata', text)
      .addColumn('expected', text)
      .addColumn('process_id', text)
      .addColumn('wanted', 'integer', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('expires_at', 'bigint', (column) => column.notNull())
      .execute()
    await db.schema.createIndex('uploads_of_image').on('uploads').columns(['image_id', 'created_at']).execute()
    await db.schema.createIndex('uploads_of_blob').on('uploads').column('blob_key').execute()
    await db.schema.createIndex('uploads_ended').on('uploads').column('expires_at').execute()
  },
}
