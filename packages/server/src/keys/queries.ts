import type { Reader, Tx } from '../database/database.ts'
import { isPostgres, locked } from '../database/dialect.ts'
import type { ImageSealsTable, KeyGrantsTable, KeysTable } from '../database/key-tables.ts'
import { prepared } from '../database/prepared.ts'
import type { ImagesTable } from '../database/tables.ts'

const keyById = prepared<{ id: string }, KeysTable>((db, value) =>
  db.selectFrom('keys').selectAll().where('id', '=', value('id')),
)

/** The key of this id, whoever it belongs to: callers decide. */
export const findKey = async (db: Reader, id: string): Promise<KeysTable | undefined> => {
  const [row] = await keyById(db, { id })
  return row
}

const sealByImage = prepared<{ image: string }, ImageSealsTable>((db, value) =>
  db.selectFrom('image_seals').selectAll().where('image_id', '=', value('image')),
)

/** What opens the bytes of a sealed image; undefined before they have arrived. */
export const findSeal = async (db: Reader, imageId: string): Promise<ImageSealsTable | undefined> => {
  const [row] = await sealByImage(db, { image: imageId })
  return row
}

export const insertSeal = async (tx: Tx, seal: ImageSealsTable): Promise<void> => {
  await tx.insertInto('image_seals').values(seal).execute()
}

/** Puts another seal in the place of one. */
export const replaceSeal = async (tx: Tx, { image_id, ...seal }: ImageSealsTable): Promise<void> => {
  await tx.updateTable('image_seals').set(seal).where('image_id', '=', image_id).execute()
}

/** For an image whose bytes are given up; the next ones get a data key of their own. */
export const deleteSeal = async (tx: Tx, imageId: string): Promise<void> => {
  await tx.deleteFrom('image_seals').where('image_id', '=', imageId).execute()
}

type GrantName = Pick<KeyGrantsTable, 'key_id' | 'project_id'>

export const findGrant = (db: Reader, { key_id, project_id }: GrantName): Promise<KeyGrantsTable | undefined> =>
  db
    .selectFrom('key_grants')
    .selectAll()
    .where('key_id', '=', key_id)
    .where('project_id', '=', project_id)
    .executeTakeFirst()

/** Like `findGrant`, and nobody else changes it before the transaction ends. */
export const lockGrant = (tx: Tx, { key_id, project_id }: GrantName): Promise<KeyGrantsTable | undefined> =>
  locked(
    tx,
    tx.selectFrom('key_grants').selectAll().where('key_id', '=', key_id).where('project_id', '=', project_id),
  ).executeTakeFirst()

/**
 * Locks grants that one transaction changes, in one order: two may come to them in different ones. Whoever changes several
 * does this first.
 * @param projectIds left out: for all projects
 */
export const lockGrants = async (
  tx: Tx,
  keyIds: readonly (string | null)[],
  projectIds?: readonly string[],
): Promise<void> => {
  const keys = [...new Set(keyIds)].filter((keyId) => keyId !== null)
  if (!isPostgres(tx) || keys.length === 0 || projectIds?.length === 0) return
  const grants = tx.selectFrom('key_grants').select('key_id').where('key_id', 'in', keys)
  const named = projectIds === undefined ? grants : grants.where('project_id', 'in', [...new Set(projectIds)])
  await locked(tx, named.orderBy('key_id').orderBy('project_id')).execute()
}

export const storeGrant = async (tx: Tx, grant: KeyGrantsTable): Promise<void> => {
  const { key_id, project_id, ...columns } = grant
  await tx
    .insertInto('key_grants')
    .values(grant)
    .onConflict((conflict) => conflict.columns(['key_id', 'project_id']).doUpdateSet(columns))
    .execute()
}

export const updateGrant = async (
  tx: Tx,
  { key_id, project_id }: GrantName,
  changes: Partial<Pick<KeyGrantsTable, 'state' | 'standing' | 'due'>>,
): Promise<void> => {
  await tx
    .updateTable('key_grants')
    .set(changes)
    .where('key_id', '=', key_id)
    .where('project_id', '=', project_id)
    .execute()
}

export const deleteGrant = async (tx: Tx, { key_id, project_id }: GrantName): Promise<void> => {
  await tx.deleteFrom('key_grants').where('key_id', '=', key_id).where('project_id', '=', project_id).execute()
}

const shareUnder = prepared<{ key: string; project: string }, { image_id: string }>((db, value) =>
  db
    .selectFrom('members')
    .innerJoin('images', 'images.id', 'members.image_id')
    .innerJoin('keys', (join) =>
      join.onRef('keys.id', '=', 'members.key_id').onRef('keys.project_id', '=', 'images.owner'),
    )
    .select('members.image_id')
    .where('members.key_id', '=', value('key'))
    .where('members.member_id', '=', value('project'))
    .limit(1),
)

/**
 * Whether a project has a share of an image that is encrypted with this key: one of the key's own project. What others write
 * into the properties of their images must not keep a grant alive.
 */
export const hasShareUnder = async (db: Reader, { key_id, project_id }: GrantName): Promise<boolean> => {
  const [row] = await shareUnder(db, { key: key_id, project: project_id })
  return row !== undefined
}

/** Whether somebody is just about to share with it. */
export const hasIntent = async (db: Reader, { key_id, project_id }: GrantName): Promise<boolean> =>
  (await db
    .selectFrom('key_intents')
    .select('id')
    .where('key_id', '=', key_id)
    .where('project_id', '=', project_id)
    .limit(1)
    .executeTakeFirst()) !== undefined

/**
 * A share under this key ended, or an attempt at one: whether the grants behind it are still needed is to be looked at. Within
 * the transaction that ends it.
 * @param projectId left out: for all projects
 */
export const markGrantsDue = async (tx: Tx, keyId: string | null, projectId?: string): Promise<void> => {
  if (keyId === null) return
  if (projectId === undefined) await lockGrants(tx, [keyId])
  const grants = tx.updateTable('key_grants').set({ due: 1 }).where('key_id', '=', keyId)
  await (projectId === undefined ? grants : grants.where('project_id', '=', projectId)).execute()
}

/** The key of an image goes with it, once the image is gone for good. */
export const requestKeyDeletion = async (
  tx: Tx,
  { id, key_id }: Pick<ImagesTable, 'id' | 'key_id'>,
  projectId: string,
  at: number,
): Promise<void> => {
  if (key_id === null) return
  // Whoever marks an image with the key of another must not stand in the way of its owner's own request.
  if ((await findKey(tx, key_id))?.project_id !== projectId) return
  await tx
    .insertInto('key_deletions')
    .values({ key_id, project_id: projectId, image_id: id, created_at: at })
    .onConflict((conflict) => conflict.column('key_id').doNothing())
    .execute()
}

/** Whether an image of the key's own project is encrypted with it; whatever others mark theirs with does not count. */
export const hasImageUnder = async (
  db: Reader,
  { id, project_id }: Pick<KeysTable, 'id' | 'project_id'>,
): Promise<boolean> =>
  (await db
    .selectFrom('images')
    .select('id')
    .where('key_id', '=', id)
    .where('owner', '=', project_id)
    .limit(1)
    .executeTakeFirst()) !== undefined

/** Whether data keys were handed out that only this key opens. */
export const hasDataKeys = async (db: Reader, keyId: string): Promise<boolean> =>
  (await db
    .selectFrom('key_versions')
    .select('version')
    .where('key_id', '=', keyId)
    .where('data_keys', '>', 0)
    .limit(1)
    .executeTakeFirst()) !== undefined
