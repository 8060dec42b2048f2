import type { Actor } from '../access/actor.ts'
import { projectOf } from '../access/project.ts'
import { apiError } from '../api-error.ts'
import type { Reader, Tx } from '../database/database.ts'
import type { InvitationsTable } from '../database/sharing-tables.ts'
import type { ImagesTable, MembersTable } from '../database/tables.ts'
import { type Cause, recordEvent } from '../events/events.ts'
import { findImage, findImageForChange } from '../images/queries.ts'
import { type Clearances, type SharePair, withClearances } from '../keys/clearance.ts'
import { findMember } from '../members/queries.ts'
import { answerShare, beginShare } from '../members/share.ts'
import type { Service } from '../service.ts'
import { digestOfCode } from './code.ts'
import type { Guesses } from './guesses.ts'
import { findAddressed, findByCode, lockInvitation, recordClaim } from './queries.ts'
import { stateOf } from './state.ts'

/** How a claimer names an invitation: by its code, or by its id if it is addressed to its project. */
export interface ClaimName {
  readonly code?: string | undefined
  readonly invitation?: string | undefined
}

const findNamed = async (
  db: Reader,
  actor: Actor,
  { code, invitation }: ClaimName,
): Promise<InvitationsTable | undefined> => {
  if (invitation !== undefined) return findAddressed(db, invitation, actor.projectNames)
  const digest = code === undefined ? undefined : digestOfCode(code)
  return digest === undefined ? undefined : findByCode(db, digest)
}

/**
 * Whether a project has a confirmed address in exactly this domain: `example.com` is neither `mail.example.com` nor
 * `notexample.com`.
 */
const hasAddressIn = async (db: Reader, projectId: string, domain: string): Promise<boolean> => {
  const addresses = await db
    .selectFrom('notice_addresses')
    .select('email')
    .where('project_id', '=', projectId)
    .where('state', '=', 'confirmed')
    .execute()
  return addresses.some(({ email }) => email.slice(email.lastIndexOf('@') + 1).toLowerCase() === domain)
}

const checkClaimable = async (
  db: Reader,
  image: ImagesTable,
  invitation: InvitationsTable,
  projectId: string,
  now: number,
): Promise<void> => {
  const state = image.owner === invitation.owner_id ? stateOf(invitation, now) : 'revoked'
  if (state !== 'open') throw apiError('invitation_ended', { state })
  if (image.visibility !== 'shared') throw apiError('members_need_shared', { visibility: image.visibility })
  const domain = invitation.email_domain
  if (domain !== null && !(await hasAddressIn(db, projectId, domain))) throw apiError('invitation_domain', { domain })
}

/** A membership that counts: a project that has one needs no invitation. */
const presentMember = async (db: Reader, image: ImagesTable, projectId: string, now: number) => {
  if (image.visibility !== 'shared') return undefined
  const present = await findMember(db, image.id, projectId)
  return present !== undefined && (present.ends_at === null || present.ends_at > now) ? present : undefined
}

/** The share that a claim would make, with the right to the key if the producer gave that along; nothing is changed. */
const pairOfClaim = async (
  { read: db }: Service['database'],
  actor: Actor,
  cause: Cause,
  named: ClaimName,
): Promise<SharePair[]> => {
  const memberId = projectOf(actor, 'member')
  const invitation = await findNamed(db, actor, named)
  if (invitation === undefined) return []
  const image = (await findImage(db, invitation.image_id, memberId, cause.at))?.row
  if (image === undefined || image.encryption === null || image.owner === memberId) return []
  if ((await presentMember(db, image, memberId, cause.at)) !== undefined) return []
  await checkClaimable(db, image, invitation, memberId, cause.at)
  const grant = invitation.grant_key === 1 ? 'grant' : 'check'
  return [{ image, memberId, grant, authority: { projectId: invitation.owner_id, token: null } }]
}

/**
 * Claims an invitation. Locks the image, then the invitation: of two who claim the last use at once, one finds it used.
 * @param answer what the claimer says to the share at once; left out: what the invitation says
 */
export const claimInvitation = (
  service: Service,
  actor: Actor,
  cause: Cause,
  named: ClaimName,
  answer?: 'accepted' | 'rejected',
): Promise<MembersTable> =>
  withClearances(
    service,
    cause,
    () => pairOfClaim(service.database, actor, cause, named),
    (clearances) =>
      service.database.write((tx) => claimWithin(tx, service, actor, cause, { named, answer, clearances })),
  )

const claimWithin = async (
  tx: Tx,
  { limits }: Pick<Service, 'limits'>,
  actor: Actor,
  cause: Cause,
  {
    named,
    answer,
    clearances,
  }: {
    readonly named: ClaimName
    readonly answer: 'accepted' | 'rejected' | undefined
    readonly clearances: Clearances
  },
): Promise<MembersTable> => {
  const projectId = projectOf(actor, 'member')
  const notFound = apiError('invitation_not_found', {})
  const seen = await findNamed(tx, actor, named)
  if (seen === undefined) throw notFound
  const image = (await findImageForChange(tx, seen.image_id, projectId, cause.at))?.row
  const invitation = await lockInvitation(tx, seen.id)
  if (image === undefined || invitation === undefined) throw notFound
  if (image.owner === projectId) throw apiError('own_image', {})

  const present = await presentMember(tx, image, projectId, cause.at)
  if (present !== undefined) return answer === undefined ? present : answerShare(tx, cause, image, present, answer)
  await checkClaimable(tx, image, invitation, projectId, cause.at)

  await recordClaim(tx, invitation.id, { project: projectId, user: cause.userId, at: cause.at })
  await recordEvent(tx, cause, {
    type: 'invitation.claim',
    imageId: image.id,
    ownerId: image.owner,
    memberId: projectId,
    audience: 'owner',
    detail: { invitation_id: invitation.id },
  })
  const { now } = await beginShare(
    tx,
    limits,
    cause,
    image,
    projectId,
    {
      message: invitation.message,
      endsAt: invitation.ends_at,
      listingId: null,
      sharedByUser: invitation.created_by,
    },
    clearances,
  )
  const said = answer ?? (invitation.status === 'accepted' ? 'accepted' : undefined)
  return said === undefined ? now : answerShare(tx, cause, image, now, said)
}

/**
 * Claims an invitation for the project of the actor.
 * @throws ApiError `invitation_not_found`, `invitation_ended`, `invitation_domain`, `own_image`, `members_need_shared`,
 *   `member_quota`, `too_many_requests`, `role_required`, `scope_required`
 */
export const claim = async (
  service: Service,
  guesses: Guesses,
  actor: Actor,
  cause: Cause,
  named: ClaimName,
): Promise<MembersTable> => {
  const keys = [`project ${projectOf(actor, 'member')}`, `user ${actor.userId}`]
  guesses.admit(keys)
  // Before the transaction: a wrong code writes nothing.
  if ((await findNamed(service.database.read, actor, named)) === undefined) {
    guesses.wrong(keys)
    throw apiError('invitation_not_found', {})
  }
  return claimInvitation(service, actor, cause, named)
}
