import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { TestContext } from 'node:test'
import { ImageService, type TokenEndpoint } from '../src/image-service.ts'

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown

/** A server on a free port that ends with the test; gives its address. */
export const serve = async (
  t: TestContext,
  listener: Listener,
  tls?: { cert: string; key: string },
): Promise<string> => {
  // A listener that fails (also because its request was broken off) breaks the connection, which the test then sees.
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    try {
      await listener(request, response)
    } catch {
      response.destroy()
    }
  }
  const server = tls === undefined ? createServer(answer) : createSecureServer(tls, answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server has no port.')
  return `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${address.port}`
}

export const serviceAt = (endpoint: string, options: Partial<TokenEndpoint> = {}): ImageService =>
  ImageService.withToken({ endpoint, token: 'tok', ...options })

/** Bytes that differ from place to place. */
export const pattern = (sizeBytes: number): Uint8Array =>
  Uint8Array.from({ length: sizeBytes }, (_, place) => (place * 31) % 251)

export const answerJson = (response: ServerResponse, status: number, document: object): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(document))
}
