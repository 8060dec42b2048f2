import type { Flag } from '../database/flag.ts'

/** What a role is held on and a token is good for; `targetId` is a project id, a domain id or `all`. */
export type ScopeKind = 'unscoped' | 'project' | 'domain' | 'system'

export interface IdentityProjectsTable {
  id: string
  name: string
  description: string
  enabled: Flag
  /** A JSON list. */
  tags: string
  created_at: number
}

export interface IdentityUsersTable {
  id: string
  name: string
  description: string | null
  email: string | null
  enabled: Flag
  default_project_id: string | null
  /** Null: the user cannot authenticate by password. */
  password_hash: string | null
  /** Goes up when the password changes and when the user is disabled; tokens of an earlier one no longer count. */
  session_version: number
  created_at: number
}

export interface IdentityRolesTable {
  id: string
  name: string
  description: string | null
}

export interface IdentityGrantsTable {
  user_id: string
  scope_kind: Exclude<ScopeKind, 'unscoped'>
  target_id: string
  role_id: string
}

export interface IdentityApplicationCredentialsTable {
  id: string
  user_id: string
  project_id: string
  name: string
  description: string | null
  secret_hash: string
  /** Ids of roles, a JSON list. What the user has lost since no longer counts. */
  role_ids: string
  /** A JSON list; null allows every call. */
  access_rules: string | null
  unrestricted: Flag
  expires_at: number | null
  created_at: number
}

export interface IdentityTokensTable {
  /** SHA-256 of the token, base64url. The token itself is never stored. */
  digest: string
  user_id: string
  session_version: number
  scope_kind: ScopeKind
  target_id: string
  /** The token that this one was made from. When that goes, so does this. */
  parent_digest: string | null
  /** How many tokens it goes back to: 0 for one that was given for a secret. Deletions cascade no deeper than this. */
  depth: number
  application_credential_id: string | null
  /** Names of roles, a JSON list: what the first scoped token of the chain had. Null is no limit. */
  role_limit: string | null
  /** JSON lists. */
  methods: string
  audit_ids: string
  issued_at: number
  expires_at: number
}

/** Tables of the embedded identity service. */
export interface IdentityTables {
  identity_projects: IdentityProjectsTable
  identity_users: IdentityUsersTable
  identity_roles: IdentityRolesTable
  identity_grants: IdentityGrantsTable
  identity_application_credentials: IdentityApplicationCredentialsTable
  identity_tokens: IdentityTokensTable
}
