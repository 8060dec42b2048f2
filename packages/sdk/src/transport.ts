import { abortable } from './abortable.ts'
import { type Clock, systemClock } from './clock.ts'
import { readUrl } from './endpoint.ts'
import {
  ConfigurationError,
  HttpError,
  httpError,
  NetworkError,
  TimeoutError,
  UnexpectedResponseError,
} from './errors.ts'
import { type JsonValue, parseJson } from './json.ts'
import { networkErrorMessage } from './network-error-message.ts'
import { defaultRetryPolicy, type RetryPolicy, retryAfterMs, retryDelayMs } from './retry.ts'
import { Watchdog } from './watchdog.ts'

export interface FetchInit extends RequestInit {
  /** Node needs it said that the answer is read only after the body was sent. */
  duplex?: 'half'
}

/** The part of `fetch` that is used here: an address as text, always with an init. */
export type Fetch = (url: string, init: FetchInit) => Promise<Response>

/** What the debugging hooks see; secrets in headers are replaced by `***`, bodies are not shown. */
export interface RequestTrace {
  method: string
  url: string
  headers: Readonly<Record<string, string>>
  /** 1 for the first try of a request. */
  attempt: number
}

export interface ResponseTrace extends RequestTrace {
  /** Undefined when no answer came; then `error` says why. */
  status: number | undefined
  requestId: string | undefined
  /** From sending to the headers of the answer. */
  durationMs: number
  error?: unknown
}

export interface TransportOptions {
  /** Default: the platform's `fetch`. */
  fetch?: Fetch
  /** Limit for a whole call without a stream, and for the headers of a stream. Default 60 s. */
  timeoutMs?: number
  /** Limit for silence on the network while a stream runs; a slow source or reader does not count. Default 60 s. */
  idleTimeoutMs?: number
  /** Limit for the answer to an upload after its last byte: a service may still hash and store. Default 300 s. */
  finishTimeoutMs?: number
  retry?: Partial<RetryPolicy>
  /** Sent as `User-Agent`; leave it out in browsers, where it costs a permission of the service (CORS). */
  userAgent?: string
  onRequest?: (trace: RequestTrace) => void
  onResponse?: (trace: ResponseTrace) => void
  clock?: Clock
  random?: () => number
}

/** Where a request takes its token from. */
export interface TokenSource {
  /**
   * A token to send; undefined to send none.
   * @param rejected the token that was answered with 401: a source that can get another one does, once
   */
  token(rejected?: string): Promise<string | undefined>
}

export interface WireRequest {
  method: string
  url: URL
  headers?: Readonly<Record<string, string>>
  /** Makes the body, for each attempt anew. */
  body?: (watchdog: Watchdog) => FetchInit['body']
  /** Doing it twice is the same as doing it once: it may be repeated after a failure. */
  repeatable: boolean
  /** The body can be made a second time, so a renewed token may be tried. */
  resendable: boolean
  tokens?: TokenSource | undefined
  signal?: AbortSignal | undefined
  /** Takes the place of the transport's own, for uploads of a page. */
  fetch?: Fetch | undefined
}

/** Takes what it needs from a good answer. It ends the watchdog, unless it passes it on to a stream. */
export type Read<T> = (response: Response, watchdog: Watchdog, url: URL) => Promise<T>

export interface Transport {
  /** One request with its renewals and repetitions. Throws HttpError for every refusal. */
  send<T>(request: WireRequest, read: Read<T>): Promise<T>
  readonly idleTimeoutMs: number
  readonly finishTimeoutMs: number
  readonly clock: Clock
  readonly random: () => number
  /** No other `fetch` was handed in. */
  readonly usesPlatformFetch: boolean
}

const secretHeaders = new Set(['x-auth-token', 'x-subject-token', 'x-service-token', 'authorization'])

const redacted = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, secretHeaders.has(name.toLowerCase()) ? '***' : value]),
  )

/** The platform's own error about a header would quote the token. */
const headerSafe = (token: string): string => {
  if (/^[\x21-\x7e]+$/.test(token)) return token
  throw new ConfigurationError('The token is empty, or holds blanks, line ends or other characters no token has.')
}

const maxErrorBodyBytes = 65_536

/** The beginning of a body, as text: an error page has no business being long. */
const readSome = async (response: Response): Promise<string> => {
  if (response.body === null) return ''
  const reader = response.body.getReader()
  const decoder = new TextDecoder()
  let text = ''
  for (let size = 0; size < maxErrorBodyBytes; ) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    size += value.byteLength
    text += decoder.decode(value, { stream: true })
  }
  await reader.cancel()
  return text
}

const bodyOf = (text: string): JsonValue => {
  try {
    return parseJson(text)
  } catch {
    return text
  }
}

const requestIdOf = (response: Response): string | undefined =>
  response.headers.get('x-openstack-request-id') ?? undefined

const withoutQuery = (url: URL): string => `${url.origin}${url.pathname}`

/** Reads a JSON answer; `undefined` for an empty one. */
export const readJson: Read<JsonValue | undefined> = async (response, watchdog) => {
  const text = await response.text()
  watchdog.end()
  if (text === '') return undefined
  try {
    return parseJson(text)
  } catch (cause) {
    throw new UnexpectedResponseError(
      `The service answered ${response.status} with something that is not JSON. Check the address of the endpoint.`,
      { cause },
    )
  }
}

