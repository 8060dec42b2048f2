import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fastify, { type FastifyInstance, type InjectOptions, type LightMyRequestResponse } from 'fastify'
import type { Database } from '../database/database.ts'
import { createEmbeddedIdentity, type EmbeddedOptions, identityPrefix } from './embedded.ts'
import { prepareAccounts } from './first-start.ts'
import type { Identity } from './port.ts'
import type { HashCost } from './secret-hash.ts'

/** Cheap enough for tests, which are not about the price of a guess. */
export const testHashCost: HashCost = { n: 16, r: 1, p: 1 }
export const testAdminPassword = 'correct horse'

export interface TestClock {
  now: () => number
  advance(ms: number): void
}

export const testClock = (): TestClock => {
  let at = Date.UTC(2026, 0, 31, 12, 34, 56)
  return {
    now: () => at,
    advance: (ms) => {
      at += ms
    },
  }
}

/** An identity service for a test, with its accounts and a clock of its own. */
export interface TestIdentity {
  readonly app: FastifyInstance
  readonly identity: Identity
  readonly database: Database
  readonly clock: TestClock
  close(): Promise<void>
  /** A token by password, for a project if one is given by name. */
  logIn(name: string, password: string, project?: string): Promise<string>
  call(
    method: NonNullable<InjectOptions['method']>,
    path: string,
    options?: { token?: string; subject?: string; body?: unknown; address?: string; headers?: Record<string, string> },
  ): Promise<LightMyRequestResponse>
}

/** Another process on the same database: its own caches, its own counters. */
export const openTestIdentity = async (
  database: Database,
  clock: TestClock,
  options: Partial<EmbeddedOptions> = {},
): Promise<TestIdentity> => {
  const identity = await createEmbeddedIdentity({
    database,
    now: clock.now,
    publicUrl: 'http://cloud.test',
    hashCost: testHashCost,
    ...options,
  })
  const app = fastify({ exposeHeadRoutes: false })
  if (identity.routes !== undefined) app.register(identity.routes, { prefix: identityPrefix })
  await app.ready()
  const call: TestIdentity['call'] = (method, path, { token, subject, body, address, headers } = {}) =>
    app.inject({
      method,
      url: `${identityPrefix}${path}`,
      headers: {
        ...(token === undefined ? {} : { 'x-auth-token': token }),
        ...(subject === undefined ? {} : { 'x-subject-token': subject }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...(address === undefined ? {} : { remoteAddress: address }),
    })

  return {
    app,
    identity,
    database,
    clock,
    call,
    logIn: async (name, password, project) => {
      const scope = project === undefined ? undefined : projectScope(project)
      const answer = await call('POST', '/v3/auth/tokens', { body: passwordAuth(name, password, scope) })
      assert.equal(answer.statusCode, 201, answer.body)
      return tokenOf(answer)
    },
    close: async () => {
      await app.close()
      await identity.close()
    },
  }
}

/** Accounts as after a first start, with the password `testAdminPassword`. */
export const prepareTestAccounts = (database: Database, clock: TestClock) =>
  prepareAccounts({
    database,
    now: clock.now,
    dataPath: '/nonexistent',
    adminPassword: testAdminPassword,
    demo: false,
    hashCost: testHashCost,
  })

export const withFolder = async (work: (path: string) => Promise<void>): Promise<void> => {
  const path = await mkdtemp(join(tmpdir(), 'vitrine-identity-'))
  try {
    await work(path)
  } finally {
    await rm(path, { recursive: true })
  }
}

export const passwordAuth = (name: string, password: string, scope?: unknown) => ({
  auth: {
    identity: { methods: ['password'], password: { user: { name, domain: { id: 'default' }, password } } },
    ...(scope === undefined ? {} : { scope }),
  },
})

export const tokenAuth = (id: string, scope?: unknown) => ({
  auth: { identity: { methods: ['token'], token: { id } }, ...(scope === undefined ? {} : { scope }) },
})

export const credentialAuth = (credential: object, scope?: unknown) => ({
  auth: {
    identity: { methods: ['application_credential'], application_credential: credential },
    ...(scope === undefined ? {} : { scope }),
  },
})

export const projectScope = (name: string) => ({ project: { name, domain: { id: 'default' } } })

/** The token that an answer gives out. */
export const tokenOf = (answer: LightMyRequestResponse): string => {
  const token = answer.headers['x-subject-token']
  assert.equal(typeof token, 'string', answer.body)
  return String(token)
}

/** A user with a role on a project of the same name, both new. */
export const createMember = async (
  service: TestIdentity,
  name: string,
  role = 'member',
): Promise<{ userId: string; projectId: string; token: string }> => {
  const token = await service.logIn('admin', testAdminPassword)
  const created = async (path: string, body: unknown): Promise<string> => {
    const answer = await service.call('POST', path, { token, body })
    assert.equal(answer.statusCode, 201, answer.body)
    const [entity] = Object.values(answer.json<Record<string, { id: string }>>())
    return String(entity?.id)
  }
  const projectId = await created('/v3/projects', { project: { name } })
  const userId = await created('/v3/users', {
    user: { name, password: `${name} password`, default_project_id: projectId },
  })
  await grant(service, token, userId, projectId, role)
  return { userId, projectId, token: await service.logIn(name, `${name} password`) }
}

export const roleId = async (service: TestIdentity, adminToken: string, name: string): Promise<string> => {
  const answer = await service.call('GET', `/v3/roles?name=${name}`, { token: adminToken })
  return String(answer.json<{ roles: { id: string }[] }>().roles[0]?.id)
}

/** Gives a role on a project, or takes it. */
export const grant = async (
  service: TestIdentity,
  adminToken: string,
  userId: string,
  projectId: string,
  role: string,
  method: 'PUT' | 'DELETE' = 'PUT',
): Promise<void> => {
  const path = `/v3/projects/${projectId}/users/${userId}/roles/${await roleId(service, adminToken, role)}`
  const answer = await service.call(method, path, { token: adminToken })
  assert.equal(answer.statusCode, 204, answer.body)
}
