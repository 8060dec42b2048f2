import type { Tx } from '../database/database.ts'
import { queueMail } from '../notices/queue.ts'

/** Ends the requests for an image that goes: nobody can decide them any more. Who waited for an answer is told. */
export const closeRequests = async (tx: Tx, imageId: string, at: number): Promise<void> => {
  const open = await tx
    .selectFrom('access_requests')
    .select(['email', 'listing_title', 'state', 'owner_id'])
    .where('image_id', '=', imageId)
    .where('state', 'in', ['unconfirmed', 'waiting'])
    .execute()
  if (open.length === 0) return
  await tx
    .updateTable('access_requests')
    .set({ state: 'closed', decided_at: at })
    .where('image_id', '=', imageId)
    .where('state', 'in', ['unconfirmed', 'waiting'])
    .execute()
  for (const { email, listing_title: listingTitle, owner_id: projectId } of open.filter(
    ({ state }) => state === 'waiting',
  )) {
    const content = { template: 'request.closed', listingTitle } as const
    await queueMail(tx, { to: email, content, imageId, eventId: null, projectId }, at)
  }
}

/** Lays the requests for an image before its new owner. */
export const moveRequests = async (tx: Tx, imageId: string, ownerId: string | null): Promise<void> => {
  await tx
    .updateTable('access_requests')
    .set({ owner_id: ownerId ?? '' })
    .where('image_id', '=', imageId)
    .execute()
}
