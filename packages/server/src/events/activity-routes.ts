import type { FastifyInstance } from 'fastify'
import type { Service } from '../service.ts'

/** What happened to what a project owns or is shared with it, as pages and as a live stream (docs/reference/events.md). */
export const activityRoutes = (_app: FastifyInstance, _service: Service): void => {}
