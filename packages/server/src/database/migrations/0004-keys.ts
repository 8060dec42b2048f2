import { type Kysely, sql } from 'kysely'
import { columnTypes } from '../columns.ts'
import type { Tables } from '../tables.ts'

/** Names of properties that mark an image as encrypted, as they were when this step was written. */
const keyProperties = ['__system__cmkid', 'cinder_encryption_key_id', 'os_encrypt_key_id']

/** Images that were marked as encrypted before the service knew of keys. */
const recogniseEncrypted = async (db: Kysely<Tables>): Promise<void> => {
  const rows = await db
    .selectFrom('images')
    .select(['id', 'properties'])
    .where((where) =>
      where.or([...keyProperties, '__system__encrypted'].map((name) => where('properties', 'like', `%${name}%`))),
    )
    .execute()
  for (const { id, properties } of rows) {
    const found = new Map<string, string | null>(JSON.parse(properties))
    const key = keyProperties.map((name) => found.get(name) ?? '').find((value) => value !== '')
    if (key === undefined && found.get('__system__encrypted') !== '1') continue
    const key_id = key !== undefined && /^[\w-]{1,64}$/.test(key) ? key : null
    await db.updateTable('members').set({ key_id }).where('image_id', '=', id).execute()
    await db.updateTable('images').set({ encryption: 'client', key_id }).where('id', '=', id).execute()
  }
}

