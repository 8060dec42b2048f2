import { apiError } from '../api-error.ts'
import type { Reader } from '../database/database.ts'
import type { Cause } from '../events/events.ts'
import { digestOf } from '../http/secret.ts'
import { findImageForChange } from '../images/queries.ts'
import type { Service } from '../service.ts'
import { admitRequest } from './admit.ts'
import {
  confirmWithinMs,
  findByConfirm,
  findByTrack,
  findRequest,
  lockRequest,
  type RequestRow,
  updateRequest,
} from './queries.ts'

/** A request whose link came too late is as if it had never been. */
const isOver = (row: RequestRow, now: number): boolean =>
  row.state === 'unconfirmed' && row.created_at + confirmWithinMs <= now

/** The request that stands for this one, if it was made twice. */
const standing = async (db: Reader, row: RequestRow): Promise<RequestRow> =>
  row.same_as === null ? row : ((await findRequest(db, row.same_as)) ?? row)

/** The request behind the link of its page. @throws ApiError `link_not_found` */
export const readTracked = async ({ database, now }: Service, secret: string): Promise<RequestRow> => {
  const row = await findByTrack(database.read, digestOf(secret))
  if (row === undefined || isOver(row, now())) throw apiError('link_not_found', {})
  return standing(database.read, row)
}

/** The request that a link would confirm. Changes nothing. @throws ApiError `link_not_found` */
export const readConfirmable = async ({ database, now }: Service, secret: string): Promise<RequestRow> => {
  const row = await findByConfirm(database.read, digestOf(secret))
  if (row === undefined || isOver(row, now())) throw apiError('link_not_found', {})
  return standing(database.read, row)
}

/**
 * Confirms that the request is the mailbox's own. Doing it again changes nothing.
 * @returns the request as it stands then, which may have been closed meanwhile
 * @throws ApiError `link_not_found`
 */
export const confirmRequest = ({ database }: Service, cause: Cause, secret: string): Promise<RequestRow> =>
  database.write(async (tx) => {
    const seen = await findByConfirm(tx, digestOf(secret))
    if (seen === undefined || isOver(seen, cause.at)) throw apiError('link_not_found', {})
    const image = await findImageForChange(tx, seen.image_id, null, cause.at)
    const row = await lockRequest(tx, seen.id)
    if (row === undefined) throw apiError('link_not_found', {})
    if (row.state !== 'unconfirmed') return standing(tx, row)
    if (image === undefined) {
      // It went just when the request was made.
      const closed = { state: 'closed', decided_at: cause.at } as const
      await updateRequest(tx, row.id, closed)
      return { ...row, ...closed }
    }
    return admitRequest(tx, cause, row, image.row.owner ?? row.owner_id)
  })
