import type { Actor } from '../access/actor.ts'
import { projectOf } from '../access/project.ts'
import { apiError } from '../api-error.ts'
import type { Reader } from '../database/database.ts'
import type { InvitationsTable } from '../database/sharing-tables.ts'
import { type Cause, recordEvent } from '../events/events.ts'
import { findImageForChange } from '../images/queries.ts'
import type { Service } from '../service.ts'
import { findInvitation, listClaims, listInvitations, lockInvitation, revokeInvitation } from './queries.ts'

/** An invitation of the actor's project. @throws ApiError `resource_not_found` */
const ownInvitation = async (db: Reader, ownerId: string, id: string): Promise<InvitationsTable> => {
  const row = await findInvitation(db, ownerId, id)
  if (row === undefined) throw apiError('resource_not_found', { kind: 'invitation', id })
  return row
}

export const readInvitation = async ({ database }: Service, actor: Actor, id: string) => {
  const row = await ownInvitation(database.read, projectOf(actor, 'reader'), id)
  return { row, claims: await listClaims(database.read, row.id) }
}

/** A page of the invitations of the actor's project, newest first. @throws ApiError `invalid_marker` */
export const readInvitations = async (
  { database }: Service,
  actor: Actor,
  query: { readonly limit: number; readonly image: string | undefined; readonly marker: string | undefined },
): Promise<InvitationsTable[]> => {
  const ownerId = projectOf(actor, 'reader')
  const { limit, image, marker } = query
  const after = marker === undefined ? undefined : await findInvitation(database.read, ownerId, marker)
  if (marker !== undefined && after === undefined) throw apiError('invalid_marker', { marker })
  return limit === 0 ? [] : listInvitations(database.read, ownerId, { limit, image, after })
}

/** Ends an invitation; the shares made by it stay. Doing it again changes nothing. */
export const revoke = async ({ database }: Service, actor: Actor, cause: Cause, id: string): Promise<void> => {
  const ownerId = projectOf(actor, 'member')
  await database.write(async (tx) => {
    const seen = await ownInvitation(tx, ownerId, id)
    const image = await findImageForChange(tx, seen.image_id, ownerId, cause.at)
    const row = await lockInvitation(tx, id)
    if (image === undefined || row === undefined) throw apiError('resource_not_found', { kind: 'invitation', id })
    if (row.revoked_at !== null) return
    await revokeInvitation(tx, id, cause.at)
    await recordEvent(tx, cause, {
      type: 'invitation.revoke',
      imageId: row.image_id,
      ownerId: image.row.owner,
      audience: 'owner',
      detail: { invitation_id: id, used: row.used },
    })
  })
}
