import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { findSeal } from '../keys/queries.ts'
import { chunkBytes } from '../sealing/chunks.ts'
import { startTestService } from '../testing/test-service.ts'
import { fileStore, type Place, type StoreKind, s3Store } from './test-stores.ts'
import {
  begin,
  blobsOf,
  digestOf,
  filesOf,
  newSealed,
  offsetOf,
  openPart,
  producer,
  sendPart,
  show,
  until,
} from './testing.ts'

const secret = Buffer.from('a sentence that nobody else may read. ')

const start = async (context: TestContext, kind: StoreKind) => {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-sealed-uploads-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  const place = await kind.newPlace((close) => context.after(close))
  const service = await startTestService({
    stores: place.stores,
    database_url: `sqlite:${folder}/vitrine.db`,
  })
  context.after(service.close)
  return { service, folder, place, id: await newSealed(service) }
}

const tellsSecret = (bytes: Buffer): boolean => {
  const base64 = [0, 1, 2].map((shift) => secret.subarray(shift).toString('base64').slice(2, 14))
  return bytes.includes(secret.subarray(0, 12)) || base64.some((text) => bytes.includes(text))
}

/** What holds a piece of the secret: files of the database, and what is in the store. */
const secretIn = async (folder: string, place: Place): Promise<string[]> => {
  const found = [...(await place.contents())].filter(([, bytes]) => tellsSecret(bytes)).map(([name]) => name)
  for (const name of await readdir(folder)) if (tellsSecret(await readFile(join(folder, name)))) found.push(name)
  return found
}

const download = async (service: Awaited<ReturnType<typeof startTestService>>, id: string) =>
  (await service.call('GET', `/v2/images/${id}/file`, producer)).rawPayload

for (const kind of [fileStore, s3Store])
  describe(`a resumable upload of an encrypted image to ${kind.name}`, () => {
    for (const [name, pieceBytes] of [
      ['pieces far smaller than a chunk', 9_000],
      ['whole chunks', chunkBytes],
      ['pieces that fit no chunk', 100_001],
    ] as const) {
      it(`comes in ${name}, and nothing of it ever lies open`, async (context) => {
        const { service, folder, place, id } = await start(context, kind)
        const bytes = Buffer.alloc(4 * chunkBytes + 1234, secret)
        const path = await begin(service, id, bytes.length)
        for (let offset = 0; offset < bytes.length; offset += pieceBytes) {
          assert.equal(await offsetOf(service, path), offset)
          const part = await sendPart(service, path, offset, bytes.subarray(offset, offset + pieceBytes))
          assert.equal(part.statusCode, 204, part.body)
          assert.deepEqual(await secretIn(folder, place), [])
        }
        const image = await show(service, id)
        assert.deepEqual([image.status, image.os_hash_value], ['active', digestOf('sha512', bytes)])
        assert.ok((await download(service, id)).equals(bytes))
      })
    }

    it('goes on after a connection broke off and after a crash, and never seals in one way twice', async (context) => {
      const { service, folder, place, id } = await start(context, kind)
      const bytes = Buffer.alloc(10 * chunkBytes + 77, secret)
      const path = await begin(service, id, bytes.length)
      const { database } = service.service
      const wrappedOf = async () => (await findSeal(database.read, id))?.wrapped

      const broken = await openPart(service, path, 0, bytes.length)
      await broken.send(bytes.subarray(0, 5 * chunkBytes))
      await until(async () => (await filesOf(service)).length === 1)
      const offset = await offsetOf(service, path)
      broken.request.destroy()
      const wrapped = await wrappedOf()
      assert.equal((await sendPart(service, path, offset, bytes.subarray(offset, 7 * chunkBytes))).statusCode, 204)
      assert.equal(await wrappedOf(), wrapped)

      // As a process leaves it that is killed in the midst of a part: with chunks that nothing is known of.
      const [blob] = await blobsOf(service)
      assert.ok(blob)
      await place.spoil(blob.key)
      await database.write((tx) => tx.updateTable('uploads').set({ process_id: 'gone', unsettled: 1 }).execute())
      assert.equal(await offsetOf(service, path), 7 * chunkBytes)
      const next = bytes.subarray(7 * chunkBytes, 8 * chunkBytes + 5)
      assert.equal((await sendPart(service, path, 7 * chunkBytes, next)).statusCode, 204)
      assert.notEqual(await wrappedOf(), wrapped)

      const checksum = { 'upload-checksum': 'sha1 AAAA' }
      const rest = bytes.subarray(8 * chunkBytes + 5)
      const wrong = await sendPart(service, path, 8 * chunkBytes + 5, rest, checksum)
      assert.equal(wrong.statusCode, 460)
      const resumed = await wrappedOf()
      assert.equal((await sendPart(service, path, 8 * chunkBytes + 5, rest)).statusCode, 204)
      assert.notEqual(await wrappedOf(), resumed)

      const image = await show(service, id)
      assert.deepEqual([image.status, image.os_hash_value], ['active', digestOf('sha512', bytes)])
      assert.ok((await download(service, id)).equals(bytes))
      const range = { range: `bytes=${7 * chunkBytes - 10}-${8 * chunkBytes + 20}` }
      const part = await service.call('GET', `/v2/images/${id}/file`, producer, undefined, range)
      assert.ok(part.rawPayload.equals(bytes.subarray(7 * chunkBytes - 10, 8 * chunkBytes + 21)))
      assert.deepEqual(await secretIn(folder, place), [])
    })

    it('goes on although its key was rotated meanwhile', async (context) => {
      const { service, id } = await start(context, kind)
      const bytes = randomBytes(3 * chunkBytes)
      const path = await begin(service, id, bytes.length)
      await sendPart(service, path, 0, bytes.subarray(0, chunkBytes + 10))
      const before = await findSeal(service.service.database.read, id)
      const rotated = await service.call('POST', `/v2/keys/${before?.key_id}/rotate`, producer)
      assert.ok(rotated.statusCode < 300, rotated.body)
      await until(async () => (await findSeal(service.service.database.read, id))?.key_version !== before?.key_version)
      assert.equal((await sendPart(service, path, chunkBytes + 10, bytes.subarray(chunkBytes + 10))).statusCode, 204)
      assert.ok((await download(service, id)).equals(bytes))
    })

    it('leaves no key behind when it is called off', async (context) => {
      const { service, id } = await start(context, kind)
      const path = await begin(service, id, 1000)
      assert.ok(await findSeal(service.service.database.read, id))
      await service.call('DELETE', path, producer, undefined, { 'tus-resumable': '1.0.0' })
      assert.equal(await findSeal(service.service.database.read, id), undefined)
    })
  })
