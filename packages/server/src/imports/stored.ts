import type { Write } from '../data/attempt.ts'
import { sameAs } from '../data/expectation.ts'
import { streamOf } from '../data/reader-stream.ts'
import type { Image, Location } from '../images/image.ts'
import type { Service } from '../service.ts'
import { StoreError } from '../storage/port.ts'

/**
 * The bytes of an image as a store holds them, for another store. Sealed ones stay as they are: nobody's key is needed, and
 * whoever reads them finds out whether they are whole. Plain ones must have the digests of the image.
 */
export const openStored = (
  { stores }: Pick<Service, 'stores'>,
  image: Image,
  { store, key }: Location,
): Pick<Write, 'open' | 'expected' | 'sealingOf'> => {
  return {
    open: async () => {
      const reader = await stores.byName(store)?.open(key)
      if (reader === undefined) throw new StoreError('unavailable', 'The copy to be copied is not there.')
      return { stream: streamOf(reader), announcedBytes: reader.sizeBytes, close: () => reader.close() }
    },
    sealingOf: 'sealed already',
    expected: image.sealedUnder === null ? sameAs(image) : undefined,
  }
}
