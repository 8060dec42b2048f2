import type { KeyStatus } from '@vitrine/contract'
import type { Actor } from '../access/actor.ts'
import { projectOf } from '../access/project.ts'
import { apiError } from '../api-error.ts'
import type { Reader, Tx } from '../database/database.ts'
import type { KeysTable } from '../database/key-tables.ts'
import type { Cause } from '../events/events.ts'
import type { Service } from '../service.ts'
import type { KeyEventRow, KeyView } from './document.ts'
import { recordKeyEvent } from './key-events.ts'
import { lockKeysOf, lockOwnKey, noKey, ownKey, takeDefaultFromOthers } from './key-rows.ts'
import { createKey, type KeyWish } from './make-key.ts'
import type { KeyHolder } from './port.ts'
import { deleteKey } from './removal.ts'
import { rotateKey } from './rotation.ts'
import { managerOf } from './use.ts'

export { defaultKeyOf } from './make-key.ts'

/** The project whose keys the actor may read or change. @throws ApiError also `key_manager_missing` */
const keyProjectOf = (service: Service, actor: Actor, role: 'reader' | 'member'): string => {
  const projectId = projectOf(actor, role)
  managerOf(service)
  return projectId
}

const countImages = async (db: Reader, projectId: string, ids: readonly string[]): Promise<Map<string, number>> => {
  const rows = await db
    .selectFrom('images')
    .select(({ fn }) => ['key_id', fn.countAll<number>().as('count')])
    .where('key_id', 'in', ids)
    .where('owner', '=', projectId)
    .groupBy('key_id')
    .execute()
  return new Map(rows.map(({ key_id, count }) => [key_id ?? '', Number(count)]))
}

const rotatingAmong = async (db: Reader, ids: readonly string[]): Promise<Set<string>> => {
  const rows = await db
    .selectFrom('key_versions')
    .select('key_id')
    .where('key_id', 'in', ids)
    .where('state', '=', 'retiring')
    .execute()
  return new Set(rows.map(({ key_id }) => key_id))
}

/** Keys of one project, with what is counted of them. */
const viewsOf = async ({ database }: Service, rows: readonly KeysTable[]): Promise<KeyView[]> => {
  const projectId = rows[0]?.project_id
  if (projectId === undefined) return []
  const ids = rows.map(({ id }) => id)
  const images = await countImages(database.read, projectId, ids)
  const rotating = await rotatingAmong(database.read, ids)
  return rows.map((row) => ({ row, images: images.get(row.id) ?? 0, rotating: rotating.has(row.id) }))
}

const viewOf = async (service: Service, row: KeysTable): Promise<KeyView> => {
  const [view] = await viewsOf(service, [row])
  return view ?? { row, images: 0, rotating: false }
}

/** A page of the keys of the actor's project, oldest first. @throws ApiError `invalid_marker` */
export const readKeys = async (
  service: Service,
  actor: Actor,
  { limit, marker }: { readonly limit: number; readonly marker: string | undefined },
): Promise<KeyView[]> => {
  const projectId = keyProjectOf(service, actor, 'reader')
  const { read } = service.database
  let rows = read.selectFrom('keys').selectAll().where('project_id', '=', projectId).where('version', '>', 0)
  if (marker !== undefined) {
    const after = await ownKey(read, projectId, marker).catch(() => undefined)
    if (after === undefined) throw apiError('invalid_marker', { marker })
    rows = rows.where(({ eb, refTuple, tuple }) =>
      eb(refTuple('created_at', 'id'), '>', tuple(after.created_at, after.id)),
    )
  }
  if (limit === 0) return []
  return viewsOf(service, await rows.orderBy('created_at').orderBy('id').limit(limit).execute())
}

export const readKey = async (service: Service, actor: Actor, id: string): Promise<KeyView> =>
  viewOf(service, await ownKey(service.database.read, keyProjectOf(service, actor, 'reader'), id))

/**
 * Makes a key of the actor's project.
 * @param holder the actor, towards the key manager
 * @param secret a secret of the project that becomes a key
 */
export const addKey = async (
  service: Service,
  actor: Actor,
  holder: KeyHolder,
  cause: Cause,
  wish: KeyWish,
  secret: string | undefined,
): Promise<KeyView> => {
  keyProjectOf(service, actor, 'member')
  return viewOf(service, await createKey(service, holder, cause, wish, secret))
}

