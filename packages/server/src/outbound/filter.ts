import { isIP } from 'node:net'
import { mayConnect, type Networks, plainAddress } from './addresses.ts'

/** What is allowed, and what is not. If anything is allowed by name, all else is denied and `denied` says nothing. */
export interface Choice {
  readonly allowed: readonly string[]
  readonly denied: readonly string[]
}

/** Which addresses may be called at all, by what they look like. */
export interface UrlFilter {
  readonly schemes: Choice
  /** Names, addresses, or `*.example.org` for every name below one. */
  readonly hosts: Choice
  readonly ports: Choice
}

/** Lists as an operator writes them, separated by commas; `any` is the same as none. */
export interface FilterSettings {
  readonly import_schemes_allowed: string
  readonly import_schemes_denied?: string | undefined
  readonly import_hosts_allowed?: string | undefined
  readonly import_hosts_denied?: string | undefined
  readonly import_ports_allowed: string
  readonly import_ports_denied?: string | undefined
}

const urlCharactersMax = 8192

const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')

const plainHost = (host: string): string => (isIP(host) === 0 ? host : plainAddress(host))

const schemeOf = ({ protocol }: URL): string => protocol.slice(0, -1)

const portOf = (url: URL): number => (url.port === '' ? (url.protocol === 'http:' ? 80 : 443) : Number(url.port))

const isHttp = (scheme: string): boolean => scheme === 'http' || scheme === 'https'

const entries = (text: string | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== '' && entry !== 'any')

/** @throws Error for what is no host */
const readHost = (entry: string): string => {
  const name = entry.startsWith('*.') ? entry.slice(2) : entry
  const isIpv6 = isIP(name) === 6
  const text = `http://${isIpv6 ? `[${name}]` : name}/`
  if ((!isIpv6 && /[\s:/?#@\\[\]]/.test(name)) || !URL.canParse(text)) throw new Error(`${entry} is no host`)
  return `${entry.startsWith('*.') ? '*.' : ''}${plainHost(hostOf(new URL(text)))}`
}

const readPort = (entry: string): string => {
  if (!/^\d{1,5}$/.test(entry) || Number(entry) > 65_535) throw new Error(`${entry} is no port`)
  return String(Number(entry))
}

const readScheme = (entry: string): string => {
  if (!isHttp(entry)) throw new Error(`${entry} cannot be called, only http and https`)
  return entry
}

/**
 * The filter of an operator.
 * @throws Error that names the setting and the entry that cannot be used
 */
export const readFilter = (settings: FilterSettings): UrlFilter => {
  const read = (key: keyof FilterSettings, entry: (text: string) => string): string[] => {
    try {
      return entries(settings[key]).map(entry)
    } catch (error) {
      throw new Error(`${key}: ${error instanceof Error ? error.message : 'it cannot be used'}`)
    }
  }
  return {
    schemes: { allowed: read('import_schemes_allowed', readScheme), denied: read('import_schemes_denied', String) },
    hosts: { allowed: read('import_hosts_allowed', readHost), denied: read('import_hosts_denied', readHost) },
    ports: { allowed: read('import_ports_allowed', readPort), denied: read('import_ports_denied', readPort) },
  }
}

/** Lets one origin pass, with its scheme, host and port, and nothing else. */
export const originFilter = (address: string): UrlFilter => {
  const url = new URL(address)
  const only = (entry: string): Choice => ({ allowed: [entry], denied: [] })
  return { schemes: only(schemeOf(url)), hosts: only(plainHost(hostOf(url))), ports: only(String(portOf(url))) }
}

const passes = ({ allowed, denied }: Choice, isMeant: (entry: string) => boolean): boolean =>
  allowed.length > 0 ? allowed.some(isMeant) : !denied.some(isMeant)

const isHost = (host: string) => (entry: string) =>
  entry.startsWith('*.') ? isIP(host) === 0 && host.endsWith(entry.slice(1)) : entry === host

const filterRefusal = (url: URL, filter: UrlFilter): string | undefined => {
  const scheme = schemeOf(url)
  const port = portOf(url)
  if (!passes(filter.schemes, (entry) => entry === scheme)) return `the scheme ${scheme} is not allowed here`
  if (!passes(filter.hosts, isHost(plainHost(hostOf(url))))) return 'this host is not allowed here'
  return passes(filter.ports, (entry) => entry === String(port)) ? undefined : `the port ${port} is not allowed here`
}

/** For calls that no operator filters: nothing that listens on a port of the system but web servers. */
const portRefusal = (url: URL): string | undefined => {
  const port = portOf(url)
  return port !== 80 && port !== 443 && port < 1024
    ? 'only the ports 80, 443 and from 1024 on can be called'
    : undefined
}

const isLocalName = (host: string): boolean => /^(?:.*\.)?localhost$/i.test(host)

const addressRefusal = (url: URL, networks: Networks): string | undefined => {
  const host = hostOf(url)
  const leadsInside =
    (isIP(host) !== 0 && !mayConnect(host, networks)) || (isLocalName(host) && !mayConnect('127.0.0.1', networks))
  return leadsInside ? 'only public addresses can be called' : undefined
}

/** Why an address can never be called, as far as it shows in the address itself; undefined if nothing does. */
export const refusal = (text: string, networks: Networks, filter?: UrlFilter): string | undefined => {
  if (text.length > urlCharactersMax) return `it has more than ${urlCharactersMax} characters`
  if (!URL.canParse(text)) return 'it is no URL'
  // Parsing makes dotted decimals of addresses in decimal, octal or hexadecimal numbers.
  const url = new URL(text)
  if (!isHttp(schemeOf(url))) return 'only http and https can be called'
  if (url.username !== '' || url.password !== '') return 'it must not hold a user or password'
  return (filter === undefined ? portRefusal(url) : filterRefusal(url, filter)) ?? addressRefusal(url, networks)
}
