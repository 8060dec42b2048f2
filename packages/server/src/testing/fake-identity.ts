import { type Actor, expandRoles } from '../access/actor.ts'
import { apiError } from '../api-error.ts'
import type { Identity } from '../identity/port.ts'

/** A token that `fakeIdentity` takes for an actor of this project with these roles. */
export const fakeToken = (project: string | null, ...roles: string[]): string => JSON.stringify([project, ...roles])

/** Believes every token made by `fakeToken`: for tests of everything but identity. */
export const fakeIdentity = (): Identity => ({
  validate: async (token): Promise<Actor> => {
    let parts: unknown
    try {
      parts = JSON.parse(token)
    } catch {
      throw apiError('token_invalid', {})
    }
    if (!Array.isArray(parts)) throw apiError('token_invalid', {})
    const [project, ...roles] = parts.map((part: unknown) => (part === null ? null : String(part)))
    return {
      userId: `user-of-${project}`,
      userName: null,
      projectId: project ?? null,
      projectNames: project === null || project === undefined ? [] : [`${project}@default`.toLowerCase()],
      roles: expandRoles(roles.map(String)),
    }
  },
  authUrl: (publicUrl) => `${publicUrl}/identity/v3`,
  close: async () => undefined,
})
