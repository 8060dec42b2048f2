import type { FastifyInstance } from 'fastify'
import type { Service } from '../service.ts'

/** Rules of a project (docs/reference/rules.md). */
export const ruleRoutes = (_app: FastifyInstance, _service: Service): void => {}
