import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { limitBody } from './body.ts'
import { OutboundError } from './error.ts'
import type { Exchange } from './exchange.ts'
import type { UrlFilter } from './filter.ts'
import { type Part, resumed } from './resume.ts'

export interface GetOptions {
  readonly filter: UrlFilter
  /** Sent to the origin of the address alone, never to where it leads on. */
  readonly headers?: Readonly<Record<string, string>>
  /** Ends the transfer, also its body, with its reason. */
  readonly signal: AbortSignal
  /** Longest pause of the sender within the body. */
  readonly idleTimeoutMs: number
  /** Longest time of the whole transfer. */
  readonly totalTimeoutMs?: number
  /** More bytes than these are refused. */
  readonly bytesMax?: number
  /** Where to begin, if the sender can; `offsetBytes` of the outcome tells where it begins. */
  readonly offsetBytes?: number
  /** The ETag that the content had; of other content all is sent. */
  readonly ifRange?: string
  /** How often in a row a body that breaks off is gone on with, if the sender can. */
  readonly resumptions?: number
}

/** Content that is being sent. */
export interface OutboundDownload {
  /** Of all of the content; undefined if the sender does not tell. */
  readonly sizeBytes: number | undefined
  /** Where in the content the body begins. */
  readonly offsetBytes: number
  /** Ends with an `OutboundError` if it breaks off, stalls or grows too large; to be destroyed if it is not read to its end. */
  readonly body: Readable
  readonly etag: string | undefined
  readonly lastModified: string | undefined
  /** Where the content came from in the end. */
  readonly url: string
}

export interface DownloadParts {
  readonly exchange: Exchange
  readonly answerTimeoutMs: number
  readonly refusalOf: (url: string, filter: UrlFilter) => string | undefined
}

/** A small document, as it was answered. */
export type JsonOptions = Omit<GetOptions, 'offsetBytes' | 'ifRange' | 'resumptions'> & { readonly bytesMax: number }

const redirectsMax = 5
const redirectStatuses: readonly (number | undefined)[] = [301, 302, 303, 307, 308]
const totalTimeoutMsByDefault = 24 * 60 * 60 * 1000

type Headers = Readonly<Record<string, string>>

/**
 * The head of one answer. Whatever does not answer (a closed port, a silent one, an unknown name, a forbidden address)
 * is told of after the same time: how long it took would tell what is there.
 */
const answerOf = async (
  { exchange, answerTimeoutMs }: DownloadParts,
  url: URL,
  headers: Headers,
  signal: AbortSignal,
): Promise<IncomingMessage> => {
  const tooLate = new AbortController()
  const timer = setTimeout(() => tooLate.abort(), answerTimeoutMs)
  try {
    const either = AbortSignal.any([tooLate.signal, signal])
    const answer = await exchange(url, { method: 'GET', headers, signal: either })
    clearTimeout(timer)
    return answer
  } catch (error) {
    if (error instanceof OutboundError && error.reason !== 'unreachable') throw error
    if (!tooLate.signal.aborted && !signal.aborted) {
      await once(tooLate.signal, 'abort', { signal }).catch(() => undefined)
    }
    if (signal.aborted) throw signal.reason
    throw new OutboundError('unreachable')
  } finally {
    clearTimeout(timer)
  }
}

/** Where an answer leads on to, wholly checked again; undefined if it is the answer. */
const redirectOf = (
  { refusalOf }: DownloadParts,
  { statusCode, headers: { location } }: IncomingMessage,
  from: URL,
  filter: UrlFilter,
): URL | undefined => {
  if (location === undefined || !redirectStatuses.includes(statusCode)) return undefined
  if (!URL.canParse(location, from)) throw new OutboundError('leads_astray', 'it is no URL')
  const to = new URL(location, from)
  const why = refusalOf(to.href, filter)
  if (why !== undefined) throw new OutboundError('leads_astray', why)
  if (from.protocol === 'https:' && to.protocol === 'http:') {
    throw new OutboundError(
      'leads_astray',
      'it leads from https to http, where anyone on the way could change the content',
    )
  }
  return to
}

/** Calls the address, and those that it leads on to. */
const follow = async (
  parts: DownloadParts,
  address: string,
  { filter, headers = {} }: GetOptions,
  ownHeaders: Headers,
  signal: AbortSignal,
): Promise<{ readonly url: URL; readonly response: IncomingMessage }> => {
  const why = parts.refusalOf(address, filter)
  if (why !== undefined) throw new OutboundError('refused', why)
  let url = new URL(address)
  let given = headers
  for (let redirects = 0; redirects <= redirectsMax; redirects += 1) {
    const response = await answerOf(parts, url, { ...given, ...ownHeaders }, signal)
    try {
      const next = redirectOf(parts, response, url, filter)
      if (next === undefined) return { url, response }
      if (next.origin !== url.origin) given = {}
      url = next
    } catch (error) {
      response.destroy()
      throw error
    }
    response.destroy()
  }
  throw new OutboundError('redirects', redirectsMax)
}

