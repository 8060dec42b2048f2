import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CloudName, logIn } from './accounts.ts'
import { glanceEnvironment } from './glance-environment.ts'
import { needCommands } from './packages.ts'
import type { Finished } from './process.ts'
import { type Stage, withStage } from './stage.ts'
import { type Consumer, type Producer, playSharing } from './story.ts'
import { tableProperties, tableRows } from './text-table.ts'

const skip = await needCommands('glance', 'qemu-img', 'qemu-system-x86_64')

type Glance = (...args: string[]) => Promise<Finished>

/** The `glance` command as one user. */
const glanceAs = async (stage: Stage, name: CloudName): Promise<Glance> => {
  const environment = await glanceEnvironment(stage, name)
  return (...args) => stage.run('glance', args, { environment })
}

const prints = async (glance: Glance, ...args: string[]): Promise<string> => {
  const { exitCode, stdout, stderr } = await glance(...args)
  assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' }, `glance ${args.join(' ')}: ${stderr}`)
  return stdout
}

const refuses = async (glance: Glance, why: RegExp, ...args: string[]): Promise<void> => {
  const { exitCode, stdout, stderr } = await glance(...args)
  assert.equal(exitCode, 1, `glance ${args.join(' ')}: ${stdout}`)
  assert.match(stderr, why)
}

/** Status by project, of a printed table of members. */
const membersIn = (printed: string, imageId: string): Record<string, string> =>
  Object.fromEntries(
    tableRows(printed).map((row) => {
      assert.equal(row['Image ID'], imageId)
      return [row['Member ID'] ?? '', row.Status ?? '']
    }),
  )

const glanceProducer = (glance: Glance): Producer => ({
  create: async (name, disk) => {
    const formats = ['--disk-format', 'qcow2', '--container-format', 'bare']
    const created = tableProperties(
      await prints(glance, 'image-create', '--name', name, '--file', disk.path, ...formats),
    )
    assert.equal(created.status, 'active')
    assert.equal(created.os_hash_value, disk.sha512)
    return created.id ?? ''
  },
  share: async (imageId, projectId) => {
    const printed = await prints(glance, 'member-create', imageId, projectId)
    assert.deepEqual(membersIn(printed, imageId), { [projectId]: 'pending' })
  },
  unshare: async (imageId, projectId) => {
    assert.equal(await prints(glance, 'member-delete', imageId, projectId), '')
  },
  members: async (imageId) => membersIn(await prints(glance, 'member-list', '--image-id', imageId), imageId),
  delete: async (imageId) => {
    assert.equal(await prints(glance, 'image-delete', imageId), '')
  },
})

const idsIn = (printed: string): string[] => tableRows(printed).map((row) => row.ID ?? '')

const glanceConsumer = (glance: Glance, projectId: string): Consumer => ({
  show: async (imageId) => {
    const shown = tableProperties(await prints(glance, 'image-show', imageId))
    const { id = '', name = '', status = '', visibility = '', size = '', virtual_size: virtualSize = '' } = shown
    const sha512 = shown.os_hash_value ?? ''
    return { id, name, status, visibility, sizeBytes: size, virtualSizeBytes: virtualSize, sha512 }
  },
  findsNothing: (imageId) => refuses(glance, new RegExp(`No image ${imageId} is visible`), 'image-show', imageId),
  listedIds: async () => idsIn(await prints(glance, 'image-list')),
  pendingIds: async () =>
    idsIn(await prints(glance, 'image-list', '--visibility', 'shared', '--member-status', 'pending')),
  save: async (imageId, path) => {
    assert.equal(await prints(glance, 'image-download', '--file', path, imageId), '')
  },
  answer: async (imageId, status) => {
    const printed = await prints(glance, 'member-update', imageId, projectId, status)
    assert.deepEqual(membersIn(printed, imageId), { [projectId]: status })
  },
})

test('the glance command shares, boots, accepts, rejects and unshares', { skip }, async (t) => {
  await withStage(async (stage) => {
    const { projectId } = await logIn(stage.data, 'consumer')
    const [producer, consumer] = await Promise.all([glanceAs(stage, 'producer'), glanceAs(stage, 'consumer')])
    await playSharing(t, {
      producer: glanceProducer(producer),
      consumer: glanceConsumer(consumer, projectId),
      consumerProjectId: projectId,
      disk: stage.disk,
      folder: stage.folder,
    })

    await t.test('refuses in words', async () => {
      const id = await glanceProducer(producer).create('refused', stage.disk)
      await glanceProducer(producer).share(id, projectId)
      await refuses(producer, /is a member of the image already/, 'member-create', id, projectId)
      await refuses(producer, /Only the consumer sets the status/, 'member-update', id, projectId, 'accepted')
      await refuses(consumer, /not permitted to delete/, 'image-delete', id)
      await refuses(consumer, /may see this image but not change it/, 'image-update', '--name', 'mine', id)
    })
    await t.test('updates an image', async () => {
      const id = await glanceProducer(producer).create('before', stage.disk)
      const changes = ['--name', 'changed', '--property', 'os_distro=debian', '--min-disk', '2']
      const updated = tableProperties(await prints(producer, 'image-update', id, ...changes))
      assert.deepEqual(
        [updated.name, updated.os_distro, updated.min_disk, updated.status],
        ['changed', 'debian', '2', 'active'],
      )
      assert.deepEqual(tableRows(await prints(producer, 'image-tag-update', id, 'lts')), [{ ID: id, Tags: "['lts']" }])
      assert.equal(tableProperties(await prints(producer, 'image-show', id)).tags, '["lts"]')
    })
  })
})
