import type { MembershipDocument } from '@vitrine/contract'
import { type Fragment, fragment } from '../database/fragment.ts'
import type { ImagesTable, MembersTable } from '../database/tables.ts'
import { wireDate } from '../http/json.ts'
import { type KeyFinding, type KeyParts, keyFindingsOf, noKey } from '../keys/states.ts'

/** The share through which a project sees an image, as far as the project may know it, and how the image is encrypted. */
export type Membership = Pick<MembersTable, 'status' | 'created_at' | 'message' | 'ends_at' | 'withdrawn'> &
  Pick<ImagesTable, 'encryption' | 'key_id'> & {
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
  readonly share_encryption: Membership['encryption']
  readonly share_key: string | null
}

/** Columns and joins for an image that stands in the query as `d`. */
export const membershipColumns: Fragment = fragment`s.status as share_status, s.created_at as share_created_at, s.message as share_message, s.ends_at as share_ends_at, s.withdrawn as share_withdrawn, d.owner as share_owner, o.handle as share_handle, d.encryption as share_encryption, d.key_id as share_key`

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
        encryption: row.share_encryption,
        key_id: row.share_key,
      }

/** What is to be said of the keys that the memberships of a project need, by image. Those of plain images are left out. */
export const keyFindingsFor = async (
  service: KeyParts,
  projectId: string | null,
  shown: readonly { readonly id: string; readonly membership?: Membership | undefined }[],
): Promise<ReadonlyMap<string, KeyFinding>> => {
  const questions = shown.flatMap(({ id, membership }) => {
    if (projectId === null || membership === undefined || membership.encryption === null) return []
    const { owner, encryption, key_id } = membership
    return [{ image: { id, owner, encryption, key_id }, projectId }]
  })
  if (questions.length === 0) return new Map()
  const findings = await keyFindingsOf(service, questions)
  return new Map(
    questions.flatMap(({ image }, index) => {
      const finding = findings[index]
      return finding === undefined ? [] : [[image.id, finding]]
    }),
  )
}

/** @param key left out: none is needed */
export const membershipDocument = (share: Membership, key: KeyFinding = noKey): MembershipDocument => ({
  status: share.status,
  shared_by: share.owner,
  producer: share.handle,
  shared_at: wireDate(share.created_at),
  message: share.message,
  ends_at: share.ends_at === null ? null : wireDate(share.ends_at),
  withdrawn: share.withdrawn === 1,
  key_state: key.state,
})

/** The JSON of an image with the membership added, if there is one. */
export const withMembership = (document: string, share: Membership | undefined, key?: KeyFinding): string =>
  share === undefined
    ? document
    : `${document.slice(0, -1)},"membership":${JSON.stringify(membershipDocument(share, key))}}`
