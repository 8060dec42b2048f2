import type { Tx } from '../database/database.ts'
import { type Cause, recordEvent } from '../events/events.ts'
import { findWaitingAlike, type RequestRow, updateRequest } from './queries.ts'

/**
 * Puts a request whose mailbox is known to be the requester's before the producer, in a transaction that has locked the
 * image. One for the same that waits already stands for both; then nothing new happens to the producer.
 * @param ownerId project that owns the image now
 */
export const admitRequest = async (tx: Tx, cause: Cause, row: RequestRow, ownerId: string): Promise<RequestRow> => {
  const standing = await findWaitingAlike(tx, row)
  if (standing !== undefined) {
    const merged = { state: 'closed', same_as: standing.id, confirmed_at: cause.at, decided_at: cause.at } as const
    await updateRequest(tx, row.id, merged)
    if (row.project_proven === 1) await updateRequest(tx, standing.id, { project_proven: 1 })
    return standing
  }
  const admitted = { state: 'waiting', confirmed_at: cause.at, owner_id: ownerId } as const
  await updateRequest(tx, row.id, admitted)
  await recordEvent(tx, cause, {
    type: 'request.receive',
    imageId: row.image_id,
    ownerId,
    audience: 'owner',
    detail: {
      request_id: row.id,
      project: row.project_id,
      project_proven: row.project_proven === 1,
      listing_title: row.listing_title,
      listing_path: row.listing_path,
    },
  })
  return { ...row, ...admitted }
}
