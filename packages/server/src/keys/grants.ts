import { randomUUID } from 'node:crypto'
import { apiError } from '../api-error.ts'
import type { Tx } from '../database/database.ts'
import { isPostgres } from '../database/dialect.ts'
import type { KeyGrantsTable, KeysTable } from '../database/key-tables.ts'
import type { Cause } from '../events/events.ts'
import type { Service } from '../service.ts'
import { recordKeyEvent } from './key-events.ts'
import { type Key, KeyError, type KeyManager } from './port.ts'
import { deleteGrant, findGrant, hasIntent, hasShareUnder, lockGrant, storeGrant, updateGrant } from './queries.ts'

/**
 * Granting a key and sharing an image happen in two places, of which one knows no transactions. So each is written down before
 * it is done, and whoever finds it half done knows what to do:
 *
 * - an intent stands before the key manager is asked, and goes when it is decided whether there is a share;
 * - a grant is `granting` until the manager has done it; without an intent, nobody goes on with it, and it is taken back;
 * - when a share ends, its grant is due in the same transaction; if no share needs it then, it is `revoking`, taken back at the
 *   manager, and only then forgotten.
 *
 * Whatever stops this at any point, the next `settleGrant` ends in one of two states: a share and its grant, or neither.
 */

type Parts = Pick<Service, 'database' | 'keyLocks' | 'presence' | 'now'>
type GrantName = Pick<KeyGrantsTable, 'key_id' | 'project_id'>

export const keyOf = ({ id, project_id }: Pick<KeysTable, 'id' | 'project_id'>): Key => ({ id, projectId: project_id })

const nameOf = (key: Key, projectId: string): GrantName => ({ key_id: key.id, project_id: projectId })

/**
 * Announces that a grant is about to be needed: until `withdrawIntent`, it is not taken back.
 * @returns its id
 */
export const declareIntent = async (parts: Parts, key: Key, projectId: string): Promise<string> => {
  const { database, presence, now } = parts
  const id = randomUUID()
  const row = { id, ...nameOf(key, projectId), process_id: presence.processId, created_at: now() }
  try {
    await database.write((tx) => tx.insertInto('key_intents').values(row).execute())
  } catch (error) {
    // It may stand all the same, if only the answer was lost.
    await withdrawIntent(parts, id, key, projectId)
    throw error
  }
  return id
}

/** Whether a grant stays: somebody is about to need it, or a share needs it, or it waits for one. */
const isNeeded = async (tx: Tx, name: GrantName, { state, standing }: KeyGrantsTable): Promise<boolean> => {
  if (await hasIntent(tx, name)) return true
  if (state === 'granting' || state === 'revoking') return false
  return standing === 1 || hasShareUnder(tx, name)
}

/**
 * Whatever came of it: what is granted and not needed now is to be taken back. If the database is away, it is done when that
 * is back.
 * @returns whether the grant has to be settled
 */
export const withdrawIntent = async (
  { database, keyLocks }: Pick<Parts, 'database' | 'keyLocks'>,
  id: string,
  key: Key,
  projectId: string,
): Promise<boolean> => {
  const name = nameOf(key, projectId)
  let isDue = false
  await keyLocks.owe(async () => {
    isDue = await database.write(async (tx) => {
      await tx.deleteFrom('key_intents').where('id', '=', id).execute()
      const grant = await lockGrant(tx, name)
      if (grant === undefined) return false
      const isLeft = !(await isNeeded(tx, name, grant))
      if (isLeft !== (grant.due === 1)) await updateGrant(tx, name, { due: isLeft ? 1 : 0 })
      return isLeft
    })
  })
  return isDue
}

/** A key may have been marked as never to be granted, or be on its way out, since it was looked at. */
const checkGrantableNow = async (tx: Tx, { id }: Key): Promise<void> => {
  const found = tx.selectFrom('keys').select(['version', 'grantable']).where('id', '=', id)
  const row = await (isPostgres(tx) ? found.forShare() : found).executeTakeFirst()
  if (row === undefined || row.version < 1) throw new KeyError('missing', `The key ${id} is gone.`)
  if (row.grantable === 0) throw apiError('key_never_granted', { key: id })
}

/**
 * Lets a project use a key. Only under an intent: without one, it would be taken back.
 * @param standing whether it waits for a share that needs it
 * @throws KeyError
 */
