import {
  type DownloadParts,
  download,
  downloadJson,
  type GetOptions,
  type JsonOptions,
  type OutboundDownload,
} from './download.ts'
import { OutboundError } from './error.ts'
import { createExchange, type ExchangeOptions } from './exchange.ts'
import { refusal, type UrlFilter } from './filter.ts'

export interface OutboundOptions extends ExchangeOptions {
  /** Longest time of a POST, and until the head of an answer to a GET. */
  readonly timeoutMs?: number
}

export interface OutboundCall {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Ends the call. */
  readonly signal?: AbortSignal
}

/** Calls that strangers choose the address of. The one way by which the service makes any. */
export interface Outbound {
  /**
   * Sends one POST and resolves with the status of the answer; its body is not read, and no redirect is followed.
   * @throws OutboundError, of one sentence for every reason: it tells nothing of the network of the service
   */
  post(url: string, call: OutboundCall): Promise<number>
  /**
   * Begins to get content. At most five redirects are followed, each checked like the address itself. What does not
   * answer and what may not be called is told of after the same time, by the same sentence.
   * @throws OutboundError; the reason of the signal if that fires
   */
  get(url: string, options: GetOptions): Promise<OutboundDownload>
  /**
   * Gets a small JSON document, by the same rules.
   * @throws OutboundError; the reason of the signal if that fires
   */
  json(url: string, options: JsonOptions): Promise<unknown>
  /** Why an address can never be called, as far as it shows in the address itself. */
  refusalOf(url: string, filter?: UrlFilter): string | undefined
}

const timeoutMsByDefault = 10_000

/** Makes the guarded way out. */
export const createOutbound = (options: OutboundOptions): Outbound => {
  const { allowed, timeoutMs = timeoutMsByDefault } = options
  const exchange = createExchange(options)
  const refusalOf = (url: string, filter?: UrlFilter): string | undefined => refusal(url, allowed, filter)
  const parts: DownloadParts = { exchange, answerTimeoutMs: timeoutMs, refusalOf }

  return {
    refusalOf,
    get: (url, options) => download(parts, url, options),
    json: (url, options) => downloadJson(parts, url, options),
    post: async (url, { headers, body, signal: given }) => {
      if (refusalOf(url) !== undefined) throw new OutboundError('unreachable')
      const timeout = AbortSignal.timeout(timeoutMs)
      const signal = given === undefined ? timeout : AbortSignal.any([timeout, given])
      try {
        const response = await exchange(new URL(url), { method: 'POST', headers, body, signal })
        response.destroy()
        return response.statusCode ?? 0
      } catch {
        throw new OutboundError('unreachable')
      }
    },
  }
}
