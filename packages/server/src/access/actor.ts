/** Roles that mean something here, each with those it implies. */
const implied = {
  admin: ['admin', 'manager', 'member', 'reader'],
  manager: ['manager', 'member', 'reader'],
  member: ['member', 'reader'],
  reader: ['reader'],
  service: ['service'],
} as const

export type Role = keyof typeof implied

const isRole = (name: string): name is Role => Object.hasOwn(implied, name)

/** Who asks: the facts of a validated token. There are no roles without a project. */
export interface Actor {
  readonly userId: string
  readonly userName: string | null
  /** Null for a token that is unscoped or scoped to a domain or the whole system. */
  readonly projectId: string | null
  readonly roles: ReadonlySet<Role>
}

/**
 * The roles of a token, with the implied ones: tokens of Identity v2.0 do not list them.
 * @param names as the token has them, in any letter case; unknown ones count for nothing
 */
export const expandRoles = (names: Iterable<string>): ReadonlySet<Role> => {
  const roles = new Set<Role>()
  for (const name of names) {
    const known = name.toLowerCase()
    if (isRole(known)) for (const role of implied[known]) roles.add(role)
  }
  return roles
}
