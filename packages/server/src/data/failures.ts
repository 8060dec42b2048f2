import { ApiError, apiError } from '../api-error.ts'
import { asApiError } from '../http/errors.ts'
import { StoreError } from '../storage/port.ts'
import { IngestError } from './ingest-error.ts'
import { storeAnswer } from './store-answers.ts'

/** What the sentences about a failure need. */
export interface AboutWrite {
  readonly announcedBytes: number | undefined
  readonly diskFormat: string | null
  readonly limitBytes: number
}

/** What is told of bytes that could not be taken. */
export const whyFailed = (error: unknown, { announcedBytes, diskFormat, limitBytes }: AboutWrite): ApiError => {
  if (error instanceof ApiError) return error
  if (error instanceof StoreError) return storeAnswer(error)
  if (!(error instanceof IngestError)) return asApiError(error)
  switch (error.reason) {
    case 'too_large':
      return apiError('image_too_large', { limit: limitBytes })
    case 'size_mismatch':
      return apiError('size_mismatch', { announced: announcedBytes ?? 0, received: error.receivedBytes })
    case 'content_mismatch':
      return apiError('content_mismatch', { format: diskFormat ?? 'none', why: error.message })
    case 'virtual_size':
      return apiError('virtual_size_too_large', { why: error.message })
    case 'not_signed':
      return apiError('signature_refused', { why: 'it is not one of these bytes by the key of its certificate' })
    case 'incomplete':
      if (error.cause instanceof ApiError) return error.cause
      if (error.cause instanceof StoreError) return storeAnswer(error.cause)
      return apiError('upload_incomplete', {})
    case 'timeout':
      return apiError('request_timeout', {})
    case 'store_full':
      return apiError('store_full', {})
    case 'store_unavailable':
      return apiError('store_unavailable', {})
    case 'aborted':
      return apiError('stopping', {})
    case 'hashing_failed':
      return apiError('internal', {})
  }
}
