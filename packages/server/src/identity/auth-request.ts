import Type, { type Static } from 'typebox'
import { apiError } from '../api-error.ts'
import { bodyReader, refuseValue } from './body.ts'
import { defaultDomain } from './domain.ts'

/** A user as a caller names one. Names outside the one domain name nobody. */
export type UserReference = { readonly id: string } | { readonly name: string; readonly domainExists: boolean }

export type Proof =
  | { readonly method: 'password'; readonly user: UserReference; readonly password: string }
  | { readonly method: 'token'; readonly token: string }
  | {
      readonly method: 'application_credential'
      readonly credential: { readonly id: string } | { readonly name: string; readonly user: UserReference }
      readonly secret: string
    }

export type WantedScope =
  | { readonly kind: 'absent' }
  | { readonly kind: 'unscoped' }
  | { readonly kind: 'project'; readonly project: { readonly id: string } | { readonly name: string } }
  | { readonly kind: 'domain' }
  | { readonly kind: 'system' }
  /** Something that does not exist here, such as a project of another domain. */
  | { readonly kind: 'nothing' }

export interface AuthRequest {
  readonly proofs: readonly Proof[]
  readonly scope: WantedScope
}

const DomainSchema = Type.Object({ id: Type.Optional(Type.String()), name: Type.Optional(Type.String()) })
const UserSchema = Type.Object({
  id: Type.Optional(Type.String()),
  name: Type.Optional(Type.String()),
  domain: Type.Optional(DomainSchema),
})

const ScopeSchema = Type.Union([
  Type.Literal('unscoped'),
  Type.Object({
    unscoped: Type.Optional(Type.Object({})),
    project: Type.Optional(UserSchema),
    domain: Type.Optional(DomainSchema),
    system: Type.Optional(Type.Object({ all: Type.Optional(Type.Boolean()) })),
  }),
])

const AuthSchema = Type.Object({
  auth: Type.Object({
    identity: Type.Object({
      methods: Type.Array(Type.String(), { minItems: 1, maxItems: 10 }),
      password: Type.Optional(
        Type.Object({
          user: Type.Intersect([UserSchema, Type.Object({ password: Type.String({ maxLength: 4096 }) })]),
        }),
      ),
      token: Type.Optional(Type.Object({ id: Type.String() })),
      application_credential: Type.Optional(
        Type.Object({
          id: Type.Optional(Type.String()),
          name: Type.Optional(Type.String()),
          user: Type.Optional(UserSchema),
          secret: Type.String({ maxLength: 4096 }),
        }),
      ),
    }),
    scope: Type.Optional(ScopeSchema),
  }),
})
type Identity = Static<typeof AuthSchema>['auth']['identity']

const readBody = bodyReader(AuthSchema)

const isOurDomain = (domain: Static<typeof DomainSchema>, where: string): boolean => {
  if (domain.id === undefined && domain.name === undefined) return refuseValue(`${where}.domain needs an id or a name`)
  return (
    (domain.id === undefined || domain.id === defaultDomain.id) &&
    (domain.name === undefined || domain.name === defaultDomain.name)
  )
}

const userReference = (user: Static<typeof UserSchema>, where: string): UserReference => {
  if (user.id !== undefined) return { id: user.id }
  if (user.name === undefined) return refuseValue(`${where} needs an id or a name`)
  if (user.domain === undefined) return refuseValue(`${where} needs a domain beside its name`)
  return { name: user.name, domainExists: isOurDomain(user.domain, where) }
}

const credentialProof = (block: Identity['application_credential']): Proof => {
  if (block === undefined) return refuseValue('auth.identity.application_credential is missing')
  const where = 'auth.identity.application_credential'
  const { id, name, user, secret } = block
  if (id !== undefined) return { method: 'application_credential', credential: { id }, secret }
  if (name === undefined || user === undefined) return refuseValue(`${where} needs an id, or a name and a user`)
  const credential = { name, user: userReference(user, `${where}.user`) }
  return { method: 'application_credential', credential, secret }
}

const proofOf = (method: string, identity: Identity): Proof => {
  switch (method) {
    case 'password': {
      if (identity.password === undefined) return refuseValue('auth.identity.password is missing')
      const { user } = identity.password
      return { method, user: userReference(user, 'auth.identity.password.user'), password: user.password }
    }
    case 'token':
      if (identity.token === undefined) return refuseValue('auth.identity.token is missing')
      return { method, token: identity.token.id }
    case 'application_credential':
      return credentialProof(identity.application_credential)
    default:
      throw apiError('credentials_refused', {})
  }
}

const scopeOf = (scope: Static<typeof ScopeSchema> | undefined): WantedScope => {
  if (scope === undefined) return { kind: 'absent' }
  if (scope === 'unscoped') return { kind: 'unscoped' }
  const { project, domain, system, unscoped } = scope
  if (Object.keys(scope).length !== 1) return refuseValue('auth.scope needs exactly one of project, domain, system')
  if (unscoped !== undefined) return { kind: 'unscoped' }
  if (system !== undefined)
    return system.all === true ? { kind: 'system' } : refuseValue('auth.scope.system must be all')
  if (domain !== undefined) return isOurDomain(domain, 'auth.scope') ? { kind: 'domain' } : { kind: 'nothing' }
  if (project === undefined) return refuseValue('auth.scope needs exactly one of project, domain, system')
  const wanted = userReference(project, 'auth.scope.project')
  if ('id' in wanted) return { kind: 'project', project: { id: wanted.id } }
  return wanted.domainExists ? { kind: 'project', project: { name: wanted.name } } : { kind: 'nothing' }
}

/**
 * The body of `POST /v3/auth/tokens`.
 * @throws ApiError for a body that is malformed; `credentials_refused` for an unknown method
 */
export const readAuthRequest = (...parameters: Parameters<typeof readBody>): AuthRequest => {
  const { identity, scope } = readBody(...parameters).auth
  const wanted = scopeOf(scope)
  return { proofs: [...new Set(identity.methods)].map((method) => proofOf(method, identity)), scope: wanted }
}
