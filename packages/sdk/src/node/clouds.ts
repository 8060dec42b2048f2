import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import { readSettings, type Settings } from '../environment.ts'
import { ConfigurationError } from '../errors.ts'
import { isJsonObject, type JsonObject, type JsonValue, objectIn, own, stringIn } from '../json.ts'
import { OpenStack } from '../openstack.ts'
import type { TransportOptions } from '../transport.ts'
import { httpsFetch, type TlsFiles } from './https-fetch.ts'

export interface CloudsOptions extends TransportOptions {
  /** Default: `process.env`. */
  env?: Readonly<Record<string, string | undefined>>
  /** Default: the working directory, `~/.config/openstack`, `/etc/openstack`. */
  searchPaths?: readonly string[]
  /** Stands above what the file says. */
  region?: string | undefined
  interface?: 'public' | 'internal' | 'admin' | undefined
}

const extensions = ['yaml', 'yml', 'json']

/** The first file of that name in the usual places; an explicit path must exist. */
const findFile = (name: string, explicit: string | undefined, paths: readonly string[]): string | undefined => {
  if (explicit !== undefined && explicit !== '') return explicit
  const files = paths.flatMap((path) => extensions.map((extension) => join(path, `${name}.${extension}`)))
  return files.find((file) => existsSync(file))
}

const readYaml = (file: string | undefined): JsonObject => {
  if (file === undefined) return {}
  try {
    // Everything as text: a password of digits, or a version like 2.0, must not become a number.
    const value: JsonValue = parse(readFileSync(file, 'utf8'), { schema: 'failsafe', merge: true })
    return isJsonObject(value) ? value : {}
  } catch (cause) {
    // The parser quotes the line that it stumbles over, which may hold a password.
    const code = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : ''
    throw new ConfigurationError(`${file} cannot be read${code}. Check that it exists and is valid YAML.`)
  }
}

/** Entries of the second stand above those of the first, at every depth. */
const merged = (base: JsonObject, over: JsonObject): JsonObject => {
  const result = { ...base }
  for (const [name, value] of Object.entries(over)) {
    const below = own(base, name)
    result[name] = isJsonObject(below) && isJsonObject(value) ? merged(below, value) : value
  }
  return result
}

const withUnderscores = (entries: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(entries).map(([name, value]) => [name.replaceAll('-', '_'), value]))

const texts = (entries: JsonObject): Settings =>
  Object.fromEntries(
    Object.entries(entries).map(([name, value]) => [
      name,
      typeof value === 'string' && !/^(?:null|~)$/i.test(value) ? value : undefined,
    ]),
  )

/** `regions` lists names, or objects with a name; the first one is the default. */
const firstRegion = (regions: JsonValue | undefined): string | undefined => {
  const first = Array.isArray(regions) ? regions[0] : undefined
  if (typeof first === 'string') return first
  return isJsonObject(first) ? stringIn(first, 'name') : undefined
}

const chooseName = (clouds: JsonObject, wanted: string | undefined, file: string): string => {
  const names = Object.keys(clouds)
  const [only] = names
  if (wanted === undefined && names.length === 1 && only !== undefined) return only
  const there = names.length === 0 ? 'It has none.' : `It has: ${names.join(', ')}.`
  if (wanted === undefined) throw new ConfigurationError(`Which cloud of ${file}? Name one, or set OS_CLOUD. ${there}`)
  if (Object.hasOwn(clouds, wanted)) return wanted
  throw new ConfigurationError(`${file} has no cloud named ${wanted}. ${there}`)
}

/** What the file says of one cloud, with its secrets and its vendor's profile. */
const readCloud = (name: string | undefined, options: CloudsOptions): JsonObject => {
  const env = options.env ?? process.env
  const paths = options.searchPaths ?? ['.', join(homedir(), '.config', 'openstack'), '/etc/openstack']
  const file = findFile('clouds', env.OS_CLIENT_CONFIG_FILE, paths)
  if (file === undefined) {
    throw new ConfigurationError(`There is no clouds.yaml in ${paths.join(', ')}. Set OS_CLIENT_CONFIG_FILE to yours.`)
  }
  const secure = readYaml(findFile('secure', env.OS_CLIENT_SECURE_FILE, paths))
  const clouds = objectIn(merged(readYaml(file), secure), 'clouds') ?? {}
  const chosen = chooseName(clouds, name ?? (env.OS_CLOUD || undefined), file)
  const cloud = withUnderscores(objectIn(clouds, chosen) ?? {})
  const profileName = stringIn(cloud, 'profile') ?? stringIn(cloud, 'cloud')
  if (profileName === undefined) return cloud
  const vendors = readYaml(findFile('clouds-public', env.OS_CLIENT_VENDOR_FILE, paths))
  const profile = objectIn(objectIn(vendors, 'public-clouds') ?? {}, profileName)
  if (profile !== undefined) return merged(withUnderscores(profile), cloud)
  if (objectIn(cloud, 'auth')?.auth_url !== undefined) return cloud
  throw new ConfigurationError(
    `No clouds-public.yaml has the profile ${profileName}. Give auth_url in ${file} instead.`,
  )
}

const isFalse = (text: string | undefined): boolean => /^(?:false|no|off|0)$/i.test(text ?? '')
const isTrue = (text: string | undefined): boolean => /^(?:true|yes|on|1)$/i.test(text ?? '')

const expandHome = (path: string | undefined): string | undefined =>
  path === undefined || path === '' ? undefined : resolve(path.replace(/^~(?=\/)/, homedir()))

const tlsFiles = (settings: Settings): TlsFiles | undefined => {
  if (isFalse(settings.verify) || isTrue(settings.insecure)) {
    throw new ConfigurationError(
      'The cloud asks not to check certificates (verify: false). That would hand the credentials to anyone in between; ' +
        'name the certificate authority of the cloud as cacert instead.',
    )
  }
  const files = { ca: expandHome(settings.cacert), cert: expandHome(settings.cert), key: expandHome(settings.key) }
  return files.ca === undefined && files.cert === undefined ? undefined : files
}

/**
 * A connection from clouds.yaml (with secure.yaml and clouds-public.yaml), as the openstack command reads it. Certificates
 * named there (`cacert`, `cert`, `key`) are used; checks are never switched off.
 * @param name of the cloud; default: `OS_CLOUD`, or the only one there is
 * @throws ConfigurationError
 */
export const fromClouds = (name?: string, options: CloudsOptions = {}): OpenStack => {
  const { env: _env, searchPaths: _paths, region, interface: chosen, ...transport } = options
  const { auth, regions, ...cloud } = readCloud(name, options)
  const settings = { ...texts(cloud), ...texts(isJsonObject(auth) ? withUnderscores(auth) : {}) }
  const read = readSettings({ region_name: firstRegion(regions), ...settings })
  const files = tlsFiles(settings)
  const certified = files === undefined || options.fetch !== undefined ? {} : { fetch: httpsFetch(files) }
  return new OpenStack({
    ...certified,
    ...transport,
    ...read,
    region: region ?? read.region,
    interface: chosen ?? read.interface,
  })
}
