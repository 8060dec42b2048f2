import type { FastifyInstance } from 'fastify'
import type { Service } from '../service.ts'

/** Profile and listings of a producer (docs/reference/catalogue.md). */
export const listingRoutes = (_app: FastifyInstance, _service: Service): void => {}
