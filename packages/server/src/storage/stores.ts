import { fileURLToPath } from 'node:url'
import { ConfigError } from '../config.ts'
import { openFileStore } from './file-store.ts'
import type { ByteStore } from './port.ts'

/** The stores of the service, by name. */
export interface Stores {
  /** Where bytes go when nothing else is said. */
  readonly byDefault: ByteStore
  readonly all: readonly ByteStore[]
  readonly names: readonly string[]
  byName(name: string): ByteStore | undefined
}

/** Where a store is, and what is said of it. */
export interface StoreSetting {
  readonly name: string
  readonly location: URL
}

const weightOf = ({ name, location }: StoreSetting): number => {
  const text = location.searchParams.get('weight') ?? '0'
  if (!/^-?\d{1,9}$/.test(text)) throw new ConfigError(`The weight of the store ${name} must be a whole number`)
  return Number(text)
}

const open = async (setting: StoreSetting): Promise<ByteStore> => {
  const { name, location } = setting
  const description = location.searchParams.get('description') ?? undefined
  const about = { description, weight: weightOf(setting) }
  if (location.protocol === 'file:') return openFileStore(name, fileURLToPath(location), about)
  throw new ConfigError(`The store ${name} must be given as file:///dir`)
}

const settingOf = (part: string): StoreSetting => {
  const [name = '', ...rest] = part.trim().split('=')
  const location = rest.join('=')
  if (!/^[A-Za-z0-9][\w.-]*$/.test(name)) throw new ConfigError(`${name} cannot be the name of a store`)
  if (name.startsWith('os_glance')) throw new ConfigError('Names of stores that begin with os_glance are reserved')
  if (!/^[a-z0-9]+:\/\//.test(location) || !URL.canParse(location)) {
    throw new ConfigError(`The store ${name} must be given as file:///dir`)
  }
  return { name, location: new URL(location) }
}

/**
 * @param setting `name=file:///dir`, several separated by commas; the first is the default. Each may end in
 *   `?description=TEXT&weight=NUMBER`.
 * @throws ConfigError
 */
export const openStores = async (setting: string): Promise<Stores> => {
  const stores = new Map<string, ByteStore>()
  for (const part of setting.split(',')) {
    const one = settingOf(part)
    if (stores.has(one.name)) throw new ConfigError(`There are two stores named ${one.name}`)
    stores.set(one.name, await open(one))
  }
  const all = [...stores.values()]
  const [byDefault] = all
  if (byDefault === undefined) throw new ConfigError('At least one store is needed')
  return { byDefault, all, names: [...stores.keys()], byName: (name) => stores.get(name) }
}
