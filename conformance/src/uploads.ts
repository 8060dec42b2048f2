import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Actor } from './actors.ts'
import type { Answer, SendOptions } from './client.ts'
import { expectEqual, expectMatch, expectStatus, header } from './expect.ts'
import { pathOf } from './extensions.ts'
import type { Scene } from './suite.ts'

/** What groups about resumable uploads have in common: https://tus.io/protocols/resumable-upload */

export type Headers = Record<string, string>

export const tus: Headers = { 'tus-resumable': '1.0.0' }
export const partType = 'application/offset+octet-stream'

export const digest = (algorithm: string, bytes: Uint8Array, form: 'hex' | 'base64') =>
  createHash(algorithm).update(bytes).digest(form)

export const post = (by: Actor, image: string, headers: Headers, body?: SendOptions['body']) =>
  by.api.send('POST', `/v2/images/${image}/uploads`, { headers: { ...tus, ...headers }, ...(body && { body }) })

export const begin = (by: Actor, image: string, sizeBytes: number, headers: Headers = {}) =>
  post(by, image, { 'upload-length': String(sizeBytes), ...headers })

/** Begins an upload, and gives the path that its parts go to. */
export const begun = async (scene: Scene, image: string, sizeBytes: number, headers?: Headers): Promise<string> => {
  const answer = expectStatus(await begin(scene.actors.owner, image, sizeBytes, headers), 201)
  return pathOf(scene, header(answer, 'location') ?? '')
}

export const send = (
  { api }: Actor,
  path: string,
  offset: number,
  body: NonNullable<SendOptions['body']>,
  headers: Headers = {},
) => {
  const all = { ...tus, 'content-type': partType, 'upload-offset': String(offset), ...headers }
  return api.send('PATCH', path, { headers: all, body })
}

export const head = ({ api }: Actor, path: string) => api.send('HEAD', path, { headers: tus })
export const callOff = ({ api }: Actor, path: string) => api.send('DELETE', path, { headers: tus })

export const offsetIn = (answer: Answer): number => {
  const told = header(answer, 'upload-offset')
  expectMatch(told, /^\d+$/, `${answer.request}: Upload-Offset`)
  return Number(told)
}

export const standsAt = async (by: Actor, path: string): Promise<number> =>
  offsetIn(expectStatus(await head(by, path), 200))

/** Fails unless the image is active with just these bytes. */
export const expectImage = async ({ actors, images }: Scene, image: string, bytes: Buffer): Promise<void> => {
  const { status, size, checksum, os_hash_value } = await images.read(image)
  expectEqual(
    { status, size, checksum, os_hash_value },
    {
      status: 'active',
      size: bytes.length,
      checksum: digest('md5', bytes, 'hex'),
      os_hash_value: digest('sha512', bytes, 'hex'),
    },
    'the image',
  )
  const download = expectStatus(await actors.owner.api.get(`/v2/images/${image}/file`), 200)
  assert.ok(download.bytes.equals(bytes), 'the bytes')
}

/** Fails unless the image waits for bytes as if nothing had been. */
export const expectQueued = async ({ images }: Scene, image: string): Promise<void> => {
  const { status, size, checksum } = await images.read(image)
  expectEqual({ status, size, checksum }, { status: 'queued', size: null, checksum: null }, 'the image')
}

/** Sends bytes in parts of odd sizes, each from where the upload stands. */
export const sendAll = async (by: Actor, path: string, bytes: Buffer, partBytes: readonly number[]): Promise<void> => {
  let offset = 0
  for (const length of [...partBytes, bytes.length]) {
    const part = bytes.subarray(offset, offset + length)
    const answer = expectStatus(await send(by, path, offset, part), 204)
    offset += part.length
    expectEqual(offsetIn(answer), offset, 'Upload-Offset of a part')
    if (offset === bytes.length) return
    expectEqual(await standsAt(by, path), offset, 'Upload-Offset of HEAD')
  }
}

/** A body that sends some bytes of those announced, and then nothing more until it is let go. */
export const hanging = (bytes: Buffer) => {
  const gate = Promise.withResolvers<void>()
  const body = async function* () {
    yield bytes
    await gate.promise
  }
  return { body: body(), letGo: gate.resolve }
}

export const sizeBytes = 300_000

/** Why there are no resumable uploads here; undefined where there are. */
export const whyMissing = async ({ actors, images }: Scene): Promise<string | undefined> => {
  const image = await images.queued()
  const options = await actors.owner.api.send('OPTIONS', `/v2/images/${image}/uploads`)
  return header(options, 'tus-version') === undefined ? 'the service has no resumable uploads' : undefined
}
