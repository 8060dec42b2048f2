import type { AccessRequestDocument, AccessRequestReceipt, AccessRequestStatus } from '@vitrine/contract'
import { wireDate } from '../http/json.ts'
import type { Asked } from './ask.ts'
import type { RequestRow } from './queries.ts'

const dateOrNull = (instant: number | null): string | null => (instant === null ? null : wireDate(instant))

/** The same sentence for everyone whose mailbox is still to be asked, whether or not a mail was sent this time. */
const next: Readonly<Record<Asked['state'], string>> = {
  unconfirmed:
    'A mail with a link goes to this mailbox, unless one for the same request did within the last hour. The producer sees the request once it is confirmed by that link.',
  waiting: 'The producer has the request. The answer goes to this mailbox.',
}

/** @param origin scheme and host of the service */
export const receiptDocument = ({ state, trackPath }: Asked, origin: string): AccessRequestReceipt => ({
  state,
  message: next[state],
  track: `${origin}${trackPath}`,
})

/** @param isListed whether the listing is still in the catalogue */
export const statusDocument = (row: RequestRow, isListed: boolean): AccessRequestStatus => ({
  state: row.state,
  listing: { title: row.listing_title, path: isListed ? row.listing_path : null },
  project: row.project_id,
  email: row.email,
  created_at: wireDate(row.created_at),
  decided_at: dateOrNull(row.decided_at),
  reason: row.reason,
  image_id: row.state === 'approved' ? row.image_id : null,
})

/** A request as the producer sees it. */
export const requestDocument = (row: RequestRow): AccessRequestDocument => ({
  id: row.id,
  state: row.state,
  listing_id: row.listing_id,
  listing_title: row.listing_title,
  image_id: row.image_id,
  project: row.project_id,
  project_proven: row.project_proven === 1,
  email: row.email,
  message: row.message,
  created_at: wireDate(row.created_at),
  confirmed_at: dateOrNull(row.confirmed_at),
  decided_at: dateOrNull(row.decided_at),
  reason: row.reason,
})
