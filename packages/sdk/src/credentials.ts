import { ConfigurationError } from './errors.ts'
import type { JsonObject } from './json.ts'

/** Which project the token is for; a name needs its domain. `tenant...` is what older clouds call a project. */
export interface Scope {
  projectId?: string | undefined
  projectName?: string | undefined
  tenantId?: string | number | undefined
  tenantName?: string | undefined
  /** Default: the domain of the user, else the domain `default`. */
  projectDomainId?: string | undefined
  projectDomainName?: string | undefined
  /** For a token of a whole domain. The Image API takes project tokens only. */
  domainId?: string | undefined
  domainName?: string | undefined
}

interface UserName {
  username?: string | undefined
  userId?: string | undefined
  /** Default: the domain `default`. */
  userDomainId?: string | undefined
  userDomainName?: string | undefined
}

export interface PasswordAuth extends Scope, UserName {
  password: string
}

export interface TokenAuth extends Scope {
  token: string
}

/** Bound to one project when it was made, hence without a scope. By name it needs the user. */
export interface ApplicationCredentialAuth extends UserName {
  applicationCredentialId?: string | undefined
  applicationCredentialName?: string | undefined
  applicationCredentialSecret: string
}

/** Identity v2.0 with the Rackspace extension. */
export interface ApiKeyAuth {
  username: string
  apiKey: string
  tenantId?: string | number | undefined
  tenantName?: string | undefined
}

export type Auth = PasswordAuth | TokenAuth | ApplicationCredentialAuth | ApiKeyAuth

export type IdentityVersion = '3' | '2.0'

/** JSON without the keys that are undefined. */
const compact = (entries: Record<string, JsonObject | string | undefined>): JsonObject =>
  Object.fromEntries(Object.entries(entries).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))

const named = (value: string | number | undefined): string | undefined =>
  value === undefined || value === '' ? undefined : String(value)

const domain = (id: string | undefined, name: string | undefined): JsonObject | undefined => {
  if (named(id) !== undefined) return compact({ id: named(id) })
  return named(name) === undefined ? undefined : compact({ name: named(name) })
}

const defaultDomain: JsonObject = { id: 'default' }

const user = (auth: UserName, rest: JsonObject): JsonObject => {
  if (named(auth.userId) !== undefined) return compact({ id: named(auth.userId), ...rest })
  if (named(auth.username) === undefined) throw new ConfigurationError('The credentials name no user.')
  const of = domain(auth.userDomainId, auth.userDomainName) ?? defaultDomain
  return compact({ name: named(auth.username), domain: of, ...rest })
}

const scope = (auth: Scope, userDomain: JsonObject | undefined): JsonObject | undefined => {
  const id = named(auth.projectId) ?? named(auth.tenantId)
  if (id !== undefined) return { project: { id } }
  const name = named(auth.projectName) ?? named(auth.tenantName)
  if (name !== undefined) {
    const of = domain(auth.projectDomainId, auth.projectDomainName) ?? userDomain ?? defaultDomain
    return { project: { name, domain: of } }
  }
  const whole = domain(auth.domainId, auth.domainName)
  return whole === undefined ? undefined : { domain: whole }
}

const v3Identity = (auth: Auth): JsonObject => {
  if ('password' in auth) return { methods: ['password'], password: { user: user(auth, { password: auth.password }) } }
  if ('token' in auth) return { methods: ['token'], token: { id: auth.token } }
  if ('apiKey' in auth) {
    throw new ConfigurationError('An API key works with Identity v2.0 only. End authUrl in /v2.0, or use Rackspace.')
  }
  const secret = auth.applicationCredentialSecret
  const id = named(auth.applicationCredentialId)
  const name = named(auth.applicationCredentialName)
  if (id === undefined && name === undefined) {
    throw new ConfigurationError('The application credential has neither an id nor a name.')
  }
  const which = id === undefined ? { name, user: user(auth, {}) } : { id }
  return { methods: ['application_credential'], application_credential: compact({ ...which, secret }) }
}

/** The body of `POST /v3/auth/tokens`. */
export const v3Body = (auth: Auth): JsonObject => {
  const identity = v3Identity(auth)
  // The project of an application credential is fixed; naming one is refused.
  if ('applicationCredentialSecret' in auth || 'apiKey' in auth) return { auth: { identity } }
  const userDomain = 'password' in auth ? domain(auth.userDomainId, auth.userDomainName) : undefined
  return { auth: compact({ identity, scope: scope(auth, userDomain) }) }
}

const tenant = (auth: Scope): Record<string, string | undefined> => {
  // Strict services refuse both together; the name wins, as in php-opencloud.
  const tenantName = named(auth.projectName) ?? named(auth.tenantName)
  return {
    tenantName,
    tenantId: tenantName === undefined ? (named(auth.projectId) ?? named(auth.tenantId)) : undefined,
  }
}

/** The body of `POST /v2.0/tokens`. */
export const v2Body = (auth: Auth): JsonObject => {
  if ('applicationCredentialSecret' in auth) {
    throw new ConfigurationError('Application credentials need Identity v3. End authUrl in /v3.')
  }
  if ('apiKey' in auth) {
    const key = { username: auth.username, apiKey: auth.apiKey }
    return { auth: compact({ 'RAX-KSKEY:apiKeyCredentials': key, ...tenant(auth) }) }
  }
  if ('token' in auth) return { auth: compact({ token: { id: auth.token }, ...tenant(auth) }) }
  const username = named(auth.username)
  if (username === undefined) throw new ConfigurationError('Identity v2.0 needs a user name.')
  return { auth: compact({ passwordCredentials: { username, password: auth.password }, ...tenant(auth) }) }
}
