import { randomUUID } from 'node:crypto'
import type { Tx } from '../database/database.ts'
import type { KeyEventsTable } from '../database/key-tables.ts'
import type { Cause } from '../events/events.ts'

/** What is written down of one use or change of a key, for the project that it belongs to. */
export interface KeyUseRecord {
  readonly type: KeyEventsTable['type']
  readonly key: { readonly id: string; readonly projectId: string }
  readonly version?: number | undefined
  readonly imageId?: string | undefined
  readonly granteeId?: string | undefined
  readonly outcome?: KeyEventsTable['outcome'] | undefined
}

/** Writes into the log of a key, in the transaction of the change that it tells of, if there is one. */
export const recordKeyEvent = async (tx: Tx, cause: Cause, use: KeyUseRecord): Promise<void> => {
  await tx
    .insertInto('key_events')
    .values({
      id: randomUUID(),
      type: use.type,
      key_id: use.key.id,
      owner_id: use.key.projectId,
      version: use.version ?? null,
      project_id: cause.projectId,
      user_id: cause.userId,
      request_id: cause.requestId,
      image_id: use.imageId ?? null,
      grantee_id: use.granteeId ?? null,
      outcome: use.outcome ?? 'done',
      created_at: cause.at,
    })
    .execute()
}
