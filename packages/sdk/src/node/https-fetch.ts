import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { rootCertificates } from 'node:tls'
import { ConfigurationError } from '../errors.ts'
import type { Fetch, FetchInit } from '../transport.ts'

/** Paths of PEM files. */
export interface TlsFiles {
  /** Certificate authorities to trust besides the usual ones. */
  ca?: string | undefined
  /** The client's own certificate and key. */
  cert?: string | undefined
  key?: string | undefined
}

const read = (path: string | undefined): string | undefined => {
  if (path === undefined) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new ConfigurationError(`The certificate file ${path} cannot be read.`, { cause })
  }
}

const bodyStream = (message: IncomingMessage): ReadableStream<Uint8Array> => {
  const chunks: AsyncIterator<Uint8Array> = message[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await chunks.next()
        if (done === true) controller.close()
        else controller.enqueue(value)
      },
      cancel() {
        message.destroy()
      },
    },
    { highWaterMark: 0 },
  )
}

const asResponse = (message: IncomingMessage): Response => {
  const headers = new Headers()
  for (const [name, values] of Object.entries(message.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value)
  }
  const status = message.statusCode ?? 0
  const bodiless = status === 204 || status === 205 || status === 304
  if (bodiless) message.resume()
  return new Response(bodiless ? null : bodyStream(message), {
    status,
    statusText: message.statusMessage ?? '',
    headers,
  })
}

/** Hands the body over as fast as the connection takes it. */
const send = async (to: ReturnType<typeof request>, body: FetchInit['body']): Promise<void> => {
  if (body instanceof ReadableStream) {
    const reader = body.getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      if (!to.write(value)) await new Promise<void>((resolve) => to.once('drain', resolve).once('close', resolve))
      if (to.destroyed) return
    }
  } else if (typeof body === 'string' || body instanceof Uint8Array) {
    to.write(body)
  } else if (body !== undefined && body !== null) {
    throw new TypeError('This fetch sends texts, bytes and streams only.')
  }
  to.end()
}

/**
 * A `fetch` with certificates of its own, which Node's cannot be given. Does what this package needs and no more: no
 * redirects, no decoding, https only (other addresses go to the platform's fetch).
 * @throws ConfigurationError when a file cannot be read
 */
export const httpsFetch = (files: TlsFiles): Fetch => {
  const ca = read(files.ca)
  const agent = new Agent({
    keepAlive: true,
    ca: ca === undefined ? undefined : [...rootCertificates, ca],
    cert: read(files.cert),
    key: read(files.key),
  })
  return (url, init) => {
    if (!url.startsWith('https:')) return globalThis.fetch(url, init)
    return new Promise((resolve, reject) => {
      const headers = Object.fromEntries(new Headers(init.headers))
      const signal = init.signal ?? undefined
      const { method = 'GET', body } = init
      const length = body === undefined && method !== 'GET' ? { 'content-length': '0' } : {}
      const sent = request(url, { agent, method, headers: { ...length, ...headers }, ...(signal && { signal }) })
      sent.once('response', (message) => resolve(asResponse(message)))
      // After an answer this changes nothing any more; the answer's own stream tells of a break.
      sent.on('error', reject)
      send(sent, body).catch((error: unknown) => {
        sent.destroy()
        reject(error)
      })
    })
  }
}
