import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import {
  CompiledQuery,
  type DatabaseConnection,
  Kysely,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDialect,
  type SqliteDialectConfig,
  SqliteDriver,
} from 'kysely'
import type { Database } from './database.ts'
import { groupSync } from './group-sync.ts'
import { migrate } from './migrate.ts'
import type { Tables } from './tables.ts'

const statementsKept = 500
/** Longer ones are made anew each time: they are rare, and there is no end to their variety. */
const keptCharactersMax = 4000
const busyTimeoutMs = 10_000

/** SQLite's extended result codes for a second row under one key. */
const duplicateCodes = new Set([1555, 2067])
/** And for one that names another row which is not there. */
const missingReferenceCode = 787

const codeOf = (error: unknown): number =>
  error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : 0

/** Takes the write lock at once: a transaction that reads first and writes later would fail when another has written. */
class ImmediateDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }
}

class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

class NodeSqliteDialect extends SqliteDialect {
  readonly #config: SqliteDialectConfig

  constructor(config: SqliteDialectConfig) {
    super(config)
    this.#config = config
  }

  override createDriver(): SqliteDriver {
    return new ImmediateDriver(this.#config)
  }

  override createAdapter(): SqliteAdapter {
    return new TransactionalAdapter()
  }
}

const isInput = (value: unknown): value is SQLInputValue =>
  value === null || ['string', 'number', 'bigint'].includes(typeof value) || ArrayBuffer.isView(value)

const inputs = (parameters: readonly unknown[]): SQLInputValue[] =>
  parameters.map((value) => {
    if (isInput(value)) return value
    throw new TypeError(`SQLite cannot store a value of type ${typeof value}`)
  })

/** Kysely's view of a `node:sqlite` connection, with its statements kept prepared. */
const keepingStatements = (connection: DatabaseSync): SqliteDatabase => {
  const kept = new Map<string, { statement: StatementSync; reader: boolean }>()

  const prepared = (text: string) => {
    const known = kept.get(text)
    if (known !== undefined) return known
    const statement = connection.prepare(text)
    const entry = { statement, reader: statement.columns().length > 0 }
    if (text.length > keptCharactersMax) return entry
    if (kept.size >= statementsKept) {
      const [oldest] = kept.keys()
      if (oldest !== undefined) kept.delete(oldest)
    }
    kept.set(text, entry)
    return entry
  }

  return {
    close: () => connection.close(),
    prepare: (text) => {
      const { statement, reader } = prepared(text)
      return {
        reader,
        all: (parameters) => statement.all(...inputs(parameters)),
        run: (parameters) => statement.run(...inputs(parameters)),
        iterate: (parameters) => statement.iterate(...inputs(parameters)),
      }
    },
  }
}

const connect = (path: string): DatabaseSync => {
  const connection = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true })
  connection.exec('pragma journal_mode = wal; pragma synchronous = normal; pragma cache_size = -65536')
  return connection
}

/**
 * SQLite in one file, with a connection that writes and one that reads, so that a reader never sees a change before it
 * is committed. Commits are appended to the write-ahead log without a sync of their own; `write` then waits for one sync
 * of the log that all commits of the moment share, off the main thread. The promise is that of `synchronous=FULL`
 * without blocking other requests for each commit (docs/decisions/0003-durable-writes.md).
 */
export const openSqlite = async (path: string): Promise<Database> => {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  // SQLite gives its other files the mode of this one; they hold digests of secrets.
  await (await open(path, 'a', 0o600)).close()
  const writer = new Kysely<Tables>({
    dialect: new NodeSqliteDialect({ database: keepingStatements(connect(path)) }),
  })
  await migrate(writer)
  const read = new Kysely<Tables>({ dialect: new NodeSqliteDialect({ database: keepingStatements(connect(path)) }) })

  const folder = await open(dirname(path))
  await folder.sync()
  await folder.close()
  const log = await open(`${path}-wal`, 'r+')
  const durable = groupSync(() => log.datasync())

  return {
    kind: 'sqlite',
    read,
    write: async (work) => {
      const result = await writer.transaction().execute(work)
      await durable()
      return result
    },
    isDuplicate: (error) => duplicateCodes.has(codeOf(error)),
    isMissingReference: (error) => codeOf(error) === missingReferenceCode,
    check: async () => {
      await read.executeQuery(CompiledQuery.raw('select 1'))
    },
    close: async () => {
      await durable()
      await log.close()
      await read.destroy()
      await writer.destroy()
    },
  }
}
