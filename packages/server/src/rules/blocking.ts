import type { Tx } from '../database/database.ts'
import { locked } from '../database/dialect.ts'

/**
 * What a block rule does to shares that are there already. The producer sees nothing of it: status and dates stay as they
 * are.
 */

/** Locks the images concerned, in one order, so that their visibility does not change meanwhile. */
const lockShared = async (
  tx: Tx,
  consumerId: string,
  producerId: string,
  blocked: 0 | 1,
): Promise<{ id: string; isShared: boolean }[]> => {
  const images = tx
    .selectFrom('images')
    .select(['images.id', 'images.visibility'])
    .where('images.owner', '=', producerId)
    .where('images.id', 'in', (members) =>
      members
        .selectFrom('members')
        .select('members.image_id')
        .where('members.member_id', '=', consumerId)
        .where('members.blocked', '=', blocked),
    )
    .orderBy('images.id')
  const rows = await locked(tx, images).execute()
  return rows.map(({ id, visibility }) => ({ id, isShared: visibility === 'shared' }))
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
  const images = await lockShared(tx, consumerId, producerId, 0)
  let count = 0
  await inPieces(
    images.map(({ id }) => id),
    async (ids) => {
      const { numUpdatedRows } = await tx
        .updateTable('members')
        .set({ blocked: 1, live: 0 })
        .where('member_id', '=', consumerId)
        .where('image_id', 'in', ids)
        .where('status', '<>', 'accepted')
        .executeTakeFirst()
      count += Number(numUpdatedRows)
    },
  )
  return count
}

/** Shows them again, those of images that are shared. */
export const unblockShares = async (tx: Tx, consumerId: string, producerId: string): Promise<void> => {
  const images = await lockShared(tx, consumerId, producerId, 1)
  for (const isShared of [true, false]) {
    await inPieces(
      images.filter((image) => image.isShared === isShared).map(({ id }) => id),
      (ids) =>
        tx
          .updateTable('members')
          .set({ blocked: 0, live: isShared ? 1 : 0 })
          .where('member_id', '=', consumerId)
          .where('image_id', 'in', ids)
          .execute(),
    )
  }
}
