import type { ErrorCode } from '@vitrine/contract'
import { type ApiError, apiError } from '../api-error.ts'
import type { StoreError, StoreFailure } from '../storage/port.ts'

const codes = {
  full: 'store_full',
  unavailable: 'store_unavailable',
  damaged: 'image_damaged',
} as const satisfies Record<StoreFailure, ErrorCode>

/** What a caller is told of a failure of the store. */
export const storeAnswer = ({ reason }: StoreError): ApiError => apiError(codes[reason], {})
