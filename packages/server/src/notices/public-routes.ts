import type { FastifyInstance } from 'fastify'
import type { Service } from '../service.ts'

/** The links of mails, and feeds (docs/reference/notices.md). */
export const publicNoticeRoutes = (_app: FastifyInstance, _service: Service): void => {}
