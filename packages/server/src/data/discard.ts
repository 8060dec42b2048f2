import type { Database } from '../database/database.ts'
import type { Stores } from '../storage/stores.ts'
import { type Blob, forgetBlob } from './blobs.ts'

/**
 * Removes bytes that were given up, and then what is known of them. Bytes in a store that is not configured any more stay
 * known: it may come back.
 */
export const discard = async (
  { database, stores }: { readonly database: Database; readonly stores: Stores },
  { key, store }: Blob,
): Promise<void> => {
  const from = stores.byName(store)
  if (from === undefined) return
  await from.remove(key)
  await database.write((tx) => forgetBlob(tx, key))
}
