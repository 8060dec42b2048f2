import { errorMessage } from './error-message.ts'
import type { ImportState } from './image-import.ts'
import type { JsonValue } from './json.ts'
import type { Task } from './task.ts'

/** The root of every error that this package throws by itself. A caller's own abort reason is passed on as it is. */
export class OpenStackError extends Error {
  override name = 'OpenStackError'
}

/** An argument cannot be right; found before any request was made. */
export class InvalidArgumentError extends OpenStackError {
  override name = 'InvalidArgumentError'
}

/** Settings of the connection are missing or contradict each other. */
export class ConfigurationError extends OpenStackError {
  override name = 'ConfigurationError'
}

/** The catalogue of the cloud has no endpoint that fits. */
export class EndpointNotFoundError extends OpenStackError {
  override name = 'EndpointNotFoundError'
}

/** The service answered with something that is not the API. */
export class UnexpectedResponseError extends OpenStackError {
  override name = 'UnexpectedResponseError'
}

/** The image has no bytes (yet). */
export class NoDataError extends OpenStackError {
  override name = 'NoDataError'
}

/** Bytes arrived whole, but are not the ones that the service has a digest of. */
export class ChecksumMismatchError extends OpenStackError {
  override name = 'ChecksumMismatchError'
}

/** An import that was waited for did not come to its end. `message` holds what the service says of the cause. */
export class ImportFailedError extends OpenStackError {
  override name = 'ImportFailedError'
  /** The last that the image told of it. */
  readonly state: ImportState
  /** The task that failed; undefined where the cloud does not tell. */
  readonly task: Task | undefined

  constructor(imageId: string, state: ImportState, task: Task | undefined) {
    const reason = task?.message === undefined || task.message === '' ? 'The service does not say why.' : task.message
    super(`The import of the image ${imageId} failed; it is ${state.status}. ${reason}`)
    this.state = state
    this.task = task
  }
}

/** No answer came: no connection, or it broke off. `cause` is what the platform said. */
export class NetworkError extends OpenStackError {
  override name = 'NetworkError'
}

/** No answer, or no further byte, came within the time allowed. */
export class TimeoutError extends NetworkError {
  override name = 'TimeoutError'
}

export interface HttpErrorDetails {
  status: number
  /** The body of the answer: JSON where it is JSON, else text, cut after 64 KiB. */
  body: JsonValue
  method: string
  /** Address that was asked, without its query. */
  url: string
  requestId?: string | undefined
  reason?: string | undefined
  retryAfter?: string | undefined
  retryAfterSeconds?: number | undefined
}

/** The service answered, and refused. `message` is its own explanation. */
export class HttpError extends OpenStackError {
  override name = 'HttpError'
  readonly status: number
  /** What the operator finds this request by in the logs (`X-OpenStack-Request-Id`). */
  readonly requestId: string | undefined
  readonly body: JsonValue
  readonly method: string
  readonly url: string
  /** `Retry-After` as the service sent it: seconds or an HTTP date. */
  readonly retryAfter: string | undefined
  /** The same as whole seconds from the moment of the answer; undefined when the service did not say. */
  readonly retryAfterSeconds: number | undefined

  constructor(details: HttpErrorDetails) {
    super(errorMessage(details.status, details.body, details.reason))
    this.status = details.status
    this.requestId = details.requestId
    this.body = details.body
    this.method = details.method
    this.url = details.url
    this.retryAfter = details.retryAfter
    this.retryAfterSeconds = details.retryAfterSeconds
  }
}

/** 400: the request itself is wrong. */
export class BadRequestError extends HttpError {
  override name = 'BadRequestError'
}

/** 401: the credentials were refused, or the token was, even after one renewal. */
export class UnauthorizedError extends HttpError {
  override name = 'UnauthorizedError'
}

/** 403: you may see it, but not do this. */
export class ForbiddenError extends HttpError {
  override name = 'ForbiddenError'
}

/** 404: it is not there, or not for you; the service never tells which. */
export class NotFoundError extends HttpError {
  override name = 'NotFoundError'
}

/** 409: it clashes with what is there. */
export class ConflictError extends HttpError {
  override name = 'ConflictError'
}

/** 413: a quota or a limit of size is exceeded. */
export class OverLimitError extends HttpError {
  override name = 'OverLimitError'
}

/** 410: it was there and is gone, like a link that has ended. */
export class GoneError extends HttpError {
  override name = 'GoneError'
}

/** 429: too much in a short time; `retryAfterSeconds` says when to come back. */
export class TooManyRequestsError extends HttpError {
  override name = 'TooManyRequestsError'
}

const classes = new Map<number, typeof HttpError>([
  [400, BadRequestError],
  [401, UnauthorizedError],
  [403, ForbiddenError],
  [404, NotFoundError],
  [409, ConflictError],
  [410, GoneError],
  [413, OverLimitError],
  [429, TooManyRequestsError],
])

/** The error for a refusal, of the class that belongs to its status. */
export const httpError = (details: HttpErrorDetails): HttpError => {
  const Class = classes.get(details.status) ?? HttpError
  return new Class(details)
}
