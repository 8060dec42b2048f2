import { type ApiError, apiError } from '../api-error.ts'
import { KeyError } from './port.ts'

/**
 * What a caller is told of a failure of the key manager.
 * @param refused the answer when the key may not be used: it depends on who asks
 */
export const asKeyAnswer = (error: unknown, keyId: string, refused: () => ApiError): unknown => {
  if (!(error instanceof KeyError)) return error
  switch (error.reason) {
    case 'unavailable':
      return apiError('key_manager_unavailable', {})
    case 'refused':
      return refused()
    case 'missing':
      return apiError('key_unknown', { key: keyId })
    case 'damaged':
      return apiError('key_damaged', { key: keyId })
  }
}
