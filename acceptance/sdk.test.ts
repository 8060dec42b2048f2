import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ForbiddenError, type ImageService, MemberStatus, NotFoundError } from '@vitrine/sdk'
import { downloadFile, uploadFile } from '@vitrine/sdk/node'
import { logIn } from './accounts.ts'
import { needCommands } from './packages.ts'
import { withStage } from './stage.ts'
import { type Consumer, type Producer, playSharing } from './story.ts'

const skip = await needCommands('qemu-img', 'qemu-system-x86_64')

const sdkProducer = (images: ImageService): Producer => ({
  create: async (name, disk) => {
    const image = await images.createImage({ name, diskFormat: 'qcow2', containerFormat: 'bare' })
    assert.equal(image.status, 'queued')
    await uploadFile(image, disk.path)
    assert.deepEqual([image.status, image.size, image.osHashValue], ['active', disk.sizeBytes, disk.sha512])
    return image.id
  },
  share: async (imageId, projectId) => {
    const image = await images.getImage(imageId)
    const member = await image.createMember(projectId)
    assert.deepEqual([member.imageId, member.memberId, member.status], [imageId, projectId, MemberStatus.PENDING])
    assert.deepEqual(member.updatedAt, member.createdAt)
    await assert.rejects(member.updateStatus(MemberStatus.ACCEPTED), ForbiddenError)
  },
  unshare: async (imageId, projectId) => {
    const member = await (await images.getImage(imageId)).getMember(projectId)
    await member.delete()
  },
  members: async (imageId) => {
    const members = await (await images.getImage(imageId)).listMembers().toArray()
    return Object.fromEntries(members.map(({ memberId, status }) => [memberId, status]))
  },
  delete: async (imageId) => (await images.getImage(imageId)).delete(),
})

const sdkConsumer = (images: ImageService, projectId: string): Consumer => ({
  show: async (imageId) => {
    const { id, name, status, visibility, size, virtualSize, osHashValue } = await images.getImage(imageId)
    const sizes = { sizeBytes: String(size), virtualSizeBytes: String(virtualSize) }
    return { id, name: name ?? '', status, visibility, ...sizes, sha512: osHashValue ?? '' }
  },
  findsNothing: async (imageId) => {
    await assert.rejects(images.getImage(imageId), (error) => {
      assert.ok(error instanceof NotFoundError)
      assert.match(error.message, new RegExp(`No image ${imageId} is visible to your project`))
      return true
    })
  },
  listedIds: async () => (await images.listImages().toArray()).map(({ id }) => id),
  pendingIds: async () =>
    (await images.listImages({ visibility: 'shared', memberStatus: 'pending' }).toArray()).map(({ id }) => id),
  save: async (imageId, path) => {
    const saved = await downloadFile(await images.getImage(imageId), path)
    assert.equal(saved.verified?.algorithm, 'sha512')
  },
  answer: async (imageId, status) => {
    const image = await images.getImage(imageId)
    const member = await (await image.getMember(projectId)).updateStatus(status)
    assert.equal(member.status, status)
  },
})

test('the SDK shares, boots, accepts, rejects and unshares', { skip }, async (t) => {
  await withStage(async (stage) => {
    const [producer, consumer] = await Promise.all([logIn(stage.data, 'producer'), logIn(stage.data, 'consumer')])
    await playSharing(t, {
      producer: sdkProducer(producer.images),
      consumer: sdkConsumer(consumer.images, consumer.projectId),
      consumerProjectId: consumer.projectId,
      disk: stage.disk,
      folder: stage.folder,
    })
  })
})
