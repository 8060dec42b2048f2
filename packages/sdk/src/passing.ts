import { HttpError, NetworkError } from './errors.ts'

const passingStatuses: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** No answer, or one of something that is busy or in between: a little later the same call may be answered. */
export const isPassing = (error: unknown): boolean =>
  error instanceof NetworkError || (error instanceof HttpError && passingStatuses.has(error.status))
