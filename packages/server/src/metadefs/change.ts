import type { Actor } from '../access/actor.ts'
import { entitledNamespace } from '../access/namespaces.ts'
import { apiError } from '../api-error.ts'
import type { Tx } from '../database/database.ts'
import type { Service } from '../service.ts'
import { findNamespace, lockNamespace, type NamespaceRow } from './queries.ts'

/** @throws ApiError `resource_not_found` */
export const readNamespaceRow = async (service: Service, actor: Actor, name: string): Promise<NamespaceRow> =>
  entitledNamespace(actor, 'read', name, await findNamespace(service.database.read, name))

/**
 * Changes something in a namespace, in one transaction during which nobody else does.
 * @param deletes whether it takes something away, from which a protected namespace is kept
 * @throws ApiError `resource_not_found`, `role_required`, `namespace_protected`
 */
export const changeNamespace = <Result>(
  service: Service,
  actor: Actor,
  { name, deletes }: { readonly name: string; readonly deletes: boolean },
  work: (tx: Tx, row: NamespaceRow) => Promise<Result>,
): Promise<Result> =>
  service.database.write(async (tx) => {
    const row = entitledNamespace(actor, 'write', name, await lockNamespace(tx, name))
    if (deletes && row.protected === 1) throw apiError('namespace_protected', { namespace: name })
    return work(tx, row)
  })

/** The answer when a part of a namespace is not there. */
export const partNotFound = (kind: string, name: string) => apiError('resource_not_found', { kind, id: name })

/** The answer when there is one of this name already. */
export const alreadyThere = (kind: string, name: string) =>
  apiError('conflict', { why: `There is a ${kind} named ${name} already` })
