import type { FastifyInstance } from 'fastify'
import type { Service } from '../service.ts'

/** Notice addresses, webhooks, deliveries, feeds (docs/reference/notices.md). */
export const noticeRoutes = (_app: FastifyInstance, _service: Service): void => {}
