import type { Kysely } from 'kysely'
import { columnTypes } from '../columns.ts'
import type { Tables } from '../tables.ts'

/** Accounts of the embedded identity service. */
export const identityTables = {
  up: async (db: Kysely<Tables>): Promise<void> => {
    const { text } = columnTypes(db)

    await db.schema
      .createTable('identity_projects')
      .addColumn('id', text, (column) => column.primaryKey())
      .addColumn('name', text, (column) => column.notNull().unique())
      .addColumn('description', text, (column) => column.notNull())
      .addColumn('enabled', 'integer', (column) => column.notNull())
      .addColumn('tags', text, (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .execute()

    await db.schema
      .createTable('identity_users')
      .addColumn('id', text, (column) => column.primaryKey())
      .addColumn('name', text, (column) => column.notNull().unique())
      .addColumn('description', text)
      .addColumn('email', text)
      .addColumn('enabled', 'integer', (column) => column.notNull())
      .addColumn('default_project_id', text)
      .addColumn('password_hash', text)
      .addColumn('session_version', 'integer', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .execute()

    await db.schema
      .createTable('identity_roles')
      .addColumn('id', text, (column) => column.primaryKey())
      .addColumn('name', text, (column) => column.notNull().unique())
      .addColumn('description', text)
      .execute()

    await db.schema
      .createTable('identity_grants')
      .addColumn('user_id', text, (column) => column.notNull().references('identity_users.id').onDelete('cascade'))
      .addColumn('scope_kind', text, (column) => column.notNull())
      .addColumn('target_id', text, (column) => column.notNull())
      .addColumn('role_id', text, (column) => column.notNull().references('identity_roles.id').onDelete('cascade'))
      .addPrimaryKeyConstraint('identity_grants_key', ['user_id', 'scope_kind', 'target_id', 'role_id'])
      .execute()
    await db.schema
      .createIndex('identity_grants_of_target')
      .on('identity_grants')
      .columns(['scope_kind', 'target_id'])
      .execute()

    await db.schema
      .createTable('identity_application_credentials')
      .addColumn('id', text, (column) => column.primaryKey())
      .addColumn('user_id', text, (column) => column.notNull().references('identity_users.id').onDelete('cascade'))
      .addColumn('project_id', text, (column) =>
        column.notNull().references('identity_projects.id').onDelete('cascade'),
      )
      .addColumn('name', text, (column) => column.notNull())
      .addColumn('description', text)
      .addColumn('secret_hash', text, (column) => column.notNull())
      .addColumn('role_ids', text, (column) => column.notNull())
      .addColumn('access_rules', text)
      .addColumn('unrestricted', 'integer', (column) => column.notNull())
      .addColumn('expires_at', 'bigint')
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addUniqueConstraint('identity_application_credentials_name', ['user_id', 'name'])
      .execute()

    await db.schema
      .createTable('identity_tokens')
      .addColumn('digest', text, (column) => column.primaryKey())
      .addColumn('user_id', text, (column) => column.notNull().references('identity_users.id').onDelete('cascade'))
      .addColumn('session_version', 'integer', (column) => column.notNull())
      .addColumn('scope_kind', text, (column) => column.notNull())
      .addColumn('target_id', text, (column) => column.notNull())
      .addColumn('parent_digest', text, (column) => column.references('identity_tokens.digest').onDelete('cascade'))
      .addColumn('depth', 'integer', (column) => column.notNull())
      .addColumn('application_credential_id', text, (column) =>
        column.references('identity_application_credentials.id').onDelete('cascade'),
      )
      .addColumn('role_limit', text)
      .addColumn('methods', text, (column) => column.notNull())
      .addColumn('audit_ids', text, (column) => column.notNull())
      .addColumn('issued_at', 'bigint', (column) => column.notNull())
      .addColumn('expires_at', 'bigint', (column) => column.notNull())
      .execute()
    await db.schema.createIndex('identity_tokens_by_end').on('identity_tokens').column('expires_at').execute()
    await db.schema
      .createIndex('identity_tokens_of_user')
      .on('identity_tokens')
      .columns(['user_id', 'issued_at'])
      .execute()
    // Deletions cascade along these.
    await db.schema.createIndex('identity_tokens_of_parent').on('identity_tokens').column('parent_digest').execute()
    await db.schema
      .createIndex('identity_tokens_of_credential')
      .on('identity_tokens')
      .column('application_credential_id')
      .execute()
  },
}
