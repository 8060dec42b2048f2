import { type ImportMethod, importMethods } from '@vitrine/contract'
import { ConfigError } from '../config.ts'
import { type ImportSource, openRegionSource } from '../outbound/settings.ts'
import type { Service } from '../service.ts'

/** Another region of the cloud. */
export interface Region {
  /** The address of its Image API, without a version. */
  readonly base: string
  readonly source: ImportSource
}

const parts = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '' && part !== 'none')

const methodOf = (name: string): ImportMethod => {
  const method = importMethods.find((known) => known === name)
  if (method === undefined) throw new ConfigError(`import_methods: ${name} is none of ${importMethods.join(', ')}`)
  return method
}

const regionOf = (part: string): readonly [name: string, region: Region] => {
  const [name = '', ...rest] = part.split('=')
  const address = rest.join('=')
  if (name === '' || !/^https?:\/\//.test(address) || !URL.canParse(address)) {
    throw new ConfigError(`regions: ${name} must be given as name=https://HOST:PORT`)
  }
  const base = address.replace(/\/+$/, '').replace(/\/v2$/, '')
  return [name, { base, source: openRegionSource(base) }]
}

/**
 * Which ways to import are open.
 * @throws ConfigError
 */
export const openImports = (settings: {
  readonly import_methods: string
  readonly regions?: string | undefined
}): Pick<Service, 'importMethods' | 'regions'> => {
  const regions = new Map(parts(settings.regions ?? '').map(regionOf))
  const methods = new Set(parts(settings.import_methods).map(methodOf))
  if (regions.size === 0) methods.delete('glance-download')
  return { importMethods: [...methods], regions }
}
