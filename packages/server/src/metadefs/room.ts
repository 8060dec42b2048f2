import { apiError } from '../api-error.ts'
import type { Limits } from '../config.ts'
import type { Tx } from '../database/database.ts'
import { lockName } from '../database/dialect.ts'
import { countCharacters, countNamespaces, countOf, countResourceTypes, type PartKind } from './queries.ts'

/** Limits of definitions, checked after a write in its transaction: what goes beyond them takes the write back. */

const within = async (kind: string, limit: number, count: () => Promise<number>): Promise<void> => {
  if (limit >= 0 && (await count()) > limit) throw apiError('metadef_quota', { limit, kind })
}

/** Namespaces are made and renamed one at a time, so that their number and their names hold. */
export const lockNamespaces = (tx: Tx): Promise<void> => lockName(tx, 'metadef namespaces')

/** @throws ApiError `metadef_quota` */
export const checkNamespaceRoom = (tx: Tx, limits: Limits): Promise<void> =>
  within('namespaces', limits.metadef_namespaces, () => countNamespaces(tx))

const partWords: Readonly<Record<PartKind, string>> = { object: 'objects', property: 'properties' }

/** @throws ApiError `metadef_quota` */
export const checkPartRoom = async (tx: Tx, limits: Limits, kind: PartKind, namespaceId: number): Promise<void> => {
  const what = partWords[kind]
  await within(`${what} in a namespace`, limits.metadef_parts_per_namespace, () => countOf(tx, kind, namespaceId))
  await within(`characters of ${what} in a namespace`, limits.metadef_characters_per_namespace, () =>
    countCharacters(tx, kind, namespaceId),
  )
}

/** @throws ApiError `metadef_quota` */
export const checkTagRoom = (tx: Tx, limits: Limits, namespaceId: number): Promise<void> =>
  within('tags in a namespace', limits.metadef_parts_per_namespace, () => countOf(tx, 'tag', namespaceId))

/** @throws ApiError `metadef_quota` */
export const checkAssociationRoom = async (tx: Tx, limits: Limits, namespaceId: number): Promise<void> => {
  await within('resource types in a namespace', limits.metadef_parts_per_namespace, () =>
    countOf(tx, 'association', namespaceId),
  )
  await within('resource types', limits.metadef_resource_types, () => countResourceTypes(tx))
}
