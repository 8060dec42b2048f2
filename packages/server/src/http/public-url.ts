import type { FastifyRequest } from 'fastify'
import type { Service } from '../service.ts'

/**
 * Scheme and host that the client reaches the service at, without a slash at the end: as configured, else as the client
 * itself put it in `Host`.
 */
export const publicUrlOf = (service: Pick<Service, 'publicUrl'>, request: FastifyRequest): string =>
  service.publicUrl ?? `${request.protocol}://${/^[\w.:[\]-]+$/.test(request.host) ? request.host : 'localhost'}`
