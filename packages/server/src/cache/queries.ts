import type { Reader } from '../database/database.ts'
import { type Location, locationsOf } from '../images/image.ts'
import type { StoreKey } from '../storage/port.ts'

/** Which image the bytes of each key belong to; keys of bytes that are given up are left out. */
export const imagesOfKeys = async (db: Reader, keys: readonly StoreKey[]): Promise<Map<StoreKey, string>> => {
  const found = new Map<StoreKey, string>()
  for (let at = 0; at < keys.length; at += 500) {
    const rows = await db
      .selectFrom('blobs')
      .select(['key', 'image_id'])
      .where('key', 'in', keys.slice(at, at + 500))
      .where('state', '=', 'stored')
      .execute()
    for (const { key, image_id: imageId } of rows) found.set(key, imageId)
  }
  return found
}

/** Where the bytes of an active image are; undefined when there is no such image, or it is not active. */
export const activeLocations = async (db: Reader, imageId: string): Promise<readonly Location[] | undefined> => {
  const row = await db.selectFrom('images').selectAll().where('id', '=', imageId).executeTakeFirst()
  return row?.status === 'active' ? locationsOf(row) : undefined
}
