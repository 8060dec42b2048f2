import http from 'node:http'
import https from 'node:https'
import { Readable } from 'node:stream'
import { type Json, parseJson } from './json.ts'

/** One answer, read to its end. */
export interface Answer {
  /** Method and path, for messages. */
  request: string
  status: number
  headers: http.IncomingHttpHeaders
  bytes: Buffer
  text: string
  /** The body as JSON; undefined when it is not JSON. */
  json: Json | undefined
}

export interface SendOptions {
  headers?: Record<string, string>
  /** Bytes to send; an iterable goes out chunked, as it comes. */
  body?: string | Uint8Array | AsyncIterable<Uint8Array>
  /** Sent as `application/json`. */
  json?: Json
  /** Another token than the client's; null sends none. */
  token?: string | null
  /** Breaks the request off. */
  signal?: AbortSignal
}

/** Kept connections, for both schemes: the identity service and the image service need not use the same. */
export interface Agents {
  http: http.Agent
  https: https.Agent
}

export const createAgents = (): Agents => ({
  http: new http.Agent({ keepAlive: true }),
  https: new https.Agent({ keepAlive: true }),
})

export const closeAgents = (agents: Agents): void => {
  agents.http.destroy()
  agents.https.destroy()
}

type PatchVersion = 'v2.0' | 'v2.1'

/** Sends requests to one service in the name of one actor. Never follows redirects, never retries a refusal. */
export interface Client {
  send(method: string, path: string, options?: SendOptions): Promise<Answer>
  get(path: string, options?: SendOptions): Promise<Answer>
  post(path: string, json?: Json, options?: SendOptions): Promise<Answer>
  put(path: string, json?: Json, options?: SendOptions): Promise<Answer>
  delete(path: string, options?: SendOptions): Promise<Answer>
  patch(path: string, operations: Json, version?: PatchVersion): Promise<Answer>
  /** PUT of bytes as `application/octet-stream`. */
  upload(path: string, body: NonNullable<SendOptions['body']>, headers?: Record<string, string>): Promise<Answer>
}

const patchType = (version: PatchVersion): string => `application/openstack-images-${version}-json-patch`

const silenceLimitMs = 30_000

interface Prepared {
  method: string
  url: URL
  path: string
  headers: Record<string, string>
  body: string | Uint8Array | AsyncIterable<Uint8Array> | undefined
  signal: AbortSignal | undefined
  agents: Agents
}

const exchange = (prepared: Prepared): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { method, url, path, headers, body, signal, agents } = prepared
    const secure = url.protocol === 'https:'
    const agent = secure ? agents.https : agents.http
    const request = (secure ? https : http).request({
      method,
      host: url.hostname,
      port: url.port,
      path,
      headers,
      agent,
      signal,
    })
    let answered = false
    request.on('response', (response) => {
      answered = true
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('close', () => {
        if (!response.complete) return reject(new Error(`${method} ${path}: the answer broke off`))
        const bytes = Buffer.concat(chunks)
        const text = bytes.toString()
        resolve({
          request: `${method} ${path}`,
          status: response.statusCode ?? 0,
          headers: response.headers,
          bytes,
          text,
          json: parseJson(text),
        })
      })
    })
    // A refusal may arrive, and the connection close, while the body is still being sent: then the answer counts.
    request.on('error', (error) => {
      if (!answered) reject(error)
    })
    request.setTimeout(silenceLimitMs, () =>
      request.destroy(new Error(`${method} ${path}: silence for ${silenceLimitMs / 1000} seconds`)),
    )
    if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) return request.end(body)
    const source = Readable.from(body)
    source.on('error', (error) => request.destroy(error))
    request.on('close', () => source.destroy())
    source.pipe(request)
  })

/** True when a kept connection was closed by the other side just as it was used again: nobody's fault. */
const staleConnection = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')

/**
 * @param base where paths start; its own path, if any, is put in front of theirs
 * @param token sent in X-Auth-Token; null for nobody
 */
export const createClient = (base: URL, token: string | null, agents: Agents): Client => {
  const prefix = base.pathname.replace(/\/+$/, '')

  const send = async (method: string, path: string, options: SendOptions = {}): Promise<Answer> => {
    const headers: Record<string, string> = {}
    const usedToken = options.token === undefined ? token : options.token
    if (usedToken !== null) headers['x-auth-token'] = usedToken
    let body = options.body
    if (options.json !== undefined) {
      body = JSON.stringify(options.json)
      headers['content-type'] = 'application/json'
    }
    if (typeof body === 'string' || body instanceof Uint8Array)
      headers['content-length'] = String(Buffer.byteLength(body))
    else if (body !== undefined) headers['transfer-encoding'] = 'chunked'
    for (const [name, value] of Object.entries(options.headers ?? {})) headers[name.toLowerCase()] = value
    const prepared = { method, url: base, path: prefix + path, headers, body, signal: options.signal, agents }
    try {
      return await exchange(prepared)
    } catch (error) {
      const repeatable = body === undefined || typeof body === 'string'
      if (method !== 'GET' || !repeatable || !staleConnection(error)) throw error
      return await exchange(prepared)
    }
  }

  return {
    send,
    get: (path, options) => send('GET', path, options),
    post: (path, json, options) => send('POST', path, { ...options, ...(json === undefined ? {} : { json }) }),
    put: (path, json, options) => send('PUT', path, { ...options, ...(json === undefined ? {} : { json }) }),
    delete: (path, options) => send('DELETE', path, options),
    patch: (path, operations, version = 'v2.1') =>
      send('PATCH', path, { body: JSON.stringify(operations), headers: { 'content-type': patchType(version) } }),
    upload: (path, body, headers) =>
      send('PUT', path, { body, headers: { 'content-type': 'application/octet-stream', ...headers } }),
  }
}
