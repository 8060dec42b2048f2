import type { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { firstTables } from './migrations/0001-images.ts'
import { identityTables } from './migrations/0002-identity.ts'
import { sharingTables } from './migrations/0003-sharing.ts'
import { keyTables } from './migrations/0004-keys.ts'
import { storeTables } from './migrations/0005-stores.ts'
import { metadefTables } from './migrations/0006-metadefs.ts'
import { linkTables } from './migrations/0007-links.ts'
import { uploadTables } from './migrations/0008-uploads.ts'
import type { Tables } from './tables.ts'

/** Every step that the tables have taken, oldest first. A step that has been released is never changed. */
const migrations = {
  '0001-images': firstTables,
  '0002-identity': identityTables,
  '0003-sharing': sharingTables,
  '0004-keys': keyTables,
  '0005-stores': storeTables,
  '0006-metadefs': metadefTables,
  '0007-links': linkTables,
  '0008-uploads': uploadTables,
}

/**
 * Brings the tables up to date, all steps in one transaction. Several processes may start at once: PostgreSQL takes an
 * advisory lock, SQLite the lock of the file.
 */
export const migrate = async (db: Kysely<Tables>): Promise<void> => {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw new Error('The database could not be brought up to date', { cause: error })
}
