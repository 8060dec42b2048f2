import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import type { Config } from '../config.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import type { TestService } from '../testing/test-service.ts'

export const producer = fakeToken('producer', 'member')
export const admin = fakeToken('operator', 'admin')
export const octets = { 'content-type': 'application/octet-stream' }

/** Settings that let a test import from a server of its own. */
export const importsFromHere = {
  import_allow: '127.0.0.1/32',
  import_ports_allowed: 'any',
} as const satisfies Partial<Config>

/** A web server on this machine, for images to be fetched from. */
export const startWeb = async (answer: RequestListener): Promise<{ url: string; close(): Promise<void> }> => {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export const newImage = async ({ call }: TestService, attributes: object = {}): Promise<string> => {
  const body = { disk_format: 'raw', container_format: 'bare', ...attributes }
  return (await call('POST', '/v2/images', producer, body)).json().id
}

export const show = async ({ call }: TestService, id: string) => (await call('GET', `/v2/images/${id}`, admin)).json()

/** Waits until the last task of an image has ended. */
export const ended = async ({ call }: TestService, id: string) => {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    const [task] = (await call('GET', `/v2/images/${id}/tasks`, admin)).json().tasks ?? []
    if (task?.status === 'success' || task?.status === 'failure') return task
    await wait(20)
  }
  return assert.fail('the task did not end')
}
