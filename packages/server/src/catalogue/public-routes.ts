import type { FastifyInstance } from 'fastify'
import type { Service } from '../service.ts'

/** The pages, feeds and documents that everyone can read (docs/reference/catalogue.md). */
export const catalogueRoutes = (_app: FastifyInstance, _service: Service): void => {}
