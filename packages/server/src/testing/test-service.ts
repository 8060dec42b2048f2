import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LightMyRequestResponse } from 'fastify'
import { type Assembly, assemble } from '../assemble.ts'
import { type Config, loadConfig } from '../config.ts'
import { fakeIdentity } from './fake-identity.ts'

/** The whole service without a port, believing the tokens of `fakeToken`. */
export interface TestService extends Assembly {
  readonly config: Config
  /** Sends one request; `body` is JSON unless it is bytes. */
  call(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD',
    path: string,
    token?: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<LightMyRequestResponse>
}

/** Assembles a service in a folder of its own, which goes when it is closed. */
export const startTestService = async (
  settings: Partial<Config> = {},
  now: () => number = Date.now,
): Promise<TestService> => {
  const data = await mkdtemp(join(tmpdir(), 'vitrine-test-'))
  const config = await loadConfig({ environment: {}, options: { data } })
  const complete: Config = { ...config, log_level: 'silent', ...settings }
  const assembly = await assemble(complete, { identity: fakeIdentity(), now })
  await assembly.app.ready()
  let closed: Promise<void> | undefined
  return {
    ...assembly,
    config: complete,
    call: (method, path, token, body, headers = {}) =>
      assembly.app.inject({
        method,
        url: path,
        headers: { ...(token === undefined ? {} : { 'x-auth-token': token }), ...headers },
        ...(body === undefined
          ? {}
          : { payload: Buffer.isBuffer(body) || typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    close: () => {
      closed ??= (async () => {
        await assembly.close()
        await rm(data, { recursive: true, force: true })
      })()
      return closed
    },
  }
}
