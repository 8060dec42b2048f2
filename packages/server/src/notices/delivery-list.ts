import { type DeliveryDocument, type DeliveryState, deliveryStates } from '@vitrine/contract'
import type { Actor } from '../access/actor.ts'
import { projectOf } from '../access/project.ts'
import { apiError } from '../api-error.ts'
import type { Reader } from '../database/database.ts'
import { wireDate } from '../http/json.ts'
import type { Service } from '../service.ts'
import type { Delivery } from './claims.ts'
import { countUp, tooMany } from './counts.ts'
import type { NewDelivery } from './dispatch.ts'
import { isUnwanted } from './mailboxes.ts'
import { queued } from './queue.ts'

const dateOrNull = (instant: number | null | undefined): string | null =>
  instant === null || instant === undefined ? null : wireDate(instant)

export const deliveryDocument = (row: NewDelivery): DeliveryDocument => ({
  id: row.id,
  kind: row.kind,
  notice: row.notice,
  target: row.target,
  image_id: row.image_id,
  state: row.state,
  attempts: row.attempts,
  last_error: row.last_error,
  created_at: wireDate(row.created_at),
  next_at: dateOrNull(row.next_at),
  finished_at: dateOrNull(row.finished_at),
})

/** @throws ApiError `invalid_parameter` */
export const parseState = (text: string | undefined): DeliveryState | undefined => {
  if (text === undefined) return undefined
  const state = deliveryStates.find((one) => one === text)
  if (state === undefined) {
    throw apiError('invalid_parameter', { name: 'state', why: `it must be one of ${deliveryStates.join(', ')}` })
  }
  return state
}

const ownDelivery = (db: Reader, projectId: string, id: string): Promise<Delivery | undefined> =>
  db.selectFrom('deliveries').selectAll().where('id', '=', id).where('project_id', '=', projectId).executeTakeFirst()

/** Deliveries of the actor's project, newest first. @throws ApiError `invalid_marker` */
export const listDeliveries = async (
  { database }: Service,
  actor: Actor,
  { state, limit, marker }: { state: DeliveryState | undefined; limit: number; marker: string | undefined },
): Promise<Delivery[]> => {
  const projectId = projectOf(actor, 'reader')
  let query = database.read
    .selectFrom('deliveries')
    .selectAll()
    .where('project_id', '=', projectId)
    .orderBy('sequence', 'desc')
    .limit(limit)
  if (state !== undefined) query = query.where('state', '=', state)
  if (marker !== undefined) {
    const before = await ownDelivery(database.read, projectId, marker)
    if (before === undefined) throw apiError('invalid_marker', { marker })
    query = query.where('sequence', '<', before.sequence)
  }
  return limit === 0 ? [] : query.execute()
}

/** What arrived once, sent again: for who lost it, not for who floods a mailbox or a webhook. */
const resendsPerHour = 60

/** Puts a finished delivery into the queue again. @throws ApiError `resource_not_found`, `conflict`, `too_many_requests` */
export const resendDelivery = ({ database, now }: Service, actor: Actor, id: string): Promise<Delivery> => {
  const projectId = projectOf(actor, 'member')
  return database.write(async (tx) => {
    const row = await ownDelivery(tx, projectId, id)
    if (row === undefined) throw apiError('resource_not_found', { kind: 'delivery', id })
    if (row.state !== 'failed' && row.state !== 'sent') throw apiError('conflict', { why: 'It is still in the queue' })
    // Nobody subscribed to these: once is what the requester asked for.
    if (row.kind === 'mail' && row.target_id === null && row.state === 'sent') {
      throw apiError('conflict', { why: 'The answer to a request is mailed once' })
    }
    if (row.kind === 'mail' && row.target_id === null && (await isUnwanted(tx, row.target))) {
      throw apiError('conflict', { why: 'The mailbox wants no such mails any more' })
    }
    if (row.state === 'sent' && (await countUp(tx, `resends ${projectId}`, 'hour', now())) > resendsPerHour) {
      throw tooMany('deliveries that are sent again', 60 * 60)
    }
    const again = queued(now())
    await tx.updateTable('deliveries').set(again).where('id', '=', id).execute()
    return { ...row, ...again }
  })
}
