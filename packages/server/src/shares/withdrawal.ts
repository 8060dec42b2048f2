import type { WithdrawalDocument } from '@vitrine/contract'
import type { Actor } from '../access/actor.ts'
import { entitled } from '../access/entitle.ts'
import { apiError } from '../api-error.ts'
import type { Reader, Tx } from '../database/database.ts'
import type { ImagesTable, MembersTable } from '../database/tables.ts'
import type { Cause } from '../events/events.ts'
import { parseFuture } from '../http/instant.ts'
import { wireDate } from '../http/json.ts'
import { removeWithShares } from '../images/images.ts'
import { findImage, findImageForChange, type ImageAndMembership } from '../images/queries.ts'
import { listMembers } from '../members/queries.ts'
import { endShare, lockToEnd } from '../members/share.ts'
import type { Service } from '../service.ts'
import { applyPlan, takeBackPlan } from './apply-plan.ts'
import { revokeOpen } from './by-name.ts'
import { wireWeek } from './dates.ts'
import { concerns, dropPlan, findPlan, isOver, ownEnd, type Plan, storePlan } from './plan.ts'
import { countOpenInvitations, countShares, countWaitingRequests, findListingPath } from './queries.ts'

/** What a producer asks for. */
export interface Withdrawal {
  /** Only these projects; undefined: all. */
  readonly projects: readonly string[] | undefined
  /** Undefined: now. */
  readonly at: string | undefined
  readonly deleteImage: boolean
  readonly message: string | null
}

const planDocument = (plan: Plan | undefined): WithdrawalDocument['planned'] =>
  plan === undefined
    ? null
    : {
        at: wireDate(plan.at),
        delete_image: plan.deleteImage,
        message: plan.message,
        projects: plan.projects === null ? null : [...plan.projects],
      }

/** What a withdrawal would touch. */
const preview = async (
  db: Reader,
  imageId: string,
  now: number,
  projects: readonly string[] | undefined,
  plan: Plan | undefined,
): Promise<WithdrawalDocument> => {
  const { accepted, waiting, rejected, downloads, lastUsedWeek } = await countShares(db, imageId, now, { projects })
  const all = projects === undefined
  return {
    image_id: imageId,
    accepted,
    waiting,
    rejected,
    downloads,
    last_used_week: lastUsedWeek === null ? null : wireWeek(lastUsedWeek),
    invitations: all ? await countOpenInvitations(db, imageId, now) : 0,
    requests: all ? await countWaitingRequests(db, imageId) : 0,
    listing: (await findListingPath(db, imageId))?.path ?? null,
    planned: planDocument(plan),
  }
}

/** What a withdrawal of an image would touch, and the one that is announced. */
export const readWithdrawal = async (
  { database, now }: Service,
  actor: Actor,
  image: string,
): Promise<WithdrawalDocument> => {
  const at = now()
  entitled(actor, 'share.list', { image }, await findImage(database.read, image, actor.projectId, at))
  return preview(database.read, image, at, undefined, await findPlan(database.read, image))
}

/**
 * The image, if the actor may withdraw it. Withdrawing needs what adding and removing members needs, deleting what deleting
 * needs: then also an image without members can be announced to go.
 */
const withdrawable = (
  actor: Actor,
  imageId: string,
  found: ImageAndMembership | undefined,
  deleteImage: boolean,
): ImagesTable => {
  const { row } = entitled(actor, deleteImage ? 'image.change' : 'member.create', { image: imageId }, found)
  if (deleteImage && row.protected === 1) throw apiError('image_protected', {})
  return row
}

/** @throws ApiError `member_not_found` for a project that the image is not shared with: most likely misspelt */
const checkProjects = (image: string, shares: readonly MembersTable[], projects: readonly string[] | undefined) => {
  for (const member of projects ?? []) {
    if (!shares.some(({ member_id }) => member_id === member)) throw apiError('member_not_found', { image, member })
  }
}

