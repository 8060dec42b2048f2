import type { EndpointChoice } from './catalog.ts'
import type { Auth, IdentityVersion } from './credentials.ts'
import { ConfigurationError } from './errors.ts'
import { OpenStack, type OpenStackOptions } from './openstack.ts'
import type { TransportOptions } from './transport.ts'

/**
 * Settings by the names that clouds.yaml and the `OS_*` variables share: `auth_url`, `username`, `project_name`, ...
 * An empty text counts as not set.
 */
export type Settings = Readonly<Record<string, string | undefined>>

const setting = (settings: Settings, ...names: string[]): string | undefined => {
  for (const name of names) {
    const value = settings[name]
    if (value !== undefined && value !== '') return value
  }
  return undefined
}

const interfaces = ['public', 'internal', 'admin'] as const

const readInterface = (settings: Settings): EndpointChoice['interface'] => {
  // `publicURL` is how older tools spell it.
  const word = setting(settings, 'interface', 'endpoint_type')?.replace(/URL$/, '')
  const known = interfaces.find((name) => name === word)
  if (word === undefined || known !== undefined) return known
  throw new ConfigurationError(`The interface must be one of ${interfaces.join(', ')}; ${word} is none.`)
}

const readVersion = (settings: Settings): IdentityVersion | undefined => {
  const type = setting(settings, 'auth_type') ?? ''
  if (/^v3/.test(type)) return '3'
  if (/^v2/.test(type)) return '2.0'
  const version = setting(settings, 'identity_api_version')
  if (version === undefined) return undefined
  if (/^v?3(?:\.|$)/.test(version)) return '3'
  if (/^v?2(?:\.|$)/.test(version)) return '2.0'
  throw new ConfigurationError(`The identity API version must be 3 or 2.0; ${version} is neither.`)
}

const readAuth = (settings: Settings): Auth => {
  const of = (...names: string[]) => setting(settings, ...names)
  const user = {
    username: of('username', 'user_name'),
    userId: of('user_id'),
    userDomainId: of('user_domain_id', 'default_domain_id'),
    userDomainName: of('user_domain_name', 'default_domain', 'default_domain_name'),
  }
  const scope = {
    projectId: of('project_id', 'tenant_id'),
    projectName: of('project_name', 'tenant_name'),
    projectDomainId: of('project_domain_id', 'default_domain_id'),
    projectDomainName: of('project_domain_name', 'default_domain', 'default_domain_name'),
    domainId: of('domain_id'),
    domainName: of('domain_name'),
  }
  const type = of('auth_type')?.replace(/^v(?:3|2)/, '')
  const secret = of('application_credential_secret')
  const wants = (word: string, value: string | undefined): value is string =>
    value !== undefined && (type === undefined || type === word)
  if (wants('applicationcredential', secret)) {
    const applicationCredentialId = of('application_credential_id')
    const applicationCredentialName = of('application_credential_name')
    return { ...user, applicationCredentialId, applicationCredentialName, applicationCredentialSecret: secret }
  }
  const token = of('token', 'auth_token')
  if (wants('token', token)) return { ...scope, token }
  const password = of('password')
  if (wants('password', password)) return { ...user, ...scope, password }
  throw new ConfigurationError(
    type === undefined || ['password', 'token', 'applicationcredential'].includes(type)
      ? 'The credentials are incomplete: give a password, a token, or an application credential with its secret.'
      : `The way to authenticate ${type} is not supported; password, token and application credentials are.`,
  )
}

/** What a connection needs, from settings. @throws ConfigurationError that names what is missing */
export const readSettings = (settings: Settings): Omit<OpenStackOptions, keyof TransportOptions> => {
  const authUrl = setting(settings, 'auth_url')
  if (authUrl === undefined) throw new ConfigurationError('The address of the identity service is missing (auth_url).')
  return {
    authUrl,
    auth: readAuth(settings),
    identityVersion: readVersion(settings),
    region: setting(settings, 'region_name'),
    interface: readInterface(settings),
    imageEndpoint: setting(settings, 'image_endpoint_override', 'image_endpoint'),
  }
}

/**
 * A connection from the `OS_*` variables that an "openrc" file of a cloud sets.
 * @param env such as `process.env`
 * @throws ConfigurationError when they are incomplete
 */
export const fromEnvironment = (env: Settings, options: TransportOptions = {}): OpenStack => {
  const entries = Object.entries(env).filter(([name]) => name.startsWith('OS_'))
  const settings = Object.fromEntries(entries.map(([name, value]) => [name.slice(3).toLowerCase(), value]))
  if (setting(settings, 'auth_url') === undefined) {
    throw new ConfigurationError('OS_AUTH_URL is not set. Source the openrc file of your cloud, or set OS_CLOUD.')
  }
  return new OpenStack({ ...options, ...readSettings(settings) })
}
