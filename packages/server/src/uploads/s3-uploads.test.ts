/** What uploads to S3 meet that a folder has not: parts that cannot be read back, and calls that fail. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { chunkBytes } from '../sealing/chunks.ts'
import { partBytesOf } from '../storage/part-buffers.ts'
import { type S3Server, startS3Server } from '../testing/s3-server.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'
import {
  begin,
  blobsOf,
  digestOf,
  newImage,
  newSealed,
  offsetOf,
  openPart,
  producer,
  sendPart,
  show,
  tus,
  until,
} from './testing.ts'

const partBytes = partBytesOf(0) ?? 0
/** What a part of sealed bytes holds. */
const plainPartBytes = 128 * chunkBytes

const start = async (context: TestContext) => {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-s3-uploads-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  const s3 = await startS3Server()
  context.after(() => s3.close())
  const another = async () => {
    const stores = `cloud=${s3.location('x')}`
    const service = await startTestService({
      stores,
      database_url: `sqlite:${folder}/vitrine.db`,
      master_key_file: `${folder}/master-key`,
    })
    context.after(service.close)
    return service
  }
  return { s3, another, service: await another() }
}

const isWhole = async (service: TestService, s3: S3Server, id: string, bytes: Buffer): Promise<void> => {
  const image = await show(service, id)
  assert.deepEqual([image.status, image.size, image.os_hash_value], ['active', bytes.length, digestOf('sha512', bytes)])
  const download = await service.call('GET', `/v2/images/${id}/file`, producer)
  assert.ok(download.rawPayload.equals(bytes))
  // Neither a tail nor an upload in parts is left.
  assert.deepEqual([s3.objects.size, s3.uploads.size], [1, 0])
}

const nothingIsLeft = async (service: TestService, s3: S3Server): Promise<void> => {
  await until(async () => (await blobsOf(service)).length === 0)
  assert.deepEqual([s3.objects.size, s3.uploads.size], [0, 0])
}

const tailsIn = ({ objects }: S3Server): number => [...objects.keys()].filter((name) => name.includes('.tail-')).length

