import { fileURLToPath } from 'node:url'
import { ConfigError } from '../config.ts'
import { openFileStore } from './file-store.ts'
import type { ByteStore } from './port.ts'

/** The stores of the service, by name. */
export interface Stores {
  /** Where bytes go when nothing else is said. */
  readonly byDefault: ByteStore
  readonly names: readonly string[]
  byName(name: string): ByteStore | undefined
}

const open = async (name: string, location: string): Promise<ByteStore> => {
  if (!/^[A-Za-z0-9][\w.-]*$/.test(name)) throw new ConfigError(`${name} cannot be the name of a store`)
  if (!location.startsWith('file://')) throw new ConfigError(`The store ${name} must be given as file:///dir`)
  return openFileStore(name, fileURLToPath(location))
}

/**
 * @param setting `name=file:///dir`, several separated by commas; the first is the default
 * @throws ConfigError
 */
export const openStores = async (setting: string): Promise<Stores> => {
  const stores = new Map<string, ByteStore>()
  for (const part of setting.split(',')) {
    const [name = '', ...location] = part.trim().split('=')
    if (stores.has(name)) throw new ConfigError(`There are two stores named ${name}`)
    stores.set(name, await open(name, location.join('=')))
  }
  const [byDefault] = stores.values()
  if (byDefault === undefined) throw new ConfigError('At least one store is needed')
  return { byDefault, names: [...stores.keys()], byName: (name) => stores.get(name) }
}
