import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { OpenStackCommand, openStackConsumer, openStackProducer, propertiesIn } from './openstack-client.ts'
import { needCommands } from './packages.ts'
import { type Stage, withStage } from './stage.ts'
import { playSharing } from './story.ts'

const skip = await needCommands('openstack', 'qemu-img', 'qemu-system-x86_64')

const usersOf = (stage: Stage) => ({
  producer: new OpenStackCommand(stage, 'producer'),
  consumer: new OpenStackCommand(stage, 'consumer'),
  admin: new OpenStackCommand(stage, 'admin'),
})

const idOfProject = async (admin: OpenStackCommand, name: string): Promise<string> =>
  (await admin.properties('project', 'show', name)).id ?? ''

test('the openstack command shares, boots, accepts, rejects and unshares', { skip }, async (t) => {
  await withStage(async (stage) => {
    const { producer, consumer, admin } = usersOf(stage)
    await playSharing(t, {
      producer: openStackProducer(producer),
      consumer: openStackConsumer(consumer),
      consumerProjectId: await idOfProject(admin, 'consumer'),
      disk: stage.disk,
      folder: stage.folder,
    })
  })
})

test('the openstack command keeps images in order', { skip }, async (t) => {
  await withStage(async (stage) => {
    const { producer, consumer, admin } = usersOf(stage)
    const consumerProjectId = await idOfProject(admin, 'consumer')
    const imageId = await openStackProducer(producer).create('golden', stage.disk)
    const show = () => producer.properties('image', 'show', 'golden')

    await t.test('finds images by name', async () => {
      assert.equal((await show()).id, imageId)
      assert.deepEqual(await producer.rows('image', 'list', '--name', 'golden'), [
        { ID: imageId, Name: 'golden', Status: 'active' },
      ])
      assert.deepEqual(await producer.rows('image', 'list', '--name', 'brass'), [])
      await producer.refuses(/^No Image found for brass\s*$/, 'image', 'show', 'brass')
    })
    await t.test('sets and unsets properties and tags', async () => {
      await producer.silently(
        ...['image', 'set', 'golden', '--property', 'os_distro=debian', '--property', 'hw_disk_bus=virtio'],
        ...['--tag', 'lts', '--tag', 'signed', '--min-disk', '3', '--min-ram', '512'],
      )
      const set = await show()
      const properties = propertiesIn(set.properties ?? '')
      assert.equal(properties.os_distro, 'debian')
      assert.equal(properties.hw_disk_bus, 'virtio')
      assert.deepEqual([set.tags, set.min_disk, set.min_ram], ['lts, signed', '3', '512'])
      assert.equal((await producer.rows('image', 'list', '--tag', 'lts', '--tag', 'signed')).length, 1)
      assert.equal((await producer.rows('image', 'list', '--property', 'os_distro=debian')).length, 1)

      await producer.silently('image', 'unset', 'golden', '--property', 'os_distro', '--tag', 'lts')
      const unset = await show()
      assert.equal(propertiesIn(unset.properties ?? '').os_distro, undefined)
      assert.equal(unset.tags, 'signed')
    })
    await t.test('renames, protects and hides', async () => {
      await producer.silently('image', 'set', 'golden', '--name', 'silver', '--protected', '--hidden')
      assert.deepEqual(await producer.rows('image', 'list'), [])
      assert.deepEqual(
        (await producer.rows('image', 'list', '--hidden')).map(({ Name }) => Name),
        ['silver'],
      )
      await producer.refuses(/403.*protected/s, 'image', 'delete', imageId)
      await producer.silently('image', 'set', 'silver', '--name', 'golden', '--unprotected', '--unhidden')
    })
    await t.test('refuses in words', async () => {
      await producer.silently('image', 'set', '--shared', 'golden')
      await producer.properties('image', 'add', 'project', 'golden', consumerProjectId)
      await producer.refuses(
        /409.*is a member of the image already/s,
        'image',
        'add',
        'project',
        'golden',
        consumerProjectId,
      )
      await producer.refuses(
        /403.*Only the consumer sets the status of its membership/s,
        ...['image', 'set', '--accept', '--project', consumerProjectId, 'golden'],
      )
      await producer.refuses(
        /403.*Only an administrator can make an image public/s,
        'image',
        'set',
        '--public',
        'golden',
      )
      await consumer.refuses(/403.*may see this image but not change it/s, 'image', 'set', '--name', 'mine', imageId)
      await consumer.refuses(/403.*may see this image but not change it/s, 'image', 'delete', imageId)
      const stranger = '00000000-0000-4000-8000-000000000000'
      await consumer.refuses(/^No Image found for 0{8}/, 'image', 'show', stranger)
    })
    await t.test('shows the consumer only its own membership', async () => {
      await producer.properties('image', 'add', 'project', 'golden', 'f'.repeat(32))
      const statuses = { [consumerProjectId]: 'pending', ['f'.repeat(32)]: 'pending' }
      assert.deepEqual(await openStackProducer(producer).members(imageId), statuses)
      assert.deepEqual(await openStackProducer(consumer).members(imageId), { [consumerProjectId]: 'pending' })
    })
    await t.test('deactivates and activates', async () => {
      await producer.silently('image', 'set', '--deactivate', 'golden')
      assert.equal((await show()).status, 'deactivated')
      const path = join(stage.folder, 'refused.qcow2')
      assert.notEqual((await consumer.try('image', 'save', '--file', path, imageId)).exitCode, 0)
      await producer.silently('image', 'set', '--activate', 'golden')
      assert.equal((await show()).status, 'active')
      await openStackConsumer(consumer).save(imageId, path)
    })
    await t.test('lists by visibility', async () => {
      await admin.silently('image', 'set', '--public', imageId)
      assert.deepEqual(await openStackConsumer(consumer).listedIds(), [imageId])
      assert.deepEqual(
        (await consumer.rows('image', 'list', '--public')).map(({ ID }) => ID),
        [imageId],
      )
      await producer.silently('image', 'set', '--community', imageId)
      assert.deepEqual(await openStackConsumer(consumer).listedIds(), [])
      assert.deepEqual(
        (await consumer.rows('image', 'list', '--community')).map(({ ID }) => ID),
        [imageId],
      )
    })
    await t.test('refuses bytes that are no qcow2', async () => {
      const path = join(stage.folder, 'disk.raw')
      const create = [
        'image',
        'create',
        'wrong',
        '--file',
        path,
        '--disk-format',
        'qcow2',
        '--container-format',
        'bare',
      ]
      await producer.refuses(/415.*do not match the disk_format qcow2/s, ...create)
      // This client takes back an image whose upload has failed.
      assert.deepEqual(await producer.rows('image', 'list', '--name', 'wrong'), [])
    })
  })
})

