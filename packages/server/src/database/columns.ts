import { type Kysely, type RawBuilder, sql } from 'kysely'
import { isPostgres } from './dialect.ts'
import type { Tables } from './tables.ts'

/**
 * Column types that behave alike in both databases. Text sorts by code point in both, whatever the locale of the
 * PostgreSQL cluster: pages of a sorted list must not depend on it.
 */
export const columnTypes = (db: Kysely<Tables>): { text: RawBuilder<unknown>; sequence: RawBuilder<unknown> } => {
  const postgres = isPostgres(db)
  return {
    text: postgres ? sql`text collate "C"` : sql`text`,
    sequence: postgres ? sql`bigint generated always as identity primary key` : sql`integer primary key autoincrement`,
  }
}
