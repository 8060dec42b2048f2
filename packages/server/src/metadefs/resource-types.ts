import type { MetadefAssociationWrite } from '@vitrine/contract'
import type { Actor } from '../access/actor.ts'
import { namespaceScope } from '../access/namespaces.ts'
import type { MetadefResourceTypesTable } from '../database/metadef-tables.ts'
import type { Service } from '../service.ts'
import { alreadyThere, changeNamespace, partNotFound, readNamespaceRow } from './change.ts'
import type { PartName } from './parts.ts'
import {
  type AssociationRow,
  deleteAssociation,
  findAssociation,
  insertAssociations,
  listAssociations,
  listResourceTypes,
} from './queries.ts'
import { checkAssociationRoom } from './room.ts'

/** Which resources the properties of a namespace are for, and how they are called there. */

/** Every type that was ever associated. @throws ApiError `role_required` */
export const readResourceTypes = (service: Service, actor: Actor): Promise<MetadefResourceTypesTable[]> => {
  namespaceScope(actor)
  return listResourceTypes(service.database.read)
}

export const readAssociations = async (service: Service, actor: Actor, namespace: string): Promise<AssociationRow[]> =>
  listAssociations(service.database.read, [(await readNamespaceRow(service, actor, namespace)).id])

/** Makes the type too if there is none. @throws ApiError `resource_not_found`, `role_required`, `conflict`, `metadef_quota` */
export const associate = (
  service: Service,
  actor: Actor,
  namespace: string,
  { name, prefix, properties_target }: MetadefAssociationWrite,
): Promise<AssociationRow> =>
  changeNamespace(service, actor, { name: namespace, deletes: false }, async (tx, { id }) => {
    if ((await findAssociation(tx, id, name)) !== undefined) throw alreadyThere('resource type', name)
    const at = service.now()
    await insertAssociations(tx, [
      {
        namespace_id: id,
        resource_type: name,
        prefix: prefix ?? null,
        properties_target: properties_target ?? null,
        created_at: at,
        updated_at: at,
      },
    ])
    await checkAssociationRoom(tx, service.limits, id)
    const made = await findAssociation(tx, id, name)
    if (made === undefined) throw partNotFound('resource type', name)
    return made
  })

/** @throws ApiError `resource_not_found`, `role_required`, `namespace_protected` */
export const dissociate = (service: Service, actor: Actor, { namespace, name }: PartName): Promise<void> =>
  changeNamespace(service, actor, { name: namespace, deletes: true }, async (tx, { id }) => {
    const found = await findAssociation(tx, id, name)
    if (found === undefined) throw partNotFound('resource type', name)
    await deleteAssociation(tx, found.id)
  })

/**
 * The name of a property in its namespace, given the one that it has on resources of a type.
 * @throws ApiError `resource_not_found` when the type has no such prefix
 */
export const withoutPrefix = async (
  service: Service,
  actor: Actor,
  { namespace, name }: PartName,
  resourceType: string,
): Promise<string> => {
  const { id } = await readNamespaceRow(service, actor, namespace)
  const association = await findAssociation(service.database.read, id, resourceType)
  if (association === undefined) throw partNotFound('resource type', resourceType)
  const { prefix } = association
  if (prefix === null || prefix === '' || !name.startsWith(prefix)) throw partNotFound('property', name)
  return name.slice(prefix.length)
}
