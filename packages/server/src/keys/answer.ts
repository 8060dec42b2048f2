import { type ApiError, apiError } from '../api-error.ts'
import type { Service } from '../service.ts'
import { KeyError } from './port.ts'

/** What the owner of a key is told when the key manager fails on it. */
const answerOf = (error: KeyError, keyId: string): ApiError => {
  switch (error.reason) {
    case 'unavailable':
    // Refused by the manager, where nobody but the service and the owner of the key is concerned: something is set up wrongly.
    case 'refused':
      return apiError('key_manager_unavailable', {})
    case 'missing':
    case 'damaged':
      return apiError('key_damaged', { key: keyId })
  }
}

/**
 * Does something with a key of the caller's project.
 * @throws ApiError `key_manager_unavailable`, `key_damaged` instead of KeyError
 */
export const answered = async <Result>(
  { log }: Pick<Service, 'log'>,
  requestId: string | null,
  keyId: string,
  work: () => Promise<Result>,
): Promise<Result> => {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof KeyError)) throw error
    log.error({ err: error, reqId: requestId }, 'a key cannot be used')
    throw answerOf(error, keyId)
  }
}
