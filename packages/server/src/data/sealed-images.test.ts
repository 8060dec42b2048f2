import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, it, type TestContext } from 'node:test'
import fastify from 'fastify'
import { ApiError, apiError } from '../api-error.ts'
import type { Database } from '../database/database.ts'
import { withAuthentication } from '../http/authentication.ts'
import { locationsOf } from '../images/image.ts'
import { chunkBytes, dataKeyBytes, sealedSizeOf, sealingScheme } from '../sealing/chunks.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService } from '../testing/test-service.ts'
import { download, type OpenKey } from './download.ts'
import { type UploadRequest, upload } from './upload.ts'

const producer = fakeToken('producer', 'member')
const file = '/v2/images/:imageId/file'

interface ErrorBody {
  readonly code?: unknown
}

const sealOf = (image_id: string) => ({ image_id, key_id: 'k', key_version: 1, scheme: sealingScheme, wrapped: '' })

/** The key that the seals name, for the service to know of. */
const knowKey = (database: Database): Promise<void> =>
  database.write(async (tx) => {
    const created_at = Date.now()
    const flags = { status: 'enabled', is_default: 0, grantable: 1, adopted: 0 } as const
    const key = {
      id: 'k',
      project_id: 'producer',
      name: null,
      ...flags,
      version: 1,
      created_at,
      updated_at: created_at,
    }
    await tx.insertInto('keys').values(key).execute()
    await tx.insertInto('key_versions').values({ key_id: 'k', version: 1, data_keys: 0, created_at }).execute()
  })

/** A service whose images are sealed with the one key that is given out here. */
const start = async (context: TestContext, givenOpenKey?: OpenKey) => {
  const key = randomBytes(dataKeyBytes)
  const openKey = givenOpenKey ?? (async () => key)
  const test = await startTestService()
  context.after(test.close)
  const { service, call, config } = test
  await knowKey(service.database)
  const actor = await service.identity.validate(producer, { method: 'PUT', path: '/', serviceToken: undefined })

  const app = fastify()
  context.after(() => app.close())
  withAuthentication(app, service)
  app.setErrorHandler((error, _request, reply) => {
    const code = error instanceof ApiError ? error.code : 'internal'
    return reply.code(error instanceof ApiError ? error.status : 500).send({ code })
  })
  app.get<{ Params: { imageId: string } }>(file, (request, reply) =>
    download(service, request, reply, request.params.imageId, openKey),
  )

  const newImage = async (): Promise<string> => {
    const body = { disk_format: 'raw', container_format: 'bare' }
    return (await call('POST', '/v2/images', producer, body)).json().id
  }
  const put = (
    imageId: string,
    bytes: Buffer,
    sealingOf: UploadRequest['sealingOf'] = async (image) => ({ key, seal: sealOf(image.id) }),
  ) => {
    const cause = { projectId: 'producer', userId: null, requestId: 'req-test', at: service.now() }
    const source = Readable.from([bytes], { objectMode: false })
    const store = service.stores.byDefault
    const request = { imageId, store, source, announcedBytes: bytes.length }
    return upload(service, actor, cause, sealingOf === undefined ? request : { ...request, sealingOf })
  }
  const rowOf = async (imageId: string) =>
    service.database.read.selectFrom('images').selectAll().where('id', '=', imageId).executeTakeFirstOrThrow()
  /** Of the file that the bytes of an image are in. */
  const pathOf = async (imageId: string): Promise<string> => {
    const [location] = locationsOf(await rowOf(imageId))
    assert.ok(location)
    return join(config.data, 'images', location.key.slice(0, 2), location.key)
  }
  const fetchBytes = (imageId: string, headers: Record<string, string> = {}) =>
    app.inject({ url: file.replace(':imageId', imageId), headers: { 'x-auth-token': producer, ...headers } })

  return { ...test, app, actor, newImage, put, rowOf, pathOf, fetchBytes }
}

const codeOf = (body: ErrorBody): unknown => body.code

