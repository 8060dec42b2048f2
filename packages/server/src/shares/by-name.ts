import type { Limits } from '../config.ts'
import type { Tx } from '../database/database.ts'
import type { ImagesTable } from '../database/tables.ts'
import { type Cause, recordEvent } from '../events/events.ts'
import { createInvitation, defaultLifeMs } from '../invitations/create.ts'
import { revokeInvitation } from '../invitations/queries.ts'
import type { ShareTerms } from '../members/share.ts'
import { isOver } from './plan.ts'

/**
 * Sharing with the project `name@domain`: an invitation that is addressed to that name. Nobody looks the name up, so that
 * no answer tells whether there is such a project.
 */

/** The projects that claimed an invitation to this image that is addressed to this name, and still have its share. */
export const claimantsOf = async (tx: Tx, imageId: string, addressee: string, now: number): Promise<string[]> => {
  const rows = await tx
    .selectFrom('invitations')
    .innerJoin('invitation_claims', 'invitation_claims.invitation_id', 'invitations.id')
    .innerJoin('members', (join) =>
      join
        .onRef('members.image_id', '=', 'invitations.image_id')
        .onRef('members.member_id', '=', 'invitation_claims.project_id'),
    )
    .select(['members.member_id', 'members.ends_at'])
    .where('invitations.image_id', '=', imageId)
    .where('invitations.addressee', '=', addressee)
    .execute()
  return [...new Set(rows.filter((row) => !isOver(row, now)).map(({ member_id }) => member_id))]
}

/**
 * @param addressee in small letters
 * @returns `unchanged` when such an invitation waits, or was claimed and its share is still there
 * @throws ApiError `resource_quota`
 */
export const inviteByName = async (
  tx: Tx,
  limits: Limits,
  cause: Cause,
  image: ImagesTable,
  addressee: string,
  { message, endsAt }: ShareTerms,
  grantsKey: boolean,
): Promise<'invited' | 'unchanged'> => {
  if ((await claimantsOf(tx, image.id, addressee, cause.at)).length > 0) return 'unchanged'
  const { isNew } = await createInvitation(tx, limits, cause, image, {
    uses: 1,
    expiresAt: cause.at + defaultLifeMs,
    emailDomain: null,
    addressee,
    status: 'pending',
    message,
    endsAt,
    grantsKey,
  })
  return isNew ? 'invited' : 'unchanged'
}

/**
 * Revokes the open invitations to an image: those addressed to one name, or all.
 * @returns how many there were
 */
export const revokeOpen = async (
  tx: Tx,
  cause: Cause,
  image: Pick<ImagesTable, 'id' | 'owner'>,
  addressee?: string,
): Promise<number> => {
  const open = tx
    .selectFrom('invitations')
    .select(['id', 'used'])
    .where('image_id', '=', image.id)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', cause.at)
    .whereRef('used', '<', 'uses')
  const rows = await (addressee === undefined ? open : open.where('addressee', '=', addressee)).execute()
  for (const { id, used } of rows) {
    await revokeInvitation(tx, id, cause.at)
    await recordEvent(tx, cause, {
      type: 'invitation.revoke',
      imageId: image.id,
      ownerId: image.owner,
      audience: 'owner',
      detail: { invitation_id: id, used },
    })
  }
  return rows.length
}
