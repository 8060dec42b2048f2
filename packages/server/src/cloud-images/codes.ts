import type { ErrorCode } from '@vitrine/contract'

/**
 * The codes that these calls tell instead of ours.
 * Source: https://docs.otc.t-systems.com/image-management-service/api-ref/
 */
interface CloudCode {
  readonly code: string
  /** Where it differs from the status of the error itself. */
  readonly status?: number
}

const codes: Readonly<Partial<Record<ErrorCode, CloudCode>>> = {
  malformed_json: { code: 'IMG.0001' },
  invalid_body: { code: 'IMG.0001' },
  invalid_attribute: { code: 'IMG.0001' },
  invalid_member_status: { code: 'IMG.0001' },
  body_too_large: { code: 'IMG.0001', status: 400 },
  body_not_allowed: { code: 'IMG.0001' },
  body_missing: { code: 'IMG.0007' },
  role_required: { code: 'IMG.0026' },
  scope_required: { code: 'IMG.0026' },
  image_not_found: { code: 'IMG.0027' },
  member_not_found: { code: 'IMG.0027' },
  resource_not_found: { code: 'IMG.0027' },
  member_status_of_owner: { code: 'IMG.0030', status: 400 },
  members_by_owner: { code: 'IMG.0047' },
  own_image: { code: 'IMG.0076', status: 400 },
  member_quota: { code: 'IMG.0088', status: 400 },
  key_not_granted: { code: 'IMG.0099', status: 400 },
  key_never_granted: { code: 'IMG.0098', status: 400 },
  key_unknown: { code: 'IMG.0095', status: 400 },
  key_unnamed: { code: 'IMG.0095', status: 400 },
  key_not_adopted: { code: 'IMG.0099', status: 400 },
  key_of_other: { code: 'IMG.0099', status: 400 },
  key_disabled: { code: 'IMG.0097', status: 400 },
  members_need_shared: { code: 'IMG.0089' },
}

/** The code and status for an error of ours; undefined when these calls have none of their own for it. */
export const cloudCodeOf = (error: {
  readonly code: ErrorCode
  readonly status: number
}): { readonly code: string; readonly status: number } | undefined => {
  const found = codes[error.code]
  return found === undefined ? undefined : { code: found.code, status: found.status ?? error.status }
}

/** What a pair fails with that has no code of its own. */
export const failureCodes = {
  imsAddImageMembersJob: 'IMG.0112',
  imsDelImageMembersJob: 'IMG.0113',
  imsUpdateImageMembersJob: 'IMG.0001',
} as const
