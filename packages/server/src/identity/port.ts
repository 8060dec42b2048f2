import type { FastifyPluginAsync } from 'fastify'
import type { Actor } from '../access/actor.ts'

/** Who vouches for callers: the embedded identity service or a Keystone. */
export interface Identity {
  /**
   * The actor behind a token.
   * @param token as sent, never empty
   * @param call what it is used for: an application credential may be limited to some calls. With a token of another
   *   service beside it (`X-Service-Token`), the token may have expired less than 48 hours ago
   * @throws ApiError `token_invalid` when one of the tokens is unknown, expired or revoked; `identity_unavailable` when
   *   that cannot be found out now
   */
  validate(
    token: string,
    call: { readonly method: string; readonly path: string; readonly serviceToken?: string | undefined },
  ): Promise<Actor>
  /** The identity URL for `WWW-Authenticate`, for a service that is reached at `publicUrl`. */
  authUrl(publicUrl: string): string
  /** Routes to mount, if the identity service lives in this process. */
  readonly routes?: FastifyPluginAsync
  close(): Promise<void>
}
