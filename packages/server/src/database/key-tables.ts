import type { KeyStatus, KeyUse } from '@vitrine/contract'
import type { Generated } from 'kysely'
import type { Flag } from './flag.ts'

/** Bytes in these tables are base64. Nothing here opens anything without the master key, or the Barbican. */
export interface KeysTable {
  id: string
  project_id: string
  name: string | null
  status: KeyStatus
  /** At most one of a project. */
  is_default: Flag
  /** 0 is for ever. */
  grantable: Flag
  /** 1: made in the Barbican by somebody else, and never removed there. */
  adopted: Flag
  /**
   * The version that wraps; those before it only open, until nothing of theirs is left. Below 1 there is no key for anybody: 0 is
   * being made, -1 being removed.
   */
  version: number
  created_at: number
  updated_at: number
}

/** Versions that exist at the key manager, or may. */
export interface KeyVersionsTable {
  key_id: string
  version: number
  /**
   * `making`: begun at the key manager. `ready`: wraps, or opens what it wrapped. `retiring`: what it wrapped is being wrapped
   * anew. `removing`: to be removed at the key manager; nothing needs it, and nothing may come to.
   */
  state: Generated<'making' | 'ready' | 'retiring' | 'removing'>
  /** Data keys handed out, which nobody can wrap anew: such a version is kept. */
  data_keys: number
  created_at: number
}

/** Which project may use which key, besides its owner. */
export interface KeyGrantsTable {
  key_id: string
  project_id: string
  /**
   * `granting`: begun at the key manager, perhaps done there. `granted`: done. `revoking`: to be taken back there. `revoked`:
   * taken back by hand while shares stood.
   */
  state: 'granting' | 'granted' | 'revoking' | 'revoked'
  /** 1 until a share has used it: it waits for one, however long. After that it ends with the last share that needs it. */
  standing: Flag
  granted_by: string | null
  /** 1: a share that needed it has ended, or an attempt at one; whether it still is needed is to be looked at. */
  due: Flag
  created_at: number
}

/** Attempts to share that need a grant and are not decided yet: what they granted must not be taken back under them. */
export interface KeyIntentsTable {
  id: string
  key_id: string
  project_id: string
  process_id: string
  created_at: number
}

/** Who changes a key at the manager just now: a process among those that live. */
export interface KeyLocksTable {
  key_id: string
  process_id: string
  token: string
}

/** What is needed to open a sealed image: its data key, wrapped by a version of its key. */
export interface ImageSealsTable {
  image_id: string
  key_id: string
  key_version: number
  /** The form of the stored bytes. */
  scheme: string
  wrapped: string
}

/** Keys that go with an image that has gone, as it said. */
export interface KeyDeletionsTable {
  key_id: string
  project_id: string
  image_id: string
  created_at: number
}

export interface KeyEventsTable {
  sequence: Generated<number>
  id: string
  type: KeyUse
  key_id: string
  /** Project that the key belonged to. */
  owner_id: string
  version: number | null
  project_id: string | null
  user_id: string | null
  request_id: string | null
  image_id: string | null
  grantee_id: string | null
  outcome: 'done' | 'refused' | 'failed'
  created_at: number
}

/** Of the embedded key manager: the material of a version, sealed under the master key for one project. */
export interface EmbeddedKeysTable {
  key_id: string
  version: number
  holder_id: string
  /** Which master key sealed it. */
  master_id: string
  sealed: string
}

/** Of Barbican: which secret is which version. */
export interface BarbicanSecretsTable {
  key_id: string
  version: number
  secret_id: string
  /** 1: made through the service, and removed by it. */
  made: Flag
}

/** Of Barbican: what a grant added to the access lists of its secrets (JSON, `keys/barbican/rows.ts`). */
export interface BarbicanGrantsTable {
  key_id: string
  project_id: string
  users: string
}

export interface KeyTables {
  keys: KeysTable
  key_versions: KeyVersionsTable
  key_grants: KeyGrantsTable
  key_intents: KeyIntentsTable
  key_locks: KeyLocksTable
  image_seals: ImageSealsTable
  key_deletions: KeyDeletionsTable
  key_events: KeyEventsTable
  embedded_keys: EmbeddedKeysTable
  barbican_secrets: BarbicanSecretsTable
  barbican_grants: BarbicanGrantsTable
}
