import type { FastifyInstance, HTTPMethods } from 'fastify'
import { apiError } from '../api-error.ts'

const known: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/**
 * Watches which routes are added from here on.
 * @returns adds, for every path seen, the answer 405 with `Allow` to the methods that it lacks. The answer comes before
 *   authentication and before the body is read, since a wrong method is wrong for everyone.
 */
export const watchMethods = (app: FastifyInstance): (() => void) => {
  const seen = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method }) => {
    const present = seen.get(url) ?? new Set()
    for (const one of [method].flat()) present.add(one)
    seen.set(url, present)
  })

  return () => {
    for (const [url, present] of [...seen]) {
      const missing = known.filter((method) => !present.has(method))
      if (missing.length === 0 || url.includes('*')) continue
      const allow = [...present].sort().join(', ')
      app.route({
        method: missing,
        url,
        schema: { hide: true },
        onRequest: async (request) => {
          throw apiError('method_not_allowed', { method: request.method, allow }, { allow })
        },
        handler: async () => undefined,
      })
    }
  }
}
