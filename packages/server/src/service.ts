import type { ImportMethod } from '@vitrine/contract'
import type { FastifyBaseLogger } from 'fastify'
import type { Cache } from './cache/cache.ts'
import type { Limits } from './config.ts'
import type { Copies } from './data/copies.ts'
import type { HashAlgorithm, Hashing } from './data/hashing.ts'
import type { Presence } from './data/processes.ts'
import type { SendBuffers } from './data/send.ts'
import type { Sweeper } from './data/sweeper.ts'
import type { Uploads } from './data/uploads.ts'
import type { Database } from './database/database.ts'
import type { Identity } from './identity/port.ts'
import type { Region } from './imports/settings.ts'
import type { KeyLocks } from './keys/lock.ts'
import type { KeyManager } from './keys/port.ts'
import type { KeyRepeats } from './keys/repeats.ts'
import type { KeyWork } from './keys/worker.ts'
import type { Notices } from './notices/port.ts'
import type { ImportSource } from './outbound/settings.ts'
import type { Usage } from './shares/usage.ts'
import type { Certificates } from './signatures/certificates.ts'
import type { Stores } from './storage/stores.ts'
import type { Tasks } from './tasks/runner.ts'
import type { UploadTurns } from './uploads/turns.ts'

/** What the routes work with; joined in `assemble.ts`. */
export interface Service {
  readonly database: Database
  readonly identity: Identity
  /** Read through the cache, if there is one. */
  readonly stores: Stores
  readonly cache: Cache | undefined
  readonly hashing: Hashing
  readonly hashAlgorithm: HashAlgorithm
  readonly sendBuffers: SendBuffers
  readonly uploads: Uploads
  readonly uploadTurns: UploadTurns
  readonly tasks: Tasks
  /** Ways to import bytes that are open here. */
  readonly importMethods: readonly ImportMethod[]
  /** Other regions of the cloud, by name. */
  readonly regions: ReadonlyMap<string, Region>
  readonly copies: Copies
  readonly sweeper: Sweeper
  readonly presence: Presence
  readonly usage: Usage
  /** Where the certificates are that images are signed with. */
  readonly certificates: Certificates
  /** Undefined: keys are nobody's concern here. */
  readonly keyManager: KeyManager | undefined
  readonly keyLocks: KeyLocks
  readonly keyRepeats: KeyRepeats
  readonly keyWork: KeyWork
  readonly limits: Limits
  readonly importSource: ImportSource
  /** Whether bytes that do not match `disk_format` are refused. */
  readonly formatCheck: boolean
  /** Whether images can be made of what stands at an address on the web. */
  readonly webLocations: boolean
  /** Whether an owner may give its image away by PATCH `add /owner`, as Glance lets it. */
  readonly allowOwnerTransfer: boolean
  /** Milliseconds since 1970 (UTC). */
  readonly now: () => number
  /** Where clients reach the service, if it differs from what they put in `Host`. No slash at the end. */
  readonly publicUrl: string | undefined
  /**
   * Scheme and host of links in mails and feeds, without a slash at the end: as configured, else where the service
   * listens. Never from a request: whoever sends one would choose where the links of a mail lead.
   */
  readonly origin: () => string
  /** Whether mail can be sent. */
  readonly sendsMail: boolean
  /** Tells of what happened: mail, webhooks, streams. To be kicked once a transaction that records something is durable. */
  readonly notices: Notices
  /** Fires when the service ends, for transfers that would outlast it. */
  readonly stopping: AbortSignal
  readonly log: FastifyBaseLogger
}
