import type { Actor } from '../access/actor.ts'
import type { Tx } from '../database/database.ts'
import type { Service } from '../service.ts'
import { alreadyThere, changeNamespace, partNotFound, readNamespaceRow } from './change.ts'
import { listTags } from './list.ts'
import type { TagListQuery } from './list-query.ts'
import type { PartName } from './parts.ts'
import { deleteTag, deleteTags, findTag, insertTags, type NamespaceRow, type TagRow, updateTag } from './queries.ts'
import { checkTagRoom } from './room.ts'

/** Tags of a namespace. Two names that differ in case alone are one tag. */

const storedTag = async (tx: Tx, namespaceId: number, name: string): Promise<TagRow> => {
  const row = await findTag(tx, namespaceId, name)
  if (row === undefined) throw partNotFound('tag', name)
  return row
}

const refuseTaken = async (tx: Tx, { id }: NamespaceRow, name: string): Promise<void> => {
  if ((await findTag(tx, id, name)) !== undefined) throw alreadyThere('tag', name)
}

const tagRow = (name: string, namespaceId: number, at: number) => ({
  namespace_id: namespaceId,
  name,
  folded: name.toLowerCase(),
  created_at: at,
  updated_at: at,
})

/** @throws ApiError `resource_not_found`, of the marker too */
export const readTags = async (
  service: Service,
  actor: Actor,
  namespace: string,
  query: TagListQuery,
): Promise<TagRow[]> => {
  const { id } = await readNamespaceRow(service, actor, namespace)
  const { marker } = query
  if (marker === undefined) return listTags(service.database.read, id, query, undefined)
  const last = await findTag(service.database.read, id, marker)
  if (last === undefined) throw partNotFound('tag', marker)
  return listTags(service.database.read, id, query, last)
}

export const readTag = async (service: Service, actor: Actor, { namespace, name }: PartName): Promise<TagRow> => {
  const { id } = await readNamespaceRow(service, actor, namespace)
  const row = await findTag(service.database.read, id, name)
  if (row === undefined) throw partNotFound('tag', name)
  return row
}

/** @throws ApiError `resource_not_found`, `role_required`, `conflict`, `metadef_quota` */
export const createTag = (service: Service, actor: Actor, { namespace, name }: PartName): Promise<TagRow> =>
  changeNamespace(service, actor, { name: namespace, deletes: false }, async (tx, row) => {
    await refuseTaken(tx, row, name)
    await insertTags(tx, [tagRow(name, row.id, service.now())])
    await checkTagRoom(tx, service.limits, row.id)
    return storedTag(tx, row.id, name)
  })

/**
 * Puts these tags in the place of all others, or beside them.
 * @throws ApiError `resource_not_found`, `role_required`, `conflict`, `metadef_quota`
 */
export const setTags = (
  service: Service,
  actor: Actor,
  namespace: string,
  { names, append }: { readonly names: readonly string[]; readonly append: boolean },
): Promise<void> =>
  changeNamespace(service, actor, { name: namespace, deletes: false }, async (tx, row) => {
    if (append) for (const name of names) await refuseTaken(tx, row, name)
    else await deleteTags(tx, row.id)
    const at = service.now()
    await insertTags(
      tx,
      names.map((name) => tagRow(name, row.id, at)),
    )
    await checkTagRoom(tx, service.limits, row.id)
  })

/** @throws ApiError `resource_not_found`, `role_required`, `conflict` */
export const renameTag = (
  service: Service,
  actor: Actor,
  { namespace, name }: PartName,
  wanted: string,
): Promise<TagRow> =>
  changeNamespace(service, actor, { name: namespace, deletes: false }, async (tx, row) => {
    const tag = await storedTag(tx, row.id, name)
    const folded = wanted.toLowerCase()
    if (folded !== tag.folded) await refuseTaken(tx, row, wanted)
    const changes = { name: wanted, folded, updated_at: service.now() }
    await updateTag(tx, tag.id, changes)
    return { ...tag, ...changes }
  })

/** @throws ApiError `resource_not_found`, `role_required`, `namespace_protected` */
export const removeTag = (service: Service, actor: Actor, { namespace, name }: PartName): Promise<void> =>
  changeNamespace(service, actor, { name: namespace, deletes: true }, async (tx, row) => {
    const { id } = await storedTag(tx, row.id, name)
    await deleteTag(tx, id)
  })

/** @throws ApiError `resource_not_found`, `role_required`, `namespace_protected` */
export const removeTags = (service: Service, actor: Actor, namespace: string): Promise<void> =>
  changeNamespace(service, actor, { name: namespace, deletes: true }, (tx, { id }) => deleteTags(tx, id))
