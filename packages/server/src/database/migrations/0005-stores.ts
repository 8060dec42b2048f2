import { type Kysely, sql } from 'kysely'
import { columnTypes } from '../columns.ts'
import type { Tables } from '../tables.ts'

/** Images that are in several stores at once, bytes that wait for their import, and long work. */
export const storeTables = {
  up: async (db: Kysely<Tables>): Promise<void> => {
    const { text } = columnTypes(db)

    await db.schema.alterTable('images').renameColumn('blob_key', 'locations').execute()
    await db.schema.alterTable('images').renameColumn('store', 'stores').execute()
    // Keys and names of stores hold nothing that JSON would write in another way.
    await sql`update images set locations = '[{"store":"' || stores || '","key":"' || locations || '"}]' where locations is not null`.execute(
      db,
    )

    await db.schema.alterTable('blobs').addColumn('content', text).execute()
    await db.schema.createIndex('blobs_of_image').on('blobs').column('image_id').execute()

    await db.schema
      .createTable('tasks')
      .addColumn('id', text, (column) => column.primaryKey())
      .addColumn('type', text, (column) => column.notNull())
      .addColumn('status', text, (column) => column.notNull())
      .addColumn('owner', text, (column) => column.notNull())
      .addColumn('image_id', text)
      .addColumn('user_id', text, (column) => column.notNull())
      .addColumn('request_id', text)
      .addColumn('input', text, (column) => column.notNull())
      .addColumn('result', text)
      .addColumn('message', text, (column) => column.notNull())
      .addColumn('work', text)
      .addColumn('attempts', 'integer', (column) => column.notNull())
      .addColumn('process_id', text)
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('updated_at', 'bigint', (column) => column.notNull())
      .addColumn('expires_at', 'bigint')
      .execute()
    await db.schema.createIndex('tasks_in_order').on('tasks').columns(['created_at', 'id']).execute()
    await db.schema.createIndex('tasks_of_image').on('tasks').columns(['image_id', 'created_at', 'id']).execute()
    await db.schema
      .createIndex('tasks_unfinished')
      .on('tasks')
      .columns(['status', 'created_at'])
      .where(sql.ref('expires_at'), 'is', null)
      .execute()
    await db.schema.createIndex('tasks_ended').on('tasks').column('expires_at').execute()
  },
}
