import { type Kysely, sql } from 'kysely'
import { columnTypes } from '../columns.ts'
import type { Tables } from '../tables.ts'

/** Images, members, bytes and events. */
export const firstTables = {
  up: async (db: Kysely<Tables>): Promise<void> => {
    const { text, sequence } = columnTypes(db)

    await db.schema
      .createTable('images')
      .addColumn('id', text, (column) => column.primaryKey())
      .addColumn('name', text)
      .addColumn('status', text, (column) => column.notNull())
      .addColumn('visibility', text, (column) => column.notNull())
      .addColumn('owner', text)
      .addColumn('protected', 'integer', (column) => column.notNull())
      .addColumn('os_hidden', 'integer', (column) => column.notNull())
      .addColumn('disk_format', text)
      .addColumn('container_format', text)
      .addColumn('min_disk', 'bigint', (column) => column.notNull())
      .addColumn('min_ram', 'bigint', (column) => column.notNull())
      .addColumn('size_bytes', 'bigint')
      .addColumn('virtual_size_bytes', 'bigint')
      .addColumn('checksum', text)
      .addColumn('os_hash_algo', text)
      .addColumn('os_hash_value', text)
      .addColumn('tags', text, (column) => column.notNull())
      .addColumn('properties', text, (column) => column.notNull())
      .addColumn('blob_key', text)
      .addColumn('store', text)
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('updated_at', 'bigint', (column) => column.notNull())
      .addColumn('document', text, (column) => column.notNull())
      .execute()
    // Each list is a walk along one of these, already in the default order.
    await db.schema
      .createIndex('images_of_owner')
      .on('images')
      .columns(['owner', 'os_hidden', 'created_at', 'id'])
      .execute()
    await db.schema
      .createIndex('images_of_visibility')
      .on('images')
      .columns(['visibility', 'os_hidden', 'created_at', 'id'])
      .execute()

    await db.schema
      .createTable('image_ids')
      .addColumn('id', text, (column) => column.primaryKey())
      .execute()

    await db.schema
      .createTable('image_terms')
      .addColumn('term', text, (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('image_id', text, (column) => column.notNull())
      .addPrimaryKeyConstraint('image_terms_key', ['term', 'created_at', 'image_id'])
      .execute()
    await db.schema.createIndex('image_terms_of_image').on('image_terms').column('image_id').execute()

    await db.schema
      .createTable('members')
      .addColumn('image_id', text, (column) => column.notNull().references('images.id').onDelete('cascade'))
      .addColumn('member_id', text, (column) => column.notNull())
      .addColumn('status', text, (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('updated_at', 'bigint', (column) => column.notNull())
      .addColumn('image_created_at', 'bigint', (column) => column.notNull())
      .addColumn('image_hidden', 'integer', (column) => column.notNull())
      .addColumn('live', 'integer', (column) => column.notNull())
      .addPrimaryKeyConstraint('members_key', ['image_id', 'member_id'])
      .execute()
    await db.schema
      .createIndex('members_of_project')
      .on('members')
      .columns(['member_id', 'live', 'status', 'image_hidden', 'image_created_at', 'image_id'])
      .execute()

    await db.schema
      .createTable('blobs')
      .addColumn('key', text, (column) => column.primaryKey())
      .addColumn('store', text, (column) => column.notNull())
      .addColumn('image_id', text, (column) => column.notNull())
      .addColumn('project_id', text)
      .addColumn('state', text, (column) => column.notNull())
      .addColumn('reserved_bytes', 'bigint', (column) => column.notNull())
      .addColumn('process_id', text, (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .execute()
    await db.schema.createIndex('blobs_of_project').on('blobs').columns(['project_id', 'reserved_bytes']).execute()
    await db.schema
      .createIndex('blobs_unfinished')
      .on('blobs')
      .columns(['state', 'process_id'])
      .where(sql.ref('state'), '<>', 'stored')
      .execute()

    await db.schema
      .createTable('processes')
      .addColumn('id', text, (column) => column.primaryKey())
      .addColumn('host', text, (column) => column.notNull())
      .addColumn('pid', 'integer', (column) => column.notNull())
      .addColumn('pid_started', text, (column) => column.notNull())
      .addColumn('seen_at', 'bigint', (column) => column.notNull())
      .execute()

    await db.schema
      .createTable('events')
      .addColumn('sequence', sequence)
      .addColumn('id', text, (column) => column.notNull().unique())
      .addColumn('type', text, (column) => column.notNull())
      .addColumn('image_id', text, (column) => column.notNull())
      .addColumn('member_id', text)
      .addColumn('project_id', text)
      .addColumn('user_id', text)
      .addColumn('request_id', text)
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('detail', text, (column) => column.notNull())
      .execute()
    await db.schema.createIndex('events_of_image').on('events').columns(['image_id', 'sequence']).execute()
  },
}
