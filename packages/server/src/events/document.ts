import type { EventDocument } from '@vitrine/contract'
import type { EventRow } from '../database/tables.ts'
import { wireDate } from '../http/json.ts'

/**
 * An event as the API shows it. A consumer learns what happened, not which users of other projects did it.
 * @param seenBy the project that reads it as a consumer; undefined for whoever sees everything
 */
export const eventDocument = (row: EventRow, seenBy: string | undefined): EventDocument => {
  const foreign = seenBy !== undefined && row.project_id !== seenBy
  return {
    id: row.id,
    type: row.type,
    image_id: row.image_id,
    member_id: row.member_id,
    project_id: row.project_id,
    user_id: foreign ? null : row.user_id,
    request_id: foreign ? null : row.request_id,
    created_at: wireDate(row.created_at),
    detail: JSON.parse(row.detail),
  }
}

/** The same in the activity of a project, which owns the image or was a consumer of it. */
export const activityDocument = (row: EventRow, projectId: string): EventDocument =>
  eventDocument(row, row.owner_id === projectId ? undefined : projectId)
