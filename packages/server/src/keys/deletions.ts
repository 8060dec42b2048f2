import { sql } from 'kysely'
import { locked } from '../database/dialect.ts'
import type { KeyDeletionsTable, KeysTable } from '../database/key-tables.ts'
import { keyOf } from './grants.ts'
import { recordKeyEvent } from './key-events.ts'
import { isKey, lockVersions } from './key-rows.ts'
import { KeyError, type KeyManager } from './port.ts'
import { hasDataKeys, hasImageUnder } from './queries.ts'
import { markRemoved } from './removal.ts'
import { inTurns, type KeyDuty } from './worker.ts'

const batchSize = 100

type Parts = Parameters<KeyDuty>[0]

/** Whether the key goes; from then on nobody uses it, and whatever stops this, it goes in the end. */
const decide = (
  { database, now }: Parts,
  { key_id: id, project_id: projectId }: KeyDeletionsTable,
): Promise<KeysTable | undefined> =>
  database.write(async (tx) => {
    const row = await locked(tx, tx.selectFrom('keys').selectAll().where('id', '=', id)).executeTakeFirst()
    if (row === undefined || row.project_id !== projectId) return undefined
    if (!isKey(row)) return row
    await lockVersions(tx, id)
    if ((await hasImageUnder(tx, row)) || (await hasDataKeys(tx, id))) return undefined
    await markRemoved(tx, id, now())
    return row
  })

/**
 * Deletes the key of an image that is gone and said that its key goes with it. One that another image of the project needs
 * stays, or that has wrapped data keys, or that the service was never told to look after, or that belongs to another project
 * than the image did.
 */
const deleteWithImage = (service: Parts, manager: KeyManager, request: KeyDeletionsTable): Promise<void> =>
  service.keyLocks.hold(request.key_id, async () => {
    const { database, now } = service
    const row = await decide(service, request)
    if (row !== undefined) await manager.destroy(keyOf(row))
    await database.write(async (tx) => {
      await tx.deleteFrom('key_deletions').where('key_id', '=', request.key_id).execute()
      if (row === undefined) return
      await tx.deleteFrom('keys').where('id', '=', request.key_id).execute()
      const cause = { projectId: null, userId: null, requestId: null, at: now() }
      await recordKeyEvent(tx, cause, { type: 'key.delete', key: keyOf(row), imageId: request.image_id })
    })
  })

/** A key manager that refuses to delete keeps nothing else waiting; one that is away is asked again. */
export const deleteKeysOfImages: KeyDuty = async (service, manager) => {
  const { database, log } = service
  const requests = await database.read
    .selectFrom('key_deletions')
    .selectAll()
    .orderBy(sql`random()`)
    .limit(batchSize)
    .execute()
  const work = (request: KeyDeletionsTable) => deleteWithImage(service, manager, request)
  const onError = async (error: unknown, request: KeyDeletionsTable): Promise<void> => {
    log.error({ err: error }, 'the key of a deleted image could not be deleted')
    if (!(error instanceof KeyError) || error.reason === 'unavailable') return
    await database.write((tx) => tx.deleteFrom('key_deletions').where('key_id', '=', request.key_id).execute())
  }
  return inTurns(service, requests, work, onError, () => requests.length === batchSize)
}
