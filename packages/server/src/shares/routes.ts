import type { FastifyInstance } from 'fastify'
import type { Service } from '../service.ts'

/** Shares beyond the membership: terms, many at once, withdrawal, counts, inbox (docs/reference/shares.md). */
export const shareRoutes = (_app: FastifyInstance, _service: Service): void => {}
