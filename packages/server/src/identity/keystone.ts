import { type Actor, expandRoles, projectNamesOf } from '../access/actor.ts'
import { ApiError, apiError } from '../api-error.ts'
import { allowsCall, type Call } from './access-rules.ts'
import { createKeystoneClient, type KeystoneOptions, type KeystoneToken, withoutVersion } from './keystone-client.ts'
import type { Identity } from './port.ts'
import { digestOf } from './sessions.ts'
import { createTokenCache, type Validated } from './token-cache.ts'

/** A token revoked in Keystone is out here after so long at most. */
export const keystoneFreshMs = 60_000
/** A token that Keystone does not know is not asked about again for so long. */
const refusedMs = 5000
const refusedMax = 10_000

/** Anything else in a header is no token of Keystone's, and could not be sent on. */
const tokenForm = /^[\x21-\x7e]{1,16384}$/

const actorOf = ({ user, project, roles = [] }: KeystoneToken): Actor => ({
  userId: user.id,
  userName: user.name ?? null,
  projectId: project?.id ?? null,
  projectNames: projectNamesOf(project?.name, project?.domain),
  roles: project === undefined ? new Set() : expandRoles(roles.map(({ name }) => name)),
})

const validatedOf = (token: KeystoneToken): Validated => ({
  actor: actorOf(token),
  accessRules: token.application_credential?.access_rules ?? null,
  expiresAt: Date.parse(token.expires_at),
})

const isInvalid = (error: unknown): boolean => error instanceof ApiError && error.code === 'token_invalid'

/** Digests of tokens that were lately refused. */
const createRefusals = (now: () => number) => {
  const until = new Map<string, number>()
  return {
    has: (digest: string) => (until.get(digest) ?? 0) > now(),
    add: (digest: string) => {
      until.delete(digest)
      if (until.size >= refusedMax) {
        const [oldest] = until.keys()
        if (oldest !== undefined) until.delete(oldest)
      }
      until.set(digest, now() + refusedMs)
    },
  }
}

/**
 * Callers vouched for by a Keystone.
 * @param options.publicUrl where clients reach it, if not at `url`
 */
export const createKeystoneIdentity = (
  options: KeystoneOptions & { readonly publicUrl?: string | undefined },
): Identity => {
  const { now } = options
  const client = createKeystoneClient(options)
  const cache = createTokenCache(now, keystoneFreshMs)
  const refusals = createRefusals(now)
  const publicUrl = withoutVersion(options.publicUrl ?? options.url)

  const look = async (token: string, digest: string): Promise<Validated> => {
    const found = await client.find(token, false)
    const validated = found === undefined ? undefined : validatedOf(found)
    // Not "expiresAt <= now": what is no date compares to nothing.
    if (validated !== undefined && validated.expiresAt > now()) return validated
    refusals.add(digest)
    throw apiError('token_invalid', {})
  }

  const validate = (token: string, call: Call): Promise<Actor> => {
    const digest = digestOf(token)
    if (refusals.has(digest) || !tokenForm.test(token)) return Promise.reject(apiError('token_invalid', {}))
    return cache.actor(digest, call, () => look(token, digest))
  }

  /** With the token of a service beside it, a token counts that expired while the service worked. */
  const withService = async (token: string, call: Call, serviceToken: string): Promise<Actor> => {
    const service = await validate(serviceToken, call)
    try {
      return await validate(token, call)
    } catch (error) {
      if (!service.roles.has('service') || !isInvalid(error) || !tokenForm.test(token)) throw error
      const found = await client.find(token, true)
      if (found === undefined) throw error
      const { actor, accessRules } = validatedOf(found)
      if (!allowsCall(accessRules, 'image', call)) throw error
      return actor
    }
  }

  return {
    validate: (token, { serviceToken, ...call }) =>
      serviceToken === undefined ? validate(token, call) : withService(token, call, serviceToken),
    authUrl: () => publicUrl,
    close: async () => undefined,
  }
}
