import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, connect as openSocket, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { DetailedError, Upload, type UploadOptions } from 'tus-js-client'
import { startTestService, type TestService } from '../testing/test-service.ts'
import { digestOf, newImage, producer, show } from './testing.ts'

const start = async (context: TestContext) => {
  const service = await startTestService()
  context.after(service.close)
  await service.app.listen({ host: '127.0.0.1', port: 0 })
  const address = service.app.server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return { service, port: address.port }
}

/** Passes bytes on to a port, and cuts a connection off when so many have gone up in all. */
const cuttingRelay = async (context: TestContext, port: number, cutsAt: number[]): Promise<number> => {
  const open = new Set<Socket>()
  let passedBytes = 0
  const relay = createServer((client) => {
    const upstream = openSocket(port, '127.0.0.1')
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        open.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (bytes) => {
      passedBytes += bytes.length
      const [next] = cutsAt
      if (next !== undefined && passedBytes > next) {
        cutsAt.shift()
        client.destroy()
      }
    })
    client.pipe(upstream)
    upstream.pipe(client)
  })
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve))
  context.after(() => {
    for (const socket of open) socket.destroy()
    relay.close()
  })
  const address = relay.address()
  assert.ok(typeof address === 'object' && address !== null)
  return address.port
}

/** Uploads as a program does that knows nothing of us but tus. */
const send = (file: Buffer | ReturnType<typeof createReadStream>, options: UploadOptions): Promise<Upload> =>
  new Promise((resolve, reject) => {
    const upload: Upload = new Upload(file, {
      retryDelays: [0, 50, 100, 200, 400, 400, 400],
      headers: { 'X-Auth-Token': producer },
      ...options,
      onSuccess: () => resolve(upload),
      onError: reject,
    })
    upload.start()
  })

const check = async (service: TestService, id: string, bytes: Buffer): Promise<void> => {
  const image = await show(service, id)
  assert.deepEqual([image.status, image.os_hash_value], ['active', digestOf('sha512', bytes)])
}

describe('tus-js-client', () => {
  it('uploads in one request, in chunks, with the creation, and from a stream', async (context) => {
    const { service, port } = await start(context)
    const bytes = randomBytes(1_500_000)
    const folder = await mkdtemp(join(tmpdir(), 'vitrine-tus-'))
    context.after(() => rm(folder, { recursive: true, force: true }))
    const file = join(folder, 'disk.raw')
    await writeFile(file, bytes)
    const ways: [() => Buffer | ReturnType<typeof createReadStream>, Partial<UploadOptions>][] = [
      [() => bytes, {}],
      [() => bytes, { chunkSize: 400_000 }],
      [() => bytes, { uploadDataDuringCreation: true }],
      [() => createReadStream(file), { uploadSize: bytes.length, chunkSize: 1_000_000 }],
    ]
    for (const [source, options] of ways) {
      const id = await newImage(service)
      const metadata = { filename: 'disk.raw' }
      await send(source(), { endpoint: `http://127.0.0.1:${port}/v2/images/${id}/uploads`, metadata, ...options })
      await check(service, id, bytes)
    }
  })

  it('goes on by itself after its connection was cut, again and again', async (context) => {
    const { service, port } = await start(context)
    const bytes = randomBytes(4_000_000)
    const relay = await cuttingRelay(context, port, [600_000, 1_900_000, 3_000_000, 3_900_000])
    const id = await newImage(service)
    const offsets: number[] = []
    await send(bytes, {
      endpoint: `http://127.0.0.1:${relay}/v2/images/${id}/uploads`,
      onAfterResponse: (request, response) => {
        if (request.getMethod() === 'HEAD') offsets.push(Number(response.getHeader('Upload-Offset')))
      },
    })
    await check(service, id, bytes)
    assert.ok(offsets.length >= 3, offsets.join())
    assert.ok(Math.max(...offsets) > 0, offsets.join())
  })

  it('calls an upload off, and is told why one is refused', async (context) => {
    const { service, port } = await start(context)
    const id = await newImage(service)
    const endpoint = `http://127.0.0.1:${port}/v2/images/${id}/uploads`
    const url = await new Promise<string>((resolve, reject) => {
      const upload: Upload = new Upload(randomBytes(1_000_000), {
        endpoint,
        headers: { 'X-Auth-Token': producer },
        chunkSize: 100_000,
        retryDelays: null,
        onError: reject,
        onChunkComplete: () => {
          void upload.abort().then(() => resolve(upload.url ?? ''))
        },
      })
      upload.start()
    })
    assert.equal((await show(service, id)).status, 'saving')
    await Upload.terminate(url, { headers: { 'X-Auth-Token': producer } })
    assert.equal((await show(service, id)).status, 'queued')

    const wrong = await newImage(service, { disk_format: 'qcow2' })
    await assert.rejects(
      send(randomBytes(100_000), {
        endpoint: `http://127.0.0.1:${port}/v2/images/${wrong}/uploads`,
        retryDelays: null,
      }),
      (error) => {
        assert.ok(error instanceof DetailedError)
        assert.equal(error.originalResponse?.getStatus(), 415)
        assert.match(String(error.originalResponse?.getBody()), /do not match the disk_format qcow2/)
        return true
      },
    )
  })
})
