import type { MembershipDocument } from '@vitrine/contract'
import { type Fragment, fragment } from '../database/fragment.ts'
import type { MembersTable } from '../database/tables.ts'
import { wireDate } from '../http/json.ts'

/** The share through which a project sees an image, as far as the project may know it. */
export type Membership = Pick<MembersTable, 'status' | 'created_at' | 'message' | 'ends_at' | 'withdrawn'> & {
  readonly owner: string | null
  readonly handle: string | null
}

/** The same as columns of a query that also selects other things: all null where there is no share. */
export interface MembershipColumns {
  readonly share_status: Membership['status'] | null
  readonly share_created_at: number | null
  readonly share_message: string | null
  readonly share_ends_at: number | null
  readonly share_withdrawn: Membership['withdrawn'] | null
  readonly share_owner: string | null
  readonly share_handle: string | null
}

/** Columns and joins for an image that stands in the query as `d`. */
export const membershipColumns: Fragment = fragment`s.status as share_status, s.created_at as share_created_at, s.message as share_message, s.ends_at as share_ends_at, s.withdrawn as share_withdrawn, d.owner as share_owner, o.handle as share_handle`

/** Only a share that counts: of a shared image of somebody else, not ended. */
export const membershipJoins = (project: string | null, now: number): Fragment =>
  fragment`left join members s on s.image_id = d.id and s.member_id = ${project} and d.visibility = 'shared' and (d.owner is null or d.owner <> s.member_id) and (s.ends_at is null or s.ends_at > ${now}) left join producers o on o.project_id = d.owner and s.member_id is not null`

export const membershipOf = (row: MembershipColumns): Membership | undefined =>
  row.share_status === null || row.share_created_at === null
    ? undefined
    : {
        status: row.share_status,
        created_at: row.share_created_at,
        message: row.share_message,
        ends_at: row.share_ends_at,
        withdrawn: row.share_withdrawn ?? 0,
        owner: row.share_owner,
        handle: row.share_handle,
      }

export const membershipDocument = (share: Membership): MembershipDocument => ({
  status: share.status,
  shared_by: share.owner,
  producer: share.handle,
  shared_at: wireDate(share.created_at),
  message: share.message,
  ends_at: share.ends_at === null ? null : wireDate(share.ends_at),
  withdrawn: share.withdrawn === 1,
})

/** The JSON of an image with the membership added, if there is one. */
export const withMembership = (document: string, share: Membership | undefined): string =>
  share === undefined ? document : `${document.slice(0, -1)},"membership":${JSON.stringify(membershipDocument(share))}}`