interface Extent {
  readonly sizeBytes: number | undefined
  readonly offsetBytes: number
}

/** Which part of the content an answer holds. */
const extentOf = ({ statusCode = 0, headers }: IncomingMessage, offsetBytes: number): Extent => {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? ''
  if (encoding !== '' && encoding !== 'identity') throw new OutboundError('encoding')
  if (statusCode === 200) {
    const length = headers['content-length']
    return { sizeBytes: length === undefined ? undefined : Number(length), offsetBytes: 0 }
  }
  const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers['content-range'] ?? '')
  const [first, last, sizeBytes] = [range?.[1], range?.[2], range?.[3]].map(Number)
  const isTheRest = first === offsetBytes && sizeBytes !== undefined && last === sizeBytes - 1
  if (statusCode !== 206 || offsetBytes === 0 || !isTheRest) throw new OutboundError('status', statusCode)
  return { sizeBytes, offsetBytes }
}

const ownHeadersOf = ({ offsetBytes = 0, ifRange }: GetOptions): Headers => ({
  'user-agent': 'Vitrine',
  // Compressed content could be a thousand times what it seems.
  'accept-encoding': 'identity',
  ...(offsetBytes === 0 ? {} : { range: `bytes=${offsetBytes}-` }),
  ...(offsetBytes === 0 || ifRange === undefined ? {} : { 'if-range': ifRange }),
})

/** The body, which goes on after it broke off if the content can be told from other content, and part of it be asked for. */
const goingOn = (
  parts: DownloadParts,
  address: string,
  { resumptions = 0, ...options }: GetOptions,
  first: Part,
  etag: string | undefined,
): Readable => {
  // A weak tag says that two contents mean the same, not that their bytes are.
  if (resumptions === 0 || etag === undefined || etag.startsWith('W/')) return first.body
  return resumed(first, {
    attempts: resumptions,
    rest: (offsetBytes, closed) =>
      download(parts, address, {
        ...options,
        signal: AbortSignal.any([options.signal, closed]),
        offsetBytes,
        ifRange: etag,
      }),
  })
}

/**
 * Begins to get content. At most five redirects are followed, each checked like the address itself.
 * @throws OutboundError; the reason of the signal if that fires
 */
export const download = async (
  parts: DownloadParts,
  address: string,
  options: GetOptions,
): Promise<OutboundDownload> => {
  const { idleTimeoutMs, totalTimeoutMs = totalTimeoutMsByDefault, bytesMax = Number.MAX_SAFE_INTEGER } = options
  const total = new AbortController()
  const timer = setTimeout(() => total.abort(new OutboundError('timeout')), totalTimeoutMs)
  const signal = AbortSignal.any([options.signal, total.signal])
  let response: IncomingMessage | undefined
  try {
    const answer = await follow(parts, address, options, ownHeadersOf(options), signal)
    response = answer.response
    const { sizeBytes, offsetBytes } = extentOf(response, options.offsetBytes ?? 0)
    if (sizeBytes !== undefined && sizeBytes > bytesMax) throw new OutboundError('too_large', bytesMax)
    const expectedBytes = sizeBytes === undefined ? undefined : sizeBytes - offsetBytes
    const { etag, 'last-modified': lastModified } = response.headers
    const limited = limitBody(response, { idleTimeoutMs, signal, expectedBytes, bytesMax })
    const body = goingOn(parts, address, { ...options, signal }, { body: limited, offsetBytes }, etag)
    body.once('close', () => clearTimeout(timer))
    return { sizeBytes, offsetBytes, body, etag, lastModified, url: answer.url.href }
  } catch (error) {
    clearTimeout(timer)
    response?.destroy()
    throw error
  }
}

/**
 * Gets a small JSON document.
 * @throws OutboundError; the reason of the signal if that fires
 */
export const downloadJson = async (parts: DownloadParts, address: string, options: JsonOptions): Promise<unknown> => {
  const headers = { accept: 'application/json', ...options.headers }
  const { body } = await download(parts, address, { ...options, headers })
  const pieces: Buffer[] = []
  for await (const piece of body) pieces.push(piece)
  try {
    return JSON.parse(Buffer.concat(pieces).toString('utf8'))
  } catch {
    throw new OutboundError('not_json')
  }
}
