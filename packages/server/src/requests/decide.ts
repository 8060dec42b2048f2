import type { Actor } from '../access/actor.ts'
import { entitled } from '../access/entitle.ts'
import { projectOf } from '../access/project.ts'
import { apiError } from '../api-error.ts'
import type { Limits } from '../config.ts'
import type { Reader, Tx } from '../database/database.ts'
import type { ImagesTable, MembersTable } from '../database/tables.ts'
import { type Cause, recordEvent } from '../events/events.ts'
import { findImage, findImageForChange } from '../images/queries.ts'
import { type Clearances, checkCleared, type SharePair, withClearances } from '../keys/clearance.ts'
import type { KeyHolder } from '../keys/port.ts'
import { findMember } from '../members/queries.ts'
import { beginShare, type ShareTerms } from '../members/share.ts'
import { type MailContent, queueMail } from '../notices/queue.ts'
import type { Service } from '../service.ts'
import { isOver } from '../shares/plan.ts'
import { findSeenBy, listQueue, lockRequest, type QueueQuery, type RequestRow, updateRequest } from './queries.ts'

const notFound = (id: string) => apiError('resource_not_found', { kind: 'request', id })

/** One request for an image of the actor's project. @throws ApiError `resource_not_found` */
export const readRequest = async ({ database }: Service, actor: Actor, id: string): Promise<RequestRow> => {
  const row = await findSeenBy(database.read, projectOf(actor, 'reader'), id)
  if (row === undefined) throw notFound(id)
  return row
}

/** A page of the requests for images of the actor's project, oldest first. @throws ApiError `invalid_marker` */
export const readQueue = async (
  { database }: Service,
  actor: Actor,
  query: QueueQuery & { readonly marker: string | undefined },
): Promise<RequestRow[]> => {
  const ownerId = projectOf(actor, 'reader')
  const { marker } = query
  const after = marker === undefined ? undefined : await findSeenBy(database.read, ownerId, marker)
  if (marker !== undefined && after === undefined) throw apiError('invalid_marker', { marker })
  return query.limit === 0 ? [] : listQueue(database.read, ownerId, query, after)
}

/** What a mail calls the producer: its name in the catalogue, else its project. */
const producerName = async (db: Reader, projectId: string): Promise<string> => {
  const row = await db
    .selectFrom('producers')
    .select(['name', 'handle'])
    .where('project_id', '=', projectId)
    .executeTakeFirst()
  return row === undefined ? projectId : `${row.name} (@${row.handle})`
}

/** Locks the image, then the request, for a decision that the actor is entitled to and that nobody has made. */
const lockForDecision = async (
  tx: Tx,
  actor: Actor,
  cause: Cause,
  id: string,
  action: 'member.create' | 'image.change',
): Promise<{ row: RequestRow; image: ImagesTable; ownerId: string }> => {
  const ownerId = projectOf(actor, 'member')
  const seen = await findSeenBy(tx, ownerId, id)
  if (seen === undefined) throw notFound(id)
  if (seen.state !== 'waiting') throw apiError('request_decided', { state: seen.state })
  const found = await findImageForChange(tx, seen.image_id, actor.projectId, cause.at)
  const row = await lockRequest(tx, id)
  if (row === undefined || row.owner_id !== ownerId) throw notFound(id)
  if (row.state !== 'waiting') throw apiError('request_decided', { state: row.state })
  const { row: image } = entitled(actor, action, { image: row.image_id }, found)
  return { row, image, ownerId }
}

const decided = async (
  tx: Tx,
  cause: Cause,
  row: RequestRow,
  state: 'approved' | 'denied',
  reason: string | null,
): Promise<RequestRow> => {
  const changes = { state, reason, decided_at: cause.at, decided_by: cause.userId }
  await updateRequest(tx, row.id, changes)
  await recordEvent(tx, cause, {
    type: state === 'approved' ? 'request.approve' : 'request.deny',
    imageId: row.image_id,
    ownerId: row.owner_id,
    memberId: row.project_id,
    audience: 'owner',
    detail: { request_id: row.id, project: row.project_id },
  })
  return { ...row, ...changes }
}

const answerMail = (tx: Tx, row: RequestRow, content: MailContent, eventId: string | null, at: number): Promise<void> =>
  queueMail(tx, { to: row.email, content, imageId: row.image_id, eventId, projectId: row.owner_id }, at)

