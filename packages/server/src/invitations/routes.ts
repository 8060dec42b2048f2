import type { FastifyInstance } from 'fastify'
import type { Service } from '../service.ts'

/** Invitations and their claims (docs/reference/invitations.md). */
export const invitationRoutes = (_app: FastifyInstance, _service: Service): void => {}
