import type { ByteStore } from '../storage/port.ts'

/** A store as everybody sees it. True is a text here, and false is left out. */
export const storeSummary = ({ name, description }: ByteStore, byDefault: ByteStore) => ({
  id: name,
  ...(description === undefined ? {} : { description }),
  ...(name === byDefault.name ? { default: 'true' } : {}),
})

/** A store as administrators see it. */
export const storeDetail = (store: ByteStore, byDefault: ByteStore) => ({
  ...storeSummary(store, byDefault),
  type: store.type,
  weight: store.weight,
  properties: store.properties,
})
