import type { Tx } from '../database/database.ts'
import { locked } from '../database/dialect.ts'
import { keepRules } from './lock.ts'

/**
 * What a block rule does to shares that are there already. The producer sees nothing of it: status and dates stay as they
 * are.
 */

/** Locks the shares of a producer with a consumer, in one order. Images are not locked (see `lockRules`). */
const lockShares = async (tx: Tx, consumerId: string, producerId: string, blocked: 0 | 1): Promise<string[]> => {
  const shares = tx
    .selectFrom('members')
    .select('members.image_id')
    .where('members.member_id', '=', consumerId)
    .where('members.blocked', '=', blocked)
    .where('members.status', '<>', 'accepted')
    .where('members.image_id', 'in', (images) =>
      images.selectFrom('images').select('images.id').where('images.owner', '=', producerId),
    )
    .orderBy('members.image_id')
  return (await locked(tx, shares).execute()).map(({ image_id }) => image_id)
}

/** Values in one statement; both databases take several thousand. */
const pieceLength = 1000

const inPieces = async (ids: readonly string[], work: (ids: readonly string[]) => Promise<unknown>): Promise<void> => {
  for (let start = 0; start < ids.length; start += pieceLength) await work(ids.slice(start, start + pieceLength))
}

/**
 * Takes the shares of a producer that the consumer has not accepted out of its sight.
 * @returns how many there were
 */
export const blockShares = async (tx: Tx, consumerId: string, producerId: string): Promise<number> => {
  const shares = await lockShares(tx, consumerId, producerId, 0)
  await inPieces(shares, (ids) =>
    tx
      .updateTable('members')
      .set({ blocked: 1, live: 0 })
      .where('member_id', '=', consumerId)
      .where('image_id', 'in', ids)
      .execute(),
  )
  return shares.length
}

/** Shows them again, those of images that are shared. */
export const unblockShares = async (tx: Tx, consumerId: string, producerId: string): Promise<void> => {
  await inPieces(await lockShares(tx, consumerId, producerId, 1), async (ids) => {
    // Read after the shares were locked: whoever changes the visibility from now on changes them after this.
    const images = await tx.selectFrom('images').select(['id', 'visibility']).where('id', 'in', ids).execute()
    const shares = tx.updateTable('members').where('member_id', '=', consumerId)
    // Each share once: PostgreSQL would lock the image of one that is changed twice.
    for (const live of [0, 1] as const) {
      const some = images.filter(({ visibility }) => (visibility === 'shared') === (live === 1)).map(({ id }) => id)
      if (some.length > 0) await shares.set({ blocked: 0, live }).where('image_id', 'in', some).execute()
    }
  })
}

/** Has the rules of consumers decide anew, for an image that came to another producer. */
export const blockAnew = async (tx: Tx, imageId: string, producerId: string | null): Promise<void> => {
  const unanswered = await tx
    .selectFrom('members')
    .select('member_id')
    .where('image_id', '=', imageId)
    .where('status', '<>', 'accepted')
    .execute()
  const consumers = unanswered.map(({ member_id }) => member_id)
  if (consumers.length === 0) return
  await keepRules(tx, consumers)
  const blocking = tx
    .selectFrom('rules')
    .select('project_id')
    .where('producer_id', '=', producerId ?? '')
    .where('kind', '=', 'block')
    .where('mode', '=', 'enforce')
  const shares = tx.updateTable('members').where('image_id', '=', imageId).where('status', '<>', 'accepted')
  await shares.set({ blocked: 0 }).execute()
  await inPieces(consumers, async (ids) => {
    const blockers = (await blocking.where('project_id', 'in', ids).execute()).map(({ project_id }) => project_id)
    if (blockers.length > 0) await shares.set({ blocked: 1 }).where('member_id', 'in', blockers).execute()
  })
}
