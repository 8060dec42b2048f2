import type { Reader, Tx } from '../database/database.ts'
import { locked } from '../database/dialect.ts'
import type { InvitationsTable } from '../database/sharing-tables.ts'

export const insertInvitation = async (tx: Tx, row: InvitationsTable): Promise<void> => {
  await tx.insertInto('invitations').values(row).execute()
}

/** Invitations that can still be claimed. */
const open = (db: Reader, now: number) =>
  db
    .selectFrom('invitations')
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', now)
    .whereRef('used', '<', 'uses')

export const countOpenInvitations = async (tx: Tx, ownerId: string, now: number): Promise<number> => {
  const row = await open(tx, now)
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('owner_id', '=', ownerId)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

/** The open invitation of a project by its name to an image. */
export const findOpenAddressed = (
  tx: Tx,
  imageId: string,
  addressee: string,
  now: number,
): Promise<InvitationsTable | undefined> =>
  open(tx, now).selectAll().where('image_id', '=', imageId).where('addressee', '=', addressee).executeTakeFirst()

/** An invitation of this producer. */
export const findInvitation = (db: Reader, ownerId: string, id: string): Promise<InvitationsTable | undefined> =>
  db.selectFrom('invitations').selectAll().where('id', '=', id).where('owner_id', '=', ownerId).executeTakeFirst()

/** The same, and nobody else changes it before the transaction ends. */
export const lockInvitation = (tx: Tx, id: string): Promise<InvitationsTable | undefined> =>
  locked(tx, tx.selectFrom('invitations').selectAll().where('id', '=', id)).executeTakeFirst()

export const findByCode = (db: Reader, digest: string): Promise<InvitationsTable | undefined> =>
  db.selectFrom('invitations').selectAll().where('code_digest', '=', digest).executeTakeFirst()

/** An invitation to a project of one of these names. */
export const findAddressed = async (
  db: Reader,
  id: string,
  names: readonly string[],
): Promise<InvitationsTable | undefined> =>
  names.length === 0
    ? undefined
    : db.selectFrom('invitations').selectAll().where('id', '=', id).where('addressee', 'in', names).executeTakeFirst()

/** A page of the invitations of a producer, newest first. */
export const listInvitations = (
  db: Reader,
  ownerId: string,
  query: { readonly limit: number; readonly image: string | undefined; readonly after: InvitationsTable | undefined },
): Promise<InvitationsTable[]> => {
  const { limit, image, after } = query
  let rows = db.selectFrom('invitations').selectAll().where('owner_id', '=', ownerId)
  if (image !== undefined) rows = rows.where('image_id', '=', image)
  if (after !== undefined) {
    rows = rows.where(({ eb, refTuple, tuple }) =>
      eb(refTuple('created_at', 'id'), '<', tuple(after.created_at, after.id)),
    )
  }
  return rows.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(limit).execute()
}

const claimsShown = 1000

export const listClaims = (
  db: Reader,
  invitationId: string,
): Promise<{ readonly project_id: string; readonly claimed_at: number }[]> =>
  db
    .selectFrom('invitation_claims')
    .select(['project_id', 'claimed_at'])
    .where('invitation_id', '=', invitationId)
    .orderBy('claimed_at', 'desc')
    .orderBy('project_id')
    .limit(claimsShown)
    .execute()

/** Counts one use. A project whose share ended may claim again. */
export const recordClaim = async (
  tx: Tx,
  invitationId: string,
  claim: { readonly project: string; readonly user: string | null; readonly at: number },
): Promise<void> => {
  await tx
    .updateTable('invitations')
    .set(({ eb }) => ({ used: eb('used', '+', 1) }))
    .where('id', '=', invitationId)
    .execute()
  await tx
    .insertInto('invitation_claims')
    .values({ invitation_id: invitationId, project_id: claim.project, user_id: claim.user, claimed_at: claim.at })
    .onConflict((conflict) =>
      conflict.columns(['invitation_id', 'project_id']).doUpdateSet({ user_id: claim.user, claimed_at: claim.at }),
    )
    .execute()
}

export const revokeInvitation = async (tx: Tx, id: string, at: number): Promise<void> => {
  await tx.updateTable('invitations').set({ revoked_at: at }).where('id', '=', id).execute()
}

/** Ends what a former owner of an image promised: only who owns it now decides with whom it is shared. */
export const revokeAllInvitations = async (tx: Tx, imageId: string, at: number): Promise<void> => {
  await tx
    .updateTable('invitations')
    .set({ revoked_at: at })
    .where('image_id', '=', imageId)
    .where('revoked_at', 'is', null)
    .execute()
}

const keptMs = 90 * 24 * 60 * 60 * 1000
const dropMax = 1000

/** Removes invitations that expired, or would have, long ago; shares that came of them stay. */
export const dropEnded = async (tx: Tx, now: number): Promise<void> => {
  await tx
    .deleteFrom('invitations')
    .where('id', 'in', (rows) =>
      rows
        .selectFrom('invitations')
        .select('id')
        .where('expires_at', '<=', now - keptMs)
        .orderBy('expires_at')
        .limit(dropMax),
    )
    .execute()
}
