import type { ImageStatus } from '@vitrine/contract'
import { apiError } from '../api-error.ts'

/** Which status may follow which. Whatever is not here does not happen. `killed` and `pending_delete` never arise. */
export const transitions: Readonly<Record<ImageStatus, readonly ImageStatus[]>> = {
  queued: ['saving', 'uploading', 'importing', 'active', 'deleted'],
  saving: ['active', 'queued', 'deleted'],
  uploading: ['importing', 'queued', 'deleted'],
  importing: ['active', 'queued', 'deleted'],
  active: ['deactivated', 'deleted'],
  deactivated: ['active', 'deleted'],
  killed: ['deleted'],
  pending_delete: ['deleted', 'active'],
  deleted: [],
}

export const mayFollow = (from: ImageStatus, to: ImageStatus): boolean => transitions[from].includes(to)

/**
 * The status after (de)activation; the same as before when it is so already.
 * @throws ApiError `wrong_status` when the image has no bytes to lock
 */
export const switched = (from: ImageStatus, to: 'active' | 'deactivated'): ImageStatus => {
  if (from === to) return from
  const other = to === 'active' ? 'deactivated' : 'active'
  if (from === other && mayFollow(from, to)) return to
  throw apiError('wrong_status', { status: from, wanted: to === 'active' ? 'reactivated' : 'deactivated' })
}

/**
 * Checks that bytes may be uploaded now.
 * @throws ApiError `image_not_queued`, `formats_missing`
 */
export const checkUploadable = (image: {
  status: ImageStatus
  diskFormat: string | null
  containerFormat: string | null
}): void => {
  if (!mayFollow(image.status, 'saving')) throw apiError('image_not_queued', { status: image.status })
  const missing = [
    ...(image.diskFormat === null ? ['disk_format'] : []),
    ...(image.containerFormat === null ? ['container_format'] : []),
  ]
  if (missing.length > 0) throw apiError('formats_missing', { missing: missing.join(' and no ') })
}
