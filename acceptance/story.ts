import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { MemberStatus } from '@vitrine/sdk'
import { type BootableDisk, boot, sha512Of } from './disk.ts'

/** What a client shows of an image, as text. */
export interface ShownImage {
  readonly id: string
  readonly name: string
  readonly status: string
  readonly visibility: string
  readonly sizeBytes: string
  readonly virtualSizeBytes: string
  readonly sha512: string
}

/** What a producer does, with one client. */
export interface Producer {
  /** Creates an image with the bytes of a disk. @returns its id */
  create(name: string, disk: BootableDisk): Promise<string>
  share(imageId: string, projectId: string): Promise<void>
  unshare(imageId: string, projectId: string): Promise<void>
  /** Status by project. */
  members(imageId: string): Promise<Readonly<Record<string, string>>>
  delete(imageId: string): Promise<void>
}

/** What a consumer does, with one client. */
export interface Consumer {
  show(imageId: string): Promise<ShownImage>
  /** Checks that the client says that there is no such image. */
  findsNothing(imageId: string): Promise<void>
  listedIds(): Promise<readonly string[]>
  /** Images shared and not answered. */
  pendingIds(): Promise<readonly string[]>
  save(imageId: string, path: string): Promise<void>
  answer(imageId: string, status: MemberStatus): Promise<void>
}

export interface Cast {
  readonly producer: Producer
  readonly consumer: Consumer
  readonly consumerProjectId: string
  readonly disk: BootableDisk
  /** Where downloads go. */
  readonly folder: string
}

/** From the upload of a disk to the end of its share, told by one client for both sides. */
export const playSharing = async (t: TestContext, cast: Cast): Promise<void> => {
  const { producer, consumer, consumerProjectId, disk, folder } = cast
  let id = ''

  const isDownloadable = async (): Promise<string> => {
    const path = join(folder, `${id}-${Math.random()}.qcow2`)
    await consumer.save(id, path)
    assert.equal(await sha512Of(path), disk.sha512)
    return path
  }

  await t.test('the producer creates an image from a disk', async () => {
    id = await producer.create('story', disk)
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/)
    assert.deepEqual(await producer.members(id), {})
  })
  await t.test('nobody else finds it', async () => {
    await consumer.findsNothing(id)
    assert.deepEqual(await consumer.listedIds(), [])
  })
  await t.test('the producer shares it', async () => {
    await producer.share(id, consumerProjectId)
    assert.deepEqual(await producer.members(id), { [consumerProjectId]: 'pending' })
  })
  await t.test('the consumer sees it by id, and not in the list', async () => {
    assert.deepEqual(await consumer.show(id), {
      id,
      name: 'story',
      status: 'active',
      visibility: 'shared',
      sizeBytes: String(disk.sizeBytes),
      virtualSizeBytes: String(disk.virtualSizeBytes),
      sha512: disk.sha512,
    })
    assert.deepEqual(await consumer.listedIds(), [])
    assert.deepEqual(await consumer.pendingIds(), [id])
  })
  await t.test('the consumer downloads and boots it', async () => {
    assert.equal(await boot(await isDownloadable()), disk.line)
  })
  await t.test('accepted, it is in the list', async () => {
    await consumer.answer(id, 'accepted')
    assert.deepEqual(await consumer.listedIds(), [id])
    assert.deepEqual(await consumer.pendingIds(), [])
    assert.deepEqual(await producer.members(id), { [consumerProjectId]: 'accepted' })
  })
  await t.test('rejected, it is not in the list and still downloadable', async () => {
    await consumer.answer(id, 'rejected')
    assert.deepEqual(await consumer.listedIds(), [])
    assert.deepEqual(await producer.members(id), { [consumerProjectId]: 'rejected' })
    await isDownloadable()
  })
  await t.test('put off, it is pending again', async () => {
    await consumer.answer(id, 'pending')
    assert.deepEqual(await consumer.pendingIds(), [id])
  })
  await t.test('no longer shared, it is not found', async () => {
    await producer.unshare(id, consumerProjectId)
    await consumer.findsNothing(id)
    assert.deepEqual(await consumer.pendingIds(), [])
    assert.deepEqual(await producer.members(id), {})
  })
  await t.test('the producer deletes it', async () => {
    await producer.delete(id)
    await consumer.findsNothing(id)
  })
}
