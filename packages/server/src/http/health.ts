import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import type { Service } from '../service.ts'
import { sendJson } from './json.ts'

const patienceMs = 3000

/** Whether a check succeeds soon; what hangs has failed. */
const works = async (check: () => Promise<unknown>): Promise<'ok' | 'failed'> => {
  const late = new AbortController()
  const limit = wait(patienceMs, 'failed' as const, { signal: late.signal, ref: false }).catch(() => 'failed' as const)
  const result = check().then(
    () => 'ok' as const,
    () => 'failed' as const,
  )
  return Promise.race([result, limit]).finally(() => late.abort())
}

/** For whoever watches the service: is it alive, can it serve, how is it doing. */
export const healthRoutes = (app: FastifyInstance, { database, stores, keyManager }: Service): void => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from the request line to the end of the answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60],
    registers: [registry],
  })
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none'
    duration.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000)
    done()
  })

  const schema = (summary: string) => ({ schema: { tags: ['service'], summary } })
  app.get('/healthz', schema('Is the process alive'), async (_request, reply) => sendJson(reply, 200, { status: 'ok' }))
  app.get('/readyz', schema('Do the database, the stores and the key manager answer'), async (_request, reply) => {
    const parts = {
      database: await works(() => database.check()),
      ...Object.fromEntries(
        await Promise.all(
          stores.names.map(async (name) => [`store ${name}`, await works(async () => stores.byName(name)?.check())]),
        ),
      ),
    }
    const ready = Object.values(parts).every((part) => part === 'ok')
    // Told and not counted: without it, all images but the encrypted ones are served as ever.
    const keys = keyManager === undefined ? {} : { 'key manager': await works(() => keyManager.check()) }
    return sendJson(reply, ready ? 200 : 503, { status: ready ? 'ok' : 'failed', parts: { ...parts, ...keys } })
  })
  app.get('/metrics', schema('Figures for Prometheus'), async (_request, reply) =>
    reply.header('content-type', registry.contentType).send(await registry.metrics()),
  )
}
