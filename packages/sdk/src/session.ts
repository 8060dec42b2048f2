import { type CatalogService, parseCatalog } from './catalog.ts'
import { InvalidArgumentError, UnexpectedResponseError } from './errors.ts'
import {
  arrayIn,
  dateIn,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  numberIn,
  objectIn,
  own,
  stringIn,
} from './json.ts'

export interface NamedId {
  id: string
  name: string | undefined
}

/** What a successful authentication gave. */
export interface Session {
  token: string
  /** When the token expires, by the clock of this machine. */
  expiresAt: Date
  /** The project that the token is for: the `owner` of what it makes, the member id of what is shared with it. */
  project: NamedId | undefined
  user: NamedId | undefined
  /** Names of roles. */
  roles: string[]
  catalog: CatalogService[]
}

/** A session as plain JSON, to be kept and imported later. It holds the token: keep it like a password. */
export interface ExportedCredentials {
  token: string
  /** ISO 8601. */
  expiration: string
  tenant: { id: string; name?: string } | null
  user: { id: string; name?: string } | null
  roles: string[]
  catalog: CatalogService[]
}

const namedId = (value: JsonObject | undefined): NamedId | undefined => {
  // Tenants of older clouds are numbers.
  const id = value && (stringIn(value, 'id') ?? numberIn(value, 'id')?.toString())
  return value === undefined || id === undefined ? undefined : { id, name: stringIn(value, 'name') }
}

const roleNames = (roles: JsonValue[] | undefined): string[] =>
  (roles ?? []).flatMap((role) => (isJsonObject(role) ? (stringIn(role, 'name') ?? []) : []))

/**
 * When a token expires by this machine's clock. Counted from when it was issued, so that a clock that is wrong by an hour
 * neither uses a token that is dead nor throws away one that is alive.
 */
const localExpiry = (expiresAt: Date, issuedAt: Date | undefined, receivedAt: number): Date =>
  issuedAt === undefined ? expiresAt : new Date(receivedAt + expiresAt.getTime() - issuedAt.getTime())

const unreadable = () => new UnexpectedResponseError('The identity service answered without a token. Check authUrl.')

/** @param header `X-Subject-Token` */
export const parseV3Session = (body: JsonValue | undefined, header: string | null, receivedAt: number): Session => {
  const token = isJsonObject(body) ? objectIn(body, 'token') : undefined
  const expiresAt = token && dateIn(token, 'expires_at')
  if (token === undefined || expiresAt === undefined || header === null || header === '') throw unreadable()
  return {
    token: header,
    expiresAt: localExpiry(expiresAt, dateIn(token, 'issued_at'), receivedAt),
    project: namedId(objectIn(token, 'project')),
    user: namedId(objectIn(token, 'user')),
    roles: roleNames(arrayIn(token, 'roles')),
    catalog: parseCatalog(own(token, 'catalog')),
  }
}

/** @param date the answer's `Date` header, as v2.0 does not always say when a token was issued */
export const parseV2Session = (body: JsonValue | undefined, date: string | null, receivedAt: number): Session => {
  const access = isJsonObject(body) ? objectIn(body, 'access') : undefined
  const token = access && objectIn(access, 'token')
  const id = token && stringIn(token, 'id')
  const expiresAt = token && dateIn(token, 'expires')
  if (access === undefined || token === undefined || !id || expiresAt === undefined) throw unreadable()
  const user = objectIn(access, 'user')
  const sentAt = Date.parse(date ?? '')
  return {
    token: id,
    expiresAt: localExpiry(expiresAt, Number.isNaN(sentAt) ? undefined : new Date(sentAt), receivedAt),
    project: namedId(objectIn(token, 'tenant')),
    user: namedId(user),
    roles: roleNames(user && arrayIn(user, 'roles')),
    catalog: parseCatalog(own(access, 'serviceCatalog')),
  }
}

const exportId = (value: NamedId | undefined) =>
  value === undefined ? null : { id: value.id, ...(value.name === undefined ? {} : { name: value.name }) }

export const exportSession = (session: Session): ExportedCredentials => ({
  token: session.token,
  expiration: session.expiresAt.toISOString(),
  tenant: exportId(session.project),
  user: exportId(session.user),
  roles: session.roles,
  catalog: session.catalog,
})

/** @throws InvalidArgumentError when this is not what `exportSession` made */
export const importSession = (credentials: JsonValue): Session => {
  if (isJsonObject(credentials)) {
    const token = stringIn(credentials, 'token')
    const expiresAt = dateIn(credentials, 'expiration')
    if (token && expiresAt !== undefined) {
      return {
        token,
        expiresAt,
        project: namedId(objectIn(credentials, 'tenant')),
        user: namedId(objectIn(credentials, 'user')),
        roles: (arrayIn(credentials, 'roles') ?? []).filter((role) => typeof role === 'string'),
        catalog: parseCatalog(own(credentials, 'catalog')),
      }
    }
  }
  throw new InvalidArgumentError('These are not exported credentials: token or expiration is missing.')
}
