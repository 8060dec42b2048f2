import type { MetadefDefinition, MetadefNamespaceWrite, MetadefObjectWrite } from '@vitrine/contract'
import type { Insertable } from 'kysely'
import type { Actor } from '../access/actor.ts'
import type { Tx } from '../database/database.ts'
import type { MetadefAssociationsTable, MetadefDefinitionsTable, MetadefTagsTable } from '../database/metadef-tables.ts'
import type { Service } from '../service.ts'
import { alreadyThere, changeNamespace, partNotFound, readNamespaceRow } from './change.ts'
import {
  deletePart,
  deleteParts,
  findPart,
  insertParts,
  listParts,
  type NamespaceRow,
  type PartKind,
  type PartRow,
  updatePart,
} from './queries.ts'
import { checkPartRoom } from './room.ts'

/** Objects and properties: what is in a namespace under a name, with a definition. */

/** A part as it is to be stored. */
export interface Definition {
  readonly name: string
  readonly definition: string
}

export const definitionOfProperty = (name: string, property: MetadefDefinition): Definition => {
  const { name: _again, ...definition } = property
  return { name, definition: JSON.stringify(definition) }
}

export const definitionOfObject = ({ name, properties = {}, ...rest }: MetadefObjectWrite): Definition => {
  const bare = Object.entries(properties).map(([key, { name: _again, ...property }]) => [key, property])
  return { name, definition: JSON.stringify({ ...rest, properties: Object.fromEntries(bare) }) }
}

interface Place {
  readonly namespace_id: number
  readonly created_at: number
  readonly updated_at: number
}

/** The rows of everything that a namespace is made with. */
export const rowsOf = (
  body: MetadefNamespaceWrite,
  place: Place,
): {
  objects: Insertable<MetadefDefinitionsTable>[]
  properties: Insertable<MetadefDefinitionsTable>[]
  tags: Insertable<MetadefTagsTable>[]
  associations: Insertable<MetadefAssociationsTable>[]
} => ({
  objects: (body.objects ?? []).map((object) => ({ ...place, ...definitionOfObject(object) })),
  properties: Object.entries(body.properties ?? {}).map(([name, property]) => ({
    ...place,
    ...definitionOfProperty(name, property),
  })),
  tags: (body.tags ?? []).map(({ name }) => ({ ...place, name, folded: name.toLowerCase() })),
  associations: (body.resource_type_associations ?? []).map(({ name, prefix, properties_target }) => ({
    ...place,
    resource_type: name,
    prefix: prefix ?? null,
    properties_target: properties_target ?? null,
  })),
})

/** Which part of which namespace. */
export interface PartName {
  readonly namespace: string
  readonly name: string
}

/** @param limit as many at most; undefined for all of them */
export const readParts = async (
  service: Service,
  actor: Actor,
  kind: PartKind,
  namespace: string,
  limit?: number,
): Promise<PartRow[]> =>
  listParts(service.database.read, kind, (await readNamespaceRow(service, actor, namespace)).id, limit)

export const readPart = async (
  service: Service,
  actor: Actor,
  kind: PartKind,
  { namespace, name }: PartName,
): Promise<PartRow> => {
  const { id } = await readNamespaceRow(service, actor, namespace)
  const row = await findPart(service.database.read, kind, { namespaceId: id, name })
  if (row === undefined) throw partNotFound(kind, name)
  return row
}

const storedPart = async (tx: Tx, kind: PartKind, namespaceId: number, name: string): Promise<PartRow> => {
  const row = await findPart(tx, kind, { namespaceId, name })
  if (row === undefined) throw partNotFound(kind, name)
  return row
}

const refuseTaken = async (tx: Tx, kind: PartKind, { id }: NamespaceRow, name: string): Promise<void> => {
  if ((await findPart(tx, kind, { namespaceId: id, name })) !== undefined) throw alreadyThere(kind, name)
}

/** @throws ApiError `resource_not_found`, `role_required`, `conflict`, `metadef_quota` */
export const createPart = (
  service: Service,
  actor: Actor,
  kind: PartKind,
  namespace: string,
  part: Definition,
): Promise<PartRow> =>
  changeNamespace(service, actor, { name: namespace, deletes: false }, async (tx, row) => {
    await refuseTaken(tx, kind, row, part.name)
    const at = service.now()
    await insertParts(tx, kind, [{ ...part, namespace_id: row.id, created_at: at, updated_at: at }])
    await checkPartRoom(tx, service.limits, kind, row.id)
    return storedPart(tx, kind, row.id, part.name)
  })

/**
 * Puts another definition in the place of one, perhaps under another name.
 * @throws ApiError `resource_not_found`, `role_required`, `conflict`, `metadef_quota`
 */
export const replacePart = (
  service: Service,
  actor: Actor,
  kind: PartKind,
  { namespace, name }: PartName,
  part: Definition,
): Promise<PartRow> =>
  changeNamespace(service, actor, { name: namespace, deletes: false }, async (tx, row) => {
    const { id } = await storedPart(tx, kind, row.id, name)
    if (part.name !== name) await refuseTaken(tx, kind, row, part.name)
    await updatePart(tx, kind, id, { ...part, updated_at: service.now() })
    await checkPartRoom(tx, service.limits, kind, row.id)
    return storedPart(tx, kind, row.id, part.name)
  })

/** @throws ApiError `resource_not_found`, `role_required`, `namespace_protected` */
export const removePart = (
  service: Service,
  actor: Actor,
  kind: PartKind,
  { namespace, name }: PartName,
): Promise<void> =>
  changeNamespace(service, actor, { name: namespace, deletes: true }, async (tx, row) => {
    const { id } = await storedPart(tx, kind, row.id, name)
    await deletePart(tx, kind, id)
  })

/** @throws ApiError `resource_not_found`, `role_required`, `namespace_protected` */
export const removeParts = (service: Service, actor: Actor, kind: PartKind, namespace: string): Promise<void> =>
  changeNamespace(service, actor, { name: namespace, deletes: true }, (tx, { id }) => deleteParts(tx, kind, id))
