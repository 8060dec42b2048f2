import { createParser } from 'eventsource-parser'
import { abortable } from './abortable.ts'
import { UnexpectedResponseError } from './errors.ts'
import { asNetworkError, type Read, type Transport } from './transport.ts'

/** What came of a stream: a whole event, or only the position in the stream. */
export type StreamPart = { kind: 'event'; data: string } | { kind: 'position'; position: string }

/** More characters than any single event has. */
const maxBufferSize = 1_000_000

/**
 * The events of one answer, until it ends. Ending the walk closes the connection; so does silence, which a service
 * prevents by comments.
 */
export const readEventStream =
  (transport: Transport): Read<AsyncGenerator<StreamPart, void, undefined>> =>
  async (response, watchdog, url) => {
    const type = response.headers.get('content-type') ?? ''
    if (response.body === null || !type.startsWith('text/event-stream')) {
      throw new UnexpectedResponseError('The service answered with something that is no stream of events.')
    }
    const reader = response.body.getReader()
    const parts: StreamPart[] = []
    let tooLong = false
    const parser = createParser({
      maxBufferSize,
      onId: (position) => parts.push({ kind: 'position', position }),
      onEvent: ({ data }) => parts.push({ kind: 'event', data }),
      onError: ({ type }) => {
        tooLong ||= type === 'max-buffer-size-exceeded'
      },
    })
    watchdog.disarm()

    const read = async () => {
      watchdog.arm(transport.idleTimeoutMs, 'The stream of events brought nothing')
      try {
        return await abortable(reader.read(), watchdog.signal)
      } catch (error) {
        throw watchdog.signal.aborted ? watchdog.signal.reason : asNetworkError(error, url)
      } finally {
        watchdog.disarm()
      }
    }

    return (async function* () {
      const decoder = new TextDecoder()
      try {
        for (;;) {
          const { done, value } = await read()
          if (done) return
          parser.feed(decoder.decode(value, { stream: true }))
          yield* parts.splice(0)
          if (tooLong) throw new UnexpectedResponseError('The service sent an event of more than a million characters.')
        }
      } finally {
        watchdog.end()
        // A connection that broke has nothing left to be cancelled.
        await reader.cancel().catch(() => undefined)
      }
    })()
  }