describe('sealed images', () => {
  it('are described and sent as what was uploaded, and stored as something else', async (context) => {
    const { newImage, put, rowOf, pathOf, fetchBytes } = await start(context)
    const id = await newImage()
    const bytes = Buffer.alloc(5 * chunkBytes + 123, 'the bytes of an image, over and over. ')
    await put(id, bytes)
    const row = await rowOf(id)
    assert.equal(row.status, 'active')
    assert.equal(row.size_bytes, bytes.length)
    assert.equal(row.checksum, createHash('md5').update(bytes).digest('hex'))
    const stored = await readFile(await pathOf(id))
    assert.equal(stored.length, sealedSizeOf(bytes.length))
    assert.equal(stored.indexOf('image, over'), -1)

    const whole = await fetchBytes(id)
    assert.equal(whole.statusCode, 200)
    assert.equal(whole.headers['content-length'], String(bytes.length))
    assert.equal(whole.headers['content-md5'], row.checksum)
    assert.ok(whole.rawPayload.equals(bytes))
    for (const [first, last] of [
      [0, 0],
      [chunkBytes - 1, chunkBytes],
      [100, 3 * chunkBytes + 7],
      [bytes.length - 1, bytes.length - 1],
    ] as const) {
      const part = await fetchBytes(id, { range: `bytes=${first}-${last}` })
      assert.equal(part.statusCode, 206)
      assert.equal(part.headers['content-range'], `bytes ${first}-${last}/${bytes.length}`)
      assert.ok(part.rawPayload.equals(bytes.subarray(first, last + 1)))
    }
  })

  it('without bytes are sent as such, and are damaged when the stored tag is', async (context) => {
    const { newImage, put, pathOf, fetchBytes } = await start(context)
    const id = await newImage()
    await put(id, Buffer.alloc(0))
    const answer = await fetchBytes(id)
    assert.deepEqual([answer.statusCode, answer.rawPayload.length], [200, 0])
    await writeFile(await pathOf(id), Buffer.alloc(16))
    assert.equal(codeOf((await fetchBytes(id)).json()), 'image_damaged')
  })

  it('end with 500 and without a byte when they are found damaged at once, and the operator hears of it', async (context) => {
    const { newImage, put, pathOf, fetchBytes, service } = await start(context)
    const logged = context.mock.method(service.log, 'error')
    const id = await newImage()
    await put(id, randomBytes(2 * chunkBytes))
    const path = await pathOf(id)
    const stored = await readFile(path)
    const tampered = [
      stored.subarray(0, -1),
      Buffer.concat([stored, Buffer.alloc(16)]),
      stored.with(5, 1 ^ (stored[5] ?? 0)),
    ]
    for (const [index, bytes] of tampered.entries()) {
      await writeFile(path, bytes)
      const answer = await fetchBytes(id)
      assert.equal(answer.statusCode, 500)
      assert.equal(codeOf(answer.json()), 'image_damaged')
      assert.equal(answer.headers['content-md5'], undefined)
      assert.equal(logged.mock.callCount(), index + 1)
      assert.partialDeepStrictEqual(logged.mock.calls.at(-1)?.arguments, [{ imageId: id }])
    }
  })

  it('break off where they are damaged, so that what came before does not look complete', async (context) => {
    const { newImage, put, pathOf, app, service } = await start(context)
    const logged = context.mock.method(service.log, 'error')
    const id = await newImage()
    const bytes = randomBytes(40 * chunkBytes)
    await put(id, bytes)
    const path = await pathOf(id)
    const stored = await readFile(path)
    await writeFile(path, stored.with(stored.length - 1, 1 ^ (stored.at(-1) ?? 0)))
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    const received: Buffer[] = []
    const outcome = await new Promise((resolve, reject) => {
      get(`${url}${file.replace(':imageId', id)}`, { headers: { 'x-auth-token': producer } }, (response) => {
        response.on('data', (part) => received.push(part))
        response.on('end', () => resolve('complete')).on('error', () => resolve('broken off'))
      }).on('error', reject)
    })
    assert.equal(outcome, 'broken off')
    const got = Buffer.concat(received)
    assert.ok(got.length < bytes.length)
    assert.ok(got.equals(bytes.subarray(0, got.length)))
    assert.equal(logged.mock.callCount(), 1)
  })

  it('are not sent when their key is refused, or is another', async (context) => {
    const refused = await start(context, () => Promise.reject(apiError('key_manager_unavailable', {})))
    const id = await refused.newImage()
    await refused.put(id, randomBytes(100))
    assert.equal(codeOf((await refused.fetchBytes(id)).json()), 'key_manager_unavailable')
    const wrong = await start(context, async () => randomBytes(dataKeyBytes))
    const other = await wrong.newImage()
    await wrong.put(other, randomBytes(100))
    assert.equal(codeOf((await wrong.fetchBytes(other)).json()), 'image_damaged')
  })

  it('wait for bytes again, and nothing is stored, when there is no key for an upload', async (context) => {
    const { newImage, put, rowOf, service } = await start(context)
    const id = await newImage()
    const refusal = apiError('key_manager_unavailable', {})
    await assert.rejects(
      put(id, randomBytes(100), () => Promise.reject(refusal)),
      refusal,
    )
    assert.equal((await rowOf(id)).status, 'queued')
    for await (const { key } of service.stores.byDefault.keys()) assert.fail(key)
  })

  it('are never stored unsealed nor sent unopened', async (context) => {
    const { newImage, put, rowOf, fetchBytes, service } = await start(context, async () => undefined)
    const id = await newImage()
    const markSealed = (imageId: string) =>
      service.database.write((tx) =>
        tx.updateTable('images').set({ encryption: 'sealed', key_id: 'key' }).where('id', '=', imageId).execute(),
      )
    await markSealed(id)
    await assert.rejects(
      put(id, randomBytes(100), async () => undefined),
      { code: 'internal' },
    )
    assert.equal((await rowOf(id)).status, 'queued')
    for await (const { key } of service.stores.byDefault.keys()) assert.fail(key)

    const other = await newImage()
    await put(other, randomBytes(100))
    await markSealed(other)
    assert.equal((await fetchBytes(other)).statusCode, 500)
  })
})
