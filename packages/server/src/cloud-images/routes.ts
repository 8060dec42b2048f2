import type { FastifyInstance } from 'fastify'
import type { Service } from '../service.ts'

/** The batch calls of Open Telekom Cloud (docs/reference/cloud-images.md). */
export const cloudImageRoutes = (_app: FastifyInstance, _service: Service): void => {}
