import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ApiError, apiError } from '../api-error.ts'

/** Largest JSON body. */
export const jsonLimitBytes = 1024 * 1024
/**
 * Largest body of whoever is not signed in: a form with every field full. Taking apart a mebibyte of `a&a&...` would keep
 * everyone else waiting for seconds.
 */
export const formLimitBytes = 64 * 1024
const jsonTimeoutMs = 30_000

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })

const announcedBytes = (request: IncomingMessage): number => Number(request.headers['content-length'] ?? 0)

const isChunked = (request: IncomingMessage): boolean => request.headers['transfer-encoding'] !== undefined

/** Reads a small body whole, with a limit on its size and on the time it may take. */
const readAll = async (request: IncomingMessage, limit = jsonLimitBytes): Promise<Buffer> => {
  if (announcedBytes(request) > limit) throw apiError('body_too_large', { limit })
  const chunks: Buffer[] = []
  let sizeBytes = 0
  const slow = setTimeout(() => request.destroy(apiError('request_timeout', {})), jsonTimeoutMs)
  try {
    // A body that is not wanted any more is let run out (`http/errors`); destroyed, it would take the answer with it.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      if (!Buffer.isBuffer(chunk)) throw apiError('malformed_request', { why: 'the body is no bytes' })
      sizeBytes += chunk.length
      if (sizeBytes > limit) throw apiError('body_too_large', { limit })
      chunks.push(chunk)
    }
  } catch (error) {
    // Nobody is left to be told; but it is no failure of ours.
    throw error instanceof ApiError ? error : apiError('malformed_request', { why: 'the body broke off' })
  } finally {
    clearTimeout(slow)
  }
  return Buffer.concat(chunks)
}

/** Bodies of any media type arrive as bytes: clients of this API send JSON under every name. */
export const withJsonBodies = (app: FastifyInstance, limitBytes = jsonLimitBytes): void => {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request: FastifyRequest, payload: IncomingMessage) => readAll(payload, limitBytes))
}

/** Leaves the body unread, for routes that stream it. */
export const withStreamedBodies = (app: FastifyInstance): void => {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined))
}

/** An escape of U+0000, which PostgreSQL can neither store nor compare: an odd number of backslashes before `u0000`. */
const escapedNul = /(?<!\\)(?:\\\\)*\\u0000/

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (error) {
    const why = error instanceof SyntaxError ? error.message : 'it cannot be parsed'
    throw apiError('malformed_json', { why })
  }
}

/**
 * The JSON value in the body of a request.
 * @throws ApiError `body_missing`, `malformed_json`
 */
export const jsonBody = (request: FastifyRequest): unknown => {
  const { body } = request
  if (!Buffer.isBuffer(body) || body.length === 0) throw apiError('body_missing', {})
  let text: string
  try {
    text = strictUtf8.decode(body)
  } catch {
    throw apiError('malformed_json', { why: 'it is not UTF-8' })
  }
  const value = parsed(text)
  if (escapedNul.test(text)) throw apiError('invalid_body', { why: 'a text in it holds U+0000' })
  return value
}

/**
 * Refuses a body on a call that takes none. A body of no bytes is no body, also when it comes in chunks.
 * @throws ApiError `body_not_allowed`
 */
export const refuseBody = async (request: FastifyRequest): Promise<void> => {
  const parsed = request.body
  if (Buffer.isBuffer(parsed) ? parsed.length > 0 : announcedBytes(request.raw) > 0) {
    throw apiError('body_not_allowed', {})
  }
  // Fastify never reads the body of a GET.
  if (parsed === undefined && isChunked(request.raw) && (await readAll(request.raw)).length > 0) {
    throw apiError('body_not_allowed', {})
  }
}
