import { PostgresAdapter, type SelectQueryBuilder, sql } from 'kysely'
import type { Reader, Tx } from './database.ts'
import type { Tables } from './tables.ts'

export const isPostgres = (db: Reader): boolean => db.getExecutor().adapter instanceof PostgresAdapter

/**
 * Locks the rows that a transaction reads in order to change them. SQLite has one writer at a time and needs no lock.
 */
export const locked = <Table extends keyof Tables, Row>(
  tx: Reader,
  query: SelectQueryBuilder<Tables, Table, Row>,
): SelectQueryBuilder<Tables, Table, Row> => (isPostgres(tx) ? query.forUpdate() : query)

/** Makes transactions that name the same thing wait for each other. SQLite's take turns anyway. */
export const lockName = async (tx: Tx, name: string): Promise<void> => {
  if (isPostgres(tx)) await sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`.execute(tx)
}

/**
 * Makes a transaction wait for those that lock one of these names for themselves, and they for it; many may share them. They
 * are taken in this order.
 */
export const shareNames = async (tx: Tx, names: readonly string[]): Promise<void> => {
  if (!isPostgres(tx) || names.length === 0) return
  await sql`select pg_advisory_xact_lock_shared(hashtextextended(name, 0)) from unnest(${names}::text[]) as name`.execute(
    tx,
  )
}
