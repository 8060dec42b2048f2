import Type, { type Static } from 'typebox'

/** One call that an application credential may be used for. */
export const AccessRuleSchema = Type.Object({
  id: Type.Optional(Type.String({ maxLength: 64 })),
  service: Type.String({ minLength: 1, maxLength: 64 }),
  method: Type.Enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']),
  path: Type.String({ maxLength: 255, pattern: '^/[^\\u0000]*$' }),
})
export type AccessRule = Static<typeof AccessRuleSchema>

export interface Call {
  readonly method: string
  readonly path: string
}

const isWildcard = (pattern: string): boolean => pattern === '*' || /^\{[^{}]*\}$/.test(pattern)

/**
 * Whether the segments of a path match a pattern: `*` and `{name}` stand for one segment, `**` for one or more.
 * No regular expressions: the pattern is the caller's, and must not be able to make matching slow.
 */
const matches = (pattern: readonly string[], path: readonly string[]): boolean => {
  // reach[i]: the pattern so far matches the first i segments.
  let reach = [true, ...path.map(() => false)]
  for (const wanted of pattern) {
    const next = [false, ...path.map(() => false)]
    for (const [index, segment] of path.entries()) {
      const before = reach[index] === true
      if (wanted === '**') next[index + 1] = before || next[index] === true
      else next[index + 1] = before && segment !== '' && (isWildcard(wanted) || segment === wanted)
    }
    reach = next
  }
  return reach.at(-1) === true
}

/** The segments of a path as a server sees them, or undefined if they could be read in two ways. */
const segmentsOf = (path: string): string[] | undefined => {
  try {
    const segments = path.slice(1).split('/').map(decodeURIComponent)
    return segments.some((segment) => segment === '.' || segment === '..') ? undefined : segments
  } catch {
    return undefined
  }
}

/**
 * Whether an application credential may be used for a call.
 * @param rules those of the credential; null allows everything
 * @param service the type of the service that is called, as in the catalog
 */
export const allowsCall = (rules: readonly AccessRule[] | null, service: string, call: Call): boolean => {
  if (rules === null) return true
  const segments = segmentsOf(call.path)
  if (segments === undefined) return false
  return rules.some(
    (rule) =>
      rule.service === service && rule.method === call.method && matches(rule.path.slice(1).split('/'), segments),
  )
}