export const makeGrant = (
  { database, keyLocks, now }: Parts,
  manager: KeyManager,
  cause: Cause,
  key: Key,
  projectId: string,
  standing: boolean,
): Promise<void> =>
  keyLocks.hold(key.id, async () => {
    const name = nameOf(key, projectId)
    await database.write(async (tx) => {
      await checkGrantableNow(tx, key)
      const before = await lockGrant(tx, name)
      const waits = before === undefined ? standing : before.standing === 1 || (standing && before.state !== 'granted')
      await storeGrant(tx, {
        ...name,
        // One that is granted is only brought up to date, and stays whatever comes of that.
        state: before?.state === 'granted' ? 'granted' : 'granting',
        standing: waits ? 1 : 0,
        granted_by: cause.userId,
        due: 0,
        created_at: before?.created_at ?? now(),
      })
    })
    await manager.grant(key, projectId)
    await database.write(async (tx) => {
      // A share that stands already takes the grant with it when it ends.
      const isTied = await hasShareUnder(tx, name)
      await updateGrant(tx, name, { state: 'granted', ...(isTied ? { standing: 0 } : {}) })
      await recordKeyEvent(tx, { ...cause, at: now() }, { type: 'key.grant', key, granteeId: projectId })
    })
  })

/** What is to be done about a grant, decided and written down. */
const decide = ({ database }: Parts, name: GrantName): Promise<'leave' | 'revoke'> =>
  database.write(async (tx) => {
    const grant = await lockGrant(tx, name)
    if (grant === undefined) return 'leave'
    if (await isNeeded(tx, name, grant)) {
      await updateGrant(tx, name, { due: 0 })
      return 'leave'
    }
    await updateGrant(tx, name, { state: 'revoking', standing: 0, due: 1 })
    return 'revoke'
  })

/** Takes a grant back at the manager, and then what is known of it. */
const finishRevoking = async (
  { database, now }: Parts,
  manager: KeyManager,
  cause: Cause,
  key: Key,
  projectId: string,
): Promise<void> => {
  const name = nameOf(key, projectId)
  await manager.revoke(key, projectId)
  await database.write(async (tx) => {
    // Shares that stand without their key say so.
    if (await hasShareUnder(tx, name)) await updateGrant(tx, name, { state: 'revoked', due: 0 })
    else await deleteGrant(tx, name)
    await recordKeyEvent(tx, { ...cause, at: now() }, { type: 'key.revoke', key, granteeId: projectId })
  })
}

/**
 * Ends a grant that nothing needs, and what was left half done.
 * @param patience how long to wait for other changes of the key (milliseconds)
 * @throws KeyError; the grant stays due then
 */
export const settleGrant = (
  parts: Parts,
  manager: KeyManager,
  cause: Cause,
  key: Key,
  projectId: string,
  patience?: number,
): Promise<void> =>
  parts.keyLocks.hold(
    key.id,
    async () => {
      if ((await decide(parts, nameOf(key, projectId))) === 'revoke') {
        await finishRevoking(parts, manager, cause, key, projectId)
      }
    },
    patience,
  )

/**
 * Takes a grant back by hand, whether or not shares need it.
 * @returns false if the service knows of none
 * @throws KeyError; it is tried again then
 */
export const revokeGrant = (
  parts: Parts,
  manager: KeyManager,
  cause: Cause,
  key: Key,
  projectId: string,
): Promise<boolean> =>
  parts.keyLocks.hold(key.id, async () => {
    const name = nameOf(key, projectId)
    const isThere = await parts.database.write(async (tx) => {
      const grant = await lockGrant(tx, name)
      if (grant === undefined || grant.state === 'revoked') return false
      await updateGrant(tx, name, { state: 'revoking', standing: 0, due: 1 })
      return true
    })
    if (isThere) await finishRevoking(parts, manager, cause, key, projectId)
    return isThere
  })

/**
 * Lets a project use a key by hand, ahead of a share or for one that stands.
 * @throws KeyError; nothing is granted then
 */
export const grantByHand = async (
  parts: Parts,
  manager: KeyManager,
  cause: Cause,
  key: Key,
  projectId: string,
): Promise<void> => {
  const intent = await declareIntent(parts, key, projectId)
  try {
    await makeGrant(parts, manager, cause, key, projectId, true)
  } finally {
    await withdrawIntent(parts, intent, key, projectId)
  }
}

/** Whether a project was let use a key and is not any more. */
export const wasRevoked = async ({ database }: Parts, key: Key, projectId: string): Promise<boolean> =>
  (await findGrant(database.read, nameOf(key, projectId)))?.state === 'revoked'
