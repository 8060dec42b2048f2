import type { Database } from './database.ts'
import { openPostgres } from './postgres.ts'
import { openSqlite } from './sqlite.ts'

/**
 * Opens the database and brings its tables up to date.
 * @param url `sqlite:PATH` or `postgres://user:password@host:port/name`
 */
export const openDatabase = (url: string): Promise<Database> => {
  if (url.startsWith('sqlite:')) return openSqlite(url.slice('sqlite:'.length))
  if (/^postgres(ql)?:\/\//.test(url)) return openPostgres(url)
  throw new Error('The database URL must begin with sqlite: or postgres://')
}
