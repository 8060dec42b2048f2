import type { KeyDeletionsTable } from '../database/key-tables.ts'
import { keyOf } from './grants.ts'
import { recordKeyEvent } from './key-events.ts'
import { KeyError, type KeyManager } from './port.ts'
import { findKey, hasDataKeys, hasImageUnder } from './queries.ts'
import type { KeyDuty } from './worker.ts'

const batchSize = 100

type Parts = Parameters<KeyDuty>[0]

/**
 * Deletes the key of an image that is gone and said that its key goes with it. A key that another image needs stays, one
 * that has wrapped data keys, and one that the service was never told to look after, or that belongs to another project than the image did.
 */
const deleteWithImage = (service: Parts, manager: KeyManager, request: KeyDeletionsTable): Promise<void> =>
  service.keyLocks.hold(request.key_id, async () => {
    const { database, now } = service
    const row = await findKey(database.read, request.key_id)
    const goes =
      row !== undefined &&
      row.project_id === request.project_id &&
      !(await hasImageUnder(database.read, request.key_id)) &&
      !(await hasDataKeys(database.read, request.key_id))
    if (goes) await manager.destroy(keyOf(row))
    await database.write(async (tx) => {
      await tx.deleteFrom('key_deletions').where('key_id', '=', request.key_id).execute()
      if (!goes) return
      await tx.deleteFrom('keys').where('id', '=', request.key_id).execute()
      const cause = { projectId: null, userId: null, requestId: null, at: now() }
      await recordKeyEvent(tx, cause, { type: 'key.delete', key: keyOf(row), imageId: request.image_id })
    })
  })

/** A key manager that refuses to delete keeps nothing else waiting; one that is away is asked again. */
export const deleteKeysOfImages: KeyDuty = async (service, manager) => {
  const { database, log } = service
  const requests = await database.read.selectFrom('key_deletions').selectAll().limit(batchSize).execute()
  for (const request of requests) {
    try {
      await deleteWithImage(service, manager, request)
    } catch (error) {
      log.error({ err: error }, 'the key of a deleted image could not be deleted')
      if (!(error instanceof KeyError) || error.reason === 'unavailable') continue
      await database.write((tx) => tx.deleteFrom('key_deletions').where('key_id', '=', request.key_id).execute())
    }
  }
}
