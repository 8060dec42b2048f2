import type { MetadefVisibility } from '@vitrine/contract'
import { apiError } from '../api-error.ts'
import type { Actor } from './actor.ts'

/** The facts about a namespace of metadata definitions that access depends on. */
export interface NamespaceFacts {
  readonly owner: string | null
  readonly visibility: MetadefVisibility
}

/** Which namespaces a list may show: all of them, or public ones, those of nobody, and those of one project. */
export type NamespaceScope = 'all' | { readonly projectId: string | null }

/** @throws ApiError `scope_required`, `role_required` */
const checkRole = (actor: Actor, role: 'reader' | 'admin'): void => {
  if (actor.projectId === null) throw apiError('scope_required', {})
  if (!actor.roles.has(role)) throw apiError('role_required', { role })
}

/** @throws ApiError `scope_required`, `role_required` for whoever reads nothing at all */
export const namespaceScope = (actor: Actor): NamespaceScope => {
  checkRole(actor, 'reader')
  return actor.roles.has('admin') ? 'all' : { projectId: actor.projectId }
}

const sees = (actor: Actor, { owner, visibility }: NamespaceFacts): boolean => {
  if (!actor.roles.has('reader')) return false
  return actor.roles.has('admin') || visibility === 'public' || owner === null || owner === actor.projectId
}

/**
 * Definitions are the operator's: only administrators write them, whoever they belong to.
 * @throws ApiError `scope_required`, `role_required`
 */
export const checkMetadefAdmin = (actor: Actor): void => checkRole(actor, 'admin')

/**
 * A namespace that was looked up, or what is in one, for a caller who wants to read or to write it.
 * @throws ApiError 404 if the caller does not see it, else 403 if it may not write
 */
export const entitledNamespace = <Found extends NamespaceFacts>(
  actor: Actor,
  wish: 'read' | 'write',
  name: string,
  found: Found | undefined,
): Found => {
  if (found === undefined || !sees(actor, found)) {
    throw apiError('resource_not_found', { kind: 'namespace', id: name })
  }
  if (wish === 'write') checkMetadefAdmin(actor)
  return found
}
