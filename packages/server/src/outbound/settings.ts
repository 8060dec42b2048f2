import { ConfigError } from '../config.ts'
import { type Networks, parseNetworks } from './addresses.ts'
import { createOutbound, type Outbound } from './fetch.ts'
import { type FilterSettings, originFilter, readFilter, type UrlFilter } from './filter.ts'

/** Where images are imported from, and how. */
export interface ImportSource {
  readonly outbound: Outbound
  readonly filter: UrlFilter
}

/** What was read, or a ConfigError of the same message. */
const configured = <Value>(read: () => Value, setting?: string): Value => {
  try {
    return read()
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new ConfigError(setting === undefined ? why : `${setting}: ${why}`)
  }
}

/** @throws ConfigError that names the setting, when it holds what is no network */
export const readNetworks = (setting: string, text: string | undefined): Networks =>
  configured(() => parseNetworks(text ?? ''), setting)

/**
 * The way out for imports. Its networks are not those of webhooks: a webhook learns nothing of who answers, and an import
 * shows all of the answer.
 * @throws ConfigError for a setting that cannot be used
 */
export const openImportSource = (
  settings: FilterSettings & { readonly import_allow?: string | undefined },
): ImportSource => ({
  outbound: createOutbound({ allowed: readNetworks('import_allow', settings.import_allow) }),
  filter: configured(() => readFilter(settings)),
})

/**
 * The way to another region of the cloud, whose address the operator gave: it may be on any network, and leads nowhere but to
 * the same scheme, host and port.
 */
export const openRegionSource = (address: string): ImportSource => ({
  outbound: createOutbound({ allowed: parseNetworks('0.0.0.0/0,::/0') }),
  filter: originFilter(address),
})
