import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { MemberStatus } from '@vitrine/sdk'
import { type CloudName, logIn } from './accounts.ts'
import { needCommands } from './packages.ts'
import { root } from './service.ts'
import { type Stage, withStage } from './stage.ts'
import { type Consumer, type Producer, playSharing, type ShownImage } from './story.ts'
import { jsonOf, objectsIn, succeeds, textsIn, type Vitrine } from './vitrine-command.ts'

const skip = await needCommands('qemu-img', 'qemu-system-x86_64')

/** The command as README tells to call it; `--no`, so that npx never takes one from elsewhere. */
const npxVitrineAs =
  (stage: Stage, cloud: CloudName): Vitrine =>
  (...args) =>
    stage.run('npx', ['--no', 'vitrine', '--', ...args], { environment: { OS_CLOUD: cloud } })

const vitrineProducer = (vitrine: Vitrine): Producer => ({
  create: async (name, disk) => {
    const { stdout, stderr } = await succeeds(vitrine, 'image', 'create', name, '--file', disk.path)
    assert.match(stderr, /^Uploaded .* sha512 verified\.$/m)
    assert.match(stdout, /^status +active$/m)
    assert.match(stdout, /^disk_format +qcow2$/m)
    return /^id +(\S+)$/m.exec(stdout)?.[1] ?? ''
  },
  share: async (imageId, projectId) => {
    const { stdout, stderr } = await succeeds(vitrine, 'share', imageId, projectId)
    assert.match(stdout, new RegExp(`^${projectId} +pending +shared$`, 'm'))
    assert.match(stderr, new RegExp(`vitrine accept ${imageId}`))
  },
  unshare: async (imageId, projectId) => {
    const { stderr } = await succeeds(vitrine, 'unshare', imageId, projectId, '--yes')
    assert.match(stderr, new RegExp(`is no longer shared with ${projectId}`))
  },
  members: async (imageId) => {
    const members = objectsIn(await jsonOf(vitrine, 'members', imageId))
    return Object.fromEntries(members.map(({ member_id: project = '', status = '' }) => [project, status]))
  },
  delete: async (imageId) => {
    const { stdout, stderr } = await succeeds(vitrine, 'image', 'delete', imageId, '--yes')
    assert.equal(stdout, '')
    assert.match(stderr, new RegExp(`^Deleted .*${imageId}`))
  },
})

const shownIn = (printed: string): ShownImage => {
  const shown = textsIn(JSON.parse(printed))
  const { id = '', name = '', status = '', visibility = '', size = '', virtual_size: virtualSize = '' } = shown
  const sha512 = shown.os_hash_value ?? ''
  return { id, name, status, visibility, sizeBytes: size, virtualSizeBytes: virtualSize, sha512 }
}

/** The verb for each answer, and what the command says then. */
const answers: Record<MemberStatus, readonly [verb: string, said: RegExp]> = {
  accepted: ['accept', /is shown in your list now/],
  rejected: ['reject', /is hidden from your list\. It can still be booted/],
  pending: ['later', /waits in your inbox/],
}

const vitrineConsumer = (vitrine: Vitrine): Consumer => ({
  show: async (imageId) => shownIn(await jsonOf(vitrine, 'image', 'show', imageId)),
  findsNothing: async (imageId) => {
    const { exitCode, stdout, stderr } = await vitrine('image', 'show', imageId)
    assert.equal(exitCode, 3)
    assert.equal(stdout, '')
    assert.match(stderr, new RegExp(`^vitrine: No image ${imageId} is visible to your project`))
  },
  listedIds: async () => objectsIn(await jsonOf(vitrine, 'image', 'list')).map(({ id = '' }) => id),
  pendingIds: async () => {
    const waiting = objectsIn(await jsonOf(vitrine, 'inbox'))
    for (const { member_status: status } of waiting) assert.equal(status, 'pending')
    return waiting.map(({ id = '' }) => id)
  },
  save: async (imageId, path) => {
    const { stderr } = await succeeds(vitrine, 'image', 'download', imageId, '-o', path)
    assert.match(stderr, /^Saved .* sha512 verified\)\.$/m)
  },
  answer: async (imageId, status) => {
    const [verb, said] = answers[status]
    assert.match((await succeeds(vitrine, verb, imageId)).stderr, said)
  },
})

test('npx vitrine shares, boots, accepts, rejects and unshares', { skip }, async (t) => {
  await withStage(async (stage) => {
    assert.ok(existsSync(join(root, 'node_modules/.bin/vitrine')), 'npm has linked the command vitrine')
    const { projectId } = await logIn(stage.data, 'consumer')
    const [producer, consumer] = [npxVitrineAs(stage, 'producer'), npxVitrineAs(stage, 'consumer')]
    await playSharing(t, {
      producer: vitrineProducer(producer),
      consumer: vitrineConsumer(consumer),
      consumerProjectId: projectId,
      disk: stage.disk,
      folder: stage.folder,
    })

    await t.test('tells a consumer which project id to give to producers', async () => {
      const { stderr } = await succeeds(consumer, 'inbox')
      assert.match(stderr, new RegExp(`Nothing waits.*${projectId}`))
      assert.equal((await succeeds(consumer, 'whoami', '-f', 'value', '-c', 'project_id')).stdout.trim(), projectId)
    })
    await t.test('refuses in words and exit codes', async () => {
      const id = await vitrineProducer(producer).create('refused', stage.disk)
      await vitrineProducer(producer).share(id, projectId)
      const denied = await consumer('image', 'delete', id, '--yes')
      assert.equal(denied.exitCode, 4)
      assert.match(denied.stderr, /^vitrine: Your project may see this image but not change it\.\nRequest id: req-/)
      const typo = await producer('share', id, 'consumer')
      assert.equal(typo.exitCode, 2)
      assert.match(typo.stderr, /does not look like a project id/)
      assert.equal((await producer('share', id)).exitCode, 2)
    })
  })
})
