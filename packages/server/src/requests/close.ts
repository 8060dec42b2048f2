import type { Tx } from '../database/database.ts'

/** Ends the requests for an image that goes: nobody can decide them any more. */
export const closeRequests = async (tx: Tx, imageId: string, at: number): Promise<void> => {
  await tx
    .updateTable('access_requests')
    .set({ state: 'closed', decided_at: at })
    .where('image_id', '=', imageId)
    .where('state', 'in', ['unconfirmed', 'waiting'])
    .execute()
}