const samePlan = (one: Plan | undefined, other: Plan): boolean =>
  one !== undefined && one.message === other.message && one.deleteImage === other.deleteImage

/**
 * Ends the shares of an image at once, those of some projects or all of them with what could bring new ones.
 * @returns whether the image was deleted
 */
export const withdrawNow = async (
  tx: Tx,
  cause: Cause,
  image: ImagesTable,
  { projects, deleteImage, message }: Omit<Plan, 'at'>,
): Promise<boolean> => {
  if (deleteImage) {
    await removeWithShares(tx, cause, image, message)
    return true
  }
  const rows = (await listMembers(tx, image.id)).filter(({ member_id }) => concerns({ projects }, member_id))
  await lockToEnd(tx, image, rows)
  for (const row of rows) {
    // One whose own end came before this ended by that.
    const own = ownEnd(row)
    const reason = own !== null && own <= cause.at && row.withdrawn === 0 ? 'expired' : 'withdrawn'
    await endShare(tx, cause, image, row, reason, message)
  }
  if (projects === null) await revokeOpen(tx, cause, image)
  return false
}

/**
 * Withdraws an image from its consumers, at once or on a date. A plan for a date takes the place of the one before; so does
 * a withdrawal from all at once.
 * @returns what it touches, with the plan as it is now
 */
export const withdraw = async (
  { database, uploads, sweeper }: Service,
  actor: Actor,
  cause: Cause,
  imageId: string,
  wanted: Withdrawal,
): Promise<WithdrawalDocument> => {
  const { deleteImage, message } = wanted
  const projects = wanted.projects === undefined ? undefined : [...new Set(wanted.projects)]
  if (deleteImage && projects !== undefined) {
    throw apiError('invalid_body', { why: 'deleting the image ends all shares, so projects cannot be named with it' })
  }
  const at = wanted.at === undefined ? undefined : parseFuture('at', wanted.at, cause.at)

  const { touched, deleted } = await database.write(async (tx) => {
    const found = await findImageForChange(tx, imageId, actor.projectId, cause.at)
    const image = withdrawable(actor, imageId, found, deleteImage)
    const shares = (await listMembers(tx, imageId)).filter((row) => !isOver(row, cause.at))
    checkProjects(imageId, shares, projects)
    const before = await findPlan(tx, imageId)
    const terms = { projects: projects ?? null, deleteImage, message }

    if (at !== undefined) {
      const plan: Plan = { ...terms, at }
      const touched = await preview(tx, imageId, cause.at, projects, plan)
      await storePlan(tx, imageId, plan, cause)
      await applyPlan(tx, cause, image, shares, plan, !samePlan(before, plan))
      return { touched, deleted: false }
    }
    const touched = await preview(tx, imageId, cause.at, projects, projects === undefined ? undefined : before)
    if (projects === undefined) await dropPlan(tx, imageId)
    return { touched, deleted: await withdrawNow(tx, cause, image, terms) }
  })
  if (deleted) {
    uploads.abort(imageId)
    sweeper.kick()
  }
  return touched
}

/** Takes an announced withdrawal back: every share has its own end again. */
export const cancelWithdrawal = ({ database }: Service, actor: Actor, cause: Cause, imageId: string): Promise<void> =>
  database.write(async (tx) => {
    const found = await findImageForChange(tx, imageId, actor.projectId, cause.at)
    const plan = found === undefined ? undefined : await findPlan(tx, imageId)
    const action = plan?.deleteImage === true ? 'image.change' : 'member.create'
    const { row: image } = entitled(actor, action, { image: imageId }, found)
    if (plan === undefined) throw apiError('resource_not_found', { kind: 'withdrawal of image', id: imageId })
    if (plan.at <= cause.at) throw apiError('conflict', { why: 'The withdrawal is due and cannot be taken back' })
    await takeBackPlan(tx, cause, image)
  })
