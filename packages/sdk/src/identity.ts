import { type Auth, type IdentityVersion, v2Body, v3Body } from './credentials.ts'
import { ConfigurationError, HttpError, UnexpectedResponseError } from './errors.ts'
import { arrayIn, isJsonObject, type JsonValue, numberIn, objectIn, stringIn } from './json.ts'
import { parseV2Session, parseV3Session, type Session } from './session.ts'
import { readJson, type TokenSource, type Transport } from './transport.ts'

/** An address below another one. */
const below = (base: URL, path: string): URL => {
  const url = new URL(base)
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${path}`
  return url
}

const suffixVersion = (authUrl: URL): IdentityVersion | undefined => {
  const match = /\/v(3|2\.0)\/*$/.exec(authUrl.pathname)
  if (match === null) return undefined
  return match[1] === '3' ? '3' : '2.0'
}

const living = new Set(['stable', 'current', 'supported', 'deprecated'])

/** Versions in a discovery document: `{"versions": {"values": [...]}}`, or of one version `{"version": {...}}`. */
const versionIds = (document: JsonValue | undefined): string[] => {
  if (!isJsonObject(document)) return []
  const single = objectIn(document, 'version')
  const versions = objectIn(document, 'versions')
  const values = single ? [single] : ((versions && arrayIn(versions, 'values')) ?? arrayIn(document, 'versions') ?? [])
  return values.flatMap((version) => {
    if (!isJsonObject(version) || !living.has((stringIn(version, 'status') ?? 'stable').toLowerCase())) return []
    return stringIn(version, 'id') ?? []
  })
}

const discover = async (transport: Transport, authUrl: URL): Promise<IdentityVersion> => {
  const unknown = 'Name the version: end authUrl in /v3 or /v2.0, or set identityVersion.'
  let document: JsonValue | undefined
  try {
    document = await transport.send({ method: 'GET', url: authUrl, repeatable: true, resendable: true }, readJson)
  } catch (error) {
    const somethingElse = error instanceof UnexpectedResponseError || (error instanceof HttpError && error.status < 500)
    if (!somethingElse) throw error
    throw new ConfigurationError(`No Identity API was found at ${authUrl.href}. ${unknown}`, { cause: error })
  }
  const ids = versionIds(document)
  if (ids.some((id) => id.startsWith('v3'))) return '3'
  if (ids.some((id) => id.startsWith('v2'))) return '2.0'
  throw new ConfigurationError(`${authUrl.href} names no version of the Identity API that is known here. ${unknown}`)
}

/**
 * Which version to speak, and where. Only the version is taken from a discovery document, never an address: credentials
 * go nowhere but below the address that the user wrote.
 */
export const locateIdentity = async (
  transport: Transport,
  authUrl: URL,
  version: IdentityVersion | undefined,
): Promise<{ version: IdentityVersion; url: URL }> => {
  const suffix = suffixVersion(authUrl)
  if (version !== undefined && suffix !== undefined && version !== suffix) {
    throw new ConfigurationError(`authUrl ends in /v${suffix}, but identityVersion says ${version}.`)
  }
  if (suffix !== undefined) return { version: suffix, url: authUrl }
  const found = version ?? (await discover(transport, authUrl))
  return { version: found, url: below(authUrl, `v${found}`) }
}

/** A project of the caller. */
export interface Project {
  id: string
  name: string
  /** Undefined where the identity service knows no domains. */
  domainId: string | undefined
}

const parseProject = (value: JsonValue): Project => {
  // Tenants of older clouds are numbers.
  const id = isJsonObject(value) ? (stringIn(value, 'id') ?? numberIn(value, 'id')?.toString()) : undefined
  if (!isJsonObject(value) || !id)
    throw new UnexpectedResponseError('The identity service sent a project without an id.')
  return { id, name: stringIn(value, 'name') ?? id, domainId: stringIn(value, 'domain_id') }
}

/** The projects that the caller can have a token for. */
export const requestProjects = async (
  transport: Transport,
  { version, url }: { version: IdentityVersion; url: URL },
  tokens: TokenSource,
  signal: AbortSignal | undefined,
): Promise<Project[]> => {
  const [path, key] = version === '3' ? ['auth/projects', 'projects'] : ['tenants', 'tenants']
  const request = { method: 'GET', url: below(url, path), repeatable: true, resendable: true, tokens, signal }
  const answer = await transport.send(request, readJson)
  const projects = isJsonObject(answer) ? arrayIn(answer, key) : undefined
  if (projects === undefined) throw new UnexpectedResponseError(`The identity service sent no list of ${key}.`)
  return projects.map(parseProject)
}

/** Asks for a token. @throws UnauthorizedError when the credentials or the scope are refused */
export const requestToken = (
  transport: Transport,
  { version, url }: { version: IdentityVersion; url: URL },
  auth: Auth,
  now: () => number,
): Promise<Session> => {
  const body = JSON.stringify(version === '3' ? v3Body(auth) : v2Body(auth))
  const request = {
    method: 'POST',
    url: below(url, version === '3' ? 'auth/tokens' : 'tokens'),
    headers: { 'Content-Type': 'application/json' },
    body: () => body,
    // A token made twice does no harm.
    repeatable: true,
    resendable: true,
  }
  return transport.send(request, async (response, watchdog, at) => {
    const answer = await readJson(response, watchdog, at)
    return version === '3'
      ? parseV3Session(answer, response.headers.get('x-subject-token'), now())
      : parseV2Session(answer, response.headers.get('date'), now())
  })
}
