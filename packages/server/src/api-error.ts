import { type ErrorCode, type ErrorValues, errorTable, errorText } from '@vitrine/contract'

/** An answer other than success, by its row of the error table. Thrown by rules and routes, rendered by `http/errors`. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: ErrorCode
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ErrorCode, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.code = code
    this.status = errorTable[code].status
    this.headers = headers
  }
}

/**
 * Makes an error from its row of the table.
 * @param values what the sentences of the row name in braces
 * @param headers response headers that belong to this error, such as `Allow`
 */
export const apiError = <Code extends ErrorCode>(
  code: Code,
  values: ErrorValues<Code>,
  headers?: Readonly<Record<string, string>>,
): ApiError => new ApiError(code, errorText(code, values), headers)
