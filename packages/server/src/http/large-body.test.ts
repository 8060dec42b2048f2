import assert from 'node:assert/strict'
import { Agent, request as httpRequest } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'

describe('a body that is too large', () => {
  const agent = new Agent({ keepAlive: true })
  let service: TestService
  let port = 0
  before(async () => {
    service = await startTestService()
    await service.app.listen({ host: '127.0.0.1', port: 0 })
    const [address] = service.app.addresses()
    assert.ok(typeof address === 'object')
    port = address.port
  })
  after(() => {
    agent.destroy()
    return service.close()
  })

  /** Sends it piece by piece, whatever is answered meanwhile, as a client does that reads the answer last. */
  const post = (path: string, headers: Record<string, string>, pieces: number): Promise<number> =>
    new Promise((resolve, reject) => {
      const request = httpRequest({ agent, host: '127.0.0.1', port, path, method: 'POST', headers })
      let status = 0
      request.on('response', (response) => {
        status = response.statusCode ?? 0
        response.resume()
      })
      request.on('error', reject)
      request.on('close', () => resolve(status))
      const piece = Buffer.alloc(64 * 1024, 'a')
      const write = (left: number): void => {
        if (left === 0) request.end()
        else request.write(piece, () => setTimeout(write, 1, left - 1))
      }
      write(pieces)
    })

  const token = { 'x-auth-token': fakeToken('p', 'member') }
  const announced = { ...token, 'content-length': String(32 * 64 * 1024) }
  const chunked = { ...token, 'transfer-encoding': 'chunked' }

  for (const [path, how, headers] of [
    ['/v2/rules', 'with its length announced', announced],
    ['/v2/rules', 'in chunks', chunked],
    // Errors have a form of their own there.
    ['/v1/cloudimages/members', 'with its length announced', announced],
    ['/v1/cloudimages/members', 'in chunks', chunked],
  ] as const) {
    it(`to ${path} is refused without taking the answer from who still sends it, ${how}`, async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => post(path, headers, 32)))
      const status = path.startsWith('/v1/') ? 400 : 413
      assert.deepEqual(new Set(answers), new Set([status]))
    })
  }
})
