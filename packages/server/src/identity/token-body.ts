import { wireDate } from '../http/json.ts'
import { type CatalogUrls, catalogOf, legacyCatalogOf } from './catalog.ts'
import { defaultDomain } from './domain.ts'
import type { Session } from './sessions.ts'

/** An instant as Identity v3 writes it: with microseconds. */
export const preciseDate = (instant: number): string => new Date(instant).toISOString().replace('Z', '000Z')

const scopeMembers = ({ scope }: Session) => {
  switch (scope.kind) {
    case 'unscoped':
      return {}
    case 'project':
      return { project: { ...scope.project, domain: defaultDomain }, is_domain: false }
    case 'domain':
      return { domain: defaultDomain }
    case 'system':
      return { system: { all: true } }
  }
}

const credentialMember = ({ applicationCredential }: Session) => {
  if (applicationCredential === null) return {}
  const { id, name, restricted, accessRules } = applicationCredential
  const rules = accessRules === null ? {} : { access_rules: accessRules }
  return { application_credential: { id, name, restricted, ...rules } }
}

/**
 * What Identity v3 says of a token.
 * @param urls for the catalog; without them there is none
 */
export const tokenDocument = (session: Session, urls: CatalogUrls | null) => {
  const scoped = session.scope.kind !== 'unscoped'
  return {
    token: {
      methods: session.methods,
      user: { ...session.user, domain: defaultDomain, password_expires_at: null },
      audit_ids: session.auditIds,
      issued_at: preciseDate(session.issuedAt),
      expires_at: preciseDate(session.expiresAt),
      ...scopeMembers(session),
      ...(scoped ? { roles: session.roles } : {}),
      ...(scoped && urls !== null ? { catalog: catalogOf(urls) } : {}),
      ...credentialMember(session),
    },
  }
}

/** What Identity v2.0 says of a token, which is in the body there. */
export const accessDocument = (token: string, session: Session, urls: CatalogUrls) => {
  const { scope, user, roles } = session
  const project = scope.kind === 'project' ? scope.project : null
  return {
    access: {
      token: {
        id: token,
        issued_at: preciseDate(session.issuedAt),
        expires: wireDate(session.expiresAt),
        ...(project === null ? {} : { tenant: { ...project, enabled: true, description: '' } }),
      },
      user: {
        id: user.id,
        name: user.name,
        username: user.name,
        roles: project === null ? [] : roles.map(({ id, name }) => ({ id, name, tenantId: project.id })),
        roles_links: [],
      },
      serviceCatalog: project === null ? [] : legacyCatalogOf(urls, project.id),
    },
  }
}
