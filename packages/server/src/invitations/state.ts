import type { InvitationDocument } from '@vitrine/contract'
import type { InvitationsTable } from '../database/sharing-tables.ts'
import { wireDate } from '../http/json.ts'

/** Where an invitation stands. */
export const stateOf = (
  row: Pick<InvitationsTable, 'revoked_at' | 'expires_at' | 'used' | 'uses'>,
  now: number,
): InvitationDocument['state'] => {
  if (row.revoked_at !== null) return 'revoked'
  if (row.used >= row.uses) return 'used'
  return row.expires_at <= now ? 'expired' : 'open'
}

/** @param claims the ones to be shown, newest first */
export const invitationDocument = (
  row: InvitationsTable,
  now: number,
  claims: readonly { readonly project_id: string; readonly claimed_at: number }[] = [],
  code?: string,
): InvitationDocument => ({
  id: row.id,
  image_id: row.image_id,
  ...(code === undefined ? {} : { code }),
  hint: row.hint,
  project: row.addressee,
  uses: row.uses,
  used: row.used,
  email_domain: row.email_domain,
  status: row.status,
  message: row.message,
  ends_at: row.ends_at === null ? null : wireDate(row.ends_at),
  grant: row.grant_key === 1,
  created_at: wireDate(row.created_at),
  expires_at: wireDate(row.expires_at),
  state: stateOf(row, now),
  claims: claims.map((claim) => ({ project_id: claim.project_id, claimed_at: wireDate(claim.claimed_at) })),
})
