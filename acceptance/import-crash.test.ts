import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { after, describe, test } from 'node:test'
import type { Image } from '@vitrine/sdk'
import { logIn } from './accounts.ts'
import { storedFiles } from './crash/stored-files.ts'
import { type RunningService, startService, temporaryFolder } from './service.ts'
import { waitFor } from './wait.ts'

const mebibyte = 1024 * 1024
const importBytes = Number(process.env.VITRINE_IMPORT_MEBIBYTES || 1024) * mebibyte
const patienceMs = 300_000

/** A MiB that is like no other, made without keeping all of them. */
const pieceOf = (seed: string, index: number): Buffer => {
  const piece = Buffer.alloc(mebibyte, createHash('sha512').update(`${seed} ${index}`).digest())
  piece.writeUInt32BE(index)
  return piece
}

const sha512Of = (seed: string, sizeBytes: number): string => {
  const hash = createHash('sha512')
  for (let index = 0; index * mebibyte < sizeBytes; index += 1) hash.update(pieceOf(seed, index))
  return hash.digest('hex')
}

/** A web server that sends content of any size, and tells how much of it went out in the transfer under way. */
const startSource = async (seed: string, sizeBytes: number) => {
  let sentBytes = 0
  let isOpen = true
  const server = createServer(async (_request, response) => {
    sentBytes = 0
    if (!isOpen) return response.writeHead(503).end()
    response.writeHead(200, { 'content-length': sizeBytes })
    const content = async function* () {
      for (let index = 0; index * mebibyte < sizeBytes; index += 1) {
        sentBytes = index * mebibyte
        yield pieceOf(seed, index)
      }
    }
    // Whoever is killed does not read to the end.
    return pipeline(content(), response).catch(() => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/disk.raw`,
    settings: { VITRINE_IMPORT_ALLOW: '127.0.0.1', VITRINE_IMPORT_PORTS_ALLOWED: String(port) },
    sentBytes: () => sentBytes,
    /** From now on the content is not there any more. */
    shut: () => {
      isOpen = false
    },
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

const inWaves = (sizeBytes: number): number[] => [0.2, 0.5, 0.9].map((part) => Math.floor(part * sizeBytes))

const queuedImage = async (data: string): Promise<Image> => {
  const { images } = await logIn(data, 'producer')
  return images.createImage({ name: 'imported', diskFormat: 'raw', containerFormat: 'bare' })
}

/** Waits for the end of the import, and for what was left over to be gone. */
const outcomeOf = async (data: string, id: string): Promise<Image> => {
  const { images } = await logIn(data, 'producer')
  const image = await images.getImage(id)
  const isOver = async () => {
    await image.refresh()
    return image.status !== 'importing' && image.get('os_glance_import_task') === undefined ? image : undefined
  }
  return waitFor('the end of the import', isOver, patienceMs)
}

const filesBecome = async (data: string, count: number): Promise<Awaited<ReturnType<typeof storedFiles>>> =>
  waitFor(`${count} files`, async () => {
    const files = await storedFiles(data)
    return files.length === count ? files : undefined
  })

describe('an import outlives the service', () => {
  const seed = String(Date.now())
  const services: RunningService[] = []
  after(async () => {
    for (const service of services) await service.kill()
  })
  const start = async (data: string, settings: Readonly<Record<string, string>>): Promise<RunningService> => {
    const service = await startService({ data, by: 'node', settings })
    services.push(service)
    return service
  }

  test(`of ${importBytes / mebibyte} MiB from the web, killed three times: active with the right digest`, async (t) => {
    await using folder = await temporaryFolder()
    const data = folder.path
    const source = await startSource(seed, importBytes)
    try {
      let service = await start(data, source.settings)
      const { id } = await (await queuedImage(data)).import({ method: 'web-download', uri: source.url })
      for (const killAtBytes of inWaves(importBytes)) {
        const reached = () => (source.sentBytes() >= killAtBytes ? true : undefined)
        await waitFor(`${killAtBytes} bytes to be sent`, reached, patienceMs)
        await service.kill()
        t.diagnostic(`killed after ${Math.round(source.sentBytes() / mebibyte)} MiB`)
        service = await start(data, source.settings)
        assert.equal((await (await logIn(data, 'producer')).images.getImage(id)).status, 'importing')
      }
      const image = await outcomeOf(data, id)
      const digest = sha512Of(seed, importBytes)
      assert.deepEqual([image.status, image.size, image.osHashValue], ['active', importBytes, digest])
      const [task] = await image.listTasks().toArray()
      assert.equal(task?.status, 'success')
      const [file] = await filesBecome(data, 1)
      assert.equal(file?.sha512, digest)
    } finally {
      source.close()
    }
  })

  test('of content that is gone after the kill: queued, with the cause, and nothing is left', async () => {
    await using folder = await temporaryFolder()
    const data = folder.path
    const source = await startSource(seed, importBytes)
    try {
      const service = await start(data, source.settings)
      const { id } = await (await queuedImage(data)).import({ method: 'web-download', uri: source.url })
      await waitFor('some bytes', () => (source.sentBytes() > 16 * mebibyte ? true : undefined), patienceMs)
      await service.kill()
      source.shut()
      await start(data, source.settings)
      const image = await outcomeOf(data, id)
      assert.deepEqual([image.status, image.size], ['queued', null])
      const [task] = await image.listTasks().toArray()
      assert.equal(task?.status, 'failure')
      assert.match(task?.message ?? '', /503/)
      await filesBecome(data, 0)
    } finally {
      source.close()
    }
  })

  test('of staged bytes into two stores, killed while it copies: active in both', async () => {
    await using folder = await temporaryFolder()
    const data = folder.path
    const settings = { VITRINE_STORES: `one=file://${data}/images/one,two=file://${data}/images/two` }
    const sizeBytes = importBytes / 4
    const content = async function* () {
      for (let index = 0; index * mebibyte < sizeBytes; index += 1) yield pieceOf(seed, index)
    }
    const digest = sha512Of(seed, sizeBytes)
    let service = await start(data, settings)
    const image = await queuedImage(data)
    await image.stageData(content(), { sizeBytes })
    await service.kill()
    service = await start(data, settings)
    const staged = await (await logIn(data, 'producer')).images.getImage(image.id)
    assert.equal(staged.status, 'uploading')
    await staged.import({ method: 'glance-direct', allStores: true })
    await service.kill()
    await start(data, settings)
    const after = await outcomeOf(data, image.id)
    assert.deepEqual([after.status, after.stores, after.osHashValue], ['active', ['one', 'two'], digest])
    const files = await filesBecome(data, 2)
    assert.deepEqual(
      files.map(({ sha512 }) => sha512),
      [digest, digest],
    )
  })
})
