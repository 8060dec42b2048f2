import Type from 'typebox'
import { Compile } from 'typebox/compile'
import { identityBlock, type PasswordCredentials, withoutVersion } from '../../identity/keystone-client.ts'
import { KeyError } from '../port.ts'
import { type Answer, type Ask, readJson, unexpected } from './http.ts'

const TokenSchema = Compile(
  Type.Object({
    token: Type.Object({
      expires_at: Type.String(),
      user: Type.Object({ id: Type.String() }),
      project: Type.Optional(Type.Object({ id: Type.String() })),
    }),
  }),
)
const AssignmentsSchema = Compile(
  Type.Object({
    role_assignments: Type.Array(Type.Object({ user: Type.Optional(Type.Object({ id: Type.String() })) })),
    links: Type.Optional(Type.Object({ next: Type.Optional(Type.Union([Type.String(), Type.Null()])) })),
    truncated: Type.Optional(Type.Boolean()),
  }),
)

const tokenMaxBytes = 1 << 20
/** Some ten thousand users of one project. */
const assignmentsMaxBytes = 16 << 20
const pagesMax = 100
/** A token that is about to expire is renewed before it is used. */
const renewBeforeEndMs = 60_000
const tokensMax = 1000

interface ServiceToken {
  readonly token: string
  readonly expiresAt: number
  /** The user of this service. */
  readonly userId: string
}

/** What the service learns of Keystone, acting in the project that a key belongs to. */
export interface ServiceAccess {
  /**
   * Asks with a token of the service for a project, or for its own project if none is given. A token that is refused is
   * renewed once.
   */
  ask(projectId: string | undefined, question: (token: string) => Promise<Answer>): Promise<Answer>
  /** The user of this service. */
  userId(projectId: string): Promise<string>
  /**
   * The users who hold a role in a project, directly, by a group or inherited, without that of this service; none if there is
   * no such project.
   * @param asProjectId where the service acts
   */
  usersOf(projectId: string, asProjectId: string): Promise<ReadonlySet<string>>
  /** The user of a token, if it is one for this project. */
  userWith(token: string, projectId: string): Promise<string | undefined>
}

interface AccessOptions {
  readonly url: string
  readonly credentials: PasswordCredentials
  readonly ask: Ask
  readonly now: () => number
}

/** Tokens of the service, one for each project; callers share one log-in. */
const createTokens = ({ url, credentials, ask, now }: AccessOptions) => {
  const held = new Map<string | undefined, Promise<ServiceToken>>()

  const logIn = async (projectId: string | undefined): Promise<ServiceToken> => {
    const answer = await ask({
      server: 'Keystone',
      method: 'POST',
      url: `${url}/v3/auth/tokens?nocatalog`,
      headers: {},
      json: { auth: identityBlock(credentials, projectId) },
      maxBytes: tokenMaxBytes,
    })
    const token = answer.headers.get('x-subject-token')
    if (answer.status !== 201 || token === null) {
      throw new KeyError(
        'unavailable',
        `Keystone gives this service no token for project ${projectId ?? 'of its own'} (${answer.status}): its user needs the role admin there.`,
      )
    }
    const { expires_at, user } = readJson('Keystone', answer, TokenSchema).token
    return { token, expiresAt: Date.parse(expires_at), userId: user.id }
  }

  const renew = (projectId: string | undefined): Promise<ServiceToken> => {
    const renewal = logIn(projectId)
    held.delete(projectId)
    if (held.size >= tokensMax) {
      for (const oldest of held.keys()) {
        held.delete(oldest)
        break
      }
    }
    held.set(projectId, renewal)
    renewal.catch(() => {
      if (held.get(projectId) === renewal) held.delete(projectId)
    })
    return renewal
  }

  const get = async (projectId: string | undefined): Promise<ServiceToken> => {
    const current = held.get(projectId)
    if (current === undefined) return renew(projectId)
    const token = await current
    if (token.expiresAt - renewBeforeEndMs > now()) return token
    // Another caller may have renewed it meanwhile.
    return held.get(projectId) === current ? renew(projectId) : get(projectId)
  }

  return {
    get,
    renew: async (projectId: string | undefined, refused: ServiceToken): Promise<ServiceToken> => {
      const current = held.get(projectId)
      return current === undefined || (await current) === refused ? renew(projectId) : get(projectId)
    },
  }
}

/** Lets the service act in the projects of others, with its own name and password. */
export const createServiceAccess = (given: Omit<AccessOptions, 'url'> & { readonly url: string }): ServiceAccess => {
  const url = withoutVersion(given.url)
  const options = { ...given, url }
  const tokens = createTokens(options)

  const ask: ServiceAccess['ask'] = async (projectId, question) => {
    const token = await tokens.get(projectId)
    const answer = await question(token.token)
    if (answer.status !== 401) return answer
    return question((await tokens.renew(projectId, token)).token)
  }

  const askKeystone = (asProjectId: string, path: string, headers: Record<string, string> = {}) =>
    ask(asProjectId, (token) =>
      options.ask({
        server: 'Keystone',
        method: 'GET',
        url: `${url}${path}`,
        headers: { 'x-auth-token': token, ...headers },
        maxBytes: assignmentsMaxBytes,
      }),
    )

  const userId = async (projectId: string): Promise<string> => (await tokens.get(projectId)).userId

  return {
    ask,
    userId,
    usersOf: async (projectId, asProjectId) => {
      const users = new Set<string>()
      let query = `?effective&scope.project.id=${encodeURIComponent(projectId)}`
      for (let page = 1; page <= pagesMax; page += 1) {
        const answer = await askKeystone(asProjectId, `/v3/role_assignments${query}`)
        if (answer.status === 404) return new Set()
        if (answer.status !== 200) throw unexpected('Keystone', 'list the users of a project', answer)
        const { role_assignments: found, links, truncated } = readJson('Keystone', answer, AssignmentsSchema)
        for (const { user } of found) if (user !== undefined) users.add(user.id)
        const next = links?.next ?? null
        if (next === null && truncated !== true) {
          users.delete(await userId(asProjectId))
          return users
        }
        // Only the query: a token of ours goes to no address that an answer names.
        query = next === null ? '' : (URL.parse(next)?.search ?? '')
        if (query === '') break
      }
      throw new KeyError('unavailable', 'Keystone does not list all users of a project.')
    },
    userWith: async (token, projectId) => {
      const answer = await askKeystone(projectId, '/v3/auth/tokens?nocatalog', { 'x-subject-token': token })
      if (answer.status === 404) return undefined
      if (answer.status !== 200) throw unexpected('Keystone', 'say whose a token is', answer)
      const { project, user } = readJson('Keystone', answer, TokenSchema).token
      return project?.id === projectId ? user.id : undefined
    },
  }
}
