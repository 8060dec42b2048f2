import { abortable } from './abortable.ts'
import { imageBase, pathSegment } from './endpoint.ts'
import { UnexpectedResponseError } from './errors.ts'
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts'
import { type Read, readJson, type TokenSource, type Transport, type WireRequest } from './transport.ts'

/** Given with any call. */
export interface CallOptions {
  /** Ends the call; it then rejects with the signal's reason. */
  signal?: AbortSignal | undefined
}

/** Names and values of a query; a list repeats the name, undefined leaves it out. */
export type Query = Readonly<Record<string, QueryValue>>
type QueryWord = string | number | boolean
export type QueryValue = QueryWord | readonly QueryWord[] | undefined

export interface ApiRequest extends CallOptions {
  query?: Query | URLSearchParams | undefined
  /** Sent as JSON. */
  json?: JsonValue | undefined
  /** Default `application/json`. */
  contentType?: string | undefined
  headers?: Readonly<Record<string, string>> | undefined
}

type StreamRequest = Omit<WireRequest, 'url' | 'tokens'> & { query?: Query }

export const searchParams = (query: Query | URLSearchParams | undefined): URLSearchParams => {
  if (query instanceof URLSearchParams) return query
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {})) {
    for (const word of Array.isArray(value) ? value : [value]) if (word !== undefined) params.append(name, String(word))
  }
  return params
}

/** Repeating these does no harm; creating and patching could happen twice. */
const repeatable = new Set(['GET', 'HEAD', 'PUT', 'DELETE'])

/** The Image API of one cloud for one project: paths below its endpoint, its token, the shared transport. */
export class ImageApi {
  readonly transport: Transport
  readonly #tokens: TokenSource
  readonly #findEndpoint: () => Promise<string>

  constructor(transport: Transport, tokens: TokenSource, findEndpoint: () => Promise<string>) {
    this.transport = transport
    this.#tokens = tokens
    this.#findEndpoint = findEndpoint
  }

  /** The base that all paths are appended to; it ends in `/v2` (or `/v2/TENANT`). */
  async endpoint(): Promise<string> {
    return imageBase(await this.#findEndpoint())
  }

  /**
   * One call with JSON in and out.
   * @param path segments below the base, not yet encoded
   */
  async call(method: string, path: readonly string[], request: ApiRequest = {}): Promise<JsonValue | undefined> {
    const { json } = request
    const type = json === undefined ? {} : { 'Content-Type': request.contentType ?? 'application/json' }
    const wire: WireRequest = {
      method,
      url: await abortable(this.#url(path, request.query), request.signal),
      headers: { ...request.headers, ...type },
      repeatable: repeatable.has(method),
      resendable: true,
      tokens: this.#tokens,
      signal: request.signal,
    }
    if (json !== undefined) wire.body = () => JSON.stringify(json)
    return this.transport.send(wire, readJson)
  }

  /** As `call`, for answers that are always an object. */
  async callForObject(method: string, path: readonly string[], request: ApiRequest = {}): Promise<JsonObject> {
    const value = await this.call(method, path, request)
    if (isJsonObject(value)) return value
    throw new UnexpectedResponseError(`The service answered ${method} ${path.join('/')} without a JSON object.`)
  }

  /** One call with a stream of bytes in or out. */
  async stream<T>(path: readonly string[], request: StreamRequest, read: Read<T>): Promise<T> {
    const url = await abortable(this.#url(path, request.query), request.signal)
    return this.transport.send({ ...request, url, tokens: this.#tokens }, read)
  }

  async #url(path: readonly string[], query: Query | URLSearchParams | undefined): Promise<URL> {
    const segments = path.map((segment) => pathSegment(segment, 'An id or a name in a path'))
    const url = new URL(`${await this.endpoint()}/${segments.join('/')}`)
    url.search = searchParams(query).toString()
    return url
  }
}