const refuse = async (request: WireRequest, response: Response, now: number): Promise<never> => {
  if (response.type === 'opaqueredirect' || (response.status > 300 && response.status < 400)) {
    const target = readUrl(response.headers.get('location') ?? '', request.url.href)
    await response.body?.cancel()
    throw new UnexpectedResponseError(
      `${withoutQuery(request.url)} redirects${target === undefined ? '' : ` to ${withoutQuery(target)}`}. ` +
        'Redirects are not followed, because the token would go along; use the right address of the service.',
    )
  }
  const retryAfter = response.headers.get('retry-after') ?? undefined
  const delayMs = retryAfterMs(retryAfter, now)
  throw httpError({
    status: response.status,
    body: bodyOf(await readSome(response)),
    method: request.method,
    url: withoutQuery(request.url),
    requestId: requestIdOf(response),
    reason: response.statusText,
    retryAfter,
    retryAfterSeconds: delayMs === undefined ? undefined : Math.ceil(delayMs / 1000),
  })
}

/** The one place where requests leave from. */
export const createTransport = (options: TransportOptions = {}): Transport => {
  const platformFetch: Fetch = options.fetch ?? ((url, init) => globalThis.fetch(url, init))
  const timeoutMs = options.timeoutMs ?? 60_000
  const clock = options.clock ?? systemClock
  const random = options.random ?? Math.random
  const policy = { ...defaultRetryPolicy, ...options.retry }

  const exchange = async (request: WireRequest, token: string | undefined, attempt: number, watchdog: Watchdog) => {
    const headers: Record<string, string> = { Accept: 'application/json', ...request.headers }
    if (options.userAgent !== undefined) headers['User-Agent'] = options.userAgent
    if (token !== undefined) headers['X-Auth-Token'] = headerSafe(token)
    const trace = { method: request.method, url: request.url.href, headers: redacted(headers), attempt }
    options.onRequest?.(trace)
    const startedAt = clock.now()
    const init: FetchInit = {
      method: request.method,
      headers,
      signal: watchdog.signal,
      redirect: 'manual',
      cache: 'no-store',
    }
    try {
      if (request.body !== undefined) {
        init.body = request.body(watchdog) ?? null
        // Where a redirect might be followed, Node's fetch keeps a copy of a streamed body: the whole image, in memory.
        if (init.body instanceof ReadableStream)
          Object.assign(init, { duplex: 'half', redirect: 'error', window: null })
      }
      const response = await (request.fetch ?? platformFetch)(request.url.href, init)
      const durationMs = clock.now() - startedAt
      options.onResponse?.({ ...trace, status: response.status, requestId: requestIdOf(response), durationMs })
      return response
    } catch (error) {
      const durationMs = clock.now() - startedAt
      options.onResponse?.({ ...trace, status: undefined, requestId: undefined, durationMs, error })
      throw error
    }
  }

  const attemptOnce = async <T>(request: WireRequest, token: string | undefined, attempt: number, read: Read<T>) => {
    const watchdog = new Watchdog(request.signal)
    watchdog.arm(timeoutMs, `No answer from ${request.url.origin}`)
    try {
      const response = await exchange(request, token, attempt, watchdog)
      // 300 is how version documents are answered.
      if (!response.ok && response.status !== 300) await refuse(request, response, clock.now())
      return await read(response, watchdog, request.url)
    } catch (error) {
      // Also ends an upload that the service has refused before its last byte.
      const stopped = watchdog.signal.aborted
      if (!stopped) watchdog.stop(error)
      throw stopped ? watchdog.signal.reason : asNetworkError(error, request.url)
    }
  }

  const send = async <T>(request: WireRequest, read: Read<T>): Promise<T> => {
    let attempt = 1
    const { tokens, signal } = request
    let token = tokens && (await abortable(tokens.token(), signal))
    let renewed = false
    for (;;) {
      try {
        signal?.throwIfAborted()
        return await attemptOnce(request, token, attempt, read)
      } catch (error) {
        const status = error instanceof HttpError ? error.status : undefined
        if (status === 401 && !renewed && request.resendable && tokens !== undefined) {
          renewed = true
          const next = await abortable(tokens.token(token), signal)
          if (next === undefined || next === token) throw error
          token = next
          continue
        }
        const passing = status !== undefined || (error instanceof NetworkError && !(error instanceof TimeoutError))
        const retryAfter = error instanceof HttpError ? error.retryAfter : undefined
        const outcome = { attempt, repeatable: request.repeatable, status, retryAfter }
        const delayMs = passing ? retryDelayMs(outcome, policy, clock.now(), random()) : undefined
        if (delayMs === undefined) throw error
        await clock.sleep(delayMs, signal)
        attempt++
      }
    }
  }

  return {
    send,
    idleTimeoutMs: options.idleTimeoutMs ?? 60_000,
    finishTimeoutMs: options.finishTimeoutMs ?? 300_000,
    clock,
    random,
    usesPlatformFetch: options.fetch === undefined,
  }
}

/** Errors of the platform become a NetworkError; those of this package and of the caller's own code stay. */
export const asNetworkError = (error: unknown, url: URL): unknown =>
  error instanceof TypeError || (error instanceof Error && 'code' in error)
    ? new NetworkError(networkErrorMessage(url, error), { cause: error })
    : error
