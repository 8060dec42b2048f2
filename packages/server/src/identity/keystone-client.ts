import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { apiError } from '../api-error.ts'
import { AccessRuleSchema } from './access-rules.ts'

export interface PasswordCredentials {
  readonly kind: 'password'
  readonly username: string
  readonly password: string
  readonly userDomainName: string
  readonly projectName: string
  readonly projectDomainName: string
}

/** How this service makes itself known to Keystone. The account needs the role service or admin. */
export type KeystoneCredentials =
  | PasswordCredentials
  | { readonly kind: 'application_credential'; readonly id: string; readonly secret: string }

export interface KeystoneOptions {
  /** With or without `/v3` at its end. */
  readonly url: string
  readonly credentials: KeystoneCredentials
  readonly fetch: typeof globalThis.fetch
  /** Milliseconds since 1970 (UTC). */
  readonly now: () => number
  /** Longest time for one call. */
  readonly timeoutMs?: number
  /** Told why Keystone could not be used; callers only learn that it could not. */
  readonly onFailure?: (error: Error) => void
}

const NamedSchema = Type.Object({ id: Type.String(), name: Type.Optional(Type.String()) })
const ProjectSchema = Type.Object({ ...NamedSchema.properties, domain: Type.Optional(Type.Partial(NamedSchema)) })
const TokenSchema = Type.Object({
  token: Type.Object({
    expires_at: Type.String(),
    user: NamedSchema,
    project: Type.Optional(ProjectSchema),
    roles: Type.Optional(Type.Array(Type.Object({ name: Type.String() }))),
    application_credential: Type.Optional(Type.Object({ access_rules: Type.Optional(Type.Array(AccessRuleSchema)) })),
  }),
})
const checkToken = Compile(TokenSchema)

/** What Keystone says of a token. */
export type KeystoneToken = Static<typeof TokenSchema>['token']

export interface KeystoneClient {
  /**
   * Asks Keystone about a token.
   * @param allowExpired also if it expired less than 48 hours ago
   * @returns undefined when Keystone does not know it, or no longer
   * @throws ApiError `identity_unavailable` when Keystone cannot be asked
   */
  find(token: string, allowExpired: boolean): Promise<KeystoneToken | undefined>
}

const timeoutMs = 10_000
/** A token of our own that is about to expire is renewed before it is used. */
const renewBeforeEndMs = 60_000

/** @param projectId a project other than the one of the credentials; an application credential knows no other */
export const identityBlock = (credentials: KeystoneCredentials, projectId?: string) => {
  if (credentials.kind === 'application_credential') {
    const { id, secret } = credentials
    return { identity: { methods: ['application_credential'], application_credential: { id, secret } } }
  }
  const { username, password, userDomainName, projectName, projectDomainName } = credentials
  const user = { name: username, domain: { name: userDomainName }, password }
  return {
    identity: { methods: ['password'], password: { user } },
    scope: {
      project: projectId === undefined ? { name: projectName, domain: { name: projectDomainName } } : { id: projectId },
    },
  }
}

const readToken = async (response: Response): Promise<KeystoneToken> => {
  const document: unknown = await response.json()
  if (!checkToken.Check(document)) throw new Error('Keystone answered with something that is no token')
  return document.token
}

/** The identity URL without the version: clients and operators write it both ways. */
export const withoutVersion = (url: string): string => url.replace(/\/+$/, '').replace(/\/v3$/, '')

type Send = (method: string, path: string, headers: Record<string, string>, body?: unknown) => Promise<Response>

interface OwnToken {
  readonly token: string
  readonly expiresAt: number
}

/** The token of this service, renewed when it is about to expire or was refused; callers share one renewal. */
const createOwnToken = ({ credentials, now }: KeystoneOptions, send: Send) => {
  let current: Promise<OwnToken> | undefined
  let expiresAt = 0

  const logIn = async (): Promise<OwnToken> => {
    const response = await send('POST', '/v3/auth/tokens?nocatalog', {}, { auth: identityBlock(credentials) })
    const token = response.headers.get('x-subject-token')
    if (response.status !== 201 || token === null) {
      await response.body?.cancel()
      throw new Error(`Keystone refused the credentials of this service (${response.status})`)
    }
    const own = { token, expiresAt: Date.parse((await readToken(response)).expires_at) }
    expiresAt = own.expiresAt
    return own
  }

  return {
    get: async (): Promise<string> => {
      if (current === undefined || expiresAt - renewBeforeEndMs <= now()) {
        expiresAt = Number.POSITIVE_INFINITY
        const renewal = logIn()
        current = renewal
        renewal.catch(() => {
          if (current === renewal) current = undefined
        })
      }
      return (await current).token
    },
    /** Forgets the token, unless another has taken its place since. */
    drop: async (refused: string): Promise<void> => {
      const held = current
      if (held !== undefined && (await held).token === refused && current === held) current = undefined
    },
  }
}

/** Asks a Keystone about tokens, with a token of its own. */
export const createKeystoneClient = (options: KeystoneOptions): KeystoneClient => {
  const base = withoutVersion(options.url)
  const send: Send = (method, path, headers, body) =>
    options.fetch(`${base}${path}`, {
      method,
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      // The headers hold tokens, which are for nobody else.
      redirect: 'error',
      signal: AbortSignal.timeout(options.timeoutMs ?? timeoutMs),
    })
  const ownToken = createOwnToken(options, send)

  const ask = async (token: string, allowExpired: boolean): Promise<KeystoneToken | undefined> => {
    const path = `/v3/auth/tokens?nocatalog${allowExpired ? '&allow_expired=1' : ''}`
    for (let attempt = 1; ; attempt += 1) {
      const own = await ownToken.get()
      const response = await send('GET', path, {
        'x-auth-token': own,
        'x-subject-token': token,
        'openstack-identity-access-rules': '1',
      })
      if (response.status === 200) return readToken(response)
      await response.body?.cancel()
      if (response.status === 404) return undefined
      if (response.status !== 401 || attempt === 2) {
        throw new Error(`Keystone did not say whether a token is valid (${response.status})`)
      }
      await ownToken.drop(own)
    }
  }

  return {
    find: async (token, allowExpired) => {
      try {
        return await ask(token, allowExpired)
      } catch (error) {
        options.onFailure?.(error instanceof Error ? error : new Error(String(error)))
        throw apiError('identity_unavailable', {})
      }
    },
  }
}
