import { randomUUID } from 'node:crypto'
import type { InvitationCreate } from '@vitrine/contract'
import type { Actor } from '../access/actor.ts'
import { entitled } from '../access/entitle.ts'
import { apiError } from '../api-error.ts'
import type { Limits } from '../config.ts'
import type { Tx } from '../database/database.ts'
import { lockName } from '../database/dialect.ts'
import type { InvitationsTable } from '../database/sharing-tables.ts'
import type { ImagesTable } from '../database/tables.ts'
import { type Cause, recordEvent } from '../events/events.ts'
import { parseFuture } from '../http/instant.ts'
import { wireDate } from '../http/json.ts'
import { findImage, findImageForChange } from '../images/queries.ts'
import { checkGrantableLater } from '../keys/clearance.ts'
import type { KeyHolder } from '../keys/port.ts'
import { parseEndsAt } from '../members/rules.ts'
import type { Service } from '../service.ts'
import { digestOfCode, hintOf, newCode } from './code.ts'
import { countOpenInvitations, findOpenAddressed, insertInvitation } from './queries.ts'

const dayMs = 24 * 60 * 60 * 1000
export const defaultLifeMs = 14 * dayMs
const longestLifeMs = 366 * dayMs

/** What an invitation says. Instants are milliseconds since 1970. */
export interface InvitationTerms {
  /** Projects that can claim it. */
  readonly uses: number
  readonly expiresAt: number
  /** In small letters. */
  readonly emailDomain: string | null
  /** `name@domain` in small letters: the project that it is for, instead of a code. */
  readonly addressee: string | null
  /** Status of the memberships that it makes. */
  readonly status: 'pending' | 'accepted'
  readonly message: string | null
  /** When the shares made by it end. */
  readonly endsAt: number | null
  /** Whether who claims it may use the key of the image, too. */
  readonly grantsKey: boolean
}

const refuse = (name: string, why: string) => apiError('invalid_attribute', { name, why })

/**
 * The name of a project as people write it, `name@domain`, in small letters.
 * @throws ApiError `invalid_attribute`
 */
export const parseProjectName = (text: string): string => {
  const name = text.trim().toLowerCase()
  const at = name.lastIndexOf('@')
  if (at < 1 || at === name.length - 1) throw refuse('project', 'it must be name@domain')
  return name
}

const parseExpiry = (text: string | undefined, now: number): number => {
  if (text === undefined) return now + defaultLifeMs
  const expiresAt = parseFuture('expires_at', text, now)
  if (expiresAt > now + longestLifeMs) throw refuse('expires_at', 'it is more than a year ahead')
  return expiresAt
}

/** @throws ApiError `invalid_attribute` */
export const parseTerms = (body: InvitationCreate, now: number): InvitationTerms => {
  const { uses = 1, email_domain: domain, project } = body
  if (project !== undefined && (uses !== 1 || domain !== undefined)) {
    throw refuse('project', 'an invitation to one project has neither uses nor email_domain')
  }
  return {
    uses,
    expiresAt: parseExpiry(body.expires_at, now),
    emailDomain: domain?.toLowerCase() ?? null,
    addressee: project === undefined ? null : parseProjectName(project),
    status: body.status ?? 'pending',
    message: body.message ?? null,
    endsAt: parseEndsAt(body.ends_at, now),
    grantsKey: body.grant ?? false,
  }
}

/** Makes those who make invitations of a project wait for each other, so that its quota holds. */
export const lockInvitations = (tx: Tx, ownerId: string): Promise<void> => lockName(tx, `invitations of ${ownerId}`)

const checkQuota = async (tx: Tx, limit: number, ownerId: string, now: number): Promise<void> => {
  if (limit < 0) return
  await lockInvitations(tx, ownerId)
  if ((await countOpenInvitations(tx, ownerId, now)) >= limit) {
    throw apiError('resource_quota', { limit, kind: 'open invitations' })
  }
}

/**
 * Makes an invitation within a transaction that has locked the image and decided that the caller may invite
 * (`member.invite`). Nothing is looked up about the project that it is addressed to: the answer is the same whether there
 * is such a project.
 * @returns the invitation; its code, which is told once, unless it is addressed; and whether it was there already: to one
 *   project there is one open invitation to an image at a time
 * @throws ApiError `resource_quota`; `forbidden` for an image without owner
 */
export const createInvitation = async (
  tx: Tx,
  limits: Limits,
  cause: Cause,
  image: ImagesTable,
  terms: InvitationTerms,
): Promise<{ row: InvitationsTable; code: string | undefined; isNew: boolean }> => {
  if (image.owner === null) throw apiError('forbidden', { what: 'invite to it, because it has no owner' })
  if (terms.addressee !== null) {
    const open = await findOpenAddressed(tx, image.id, terms.addressee, cause.at)
    if (open !== undefined) return { row: open, code: undefined, isNew: false }
  }
  await checkQuota(tx, limits.invitations_per_project, image.owner, cause.at)
  const code = terms.addressee === null ? newCode() : undefined
  const row: InvitationsTable = {
    id: randomUUID(),
    image_id: image.id,
    owner_id: image.owner,
    code_digest: code === undefined ? null : (digestOfCode(code) ?? null),
    hint: code === undefined ? null : hintOf(code),
    addressee: terms.addressee,
    uses: terms.uses,
    used: 0,
    email_domain: terms.emailDomain,
    status: terms.status,
    message: terms.message,
    ends_at: terms.endsAt,
    grant_key: terms.grantsKey ? 1 : 0,
    created_by: cause.userId,
    created_at: cause.at,
    expires_at: terms.expiresAt,
    revoked_at: null,
  }
  await insertInvitation(tx, row)
  await recordEvent(tx, cause, {
    type: 'invitation.create',
    imageId: image.id,
    ownerId: image.owner,
    audience: 'owner',
    detail: {
      invitation_id: row.id,
      expires_at: wireDate(row.expires_at),
      ...(row.addressee === null ? {} : { addressee: row.addressee, name: image.name }),
      ...(row.message === null ? {} : { message: row.message }),
      ...(row.ends_at === null ? {} : { ends_at: wireDate(row.ends_at) }),
    },
  })
  return { row, code, isNew: true }
}

/**
 * Makes an invitation for an actor.
 * @throws ApiError `image_not_found`, `members_by_owner`, `members_need_shared`, `role_required`, `invalid_attribute`,
 *   `resource_quota`, `conflict`, and those of `checkGrantableLater`
 */
export const invite = async (
  service: Service,
  actor: Actor,
  holder: KeyHolder,
  cause: Cause,
  body: InvitationCreate,
): Promise<{ row: InvitationsTable; code: string | undefined }> => {
  const { database, limits } = service
  const terms = parseTerms(body, cause.at)
  if (terms.grantsKey) {
    const found = await findImage(database.read, body.image_id, actor.projectId, cause.at)
    const { row: image } = entitled(actor, 'member.invite', { image: body.image_id }, found)
    await checkGrantableLater(service, image, holder)
  }
  return database.write(async (tx) => {
    const found = await findImageForChange(tx, body.image_id, actor.projectId, cause.at)
    const { row: image } = entitled(actor, 'member.invite', { image: body.image_id }, found)
    const made = await createInvitation(tx, limits, cause, image, terms)
    if (!made.isNew) throw apiError('conflict', { why: 'There is an open invitation of that project to this image' })
    return made
  })
}
