import { apiError } from '../api-error.ts'
import type { Tx } from '../database/database.ts'
import { locked } from '../database/dialect.ts'
import type { ImageSealsTable, KeysTable } from '../database/key-tables.ts'
import type { Cause } from '../events/events.ts'
import type { Service } from '../service.ts'
import { answered } from './answer.ts'
import { recordKeyEvent } from './key-events.ts'
import { deleteVersion, isKey, keepVersion, lockOwnKey, ownKey, unfinishedVersions } from './key-rows.ts'
import { type Key, KeyError, type KeyManager, type KeyVersion } from './port.ts'
import { findKey } from './queries.ts'
import { checkEnabled, managerOf, sealContext } from './use.ts'
import { type DutyEnd, inTurns, type KeyDuty } from './worker.ts'

/**
 * Rotating a key: a new version is made and wraps from then on; then the data keys of images are wrapped anew one after the
 * other; then the versions that nothing needs are removed. Whoever holds the key holds all its versions, so nobody notices.
 * Each step is written down before it is done, and the worker goes on from wherever it stopped.
 */

/** Versions that are kept for data keys which were handed out; with them, a key has enough after many years. */
const versionsMax = 1000
/** Seals that one round wraps anew: other keys are not to wait for long. */
const sealsAtOnce = 500
/** Seals that one transaction stores. */
const storedAtOnce = 10

const announceVersion = (service: Service, projectId: string, id: string, at: number): Promise<KeyVersion> =>
  service.database.write(async (tx) => {
    const row = await lockOwnKey(tx, projectId, id)
    checkEnabled(row)
    if (row.adopted === 1) {
      const why = 'The key is a secret that was not made here; make a new key, and copy the images under it'
      throw apiError('conflict', { why })
    }
    const { count } = await tx
      .selectFrom('key_versions')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('key_id', '=', id)
      .executeTakeFirstOrThrow()
    if (Number(count) >= versionsMax) {
      const why = `The key has ${versionsMax} versions that data keys need; make a new key instead`
      throw apiError('conflict', { why })
    }
    const version = row.version + 1
    await tx
      .insertInto('key_versions')
      .values({ key_id: id, version, state: 'making', data_keys: 0, created_at: at })
      .onConflict((conflict) => conflict.columns(['key_id', 'version']).doNothing())
      .execute()
    return { id, projectId, version }
  })

/** From now on the new version wraps. */
const putInForce = (service: Service, cause: Cause, key: KeyVersion): Promise<KeysTable> =>
  service.database.write(async (tx) => {
    const { id, projectId, version } = key
    await lockOwnKey(tx, projectId, id)
    const { numUpdatedRows } = await tx
      .updateTable('key_versions')
      .set({ state: 'ready' })
      .where('key_id', '=', id)
      .where('version', '=', version)
      .where('state', '=', 'making')
      .executeTakeFirst()
    if (numUpdatedRows === 0n)
      throw new KeyError('unavailable', `A version of the key ${id} was given up while it was made.`)
    await tx
      .updateTable('key_versions')
      .set({ state: 'retiring' })
      .where('key_id', '=', id)
      .where('version', '<', version)
      .where('state', '=', 'ready')
      .execute()
    await tx.updateTable('keys').set({ version, updated_at: cause.at }).where('id', '=', id).execute()
    await recordKeyEvent(tx, cause, { type: 'key.rotate', key, version })
    return ownKey(tx, projectId, id)
  })

/**
 * Gives a key new material. What the old wrapped is wrapped anew afterwards, by the worker.
 * @throws ApiError `resource_not_found`, `key_disabled`, `conflict`, `key_manager_unavailable`, `key_damaged`
 */
export const rotateKey = async (service: Service, projectId: string, cause: Cause, id: string): Promise<KeysTable> => {
  const manager = managerOf(service)
  const row = await answered(service, cause.requestId, id, () =>
    service.keyLocks.hold(id, async () => {
      const key = await announceVersion(service, projectId, id, cause.at)
      await manager.make(key)
      return putInForce(service, cause, key)
    }),
  )
  service.keyWork.kick()
  return row
}

type Parts = Parameters<KeyDuty>[0]

/** A seal that was opened, and its data key wrapped by another version. */
interface Rewrapped {
  readonly old: ImageSealsTable
  readonly wrapped: Uint8Array
}

/** @returns how many seals were stored; not those whose image or key has changed meanwhile */
const storeAnew = ({ database, now }: Parts, seals: readonly Rewrapped[], key: KeyVersion): Promise<number> =>
  database.write(async (tx) => {
    if (!(await keepVersion(tx, key.id, key.version))) return 0
    const cause = { projectId: null, userId: null, requestId: null, at: now() }
    let stored = 0
    for (const { old, wrapped } of seals) {
      const { numUpdatedRows } = await tx
        .updateTable('image_seals')
        .set({ key_version: key.version, wrapped: Buffer.from(wrapped).toString('base64') })
        .where('image_id', '=', old.image_id)
        .where('key_version', '=', old.key_version)
        .where('wrapped', '=', old.wrapped)
        .executeTakeFirst()
      if (numUpdatedRows === 0n) continue
      await recordKeyEvent(tx, cause, { type: 'key.rewrap', key, version: key.version, imageId: old.image_id })
      stored += 1
    }
    return stored
  })

/** @throws KeyError */
const rewrap = async (manager: KeyManager, old: ImageSealsTable, to: KeyVersion): Promise<Rewrapped> => {
  const holder = { projectId: to.projectId, token: null }
  const context = sealContext(old.image_id)
  const from = { ...to, version: old.key_version }
  const dataKey = await manager.unwrap(from, holder, Buffer.from(old.wrapped, 'base64'), context)
  try {
    return { old, wrapped: await manager.wrap(to, holder, dataKey, context) }
  } finally {
    dataKey.fill(0)
  }
}