describe('resumable uploads to S3', () => {
  for (const isSealed of [false, true])
    it(`outlive a crash in the midst of ${isSealed ? 'sealed' : 'plain'} parts`, async (context) => {
      const { s3, service, another } = await start(context)
      const bytes = randomBytes(7 * partBytes)
      const id = isSealed ? await newSealed(service) : await newImage(service)
      const path = await begin(service, id, bytes.length)
      // Left in the midst of a part, and then gone on with.
      const first = partBytes + 1_000_000
      assert.equal((await sendPart(service, path, 0, bytes.subarray(0, first))).statusCode, 204)
      assert.equal(tailsIn(s3), 1)
      const part = await openPart(service, path, first, bytes.length - first)
      // A part that is full is sent when more comes.
      let sent = 6 * partBytes + chunkBytes
      await part.send(bytes.subarray(first, sent))
      const noted = async () => (await service.call('GET', path, producer)).json().offset
      // Whether there is something to note is looked at when bytes come.
      await until(async () => {
        await part.send(bytes.subarray(sent, sent + 1000))
        sent += 1000
        return (await noted()) > first
      })
      await until(async () => [...s3.uploads.values()].some(({ parts }) => parts.size === 6))
      const offset = await noted()
      assert.equal(offset % (isSealed ? plainPartBytes : partBytes), 0)
      // Another process takes this one for dead; what it still sends counts for nothing.
      const second = await another()
      await second.service.database.write((tx) =>
        tx.updateTable('uploads').set({ process_id: 'gone', unsettled: 1 }).execute(),
      )
      for (const { parts } of s3.uploads.values())
        for (const number of parts.keys())
          if (number > Math.floor(offset / plainPartBytes))
            parts.set(number, { bytes: randomBytes(9), eTag: '"other"' })
      assert.equal(await offsetOf(second, path), offset)
      assert.equal((await sendPart(second, path, offset, bytes.subarray(offset))).statusCode, 204)
      part.request.destroy()
      await isWhole(second, s3, id, bytes)
    })

  for (const [what, sizeBytes] of [
    ['ends with a part', 2 * partBytes],
    ['ends one byte after a part', 2 * partBytes + 1],
    ['has no whole part', 1000],
  ] as const)
    it(`whose check cannot be ended go on, when what was finished ${what}`, async (context) => {
      const { s3, service } = await start(context)
      for (const id of [await newImage(service), await newSealed(service)]) {
        const bytes = randomBytes(sizeBytes)
        const path = await begin(service, id, sizeBytes)
        const all = sizeBytes - 1
        assert.equal((await sendPart(service, path, 0, bytes.subarray(0, all))).statusCode, 204)
        // The object is finished, and cannot be read.
        s3.fault = (call) => (call === 'get' && s3.calls.includes('finish') ? 'error' : undefined)
        const failed = await sendPart(service, path, all, bytes.subarray(all))
        assert.equal(failed.statusCode, 503, failed.body)
        assert.equal((await show(service, id)).status, 'saving')
        s3.fault = () => undefined
        assert.equal(await offsetOf(service, path), all)
        const again = await sendPart(service, path, all, bytes.subarray(all))
        assert.equal(again.statusCode, 204, again.body)
        await isWhole(service, s3, id, bytes)
        assert.equal((await service.call('DELETE', `/v2/images/${id}`, producer)).statusCode, 204)
        await nothingIsLeft(service, s3)
        s3.calls.length = 0
      }
    })

  it('stand where they stood when the store fails, whatever it fails at', async (context) => {
    const { s3, service } = await start(context)
    const bytes = randomBytes(2 * partBytes + 5000)
    const id = await newImage(service)
    const path = await begin(service, id, bytes.length)
    const first = partBytes + 7
    assert.equal((await sendPart(service, path, 0, bytes.subarray(0, first))).statusCode, 204)
    for (const at of ['head', 'list-uploads', 'list-parts', 'get', 'list', 'part', 'put', 'finish'] as const) {
      s3.fault = (call) => (call === at ? 'error' : undefined)
      const isLast = at === 'finish'
      const piece = bytes.subarray(first, isLast ? bytes.length : 2 * partBytes + 100)
      const failed = await sendPart(service, path, first, piece)
      assert.equal(failed.statusCode, 503, at)
      s3.fault = () => undefined
      assert.equal(await offsetOf(service, path), first, at)
    }
    assert.equal((await sendPart(service, path, first, bytes.subarray(first))).statusCode, 204)
    await isWhole(service, s3, id, bytes)
  })

  it('fail when their bytes are lost', async (context) => {
    const { s3, service } = await start(context)
    const id = await newImage(service)
    const path = await begin(service, id, 1000)
    assert.equal((await sendPart(service, path, 0, randomBytes(500))).statusCode, 204)
    const [tail = ''] = s3.objects.keys()
    s3.replace(tail, randomBytes(499))
    assert.equal((await sendPart(service, path, 500, randomBytes(500))).statusCode, 500)
    assert.equal((await show(service, id)).status, 'queued')
    await nothingIsLeft(service, s3)
  })

  it('leave nothing when they are called off, or their image is deleted by another process', async (context) => {
    const { s3, service, another } = await start(context)
    const id = await newImage(service)
    const calledOff = await begin(service, id, 3 * partBytes)
    await sendPart(service, calledOff, 0, randomBytes(partBytes + 5))
    assert.deepEqual([tailsIn(s3), s3.uploads.size], [1, 1])
    assert.equal((await service.call('DELETE', calledOff, producer, undefined, tus)).statusCode, 204)
    await nothingIsLeft(service, s3)

    const other = await another()
    const path = await begin(service, id, 3 * partBytes)
    const part = await openPart(service, path, 0, 3 * partBytes)
    await part.send(randomBytes(partBytes + 5))
    await until(async () => s3.uploads.size === 1)
    assert.equal((await other.call('DELETE', `/v2/images/${id}`, producer)).statusCode, 204)
    other.service.sweeper.kick()
    assert.ok([410, 423].includes((await part.answer) ?? 0))
    part.request.destroy()
    await nothingIsLeft(service, s3)
  })
})
