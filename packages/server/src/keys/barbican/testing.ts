import { randomUUID } from 'node:crypto'
import type { TestClock } from '../../identity/testing.ts'

/** What a fake Barbican or Keystone was asked. */
export interface Asked {
  readonly server: 'barbican' | 'keystone'
  readonly method: string
  readonly path: string
  readonly url: URL
  readonly token: string | undefined
  readonly body: string
}

interface FakeSecret {
  readonly id: string
  readonly projectId: string
  readonly creatorId: string
  readonly name: string
  readonly type: string
  readonly contentType: string
  readonly material: Buffer
  users: Set<string>
  projectAccess: boolean
}

/**
 * A Barbican and a Keystone in memory, as far as the key manager uses them, with the answers that real ones give. Their rules
 * are those of old: who has no role but `member` reads a secret only if its list says so.
 */
export const createFakeCloud = (clock: TestClock) => {
  const serviceUserId = 'service-user'
  const secrets = new Map<string, FakeSecret>()
  /** Users by project. */
  const members = new Map<string, Set<string>>()
  const tokens = new Map<string, { userId: string; projectId: string; admin: boolean; expiresAt: number }>()
  const asked: Asked[] = []
  let answerInstead: ((asked: Asked) => Response | Promise<Response> | undefined) | undefined
  let tokenCount = 0

  const giveToken = (userId: string, projectId: string, admin = false): string => {
    tokenCount += 1
    const token = `token-${tokenCount}`
    tokens.set(token, { userId, projectId, admin, expiresAt: clock.now() + 3_600_000 })
    return token
  }
  const valid = (token: string | undefined) => {
    const found = tokens.get(token ?? '')
    return found !== undefined && found.expiresAt > clock.now() ? found : undefined
  }
  const tokenDocument = (token: string) => {
    const found = tokens.get(token)
    return {
      token: {
        expires_at: new Date(found?.expiresAt ?? 0).toISOString(),
        user: { id: found?.userId },
        project: { id: found?.projectId },
      },
    }
  }

  const keystone = (request: Asked, subject: string | null): Response => {
    if (request.method === 'POST') {
      const { scope, identity } = JSON.parse(request.body).auth
      if (identity.password.user.password !== 'vitrine password') return new Response(null, { status: 401 })
      const token = giveToken(serviceUserId, scope.project.id ?? 'service-project', true)
      return Response.json(tokenDocument(token), { status: 201, headers: { 'x-subject-token': token } })
    }
    if (valid(request.token) === undefined) return new Response(null, { status: 401 })
    if (request.path === '/v3/auth/tokens') {
      return valid(subject ?? '') === undefined
        ? new Response(null, { status: 404 })
        : Response.json(tokenDocument(subject ?? ''))
    }
    const users = members.get(request.url.searchParams.get('scope.project.id') ?? '')
    if (users === undefined) return new Response(null, { status: 404 })
    const assignments = [...users, serviceUserId].map((id) => ({ user: { id }, role: { id: 'r1' } }))
    return Response.json({ role_assignments: assignments, links: { next: null, previous: null } })
  }

  const describe = ({ id, name, creatorId, type, contentType }: FakeSecret) => ({
    name,
    creator_id: creatorId,
    secret_type: type,
    status: 'ACTIVE',
    content_types: { default: contentType },
    secret_ref: `http://elsewhere.test/v1/secrets/${id}`,
  })
  const store = (projectId: string, creatorId: string, changes: Partial<FakeSecret> = {}): FakeSecret => {
    const secret: FakeSecret = {
      id: randomUUID(),
      projectId,
      creatorId,
      name: 'by hand',
      type: 'symmetric',
      contentType: 'application/octet-stream',
      material: Buffer.alloc(32, 7),
      users: new Set(),
      projectAccess: true,
      ...changes,
    }
    secrets.set(secret.id, secret)
    return secret
  }

  const barbican = (request: Asked): Response => {
    const caller = valid(request.token)
    if (caller === undefined) return new Response(null, { status: 401 })
    const [, , , id, part] = request.path.split('/')
    if (id === undefined) {
      if (!caller.admin) return new Response(null, { status: 403 })
      if (request.method === 'POST') {
        const { name, payload } = JSON.parse(request.body)
        const { id: made } = store(caller.projectId, caller.userId, { name, material: Buffer.from(payload, 'base64') })
        return Response.json({ secret_ref: `http://elsewhere.test/v1/secrets/${made}` }, { status: 201 })
      }
      const prefix = (request.url.searchParams.get('name') ?? '%').replace(/%$/, '')
      const [limit, offset] = ['limit', 'offset'].map((name) => Number(request.url.searchParams.get(name) ?? 0))
      const found = [...secrets.values()].filter(
        ({ projectId, name }) => projectId === caller.projectId && name.startsWith(prefix),
      )
      const page = found.slice(offset, (offset ?? 0) + (limit ?? 10))
      return Response.json({ secrets: page.map(describe), total: found.length })
    }
    const secret = secrets.get(id)
    if (secret === undefined) return new Response(null, { status: 404 })
    const isAdmin = caller.admin && secret.projectId === caller.projectId
    const mayRead = isAdmin || secret.users.has(caller.userId)
    if (part === 'acl' || request.method === 'DELETE' ? !isAdmin : !mayRead) return new Response(null, { status: 403 })
    if (request.method === 'DELETE') {
      secrets.delete(id)
      return new Response(null, { status: 204 })
    }
    if (request.method === 'PATCH') {
      const { users, 'project-access': projectAccess } = JSON.parse(request.body).read
      secret.users = new Set(users)
      secret.projectAccess = projectAccess
      return Response.json({ acl_ref: '' })
    }
    if (part === 'acl') {
      return Response.json({ read: { users: [...secret.users], 'project-access': secret.projectAccess } })
    }
    return part === 'payload' ? new Response(Uint8Array.from(secret.material)) : Response.json(describe(secret))
  }

  const fetch: typeof globalThis.fetch = async (input, init) => {
    const url = new URL(String(input))
    const headers = new Headers(init?.headers)
    const request: Asked = {
      server: url.hostname === 'keystone.test' ? 'keystone' : 'barbican',
      method: init?.method ?? 'GET',
      path: url.pathname,
      url,
      token: headers.get('x-auth-token') ?? undefined,
      body: typeof init?.body === 'string' ? init.body : '',
    }
    asked.push(request)
    if (init?.redirect !== 'error') throw new Error('tokens are not sent after a redirect')
    if (!(init.signal instanceof AbortSignal)) throw new Error('every call has a time limit')
    init.signal.throwIfAborted()
    const other = await answerInstead?.(request)
    if (other !== undefined) return other
    return request.server === 'keystone' ? keystone(request, headers.get('x-subject-token')) : barbican(request)
  }

  return {
    url: 'http://barbican.test:9311/',
    keystoneUrl: 'http://keystone.test:5000/v3/',
    fetch,
    asked,
    secrets,
    members,
    tokens,
    serviceUserId,
    giveToken,
    store,
    /** Answers instead of the servers, unless it returns undefined. */
    answer: (instead: typeof answerInstead): void => {
      answerInstead = instead
    },
  }
}
