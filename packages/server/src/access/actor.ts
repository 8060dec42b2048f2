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
  /** What people call the project: `name@domain` in small letters, by the name of the domain and by its id. */
  readonly projectNames: readonly string[]
  readonly roles: ReadonlySet<Role>
}

/** The names that a project goes by. */
export const projectNamesOf = (
  name: string | undefined,
  domain: { readonly id?: string | undefined; readonly name?: string | undefined } | undefined,
): readonly string[] =>
  name === undefined
    ? []
    : [
        ...new Set(
          [domain?.name, domain?.id].flatMap((of) => (of === undefined ? [] : [`${name}@${of}`.toLowerCase()])),
        ),
      ]

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
