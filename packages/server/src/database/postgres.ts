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

/** Nothing here takes long; what does holds up others, or hangs. */
const timeouts = {
  connectionTimeoutMillis: 5000,
  statement_timeout: 30_000,
  lock_timeout: 10_000,
  query_timeout: 35_000,
  idle_in_transaction_session_timeout: 60_000,
}

/** Without these listeners, a connection that breaks would end the process; the pool replaces it by itself. */
const surviving = (pool: pg.Pool): pg.Pool =>
  pool
    .on('error', () => undefined)
    .on('connect', (client) => {
      client.on('error', () => undefined)
    })

/** On a connection of its own, for which no time is too long. */
const migrateOnce = async (url: string): Promise<void> => {
  const pool = surviving(new pg.Pool({ connectionString: url, max: 1, types }))
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
  await migrate(db).finally(() => db.destroy())
}

/** PostgreSQL through a pool of connections. A commit is durable when PostgreSQL has answered it. */
export const openPostgres = async (url: string): Promise<Database> => {
  await migrateOnce(url)
  const pool = surviving(new pg.Pool({ connectionString: url, max: connectionsMax, types, ...timeouts }))
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })

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