/** Keys of projects, who may use them, and the images encrypted with them. */
export const keyTables = {
  up: async (db: Kysely<Tables>): Promise<void> => {
    const { text, sequence } = columnTypes(db)

    await db.schema.alterTable('images').addColumn('encryption', text).execute()
    await db.schema.alterTable('images').addColumn('key_id', text).execute()
    await db.schema.alterTable('images').addColumn('encrypted_content', text).execute()
    await db.schema
      .createIndex('images_by_key')
      .on('images')
      .column('key_id')
      .where(sql.ref('key_id'), 'is not', null)
      .execute()
    await db.schema.alterTable('members').addColumn('key_id', text).execute()
    await recogniseEncrypted(db)
    await db.schema
      .createIndex('members_by_key')
      .on('members')
      .columns(['key_id', 'member_id'])
      .where(sql.ref('key_id'), 'is not', null)
      .execute()
    await db.schema
      .alterTable('invitations')
      .addColumn('grant_key', 'integer', (column) => column.notNull().defaultTo(0))
      .execute()

    await db.schema
      .createTable('keys')
      .addColumn('id', text, (column) => column.primaryKey())
      .addColumn('project_id', text, (column) => column.notNull())
      .addColumn('name', text)
      .addColumn('status', text, (column) => column.notNull())
      .addColumn('is_default', 'integer', (column) => column.notNull())
      .addColumn('grantable', 'integer', (column) => column.notNull())
      .addColumn('adopted', 'integer', (column) => column.notNull())
      .addColumn('version', 'integer', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('updated_at', 'bigint', (column) => column.notNull())
      .execute()
    await db.schema.createIndex('keys_by_project').on('keys').columns(['project_id', 'created_at', 'id']).execute()
    await db.schema
      .createIndex('keys_by_default')
      .on('keys')
      .column('project_id')
      .unique()
      .where(sql.ref('is_default'), '=', 1)
      .execute()

    await db.schema
      .createTable('key_versions')
      .addColumn('key_id', text, (column) => column.notNull().references('keys.id').onDelete('cascade'))
      .addColumn('version', 'integer', (column) => column.notNull())
      .addColumn('state', text, (column) => column.notNull().defaultTo('ready'))
      .addColumn('data_keys', 'bigint', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('key_versions_key', ['key_id', 'version'])
      .execute()
    await db.schema
      .createIndex('key_versions_unfinished')
      .on('key_versions')
      .column('key_id')
      .where(sql.ref('state'), '<>', 'ready')
      .execute()

    await db.schema
      .createTable('key_grants')
      .addColumn('key_id', text, (column) => column.notNull().references('keys.id').onDelete('cascade'))
      .addColumn('project_id', text, (column) => column.notNull())
      .addColumn('state', text, (column) => column.notNull())
      .addColumn('standing', 'integer', (column) => column.notNull())
      .addColumn('granted_by', text)
      .addColumn('due', 'integer', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('key_grants_key', ['key_id', 'project_id'])
      .execute()
    await db.schema
      .createIndex('key_grants_due')
      .on('key_grants')
      .column('key_id')
      .where(sql.ref('due'), '=', 1)
      .execute()

    await db.schema
      .createTable('key_intents')
      .addColumn('id', text, (column) => column.primaryKey())
      .addColumn('key_id', text, (column) => column.notNull())
      .addColumn('project_id', text, (column) => column.notNull())
      .addColumn('process_id', text, (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .execute()
    await db.schema.createIndex('key_intents_by_key').on('key_intents').columns(['key_id', 'project_id']).execute()

    await db.schema
      .createTable('key_locks')
      .addColumn('key_id', text, (column) => column.primaryKey())
      .addColumn('process_id', text, (column) => column.notNull())
      .addColumn('token', text, (column) => column.notNull())
      .execute()

    await db.schema
      .createTable('image_seals')
      .addColumn('image_id', text, (column) => column.primaryKey().references('images.id').onDelete('cascade'))
      .addColumn('key_id', text, (column) => column.notNull())
      .addColumn('key_version', 'integer', (column) => column.notNull())
      .addColumn('scheme', text, (column) => column.notNull())
      .addColumn('wrapped', text, (column) => column.notNull())
      .execute()
    await db.schema.createIndex('image_seals_by_key').on('image_seals').columns(['key_id', 'key_version']).execute()

    await db.schema
      .createTable('key_deletions')
      .addColumn('key_id', text, (column) => column.primaryKey())
      .addColumn('project_id', text, (column) => column.notNull())
      .addColumn('image_id', text, (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .execute()

    await db.schema
      .createTable('key_events')
      .addColumn('sequence', sequence)
      .addColumn('id', text, (column) => column.notNull().unique())
      .addColumn('type', text, (column) => column.notNull())
      .addColumn('key_id', text, (column) => column.notNull())
      .addColumn('owner_id', text, (column) => column.notNull())
      .addColumn('version', 'integer')
      .addColumn('project_id', text)
      .addColumn('user_id', text)
      .addColumn('request_id', text)
      .addColumn('image_id', text)
      .addColumn('grantee_id', text)
      .addColumn('outcome', text, (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .execute()
    await db.schema.createIndex('key_events_by_key').on('key_events').columns(['key_id', 'sequence']).execute()

    await db.schema
      .createTable('embedded_keys')
      .addColumn('key_id', text, (column) => column.notNull())
      .addColumn('version', 'integer', (column) => column.notNull())
      .addColumn('holder_id', text, (column) => column.notNull())
      .addColumn('master_id', text, (column) => column.notNull())
      .addColumn('sealed', text, (column) => column.notNull())
      .addPrimaryKeyConstraint('embedded_keys_key', ['key_id', 'version', 'holder_id'])
      .execute()
    await db.schema.createIndex('embedded_keys_by_master').on('embedded_keys').column('master_id').execute()

    await db.schema
      .createTable('barbican_secrets')
      .addColumn('key_id', text, (column) => column.notNull())
      .addColumn('version', 'integer', (column) => column.notNull())
      .addColumn('secret_id', text, (column) => column.notNull())
      .addColumn('made', 'integer', (column) => column.notNull())
      .addPrimaryKeyConstraint('barbican_secrets_key', ['key_id', 'version'])
      .execute()
    await db.schema
      .createTable('barbican_grants')
      .addColumn('key_id', text, (column) => column.notNull())
      .addColumn('project_id', text, (column) => column.notNull())
      .addColumn('users', text, (column) => column.notNull())
      .addPrimaryKeyConstraint('barbican_grants_key', ['key_id', 'project_id'])
      .execute()
  },
}
