import type { InboxAnswers, MemberStatus } from '@vitrine/contract'
import type { Actor } from '../access/actor.ts'
import { entitled } from '../access/entitle.ts'
import { projectOf } from '../access/project.ts'
import { ApiError, apiError } from '../api-error.ts'
import type { Tx } from '../database/database.ts'
import type { Cause } from '../events/events.ts'
import { findImageForChange } from '../images/queries.ts'
import { claimInvitation } from '../invitations/claim.ts'
import { findAddressed } from '../invitations/queries.ts'
import { findMember } from '../members/queries.ts'
import { answerShare } from '../members/share.ts'
import { keepRules } from '../rules/lock.ts'
import { ensureBlocked } from '../rules/rules.ts'
import type { Service } from '../service.ts'
import { type InboxView, listAddressed, listPendingIds } from './inbox-queries.ts'

/** One answer to many shares and invitations. */
export interface InboxWish {
  readonly answer: MemberStatus | 'block'
  readonly images?: readonly string[] | undefined
  readonly invitations?: readonly string[] | undefined
}

type Result = InboxAnswers['results'][number]

/** Things that one call answers. */
const answersMax = 1000
/** Images that one transaction locks: enough to be quick, few enough to keep nobody waiting. */
const pieceLength = 50

/** Sets the answer to one share, if there is one that counts. */
const answerOne = async (
  tx: Tx,
  actor: Actor,
  cause: Cause,
  projectId: string,
  imageId: string,
  status: MemberStatus,
): Promise<void> => {
  const found = await findImageForChange(tx, imageId, projectId, cause.at)
  const row = found?.isMember === true ? await findMember(tx, imageId, projectId) : undefined
  const names = { image: imageId, member: projectId }
  const { row: image } = entitled(actor, 'member.update', names, found, row === undefined ? null : 'own')
  if (row !== undefined) await answerShare(tx, cause, image, row, status)
}

/** What came of one thing: an error of the table is an answer, everything else is a failure of the call. */
const outcome = async (work: () => Promise<Result['result']>): Promise<Pick<Result, 'result' | 'error'>> => {
  try {
    return { result: await work(), error: null }
  } catch (error) {
    if (error instanceof ApiError) return { result: 'failed', error: error.message }
    throw error
  }
}

const answerImages = async (
  { database }: Service,
  actor: Actor,
  cause: Cause,
  images: readonly string[],
  answer: InboxWish['answer'],
): Promise<Result[]> => {
  const projectId = projectOf(actor, 'member')
  const status = answer === 'block' ? 'rejected' : answer
  const said = answer === 'block' ? 'blocked' : answer
  const results = new Map<string, Result>()
  // In the order of their ids, so that two calls at once do not wait for each other in a circle.
  const sorted = [...new Set(images)].sort()
  for (let start = 0; start < sorted.length; start += pieceLength) {
    const piece = await database.write(async (tx) => {
      const done: Result[] = []
      const ids = sorted.slice(start, start + pieceLength)
      // All images before the first row of a member: whoever changes rules waits for such rows, and others for it.
      for (const imageId of ids) await findImageForChange(tx, imageId, projectId, cause.at)
      await keepRules(tx, [projectId])
      for (const imageId of ids) {
        const came = await outcome(async () => {
          await answerOne(tx, actor, cause, projectId, imageId, status)
          return said
        })
        done.push({ image_id: imageId, invitation_id: null, ...came })
      }
      return done
    })
    for (const result of piece) if (result.image_id !== null) results.set(result.image_id, result)
  }
  return [...new Set(images)].flatMap((imageId) => results.get(imageId) ?? [])
}

/** Accepting or rejecting an invitation claims it; putting it off leaves it where it is. */
const answerInvitations = async (
  service: Service,
  actor: Actor,
  cause: Cause,
  invitations: readonly string[],
  answer: InboxWish['answer'],
): Promise<Result[]> => {
  const results: Result[] = []
  for (const id of new Set(invitations)) {
    let imageId: string | null = null
    const came = await outcome(async () => {
      if (answer === 'pending' || answer === 'block') {
        const found = await findAddressed(service.database.read, id, actor.projectNames)
        if (found === undefined) throw apiError('invitation_not_found', {})
        return answer === 'block' ? 'blocked' : answer
      }
      const row = await claimInvitation(service, actor, cause, { invitation: id }, answer)
      imageId = row.image_id
      return answer
    })
    results.push({ image_id: imageId, invitation_id: id, ...came })
  }
  return results
}

/** The producers of what the project names and sees. */
const producersOf = async (
  { database }: Service,
  { projectId, projectNames }: InboxView,
  { images = [], invitations = [] }: InboxWish,
): Promise<string[]> => {
  const ofImages =
    images.length === 0
      ? []
      : await database.read
          .selectFrom('members')
          .innerJoin('images', 'images.id', 'members.image_id')
          .select('images.owner')
          .distinct()
          .where('members.member_id', '=', projectId)
          .where('members.image_id', 'in', images)
          .where('images.visibility', '=', 'shared')
          .execute()
  const ofInvitations =
    invitations.length === 0 || projectNames.length === 0
      ? []
      : await database.read
          .selectFrom('invitations')
          .select('owner_id as owner')
          .distinct()
          .where('id', 'in', invitations)
          .where('addressee', 'in', projectNames)
          .execute()
  const owners = new Set([...ofImages, ...ofInvitations].map(({ owner }) => owner))
  return [...owners].flatMap((owner) => (owner === null || owner === projectId ? [] : [owner])).sort()
}

/** Everything that waits, as far as one call goes. */
const allThatWaits = async ({ database }: Service, view: InboxView) => {
  const invitations = await listAddressed(database.read, view, undefined, answersMax)
  const room = answersMax - invitations.length
  const images = await listPendingIds(database.read, view, room + 1)
  return {
    images: images.slice(0, room),
    invitations: invitations.map(({ id }) => id),
    more: images.length > room,
  }
}

/**
 * Gives one answer to many: to those that are named, else to all that wait. Each has a result of its own, and the same
 * answer again changes nothing. Blocking also makes a rule for each producer of what is named, before anything else: if
 * there is no room for the rules, nothing is answered.
 * @throws ApiError `scope_required`, `role_required`, `invalid_body`, `resource_quota`
 */
export const answerInbox = async (
  service: Service,
  actor: Actor,
  cause: Cause,
  wish: InboxWish,
): Promise<InboxAnswers> => {
  const projectId = projectOf(actor, 'member')
  const view: InboxView = { projectId, projectNames: actor.projectNames, now: cause.at }
  const { answer, images, invitations } = wish
  const namesNothing = images === undefined && invitations === undefined
  if (answer === 'block' && namesNothing) {
    throw apiError('invalid_body', { why: 'block needs images or invitations: it is never meant for all that waits' })
  }
  // All that waits is pending already.
  if (namesNothing && answer === 'pending') return { results: [], blocked: [], more: false }

  const blocked = answer === 'block' ? await producersOf(service, view, wish) : []
  if (blocked.length > 0) {
    await service.database.write(async (tx) => {
      for (const producerId of blocked) await ensureBlocked(tx, service.limits, projectId, producerId, cause.at)
    })
  }
  const named = namesNothing
    ? await allThatWaits(service, view)
    : { images: images ?? [], invitations: invitations ?? [], more: false }
  const ofInvitations = await answerInvitations(service, actor, cause, named.invitations, answer)
  const ofImages = await answerImages(service, actor, cause, named.images, answer)
  return { results: [...ofInvitations, ...ofImages], blocked, more: named.more }
}
