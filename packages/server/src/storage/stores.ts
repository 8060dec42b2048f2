import { fileURLToPath } from 'node:url'
import { ConfigError } from '../config.ts'
import { openFileStore } from './file-store.ts'
import type { ByteStore } from './port.ts'
import { s3PlaceOf } from './s3-setting.ts'

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
  if (location.protocol === 's3:') {
    const place = s3PlaceOf(name, location)
    // Whoever has no such store does not wait for what it takes to be loaded.
    const { openS3Store } = await import('./s3-store.ts')
    return openS3Store(name, place, about)
  }
  if (location.host !== '') throw new ConfigError(`The store ${name} must be a folder of this machine: file:///dir`)
  return openFileStore(name, fileURLToPath(location), about)
}

const settingOf = (part: string): StoreSetting => {
  const [name = '', ...rest] = part.trim().split('=')
  const location = rest.join('=')
  // What is no name may be the secret of a location that was not percent-encoded: no message repeats it.
  if (!/^[A-Za-z0-9][\w.-]{0,63}$/.test(name) || rest.length === 0) {
    throw new ConfigError('What a part of stores begins with cannot be the name of a store: give name=file:///dir')
  }
  if (name.startsWith('os_glance')) throw new ConfigError('Names of stores that begin with os_glance are reserved')
  if (!/^(file|s3):\/\//.test(location) || !URL.canParse(location)) {
    throw new ConfigError(`The store ${name} must be given as file:///dir or s3://bucket/prefix`)
  }
  return { name, location: new URL(location) }
}

/**
 * @param setting `name=file:///dir` or `name=s3://bucket/prefix?endpoint=URL`, several separated by commas; the first is
 *   the default. Each may have the parameters `description=TEXT&weight=NUMBER`.
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
