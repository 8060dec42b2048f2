import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { logIn } from './accounts.ts'
import { ClientCommand, untried } from './client-command.ts'
import { sha512Of } from './disk.ts'
import { needCommands } from './packages.ts'
import { withStage } from './stage.ts'

const skip = await needCommands('openstack', 'qemu-img')

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** The document has these values, and maybe more. */
const holds = (document: unknown, values: Record<string, unknown>): Record<string, unknown> => {
  assert.ok(isRecord(document), JSON.stringify(document))
  assert.deepEqual(Object.fromEntries(Object.keys(values).map((key) => [key, document[key]])), values)
  return document
}

/** The subcommands in what the client prints as help on several: two blanks, then the name. */
const subcommandsIn = (printed: string): string[] =>
  Array.from(printed.matchAll(/^ {2}(\S.*)$/gm), ([, name = '']) => name)

test('every image command of openstack prints what is right', { skip }, async (t) => {
  await withStage(
    async (stage) => {
      const used = new Set<string>()
      const as = (name: string) => new ClientCommand(stage, 'openstack', { OS_CLOUD: name }, used)
      const [producer, consumer] = [as('producer'), as('consumer')]
      const { projectId: consumerProjectId } = await logIn(stage.data, 'consumer')
      const { projectId: producerProjectId } = await logIn(stage.data, 'producer')
      const path = join(stage.folder, 'bytes.raw')
      await writeFile(path, randomBytes(60_000))
      const sha512 = await sha512Of(path)
      const formats = ['--disk-format', 'raw', '--container-format', 'bare']
      let id = ''

      await t.test('image create, with every attribute', async () => {
        const created = holds(
          await producer.json(
            ...['image', 'create', 'golden', '--file', path, ...formats, '--min-disk', '2', '--min-ram', '64'],
            ...['--property', 'os_distro=debian', '--tag', 'lts', '--protected', '--private'],
          ),
          {
            name: 'golden',
            owner: producerProjectId,
            min_disk: 2,
            min_ram: 64,
            protected: true,
            visibility: 'private',
            tags: ['lts'],
            disk_format: 'raw',
            container_format: 'bare',
          },
        )
        id = String(created.id)
      })
      await t.test('image create --import goes by way of staging', async () => {
        const { id: staged } = holds(
          await producer.json('image', 'create', 'staged', '--import', '--file', path, ...formats),
          {
            name: 'staged',
          },
        )
        const shown = holds(await producer.json('image', 'show', String(staged)), { status: 'active', size: 60_000 })
        holds(shown.properties, { os_hash_value: sha512 })
        await producer.silently('image', 'delete', String(staged))
      })
      await t.test('image show', async () => {
        const shown = holds(await producer.json('image', 'show', 'golden'), { id, status: 'active', size: 60_000 })
        holds(shown.properties, { os_hash_algo: 'sha512', os_hash_value: sha512, os_distro: 'debian', stores: 'fast' })
        assert.match(String(shown.file), new RegExp(`^/v2/images/${id}/file$`))
        const [line] = (
          await producer.prints('image', 'show', '--human-readable', '-c', 'size', '-f', 'value', id)
        ).split('\n')
        assert.equal(line, '60K')
      })
      await t.test('image set and unset', async () => {
        await producer.silently(
          ...['image', 'set', id, '--name', 'silver', '--unprotected', '--min-disk', '3', '--min-ram', '128'],
          ...['--shared', '--property', 'hw_disk_bus=virtio', '--tag', 'signed', '--architecture', 'x86_64'],
          ...['--os-distro', 'ubuntu', '--os-version', '24.04', '--hidden'],
        )
        const values = { name: 'silver', protected: false, min_disk: 3, min_ram: 128, visibility: 'shared' }
        const shown = holds(await producer.json('image', 'show', id), { ...values, tags: ['lts', 'signed'] })
        const custom = { hw_disk_bus: 'virtio', architecture: 'x86_64', os_distro: 'ubuntu', os_version: '24.04' }
        holds(shown.properties, { ...custom, os_hidden: true })
        await producer.silently('image', 'unset', id, '--tag', 'lts', '--property', 'architecture')
        await producer.silently('image', 'set', id, '--unhidden')
        const after = holds(await producer.json('image', 'show', id), { tags: ['signed'] })
        assert.ok(isRecord(after.properties) && !('architecture' in after.properties))
        await producer.silently('image', 'set', id, '--deactivate')
        holds(await producer.json('image', 'show', id), { status: 'deactivated' })
        await producer.silently('image', 'set', id, '--activate')
      })
      await t.test('image list', async () => {
        const row = { ID: id, Name: 'silver', Status: 'active' }
        assert.deepEqual(await producer.json('image', 'list', '--name', 'silver', '--status', 'active'), [row])
        const [long] = [await producer.json('image', 'list', '--long', '--tag', 'signed', '--sort', 'name:asc')].flat()
        holds(long, { ...row, 'Disk Format': 'raw', Size: 60_000, Visibility: 'shared', Project: producerProjectId })
        assert.deepEqual(await producer.json('image', 'list', '--property', 'hw_disk_bus=scsi', '--limit', '5'), [])
      })
      await t.test('image add project, member list, set --accept, remove project', async () => {
        const member = { image_id: id, member_id: consumerProjectId, status: 'pending' }
        holds(await producer.json('image', 'add', 'project', id, consumerProjectId), member)
        const listed = (Status: string) => [{ 'Image ID': id, 'Member ID': consumerProjectId, Status }]
        assert.deepEqual(await producer.json('image', 'member', 'list', id), listed('pending'))
        await consumer.silently('image', 'set', '--accept', id)
        assert.deepEqual(await producer.json('image', 'member', 'list', id), listed('accepted'))
        assert.deepEqual(await consumer.json('image', 'list'), [{ ID: id, Name: 'silver', Status: 'active' }])
        await producer.silently('image', 'remove', 'project', id, consumerProjectId)
        assert.deepEqual(await producer.json('image', 'member', 'list', id), [])
      })
      await t.test('image save and delete', async () => {
        const copy = join(stage.folder, 'copy.raw')
        await producer.silently('image', 'save', '--file', copy, id)
        assert.equal(await sha512Of(copy), sha512)
        await producer.silently('image', 'delete', id)
        await producer.refuses(/^No Image found for/, 'image', 'show', id)
        await producer.refuses(/Failed to delete image with name or ID/, 'image', 'delete', id)
      })
      await t.test('and no command was left out', async () => {
        // Newer clients have more words before the name of the command.
        const help = await Promise.all(['image', 'cached'].map((word) => producer.try('help', word)))
        const commands = help.flatMap(({ stdout }) => subcommandsIn(stdout)).filter((name) => /\bimage\b/.test(name))
        assert.ok(commands.length >= 10, commands.join())
        assert.deepEqual(untried(commands, used), [])
      })
    },
    { by: 'node', stores: ['fast', 'slow'] },
  )
})
