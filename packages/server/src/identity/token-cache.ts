import type { Actor } from '../access/actor.ts'
import { apiError } from '../api-error.ts'
import { type AccessRule, allowsCall, type Call } from './access-rules.ts'

/** What is remembered of a token that was found valid. */
export interface Validated {
  readonly actor: Actor
  readonly accessRules: readonly AccessRule[] | null
  readonly expiresAt: number
}

interface Entry {
  /** Settled or under way; callers at the same time share one look-up. */
  readonly validated: Promise<Validated>
  /** Once it is known and unlimited by access rules: the answer itself, so that a hit costs no more than a look-up. */
  actor: Promise<Actor> | null
  freshUntil: number
}

export interface TokenCache {
  /**
   * The actor of a token, remembered or looked up.
   * @param digest of the token; the token itself is not kept
   * @param look finds out whether the token is valid now; throws when it is not
   */
  actor(digest: string, call: Call, look: () => Promise<Validated>): Promise<Actor>
  /** Forgets every token, and what look-ups under way will find. */
  clear(): void
}

const entriesMax = 10_000
const service = 'image'

const actorFor = ({ actor, accessRules }: Validated, call: Call): Actor => {
  if (!allowsCall(accessRules, service, call)) throw apiError('token_invalid', {})
  return actor
}

/**
 * Tokens found valid lately.
 * @param freshMs how long a finding holds, and so the longest that a change elsewhere goes unseen
 */
export const createTokenCache = (now: () => number, freshMs: number): TokenCache => {
  const entries = new Map<string, Entry>()

  const remember = (digest: string, entry: Entry): void => {
    entries.delete(digest)
    if (entries.size >= entriesMax) {
      const [oldest] = entries.keys()
      if (oldest !== undefined) entries.delete(oldest)
    }
    entries.set(digest, entry)
  }

  const find = (digest: string, look: () => Promise<Validated>): Entry => {
    // From before the look-up: what changes while it runs must not be missed for longer than promised.
    const entry: Entry = { validated: look(), actor: null, freshUntil: now() + freshMs }
    remember(digest, entry)
    entry.validated.then(
      (validated) => {
        entry.freshUntil = Math.min(entry.freshUntil, validated.expiresAt)
        if (validated.accessRules === null) entry.actor = Promise.resolve(validated.actor)
      },
      () => {
        if (entries.get(digest) === entry) entries.delete(digest)
      },
    )
    return entry
  }

  return {
    actor: (digest, call, look) => {
      const known = entries.get(digest)
      const entry = known !== undefined && now() < known.freshUntil ? known : find(digest, look)
      return entry.actor ?? entry.validated.then((validated) => actorFor(validated, call))
    },
    // A look-up under way still answers those who wait for it, and nobody later.
    clear: () => entries.clear(),
  }
}
