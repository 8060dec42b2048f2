import { type ImportMethod, importMethods } from '@vitrine/contract'
import { ConfigError } from '../config.ts'
import { openRegionSource } from '../outbound/settings.ts'
import type { Service } from '../service.ts'

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

const regionOf = (part: string): readonly [name: string, base: string] => {
  const [name = '', ...rest] = part.split('=')
  const address = rest.join('=')
  if (name === '' || !/^https?:\/\//.test(address) || !URL.canParse(address)) {
    throw new ConfigError(`regions: ${name} must be given as name=https://HOST:PORT`)
  }
  return [name, address.replace(/\/+$/, '').replace(/\/v2$/, '')]
}

/**
 * Which ways to import are open.
 * @throws ConfigError
 */
export const openImports = (settings: {
  readonly import_methods: string
  readonly regions?: string | undefined
}): Pick<Service, 'importMethods' | 'regions' | 'regionSource'> => {
  const regions = new Map(parts(settings.regions ?? '').map(regionOf))
  const methods = new Set(parts(settings.import_methods).map(methodOf))
  if (regions.size === 0) methods.delete('glance-download')
  const hosts = [...regions.values()].map((base) => new URL(base).hostname)
  return { importMethods: [...methods], regions, regionSource: openRegionSource(hosts) }
}
