import { type InboxItem, type KeyState, type MemberStatus, memberStatuses } from '@vitrine/contract'
import type { Actor } from '../access/actor.ts'
import { projectOf } from '../access/project.ts'
import { apiError } from '../api-error.ts'
import type { Reader } from '../database/database.ts'
import { wireDate } from '../http/json.ts'
import { keyStatesFor, type Membership, membershipDocument, membershipOf } from '../images/membership.ts'
import { documentFor } from '../images/stored-document.ts'
import type { Service } from '../service.ts'
import {
  type InboxView,
  listAddressed,
  listShares,
  type Position,
  positionOfInvitation,
  positionOfShare,
  type WaitingInvitation,
  type WaitingShare,
} from './inbox-queries.ts'

export interface InboxQuery {
  readonly status: MemberStatus | 'all'
  readonly limit: number
  /** Id of the last thing of the page before: an invitation or an image. */
  readonly marker: string | undefined
}

export interface InboxPage {
  /** JSON of each item. */
  readonly items: readonly string[]
  /** Id of the last item, if the page is full. */
  readonly last: string | undefined
}

/** Invitations stand before shares; a page may hold the end of the one and the beginning of the other. */
interface Start {
  readonly invitations: Position | undefined
  /** Undefined also where the shares begin. */
  readonly shares: Position | undefined
  readonly isPastInvitations: boolean
}

const startOf = async (db: Reader, view: InboxView, marker: string | undefined): Promise<Start> => {
  if (marker === undefined) return { invitations: undefined, shares: undefined, isPastInvitations: false }
  const shares = await positionOfShare(db, view.projectId, marker)
  if (shares !== undefined) return { invitations: undefined, shares, isPastInvitations: true }
  const invitations = await positionOfInvitation(db, view.projectNames, marker)
  if (invitations === undefined) throw apiError('invalid_marker', { marker })
  return { invitations, shares: undefined, isPastInvitations: false }
}

const shareItem = (actor: Actor, row: WaitingShare, share: Membership, keyState: KeyState = 'not_needed'): string =>
  `{"kind":"share","image":${documentFor(actor, row)},"membership":${JSON.stringify(membershipDocument(share, keyState))}}`

const invitationItem = (row: WaitingInvitation): InboxItem => ({
  kind: 'invitation',
  invitation: {
    id: row.id,
    image: {
      name: row.name,
      size: row.size_bytes,
      disk_format: row.disk_format,
      os_hash_algo: row.os_hash_algo,
      os_hash_value: row.os_hash_value,
    },
    shared_by: row.owner_id,
    producer: row.handle,
    shared_at: wireDate(row.created_at),
    message: row.message,
    ends_at: row.ends_at === null ? null : wireDate(row.ends_at),
    expires_at: wireDate(row.expires_at),
  },
})

/**
 * One page of what is shared with the actor's project, an administrator's too: first invitations to it by its name that
 * wait, then shares, each newest first.
 * @throws ApiError `scope_required`, `role_required`, `invalid_marker`
 */
export const readInbox = async (
  service: Service,
  actor: Actor,
  { status, limit, marker }: InboxQuery,
): Promise<InboxPage> => {
  const projectId = projectOf(actor, 'reader')
  const view: InboxView = { projectId, projectNames: actor.projectNames, now: service.now() }
  const { read } = service.database
  const start = await startOf(read, view, marker)
  if (limit === 0) return { items: [], last: undefined }

  const waits = status === 'pending' || status === 'all'
  const invitations = start.isPastInvitations || !waits ? [] : await listAddressed(read, view, start.invitations, limit)
  const room = limit - invitations.length
  const statuses = status === 'all' ? memberStatuses : [status]
  const shares = room === 0 ? [] : await listShares(read, view, statuses, start.shares, room)

  const shown = shares.flatMap((row) => {
    const membership = membershipOf(row)
    return membership === undefined ? [] : [{ id: row.id, row, membership }]
  })
  const keys = await keyStatesFor(service, projectId, shown)
  const items = [
    ...invitations.map((row) => JSON.stringify(invitationItem(row))),
    ...shown.map(({ id, row, membership }) => shareItem(actor, row, membership, keys.get(id))),
  ]
  const last = shares.at(-1)?.id ?? invitations.at(-1)?.id
  return { items, last: invitations.length + shares.length === limit ? last : undefined }
}
