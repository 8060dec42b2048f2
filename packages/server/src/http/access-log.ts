import type { FastifyInstance } from 'fastify'
import { destination } from 'pino'
import { pathOf } from './query.ts'

const bufferBytes = 64 * 1024
const flushEveryMs = 250

/** The log goes to standard error, in pieces: a write for every line would cost more than the request that it tells of. */
export const openLog = () => {
  const log = destination({
    dest: 2,
    sync: false,
    minLength: bufferBytes,
    maxWrite: 2 * bufferBytes,
    periodicFlush: flushEveryMs,
  })
  // A service goes on when whoever read its log has gone.
  log.on('error', () => undefined)
  return log
}

/** An escaped letter is that letter to the routes, also where the rest is no address at all. */
const withPlainLetters = (path: string): string =>
  path.replace(/%(4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )

/**
 * A path without what is secret in it: some calls of Identity v2.0 have a token there, and the links of mails and the
 * addresses of feeds and of links to bytes are secrets themselves. Of the catalogue only what everyone may know is logged whole.
 */
export const loggedPath = (url: string): string =>
  withPlainLetters(pathOf(url))
    .replace(/^(\/+links\/).+/i, '$1...')
    .replace(/(\/v2\.0\/tokens\/)[^/]+/, '$1...')
    .replace(/^(\/+catalogue\/(?!producers\/|icons\/)[^/]+\/(?:confirm\/|unsubscribe\/)?).+/i, '$1...')

/** One line for each request. Neither headers nor queries are logged: they may carry what is secret. */
export const withAccessLog = (app: FastifyInstance): void => {
  app.addHook('onResponse', (request, reply, done) => {
    request.log.info(
      {
        reqId: request.id,
        method: request.method,
        path: loggedPath(request.url),
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 10) / 10,
      },
      'request',
    )
    done()
  })
}
