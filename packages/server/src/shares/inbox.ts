import { type InboxItem, type MemberStatus, memberStatuses } from '@vitrine/contract'
import type { Actor } from '../access/actor.ts'
import { projectOf } from '../access/project.ts'
import { apiError } from '../api-error.ts'
import type { Reader } from '../database/database.ts'
import { wireDate } from '../http/json.ts'
import { keyFindingsFor, type Membership, membershipDocument, membershipOf } from '../images/membership.ts'
import { documentFor } from '../images/stored-document.ts'
import { type KeyFinding, noKey } from '../keys/states.ts'
import type { Service } from '../service.ts'
import { inShort, judgeBoot } from './boot-rules.ts'
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

/** What the page shows of a share, once it is known what its image needs. */
interface Shown {
  readonly id: string
  readonly row: WaitingShare
  readonly membership: Membership
}

const shareItem = (
  { actor, view }: { readonly actor: Actor; readonly view: InboxView },
  { row, membership }: Shown,
  key: KeyFinding = noKey,
): string => {
  const { owner, encryption, key_id } = membership
  const answer = judgeBoot({
    image: { ...row, owner, encryption, key_id, visibility: 'shared' },
    project: view.projectId,
    relation: 'member',
    share: membership,
    now: view.now,
    key,
    server: {},
    ifShared: undefined,
    storage: null,
  })
  const parts = {
    membership: membershipDocument(membership, key),
    can_boot: inShort(answer),
  } satisfies Partial<Extract<InboxItem, { kind: 'share' }>>
  return `{"kind":"share","image":${documentFor(actor, row)},${JSON.stringify(parts).slice(1)}`
}

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

  const shown = shares.flatMap((row): Shown[] => {
    const membership = membershipOf(row)
    return membership === undefined ? [] : [{ id: row.id, row, membership }]
  })
  const keys = await keyFindingsFor(service, projectId, shown)
  const items = [
    ...invitations.map((row) => JSON.stringify(invitationItem(row))),
    ...shown.map((share) => shareItem({ actor, view }, share, keys.get(share.id))),
  ]
  const last = shares.at(-1)?.id ?? invitations.at(-1)?.id
  return { items, last: invitations.length + shares.length === limit ? last : undefined }
}
