import type { EventType } from '@vitrine/contract/words'
import { HttpError, NetworkError, UnexpectedResponseError } from './errors.ts'
import { type ImageEvent, parseEvent } from './event.ts'
import { readEventStream } from './event-stream.ts'
import type { Open } from './fields.ts'
import type { CallOptions, ImageApi } from './image-api.ts'
import type { PageOptions, PaginatedIterator } from './iterators.ts'
import { type JsonValue, parseJson } from './json.ts'
import { paginated } from './paginated.ts'
import { retryDelayMs } from './retry.ts'

export type ActivityFilter = {
  /** Such as `member.create`; several: any of them. */
  type?: Open<EventType> | readonly Open<EventType>[] | undefined
}

export const listActivity = (
  api: ImageApi,
  filter: ActivityFilter,
  options: PageOptions & CallOptions,
): PaginatedIterator<ImageEvent> => paginated(api, ['activity'], 'events', filter, options, parseEvent)

/** An event of the live stream. */
export interface LiveEvent extends ImageEvent {
  /** Where the stream stands after it: what to give as `since` to go on from here. */
  position: string | undefined
}

export interface WatchOptions extends CallOptions {
  /** Position of the last event that is known already. Default: what happens from now on. */
  since?: string | undefined
}

const maxDelayMs = 30_000
/** A connection that held this long is a good one, and its end no sign of trouble. */
const steadyMs = 60_000

/** Whether the stream may come back: no answer, or an answer of "not now". */
const passing = (error: unknown): boolean =>
  error instanceof NetworkError || (error instanceof HttpError && (error.status === 429 || error.status >= 500))

const parseData = (data: string): JsonValue => {
  try {
    return parseJson(data)
  } catch (cause) {
    throw new UnexpectedResponseError('The stream of the service holds an event that is not JSON.', { cause })
  }
}

/**
 * What happens, as it happens. A connection that ends is made anew for as long as it takes and goes on after the last
 * event, with a new token when the old one has expired. Only the first connection fails when there is no service.
 * @throws HttpError when the service refuses, also later
 */
export async function* watchActivity(
  api: ImageApi,
  { since, signal }: WatchOptions,
): AsyncGenerator<LiveEvent, never, undefined> {
  const { clock, random } = api.transport
  let position = since
  let failures = 0
  let wasConnected = false

  for (;;) {
    let retryAfter: string | undefined
    let connectedAt: number | undefined
    try {
      const headers: Record<string, string> = { Accept: 'text/event-stream, application/json' }
      if (position !== undefined) headers['Last-Event-ID'] = position
      const request = { method: 'GET', headers, repeatable: true, resendable: true, signal }
      const parts = await api.stream(['activity', 'stream'], request, readEventStream(api.transport))
      connectedAt = clock.now()
      wasConnected = true
      for await (const part of parts) {
        if (part.kind === 'position') {
          position = part.position
          continue
        }
        failures = 0
        yield { ...parseEvent(parseData(part.data)), position }
      }
    } catch (error) {
      if (!wasConnected || !passing(error)) throw error
      retryAfter = error instanceof HttpError ? error.retryAfter : undefined
    }
    if (connectedAt !== undefined && clock.now() - connectedAt > steadyMs) failures = 0
    failures++
    const outcome = { attempt: failures, repeatable: true, status: undefined, retryAfter }
    const policy = { maxRetries: Number.POSITIVE_INFINITY, maxDelayMs }
    await clock.sleep(retryDelayMs(outcome, policy, clock.now(), random()) ?? maxDelayMs, signal)
  }
}