test('the openstack command manages accounts', { skip }, async (t) => {
  await withStage(async (stage) => {
    const { producer, admin } = usersOf(stage)
    const authUrl = `${stage.service.url}/identity/v3`
    const asNewcomer = {
      OS_AUTH_URL: authUrl,
      OS_USERNAME: 'ada',
      OS_PASSWORD: 'a password of hers',
      OS_PROJECT_NAME: 'analytics',
      OS_USER_DOMAIN_NAME: 'Default',
      OS_PROJECT_DOMAIN_NAME: 'Default',
      OS_IDENTITY_API_VERSION: '3',
    }

    await t.test('creates a project and a user who works in it', async () => {
      const project = await admin.properties('project', 'create', 'analytics', '--description', 'Engines')
      assert.equal(project.name, 'analytics')
      assert.equal(project.description, 'Engines')
      assert.equal(project.enabled, 'True')
      const user = await admin.properties('user', 'create', 'ada', '--password', asNewcomer.OS_PASSWORD)
      assert.equal(user.name, 'ada')
      await admin.silently('role', 'add', '--user', 'ada', '--project', 'analytics', 'member')
      assert.deepEqual((await admin.rows('project', 'list')).map(({ Name }) => Name).sort(), [
        'admin',
        'analytics',
        'consumer',
        'producer',
      ])
      const ada = new OpenStackCommand(stage, asNewcomer)
      assert.deepEqual(await ada.rows('image', 'list'), [])
      const issued = await ada.properties('token', 'issue')
      assert.equal(issued.project_id, project.id)
      assert.equal(issued.user_id, user.id)
    })
    await t.test('shares with a project by name, as administrator', async () => {
      const imageId = await openStackProducer(producer).create('shared by name', stage.disk)
      const member = await admin.properties('image', 'add', 'project', imageId, 'analytics')
      assert.equal(member.member_id, await idOfProject(admin, 'analytics'))
      const ada = openStackConsumer(new OpenStackCommand(stage, asNewcomer))
      assert.deepEqual(await ada.pendingIds(), [imageId])
    })
    await t.test('shows the catalogue', async () => {
      const services = await producer.rows('catalog', 'list')
      const types = services.map(({ Type }) => Type).filter((type) => type !== '')
      assert.deepEqual(types.sort(), ['identity', 'image'])
      const image = await producer.properties('catalog', 'show', 'image')
      // Without a version: clients add it.
      assert.match(image.endpoints ?? '', new RegExp(`public: ${stage.service.url}(?![/\\d])`))
    })
    await t.test('works with an application credential', async () => {
      const credential = await producer.properties('application', 'credential', 'create', 'ci', '--secret', 'hush hush')
      assert.equal(credential.name, 'ci')
      const ci = new OpenStackCommand(stage, {
        OS_AUTH_TYPE: 'v3applicationcredential',
        OS_AUTH_URL: authUrl,
        OS_APPLICATION_CREDENTIAL_ID: credential.id ?? '',
        OS_APPLICATION_CREDENTIAL_SECRET: 'hush hush',
        OS_IDENTITY_API_VERSION: '3',
      })
      const mine = (await producer.rows('image', 'list')).map(({ ID }) => ID)
      assert.deepEqual(
        (await ci.rows('image', 'list')).map(({ ID }) => ID),
        mine,
      )
      assert.equal(mine.length, 1)
      await producer.silently('application', 'credential', 'delete', 'ci')
      await ci.refuses(/HTTP 401/, 'image', 'list')
    })
    await t.test('refuses in words', async () => {
      await producer.refuses(/HTTP 403/, 'project', 'create', 'mine')
      await producer.refuses(/HTTP 403/, 'user', 'list')
      const wrong = new OpenStackCommand(stage, { ...asNewcomer, OS_PASSWORD: 'a guess' })
      await wrong.refuses(/HTTP 401/, 'token', 'issue')
      await admin.refuses(/No project with a name or ID of 'nowhere' exists|nowhere/, 'project', 'show', 'nowhere')
    })
    await t.test('takes a role away', async () => {
      await admin.silently('role', 'remove', '--user', 'ada', '--project', 'analytics', 'member')
      const ada = new OpenStackCommand(stage, asNewcomer)
      await ada.refuses(/HTTP 401/, 'image', 'list')
    })
  })
})
