import { type MemberDocument, type MemberStatus, memberStatuses } from '@vitrine/contract'
import { apiError } from '../api-error.ts'
import type { Limits } from '../config.ts'
import type { MembersTable } from '../database/tables.ts'
import { parseFuture } from '../http/instant.ts'
import { wireDate } from '../http/json.ts'
import { checkStorable } from '../images/text.ts'

const longestId = 255

const fields = (body: unknown): Record<string, unknown> => {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw apiError('invalid_body', { why: 'it must be a JSON object' })
  }
  return { ...body }
}

/** Why a text is no id of a project; undefined: it may be one. */
const whyNoProject = (id: string): string | undefined => {
  if (id === '') return 'it must be the id of a project'
  if (id.length > longestId) return `it is longer than ${longestId} characters`
  if (/[\p{Cc}/]/u.test(id)) return 'it holds a slash or a control character'
  if (id !== id.trim()) return 'it begins or ends with a blank'
  return undefined
}

/** The project that a query asks about. @throws ApiError `invalid_parameter`, `invalid_attribute` */
export const parseProjectParameter = (text: string | undefined): string | undefined => {
  if (text === undefined) return undefined
  const why = whyNoProject(text)
  if (why !== undefined) throw apiError('invalid_parameter', { name: 'project', why })
  checkStorable('project', text)
  return text
}

/**
 * The project that `POST members` names. php-opencloud sends numbers; they are taken as their decimal text.
 * @throws ApiError `invalid_body`, `invalid_attribute`
 */
export const parseMemberCreate = (body: unknown): string => {
  const { member } = fields(body)
  if (member === undefined) throw apiError('invalid_body', { why: 'it needs the key member, the id of a project' })
  const id = typeof member === 'number' && Number.isSafeInteger(member) && member > 0 ? String(member) : member
  const refuse = (why: string) => apiError('invalid_attribute', { name: 'member', why })
  if (typeof id !== 'string') throw refuse('it must be the id of a project')
  const why = whyNoProject(id)
  if (why !== undefined) throw refuse(why)
  checkStorable('member', id)
  return id
}

/**
 * The status that `PUT members/{member_id}` asks for, as sent. Whether it is one is decided after permission.
 * @throws ApiError `invalid_body`
 */
export const parseMemberUpdate = (body: unknown): unknown => {
  const { status } = fields(body)
  if (status === undefined) throw apiError('invalid_body', { why: 'it needs the key status' })
  return status
}

/** @throws ApiError `invalid_member_status`; every change between the three is possible */
export const checkMemberStatus = (status: unknown): MemberStatus => {
  const found = memberStatuses.find((one) => one === status)
  if (found === undefined) throw apiError('invalid_member_status', {})
  return found
}

/** @throws ApiError `member_quota` when the image has as many members as it may */
export const checkMemberQuota = (used: number, { members_per_image: limit }: Limits): void => {
  if (limit >= 0 && used >= limit) throw apiError('member_quota', { limit, used })
}

export const memberDocument = (row: MembersTable): MemberDocument => ({
  member_id: row.member_id,
  image_id: row.image_id,
  status: row.status,
  created_at: wireDate(row.created_at),
  updated_at: wireDate(row.updated_at),
  schema: '/v2/schemas/member',
})

const dayMs = 24 * 60 * 60 * 1000
const reminderMs = 3 * dayMs

/** When to remind of the end of a share: three days before, or halfway to an end that is nearer than six. */
export const reminderBefore = (endsAt: number, now: number): number => {
  const ahead = endsAt - now
  return ahead >= 2 * reminderMs ? endsAt - reminderMs : now + Math.floor(ahead / 2)
}

/**
 * The end of a share as a caller writes it (undefined: none).
 * @throws ApiError `invalid_attribute` when it is no instant of the future
 */
export const parseEndsAt = (text: string | null | undefined, now: number): number | null =>
  text === undefined || text === null ? null : parseFuture('ends_at', text, now)
