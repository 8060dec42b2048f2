import type { ByteReader, ByteStore, StoreKey } from '../storage/port.ts'
import type { CacheFolder, Filling } from './folder.ts'

/**
 * Copies what is read, as long as it is read from the beginning to the end; a read elsewhere, or an end before the end, gives
 * the copy up. A copy that cannot be written never fails a read.
 */
const copying = (reader: ByteReader, filling: Filling, onError: (error: unknown) => void): ByteReader => {
  let copiedBytes = 0
  let isCopying = true

  const giveUp = async (): Promise<void> => {
    isCopying = false
    await filling.abort().catch(onError)
  }
  return {
    sizeBytes: reader.sizeBytes,
    read: async (into, position) => {
      const isNext = position === copiedBytes
      const got = await reader.read(into, position)
      if (!isCopying) return got
      if (!isNext || position !== copiedBytes) {
        await giveUp()
        return got
      }
      copiedBytes += got
      try {
        await filling.write(into.subarray(0, got))
        if (copiedBytes === reader.sizeBytes) {
          isCopying = false
          await filling.commit()
        }
      } catch (error) {
        onError(error)
        await giveUp()
      }
      return got
    },
    close: async () => {
      if (isCopying) await giveUp()
      await reader.close()
    },
  }
}

/** A store whose objects are read from the cache where it has them; what comes over a network, it copies on its way. */
export const cachedStore = (store: ByteStore, folder: CacheFolder, onError: (error: unknown) => void): ByteStore => {
  const fromCache = async (key: StoreKey): Promise<ByteReader | undefined> => {
    try {
      return await folder.open(key)
    } catch (error) {
      onError(error)
      return undefined
    }
  }

  const startCopy = async (key: StoreKey, sizeBytes: number): Promise<Filling | undefined> => {
    try {
      return await folder.fill(key, sizeBytes)
    } catch (error) {
      onError(error)
      return undefined
    }
  }

  return {
    ...store,
    open: async (key) => {
      const kept = await fromCache(key)
      if (kept !== undefined) return kept
      const reader = await store.open(key)
      if (reader === undefined || !store.isRemote || reader.sizeBytes === 0) return reader
      const filling = await startCopy(key, reader.sizeBytes)
      return filling === undefined ? reader : copying(reader, filling, onError)
    },
    remove: async (key) => {
      await folder.evict(key).catch(onError)
      await store.remove(key)
      // Again: a download may have finished a copy meanwhile.
      await folder.evict(key).catch(onError)
    },
  }
}
