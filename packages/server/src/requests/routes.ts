import type { FastifyInstance } from 'fastify'
import type { Service } from '../service.ts'

/** Requests for access, for who is signed in (docs/reference/requests.md). */
export const requestRoutes = (_app: FastifyInstance, _service: Service): void => {}
