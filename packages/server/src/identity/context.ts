import type { FastifyRequest } from 'fastify'
import type { Database, Tx } from '../database/database.ts'
import type { Lockout } from './lockout.ts'
import type { SecretHasher } from './secret-hash.ts'

/** What the parts of the embedded identity service work with. */
export interface EmbeddedContext {
  readonly database: Database
  /** Milliseconds since 1970 (UTC). */
  readonly now: () => number
  readonly hasher: SecretHasher
  readonly lockout: Lockout
  readonly tokenLifetimeMs: number
  /** Runs a transaction that may end the validity of tokens; when it resolves, this process has forgotten all of them. */
  readonly change: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>
  /** Where the client of this request reaches the image service. No slash at the end. */
  readonly imageUrl: (request: FastifyRequest) => string
  /** Where it reaches the identity service. */
  readonly identityUrl: (request: FastifyRequest) => string
}
