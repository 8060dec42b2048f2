import { CompiledQuery, Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import type { Database } from './database.ts'
import { migrate } from './migrate.ts'
import type { Tables } from './tables.ts'

const connectionsMax = 20
const attemptsMax = 5

/** A deadlock or a serialisation failure: the transaction is gone and may simply be tried again. */
const transientCodes = new Set(['40P01', '40001'])
const duplicateCode = '23505'
const missingReferenceCode = '23503'

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined

// Counts and byte sizes are 64-bit in the database and stay far below 2^53 here.
const types = new pg.TypeOverrides()
types.setTypeParser(pg.types.builtins.INT8, Number)

/** PostgreSQL through a pool of connections. A commit is durable when PostgreSQL has answered it. */
export const openPostgres = async (url: string): Promise<Database> => {
  const pool = new pg.Pool({ connectionString: url, max: connectionsMax, types })
  // Without a listener, a connection that breaks while idle would end the process; the pool replaces it by itself.
  pool.on('error', () => undefined)
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  await migrate(db)

  return {
    kind: 'postgres',
    read: db,
    write: async (work) => {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await db.transaction().execute(work)
        } catch (error) {
          if (attempt === attemptsMax || !transientCodes.has(codeOf(error) ?? '')) throw error
        }
      }
    },
    isDuplicate: (error) => codeOf(error) === duplicateCode,
    isMissingReference: (error) => codeOf(error) === missingReferenceCode,
    check: async () => {
      await db.executeQuery(CompiledQuery.raw('select 1'))
    },
    close: () => db.destroy(),
  }
}
