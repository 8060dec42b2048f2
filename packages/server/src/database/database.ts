import type { Kysely, Transaction } from 'kysely'
import type { Tables } from './tables.ts'

/** What a transaction hands to queries. Reads outside of one use `Database.read`. */
export type Tx = Transaction<Tables>

/** A place to read from: the database itself or a running transaction. */
export type Reader = Kysely<Tables>

/** The database of the service. One set of queries serves both kinds. */
export interface Database {
  readonly kind: 'sqlite' | 'postgres'
  /** For single queries outside of a transaction. */
  readonly read: Kysely<Tables>
  /**
   * Runs one transaction and resolves when it is durable: after that neither a crash of the process nor of the machine
   * loses it. If `work` throws, nothing of it stays. `work` may run again after a deadlock, so it only touches the
   * database.
   */
  write<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /** True for the error of a second row under one unique key. */
  isDuplicate(error: unknown): boolean
  /** True for the error of a row that names another which is not there. */
  isMissingReference(error: unknown): boolean
  /** Throws when the database does not answer. */
  check(): Promise<void>
  close(): Promise<void>
}