interface Progress {
  readonly rewrapped: number
  /** Seals that cannot be opened. */
  readonly damaged: number
  /** Whether there may be more of the version. */
  readonly hasMore: boolean
}

/** Wraps seals of one version anew under the one that wraps now. */
const rewrapSome = async (service: Parts, manager: KeyManager, from: KeyVersion, to: KeyVersion): Promise<Progress> => {
  const seals = await service.database.read
    .selectFrom('image_seals')
    .selectAll()
    .where('key_id', '=', from.id)
    .where('key_version', '=', from.version)
    .orderBy('image_id')
    .limit(sealsAtOnce)
    .execute()
  let rewrapped = 0
  let damaged = 0
  for (let start = 0; start < seals.length; start += storedAtOnce) {
    const opened: Rewrapped[] = []
    for (const seal of seals.slice(start, start + storedAtOnce)) {
      try {
        opened.push(await rewrap(manager, seal, to))
      } catch (error) {
        if (!(error instanceof KeyError) || !['damaged', 'missing'].includes(error.reason)) throw error
        service.log.error({ err: error, imageId: seal.image_id }, 'the key of an image cannot be wrapped anew')
        damaged += 1
      }
    }
    // In the order of their images, as everyone does who locks several.
    if (opened.length > 0) rewrapped += await storeAnew(service, opened, to)
  }
  return { rewrapped, damaged, hasMore: rewrapped > 0 && seals.length === sealsAtOnce }
}

/**
 * Whether bytes are arriving whose data key a version may have wrapped: its seal is stored when they are whole. Asked before
 * anybody looks for seals, so that one of the two is seen.
 */
const hasUploadUnder = async (tx: Tx, keyId: string): Promise<boolean> =>
  (await tx
    .selectFrom('images')
    .select('id')
    .where('key_id', '=', keyId)
    // Others may mark an image with the key, and upload for ever.
    .where('encryption', '=', 'sealed')
    .where('status', 'in', ['saving', 'uploading', 'importing'])
    .limit(1)
    .executeTakeFirst()) !== undefined

/** Whether a version can go, stays for data keys or for seals that cannot be opened, or has more to be wrapped anew. */
const retire = ({ database }: Parts, { id, version }: KeyVersion, isStuck: boolean): Promise<void> =>
  database.write(async (tx) => {
    const row = await locked(
      tx,
      tx.selectFrom('key_versions').selectAll().where('key_id', '=', id).where('version', '=', version),
    ).executeTakeFirst()
    if (row?.state !== 'retiring') return
    const findSeal = () =>
      tx
        .selectFrom('image_seals')
        .select('image_id')
        .where('key_id', '=', id)
        .where('key_version', '=', version)
        .limit(1)
        .executeTakeFirst()
    // Before the dear question, which reads all images of the key.
    if (!isStuck && (await findSeal()) !== undefined) return
    if (await hasUploadUnder(tx, id)) return
    const seal = await findSeal()
    if (seal !== undefined && !isStuck) return
    const isKept = seal !== undefined || row.data_keys > 0
    await tx
      .updateTable('key_versions')
      .set({ state: isKept ? 'ready' : 'removing' })
      .where('key_id', '=', id)
      .where('version', '=', version)
      .execute()
  })

/** Removes a version that nothing needs, or that never came into force. */
const removeVersion = ({ database, keyLocks }: Parts, manager: KeyManager, key: KeyVersion): Promise<void> =>
  keyLocks.hold(key.id, async () => {
    const row = await database.read
      .selectFrom('key_versions')
      .select('state')
      .where('key_id', '=', key.id)
      .where('version', '=', key.version)
      .executeTakeFirst()
    const owner = await findKey(database.read, key.id)
    if (owner === undefined || !isKey(owner)) return
    if (row?.state !== 'removing' && row?.state !== 'making') return
    await manager.remove(key)
    await database.write((tx) => deleteVersion(tx, key.id, key.version))
  })

type Unfinished = Awaited<ReturnType<ReturnType<typeof unfinishedVersions>['execute']>>[number]

/** @returns whether there is more to do at once */
const goOn = async (service: Parts, manager: KeyManager, row: Unfinished): Promise<boolean> => {
  const key: Key = { id: row.id, projectId: row.project_id }
  const version = { ...key, version: row.version }
  if (row.state === 'retiring') {
    // A disabled key opens nothing, for nobody.
    if (row.status === 'disabled') return false
    const { rewrapped, damaged, hasMore } = await rewrapSome(service, manager, version, {
      ...key,
      version: row.current,
    })
    await retire(service, version, rewrapped === 0 && damaged > 0)
    return hasMore
  }
  await removeVersion(service, manager, version)
  return false
}

/**
 * Goes on with rotations wherever they stopped. Several processes may do so at once: a seal is replaced only as long as it is
 * the one that was opened, and only by a version that stays.
 */
export const resumeRotations: KeyDuty = async (service, manager) => {
  const find = () =>
    unfinishedVersions(service.database.read)
      .where((where) => where('keys.version', '>', where.lit(0)))
      .execute()
  let hasMore = false
  const work = (rows: readonly Unfinished[]): Promise<DutyEnd> =>
    inTurns(
      service,
      rows,
      async (row) => {
        if (await goOn(service, manager, row)) hasMore = true
      },
      (error) => service.log.error({ err: error }, 'the rotation of a key could not go on; it is tried again'),
      () => hasMore,
    )
  const unfinished = await find()
  if (unfinished.length === 0) return 'over'
  const end = await work(unfinished)
  // What has become free by that goes at once.
  const freed = await work((await find()).filter(({ state }) => state === 'removing'))
  return freed === 'away' ? freed : end
}
