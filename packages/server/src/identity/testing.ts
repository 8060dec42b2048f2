import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fastify, { type FastifyInstance, type InjectOptions, type LightMyRequestResponse } from 'fastify'
import { type Database, openDatabase } from '../database/database.ts'
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
export interface TestIdentity extends AsyncDisposable {
  readonly app: FastifyInstance
  readonly identity: Identity
  readonly database: Database
  readonly clock: TestClock
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
  return {
    app,
    identity,
    database,
    clock,
    call: (method, path, { token, subject, body, address, headers } = {}) =>
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
      }),
    [Symbol.asyncDispose]: async () => {
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

export { openDatabase }
