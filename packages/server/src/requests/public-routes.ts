import type { FastifyInstance } from 'fastify'
import type { Service } from '../service.ts'

/** Asking for access, and the secret links of a request (docs/reference/requests.md). */
export const publicRequestRoutes = (_app: FastifyInstance, _service: Service): void => {}
