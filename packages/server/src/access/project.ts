import { apiError } from '../api-error.ts'
import type { Actor } from './actor.ts'

/**
 * The project that the actor acts for, for calls that concern no single image.
 * @throws ApiError `scope_required`, `role_required`
 */
export const projectOf = (actor: Actor, role: 'reader' | 'member'): string => {
  if (actor.projectId === null) throw apiError('scope_required', {})
  if (!actor.roles.has(role)) throw apiError('role_required', { role })
  return actor.projectId
}

/**
 * For calls that concern the service itself, and no project.
 * @throws ApiError `role_required`
 */
export const requireAdmin = (actor: Actor): void => {
  if (!actor.roles.has('admin')) throw apiError('role_required', { role: 'admin' })
}