/** Shares the image as the request asks; a share that is there stays as it is. */
const share = async (
  tx: Tx,
  limits: Limits,
  cause: Cause,
  image: ImagesTable,
  memberId: string,
  terms: ShareTerms,
  { clearances, grantsKey }: { readonly clearances: Clearances; readonly grantsKey: boolean },
): Promise<{ member: MembersTable; eventId: string | null }> => {
  const present = await findMember(tx, image.id, memberId)
  if (present !== undefined && !isOver(present, cause.at)) {
    if (grantsKey) await checkCleared(tx, clearances, image, memberId)
    return { member: present, eventId: null }
  }
  const { now, eventId } = await beginShare(tx, limits, cause, image, memberId, terms, clearances)
  return { member: now, eventId }
}

/** What a producer says when it approves. */
interface Approval {
  readonly message: string | null
  readonly endsAt: number | null
  /** On whose word the project may use the key of an encrypted image, too; null: it may not. */
  readonly grantsBy: KeyHolder | null
}

const approveWithin = async (
  tx: Tx,
  { limits, origin }: Service,
  actor: Actor,
  cause: Cause,
  id: string,
  said: Approval,
  clearances: Clearances,
): Promise<RequestRow> => {
  const { row, image, ownerId } = await lockForDecision(tx, actor, cause, id, 'member.create')
  const { member, eventId } = await share(
    tx,
    limits,
    cause,
    image,
    row.project_id,
    {
      message: said.message,
      endsAt: said.endsAt,
      listingId: row.listing_id,
      sharedByUser: cause.userId,
    },
    { clearances, grantsKey: said.grantsBy !== null },
  )
  const after = await decided(tx, cause, row, 'approved', said.message)
  // Anybody can name a project: only who proved that it is theirs is told of its rules and of the share that it had.
  const isTheirs = row.project_proven === 1
  const content: MailContent = {
    template: 'request.approved',
    listingTitle: row.listing_title,
    listingUrl: `${origin()}${row.listing_path}`,
    producer: await producerName(tx, ownerId),
    image: {
      id: image.id,
      name: image.name,
      sizeBytes: image.size_bytes,
      hashAlgorithm: image.os_hash_algo,
      hashValue: image.os_hash_value,
    },
    projectId: row.project_id,
    accepted: isTheirs && member.status === 'accepted',
    message: said.message,
    endsAt: isTheirs || eventId !== null ? member.ends_at : said.endsAt,
  }
  await answerMail(tx, row, content, eventId, cause.at)
  return after
}

/**
 * Approves a request: the share, the decision, its event and the mail are there together or not at all.
 * @throws ApiError `resource_not_found`, `request_decided`, `members_need_shared`, `member_quota`, `role_required`,
 *   `key_not_granted` and the others of `checkCleared`
 */
export const approve = (
  service: Service,
  actor: Actor,
  cause: Cause,
  id: string,
  said: Approval,
): Promise<RequestRow> => {
  const { database } = service
  const pairs = async (): Promise<SharePair[]> => {
    const owner = projectOf(actor, 'member')
    const row = await findSeenBy(database.read, owner, id)
    // The transaction says what is wrong.
    if (row?.state !== 'waiting') return []
    const found = await findImage(database.read, row.image_id, actor.projectId, cause.at)
    const { row: image } = entitled(actor, 'member.create', { image: row.image_id }, found)
    const grant = said.grantsBy === null ? 'check' : 'grant'
    return [{ image, memberId: row.project_id, grant, authority: said.grantsBy }]
  }
  return withClearances(service, cause, pairs, (clearances) =>
    database.write((tx) => approveWithin(tx, service, actor, cause, id, said, clearances)),
  )
}

/**
 * Denies a request and tells the requester why.
 * @throws ApiError `resource_not_found`, `request_decided`, `role_required`
 */
export const deny = (
  { database }: Service,
  actor: Actor,
  cause: Cause,
  id: string,
  reason: string,
): Promise<RequestRow> =>
  database.write(async (tx) => {
    // Also while the image is not shared: that is no reason to leave somebody waiting.
    const { row, ownerId } = await lockForDecision(tx, actor, cause, id, 'image.change')
    const after = await decided(tx, cause, row, 'denied', reason)
    const producer = await producerName(tx, ownerId)
    await answerMail(
      tx,
      row,
      { template: 'request.denied', listingTitle: row.listing_title, producer, reason },
      null,
      cause.at,
    )
    return after
  })
