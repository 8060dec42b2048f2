import type { Kysely } from 'kysely'
import type { Tables } from '../tables.ts'

/** Accounts of the embedded identity service. */
export const identityTables = {
  up: async (_db: Kysely<Tables>): Promise<void> => {},
}
