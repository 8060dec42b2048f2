import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { Database, Tx } from '../database/database.ts'
import { lockName } from '../database/dialect.ts'
import type { DigestContent, MailPayload, NoticeContent } from './content.ts'
import { queued } from './queue.ts'

/** Addresses that one transaction makes digests for. */
const addressesAtOnce = 20
/** Notices that a mail has room for. */
const itemsMax = 100

const noticeOf = (payload: string): NoticeContent[] => {
  const { content }: MailPayload = JSON.parse(payload)
  return content.template === 'notice' ? [content] : []
}

/** One mail about everything that waits for an address, however much it is: who fills the digest of others gets it no second. */
const gather = async (tx: Tx, targetId: string, now: number): Promise<void> => {
  const rows = await tx
    .selectFrom('deliveries')
    .select(['project_id', 'target', 'payload'])
    .where('target_id', '=', targetId)
    .where('state', '=', sql.lit('digest'))
    .orderBy('sequence')
    .limit(itemsMax)
    .execute()
  const [first] = rows
  if (first === undefined || first.project_id === null) return
  const { numUpdatedRows } = await tx
    .updateTable('deliveries')
    .set({ state: 'sent', next_at: null, finished_at: now })
    .where('target_id', '=', targetId)
    .where('state', '=', sql.lit('digest'))
    .executeTakeFirstOrThrow()
  const content: DigestContent = {
    template: 'digest',
    projectId: first.project_id,
    items: rows.flatMap(({ payload }) => noticeOf(payload)),
    more: Number(numUpdatedRows) - rows.length,
  }
  const payload: MailPayload = { content }
  await tx
    .insertInto('deliveries')
    .values({
      id: randomUUID(),
      kind: 'mail',
      notice: 'digest',
      project_id: first.project_id,
      target_id: targetId,
      target: first.target,
      event_id: null,
      image_id: null,
      payload: JSON.stringify(payload),
      created_at: now,
      ...queued(now),
    })
    .execute()
}

/**
 * Gathers the notices that waited for a digest into one mail for each address. They count as sent from then on; what becomes
 * of the mail is told by the delivery of the digest.
 * @returns whether there may be more
 */
export const gatherDigests = (database: Database, now: number): Promise<boolean> =>
  database.write(async (tx) => {
    await lockName(tx, 'digests')
    const due = await tx
      .selectFrom('deliveries')
      .select('target_id')
      .where('state', '=', sql.lit('digest'))
      .where('next_at', '<=', now)
      .orderBy('next_at')
      .limit(addressesAtOnce * 10)
      .execute()
    const targets = [...new Set(due.flatMap(({ target_id }) => (target_id === null ? [] : [target_id])))]
    for (const targetId of targets.slice(0, addressesAtOnce)) await gather(tx, targetId, now)
    return targets.length > 0
  })
