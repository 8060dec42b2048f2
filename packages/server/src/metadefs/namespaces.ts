import type { MetadefNamespaceDocument, MetadefNamespaceWrite } from '@vitrine/contract'
import type { Actor } from '../access/actor.ts'
import { checkMetadefAdmin, entitledNamespace, namespaceScope } from '../access/namespaces.ts'
import type { Limits } from '../config.ts'
import type { Tx } from '../database/database.ts'
import type { Service } from '../service.ts'
import { alreadyThere, changeNamespace, readNamespaceRow } from './change.ts'
import { namespaceDocument, noParts } from './documents.ts'
import { listNamespaces } from './list.ts'
import type { NamespaceListQuery } from './list-query.ts'
import { rowsOf } from './parts.ts'
import {
  deleteNamespace,
  findNamespace,
  insertAssociations,
  insertNamespaces,
  insertParts,
  insertTags,
  listAssociations,
  lockNamespace,
  type NamespaceRow,
  readParts,
  updateNamespace,
} from './queries.ts'
import { checkAssociationRoom, checkNamespaceRoom, checkPartRoom, checkTagRoom, lockNamespaces } from './room.ts'

/** One page of the namespaces that the caller sees, with their resource types. */
export const readNamespaces = async (
  service: Service,
  actor: Actor,
  query: NamespaceListQuery,
): Promise<MetadefNamespaceDocument[]> => {
  const scope = namespaceScope(actor)
  const db = service.database.read
  const marker = query.marker === undefined ? undefined : await readNamespaceRow(service, actor, query.marker)
  const rows = await listNamespaces(db, scope, query, marker)
  const ids = rows.map(({ id }) => id)
  const associations = Map.groupBy(await listAssociations(db, ids), ({ namespace_id }) => namespace_id)
  return rows.map((row) => namespaceDocument(row, { ...noParts, associations: associations.get(row.id) ?? [] }))
}

/** @throws ApiError `resource_not_found` */
export const readNamespace = async (
  service: Service,
  actor: Actor,
  name: string,
): Promise<MetadefNamespaceDocument> => {
  const row = await readNamespaceRow(service, actor, name)
  return namespaceDocument(row, await readParts(service.database.read, row.id))
}

/** The own fields of a namespace, with what is left out as a new one has it. */
const fieldsOf = (body: MetadefNamespaceWrite, owner: string | null) => ({
  name: body.namespace,
  display_name: body.display_name ?? null,
  description: body.description ?? null,
  visibility: body.visibility ?? 'private',
  protected: body.protected === true ? (1 as const) : (0 as const),
  owner: body.owner ?? owner,
})

/**
 * Makes namespaces with all that is in them.
 * @param around `owner`: whose they are if they do not say
 */
export const insertWhole = async (
  tx: Tx,
  bodies: readonly MetadefNamespaceWrite[],
  { owner, at }: { readonly owner: string | null; readonly at: number },
): Promise<NamespaceRow[]> => {
  const times = { created_at: at, updated_at: at }
  const rows = await insertNamespaces(
    tx,
    bodies.map((body) => ({ ...fieldsOf(body, owner), ...times })),
  )
  const ids = new Map(rows.map(({ id, name }) => [name, id]))
  const parts = bodies.flatMap((body) => {
    const id = ids.get(body.namespace)
    return id === undefined ? [] : [rowsOf(body, { namespace_id: id, ...times })]
  })
  await insertAssociations(
    tx,
    parts.flatMap(({ associations }) => associations),
  )
  await insertParts(
    tx,
    'object',
    parts.flatMap(({ objects }) => objects),
  )
  await insertParts(
    tx,
    'property',
    parts.flatMap(({ properties }) => properties),
  )
  await insertTags(
    tx,
    parts.flatMap(({ tags }) => tags),
  )
  return rows
}

const checkRoom = async (tx: Tx, limits: Limits, namespaceId: number): Promise<void> => {
  await checkNamespaceRoom(tx, limits)
  await checkAssociationRoom(tx, limits, namespaceId)
  await checkPartRoom(tx, limits, 'object', namespaceId)
  await checkPartRoom(tx, limits, 'property', namespaceId)
  await checkTagRoom(tx, limits, namespaceId)
}

/** @throws ApiError `role_required`, `conflict`, `metadef_quota` */
export const createNamespace = (
  service: Service,
  actor: Actor,
  body: MetadefNamespaceWrite,
): Promise<MetadefNamespaceDocument> => {
  checkMetadefAdmin(actor)
  return service.database.write(async (tx) => {
    await lockNamespaces(tx)
    const taken = alreadyThere('namespace', body.namespace)
    if ((await findNamespace(tx, body.namespace)) !== undefined) throw taken
    const [row] = await insertWhole(tx, [body], { owner: actor.projectId, at: service.now() })
    if (row === undefined) throw taken
    await checkRoom(tx, service.limits, row.id)
    return namespaceDocument(row, await readParts(tx, row.id))
  })
}

/**
 * Replaces the own fields of a namespace, perhaps its name too; what is in it stays.
 * @throws ApiError `resource_not_found`, `role_required`, `conflict`
 */
export const replaceNamespace = (
  service: Service,
  actor: Actor,
  name: string,
  body: MetadefNamespaceWrite,
): Promise<MetadefNamespaceDocument> =>
  service.database.write(async (tx) => {
    await lockNamespaces(tx)
    const row = entitledNamespace(actor, 'write', name, await lockNamespace(tx, name))
    if (body.namespace !== name && (await findNamespace(tx, body.namespace)) !== undefined) {
      throw alreadyThere('namespace', body.namespace)
    }
    const changes = { ...fieldsOf(body, actor.projectId), updated_at: service.now() }
    await updateNamespace(tx, row.id, changes)
    return namespaceDocument({ ...row, ...changes }, noParts)
  })

/** @throws ApiError `resource_not_found`, `role_required`, `namespace_protected` */
export const removeNamespace = (service: Service, actor: Actor, name: string): Promise<void> =>
  changeNamespace(service, actor, { name, deletes: true }, (tx, { id }) => deleteNamespace(tx, id))
