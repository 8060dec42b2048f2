import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { fakeToken } from '../testing/fake-identity.ts'
import type { TestService } from '../testing/test-service.ts'
import { partMediaType } from './tus.ts'

export const producer = fakeToken('producer', 'member')
export const tus = { 'tus-resumable': '1.0.0' }
export const partHeaders = { ...tus, 'content-type': partMediaType }

export const digestOf = (algorithm: string, bytes: Uint8Array): string =>
  createHash(algorithm).update(bytes).digest('hex')

export const until = async (condition: () => Promise<boolean>): Promise<void> => {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (await condition()) return
    await wait(20)
  }
  assert.fail('it did not come to that')
}

export const newImage = async ({ call }: TestService, attributes: object = {}): Promise<string> => {
  const body = { disk_format: 'raw', container_format: 'bare', ...attributes }
  return (await call('POST', '/v2/images', producer, body)).json().id
}

/** An image whose bytes are encrypted at rest. */
export const newSealed = async (service: TestService): Promise<string> => {
  const id = await newImage(service)
  const sealed = await service.call('PUT', `/v2/images/${id}/encryption`, producer, {})
  assert.equal(sealed.statusCode, 200, sealed.body)
  return id
}

export const show = async ({ call }: TestService, id: string) =>
  (await call('GET', `/v2/images/${id}`, producer)).json()

/** Begins an upload. @returns the path that parts go to */
export const begin = async ({ call }: TestService, id: string, sizeBytes: number): Promise<string> => {
  const headers = { ...tus, 'upload-length': String(sizeBytes) }
  const answer = await call('POST', `/v2/images/${id}/uploads`, producer, undefined, headers)
  assert.equal(answer.statusCode, 201, answer.body)
  return new URL(String(answer.headers.location)).pathname
}

export const sendPart = (
  { call }: TestService,
  path: string,
  offset: number,
  bytes: Buffer,
  headers: Record<string, string> = {},
) => call('PATCH', path, producer, bytes, { ...partHeaders, 'upload-offset': String(offset), ...headers })

/** Where the upload stands. */
export const offsetOf = async ({ call }: TestService, path: string): Promise<number> => {
  const answer = await call('HEAD', path, producer, undefined, tus)
  assert.equal(answer.statusCode, 200)
  return Number(answer.headers['upload-offset'])
}

/** A part over a real connection that sends only what it is told to. */
export const openPart = async (
  { app }: TestService,
  path: string,
  offset: number,
  lengthBytes: number,
  headers: Record<string, string> = {},
) => {
  if (!app.server.listening) await app.listen({ host: '127.0.0.1', port: 0 })
  const address = app.server.address()
  assert.ok(typeof address === 'object' && address !== null)
  const request = httpRequest({
    host: '127.0.0.1',
    port: address.port,
    method: 'PATCH',
    path,
    headers: {
      'x-auth-token': producer,
      ...partHeaders,
      'upload-offset': String(offset),
      'content-length': String(lengthBytes),
      ...headers,
    },
  })
  const answer = new Promise<number | undefined>((resolve) => {
    request.once('response', (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    request.once('error', () => resolve(undefined))
  })
  const send = (bytes: Buffer) => new Promise<void>((resolve) => void request.write(bytes, () => resolve()))
  return { request, answer, send }
}

export const blobsOf = ({ service }: TestService) => service.database.read.selectFrom('blobs').selectAll().execute()

export const filesOf = async ({ service }: TestService): Promise<string[]> => {
  const keys: string[] = []
  for await (const { key } of service.stores.byDefault.keys()) keys.push(key)
  return keys
}