/** What can be changed of a key; what is left out stays. */
export interface KeyChange {
  readonly name?: string | null | undefined
  readonly status?: KeyStatus | undefined
  readonly isDefault?: boolean | undefined
  readonly grantable?: boolean | undefined
}

/** @throws ApiError `conflict` while projects are let use the key */
const checkUngranted = async (tx: Tx, id: string): Promise<void> => {
  const { count } = await tx
    .selectFrom('key_grants')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('key_id', '=', id)
    .where('state', '<>', 'revoked')
    .executeTakeFirstOrThrow()
  if (Number(count) === 0) return
  const why = `${Number(count) === 1 ? '1 other project is' : `${count} other projects are`} let use the key; take that back first`
  throw apiError('conflict', { why })
}

const changed = (row: KeysTable, { name, status, isDefault, grantable }: KeyChange): KeysTable => ({
  ...row,
  name: name === undefined ? row.name : name,
  status: status ?? row.status,
  is_default: isDefault === undefined ? row.is_default : isDefault ? 1 : 0,
  grantable: grantable === undefined ? row.grantable : grantable ? 1 : 0,
})

const isSame = (one: KeysTable, other: KeysTable): boolean =>
  one.name === other.name &&
  one.status === other.status &&
  one.is_default === other.is_default &&
  one.grantable === other.grantable

const storeChange = async (tx: Tx, cause: Cause, before: KeysTable, change: KeyChange): Promise<KeysTable> => {
  const after: KeysTable = { ...changed(before, change), updated_at: cause.at }
  if (isSame(before, after)) return before
  if (after.grantable === 1 && before.grantable === 0) {
    throw apiError('conflict', { why: 'A key that other projects are never let use stays so' })
  }
  if (after.grantable === 0 && before.grantable === 1) await checkUngranted(tx, before.id)
  if (after.is_default === 1) await takeDefaultFromOthers(tx, before.project_id, before.id)
  const { name, status, is_default, grantable, updated_at } = after
  await tx
    .updateTable('keys')
    .set({ name, status, is_default, grantable, updated_at })
    .where('id', '=', before.id)
    .execute()
  const key = { id: before.id, projectId: before.project_id }
  await recordKeyEvent(tx, cause, { type: 'key.update', key, version: before.version })
  return after
}

/** Changes a key of the actor's project. @throws ApiError `resource_not_found`, `conflict` */
export const changeKey = async (
  service: Service,
  actor: Actor,
  cause: Cause,
  id: string,
  change: KeyChange,
): Promise<KeyView> => {
  const projectId = keyProjectOf(service, actor, 'member')
  const row = await service.database.write(async (tx) => {
    await lockKeysOf(tx, projectId)
    return storeChange(tx, cause, await lockOwnKey(tx, projectId, id), change)
  })
  return viewOf(service, row)
}

export const turnKey = async (service: Service, actor: Actor, cause: Cause, id: string): Promise<KeyView> =>
  viewOf(service, await rotateKey(service, keyProjectOf(service, actor, 'member'), cause, id))

export const removeKey = (
  service: Service,
  actor: Actor,
  cause: Cause,
  id: string,
  forgetsDataKeys: boolean,
): Promise<void> => deleteKey(service, keyProjectOf(service, actor, 'member'), cause, id, forgetsDataKeys)

/**
 * A page of what was done with a key, newest first, for the project that it belongs to; also after it was deleted.
 * @throws ApiError `resource_not_found`, `invalid_marker`
 */
export const readKeyEvents = async (
  service: Service,
  actor: Actor,
  id: string,
  { limit, marker }: { readonly limit: number; readonly marker: string | undefined },
): Promise<KeyEventRow[]> => {
  const projectId = keyProjectOf(service, actor, 'reader')
  const all = service.database.read
    .selectFrom('key_events')
    .selectAll()
    .where('key_id', '=', id)
    .where('owner_id', '=', projectId)
    .orderBy('sequence', 'desc')
  if ((await all.limit(1).executeTakeFirst()) === undefined) throw noKey(id)
  const after = marker === undefined ? undefined : await all.where('id', '=', marker).executeTakeFirst()
  if (marker !== undefined && after === undefined) throw apiError('invalid_marker', { marker })
  if (limit === 0) return []
  const rows = after === undefined ? all : all.where('sequence', '<', after.sequence)
  return rows.limit(limit).execute()
}
