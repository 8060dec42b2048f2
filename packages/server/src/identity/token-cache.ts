import type { Actor } from '../access/actor.ts'
import { apiError } from '../api-error.ts'
import { type AccessRule, allowsCall, type Call } from './access-rules.ts'

/** What is remembered of a token that was found valid. */
export interface Validated {
  readonly actor: Actor
  readonly accessRules: readonly AccessRule[] | null
  readonly expiresAt: number
}

/** A token that was found valid. */
interface Entry {
  readonly validated: Validated
  /** Unless it is limited by access rules: the answer itself, so that a hit costs no more than a look-up. */
  readonly actor: Promise<Actor> | null
  readonly freshUntil: number
}

interface LookUp {
  readonly validated: Promise<Validated>
  readonly freshUntil: number
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
/** Look-ups that others can join; further ones are made for one caller each. */
const underWayMax = 1000
const service = 'image'

const actorFor = ({ actor, accessRules }: Validated, call: Call): Actor => {
  if (!allowsCall(accessRules, service, call)) throw apiError('token_invalid', {})
  return actor
}

/**
 * Tokens found valid lately. What is sent by callers who have no valid token takes no place among them.
 * @param freshMs how long a finding holds, and so the longest that a change elsewhere goes unseen
 */
export const createTokenCache = (now: () => number, freshMs: number): TokenCache => {
  const entries = new Map<string, Entry>()
  const underWay = new Map<string, LookUp>()
  let clears = 0

  const remember = (digest: string, validated: Validated, freshUntil: number): void => {
    entries.delete(digest)
    if (entries.size >= entriesMax) {
      const [oldest] = entries.keys()
      if (oldest !== undefined) entries.delete(oldest)
    }
    entries.set(digest, {
      validated,
      actor: validated.accessRules === null ? Promise.resolve(validated.actor) : null,
      freshUntil: Math.min(freshUntil, validated.expiresAt),
    })
  }

  const begin = (digest: string, look: () => Promise<Validated>): LookUp => {
    // From before the look-up: what changes while it runs must not be missed for longer than promised.
    const lookUp: LookUp = { validated: look(), freshUntil: now() + freshMs }
    const clearsBefore = clears
    if (underWay.size < underWayMax) underWay.set(digest, lookUp)
    const settled = () => {
      if (underWay.get(digest) === lookUp) underWay.delete(digest)
    }
    lookUp.validated.then((validated) => {
      settled()
      if (clears === clearsBefore && now() < lookUp.freshUntil) remember(digest, validated, lookUp.freshUntil)
    }, settled)
    return lookUp
  }

  const find = async (digest: string, call: Call, look: () => Promise<Validated>): Promise<Actor> => {
    const joined = underWay.get(digest)
    const { validated } = joined !== undefined && now() < joined.freshUntil ? joined : begin(digest, look)
    return actorFor(await validated, call)
  }

  return {
    actor: (digest, call, look) => {
      const known = entries.get(digest)
      if (known === undefined || now() >= known.freshUntil) return find(digest, call, look)
      return known.actor ?? Promise.resolve(known.validated).then((validated) => actorFor(validated, call))
    },
    clear: () => {
      // A look-up under way still answers those who wait for it, and nobody later.
      clears += 1
      entries.clear()
      underWay.clear()
    },
  }
}
