import type { Limits } from './config.ts'
import type { Database } from './database/database.ts'
import type { Identity } from './identity/port.ts'

/** What the routes work with; joined in `assemble.ts`. */
export interface Service {
  readonly database: Database
  readonly identity: Identity
  readonly limits: Limits
  /** Milliseconds since 1970 (UTC). */
  readonly now: () => number
  /** Where clients reach the service, if it differs from what they put in `Host`. No slash at the end. */
  readonly publicUrl: string | undefined
}
