import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { logIn } from './accounts.ts'
import { ClientCommand, untried } from './client-command.ts'
import { sha512Of } from './disk.ts'
import { glanceEnvironment } from './glance-environment.ts'
import { needCommands } from './packages.ts'
import { type Stage, type StageOptions, withStage } from './stage.ts'
import { waitFor } from './wait.ts'
import { importingFrom, startWebContent, type WebContent } from './web-content.ts'

const skip = await needCommands('glance', 'qemu-img')

const formats = ['--disk-format', 'raw', '--container-format', 'bare']

/** Everybody who plays, and what they play with. */
interface Cast {
  readonly stage: Stage
  readonly web: WebContent
  readonly producer: ClientCommand
  readonly consumer: ClientCommand
  readonly admin: ClientCommand
  readonly consumerProjectId: string
  /** Every call that was made. */
  readonly used: Set<string>
}

const namesIn = (rows: readonly Record<string, string>[], column = 'name'): string[] =>
  rows.map((row) => row[column] ?? '').sort()

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** A file with bytes that no other has, and their SHA-512. */
const freshFile = async ({ stage }: Cast, sizeBytes = 100_000) => {
  const path = join(stage.folder, `${randomBytes(6).toString('hex')}.raw`)
  const bytes = randomBytes(sizeBytes)
  await writeFile(path, bytes)
  return { path, bytes, sha512: await sha512Of(path) }
}

const becomesActive = (producer: ClientCommand, id: string) =>
  waitFor(`image ${id}, active`, async () => {
    const image = await producer.properties('image-show', id)
    return image.status === 'active' ? image : undefined
  })

const recordsOfImages = async (cast: Cast): Promise<void> => {
  const { producer, consumer, stage } = cast
  const created = await producer.properties(
    ...['image-create', '--name', 'golden', '--visibility', 'shared', '--min-disk', '2', '--min-ram', '64'],
    ...['--property', 'os_distro=debian', '--tag', 'lts', '--os-version', '13', '--hidden', 'false', ...formats],
  )
  const id = created.id ?? ''
  assert.match(id, uuid)
  const asked = { name: 'golden', status: 'queued', visibility: 'shared', min_disk: '2', min_ram: '64' }
  assert.deepEqual({ ...created, ...asked, tags: '["lts"]', os_distro: 'debian', os_version: '13' }, created)
  assert.equal(created.size, 'None')
  assert.equal(created.os_hidden, 'False')

  const { path, sha512 } = await freshFile(cast)
  await producer.silently('image-upload', '--file', path, id)
  const shown = await producer.properties('image-show', id)
  assert.equal(shown.status, 'active')
  assert.equal(shown.size, '100000')
  assert.equal(shown.os_hash_value, sha512)
  assert.equal((await producer.properties('image-show', '--human-readable', id)).size, '97.7kB')
  await producer.refuses(/only a queued image|is active/, 'image-upload', '--file', path, id)

  const copy = join(stage.folder, 'copy.raw')
  await producer.silently('image-download', '--file', copy, id)
  assert.equal(await sha512Of(copy), sha512)
  await producer.refuses(/^File .*nowhere does not exist/, 'image-create', '--file', '/nowhere', ...formats)

  const changes = ['--name', 'silver', '--property', 'hw_disk_bus=virtio', '--remove-property', 'os_distro']
  const changed = await producer.properties('image-update', id, ...changes, '--protected', 'True', '--min-ram', '32')
  assert.deepEqual({ ...changed, name: 'silver', hw_disk_bus: 'virtio', protected: 'True', min_ram: '32' }, changed)
  assert.equal(changed.os_distro, undefined)
  assert.equal(changed.os_version, '13')
  await producer.refuses(/not permitted to delete the image/, 'image-delete', id)
  await producer.properties('image-update', id, '--protected', 'False')

  assert.deepEqual(await producer.rows('image-tag-update', id, 'signed'), [{ ID: id, Tags: "['lts', 'signed']" }])
  await producer.silently('image-tag-delete', id, 'lts')
  assert.equal((await producer.properties('image-show', id)).tags, '["signed"]')
  await producer.refuses(/has no tag lts/, 'image-tag-delete', id, 'lts')

  await producer.silently('image-deactivate', id)
  assert.equal((await producer.properties('image-show', id)).status, 'deactivated')
  await producer.refuses(/Unable to download image .*deactivated/s, 'image-download', '--file', copy, id)
  await producer.silently('image-reactivate', id)
  assert.equal((await producer.properties('image-show', id)).status, 'active')

  assert.deepEqual(await producer.rows('image-list'), [{ ID: id, Name: 'silver' }])
  assert.deepEqual(await producer.rows('image-list', '--tag', 'signed', '--limit', '1'), [{ ID: id, Name: 'silver' }])
  assert.deepEqual(await producer.rows('image-list', '--property-filter', 'hw_disk_bus=scsi'), [])
  assert.deepEqual(await consumer.rows('image-list'), [])

  await producer.silently('image-delete', id)
  await producer.refuses(new RegExp(`No image with an ID of '${id}' exists`), 'image-delete', id)
  assert.deepEqual(await producer.rows('image-list'), [])
}

const members = async ({ producer, consumer, consumerProjectId }: Cast): Promise<void> => {
  const { id = '' } = await producer.properties('image-create', '--name', 'shared', ...formats)
  const row = (status: string) => [{ 'Image ID': id, 'Member ID': consumerProjectId, Status: status }]
  assert.deepEqual(await producer.rows('member-create', id, consumerProjectId), row('pending'))
  assert.deepEqual(await producer.rows('member-list', '--image-id', id), row('pending'))
  const own = await consumer.properties('member-get', id, consumerProjectId)
  assert.equal(own.status, 'pending')
  assert.equal(own.member_id, consumerProjectId)
  assert.deepEqual(await consumer.rows('member-update', id, consumerProjectId, 'accepted'), row('accepted'))
  assert.deepEqual(await producer.rows('member-list', '--image-id', id), row('accepted'))
  await producer.silently('member-delete', id, consumerProjectId)
  assert.deepEqual(await producer.rows('member-list', '--image-id', id), [])
  await consumer.refuses(/No image .* is visible to your project/, 'member-get', id, consumerProjectId)
  await producer.silently('image-delete', id)
}

const imports = async (cast: Cast): Promise<void> => {
  const { producer, admin, web } = cast
  const methods: unknown = JSON.parse((await producer.properties('import-info'))['import-methods'] ?? '')
  assert.deepEqual(methods, {
    description: 'Import methods available.',
    type: 'array',
    value: ['glance-direct', 'web-download', 'copy-image'],
  })

  const staged = await freshFile(cast)
  const { id = '' } = await producer.properties('image-create', '--name', 'staged', ...formats)
  await producer.silently('image-stage', '--file', staged.path, id)
  assert.equal((await producer.properties('image-show', id)).status, 'uploading')
  assert.ok(['importing', 'active'].includes((await producer.properties('image-import', id)).status ?? ''))
  assert.equal((await becomesActive(producer, id)).os_hash_value, staged.sha512)
  const tasks = await producer.rows('image-tasks', id)
  assert.deepEqual(
    tasks.map(({ Status }) => Status),
    ['success'],
  )
  const [task] = await producer.rows('--verbose', 'image-tasks', id)
  assert.equal(task?.['Image Id'], id)

  const distant = await freshFile(cast)
  const uri = web.serve('distant.raw', distant.bytes)
  const imported = await producer.properties(
    ...['image-create-via-import', '--name', 'distant', '--import-method', 'web-download', '--uri', uri, ...formats],
  )
  assert.ok(['queued', 'importing', 'active'].includes(imported.status ?? ''), imported.status)
  assert.equal((await becomesActive(producer, imported.id ?? '')).os_hash_value, distant.sha512)
  const direct = await producer.properties(
    ...['image-create-via-import', '--name', 'direct', '--file', staged.path, '--stores', 'slow', ...formats],
  )
  const active = await becomesActive(producer, direct.id ?? '')
  assert.deepEqual([active.os_hash_value, active.stores], [staged.sha512, 'slow'])
  await producer.refuses(
    /'web-download' import method can only be applied.*queued/s,
    ...['image-import', id, '--import-method', 'web-download', '--uri', uri],
  )

  const copied = await admin.properties('image-import', id, '--import-method', 'copy-image', '--stores', 'slow')
  assert.equal(copied.status, 'active')
  await waitFor('a copy in the other store', async () => {
    const { stores = '' } = await producer.properties('image-show', id)
    return stores.split(',').sort().join() === 'fast,slow' ? true : undefined
  })
}

const storesAndUsage = async (cast: Cast): Promise<void> => {
  const { producer, admin } = cast
  const stores = async (...args: string[]): Promise<unknown> =>
    JSON.parse((await admin.properties('stores-info', ...args)).stores ?? '')
  assert.deepEqual(await stores(), [
    { id: 'fast', description: 'the fast one', default: 'true' },
    { id: 'slow', description: 'the slow one' },
  ])
  const details = await stores('--detail')
  assert.ok(Array.isArray(details) && details.every(({ type }) => type === 'file'), JSON.stringify(details))
  await producer.refuses(/needs the role admin/, 'stores-info', '--detail')

  const [image] = (await producer.rows('image-list')).filter(({ Name }) => Name === 'staged')
  const id = image?.ID ?? ''
  await producer.refuses(/Unable to delete image .* from store 'fast'/, 'stores-delete', id, '--store', 'fast')
  await admin.silently('stores-delete', id, '--store', 'fast')
  assert.equal((await producer.properties('image-show', id)).stores, 'slow')
  await admin.refuses(
    /Unable to delete image .* from store 'slow'.*in no other store/s,
    'stores-delete',
    id,
    '--store',
    'slow',
  )
  await admin.refuses(/Image\/store not found/, 'stores-delete', id, '--store', 'fast')

  const usage = await producer.rows('usage')
  const count = usage.find(({ Quota }) => Quota === 'image_count_total')
  assert.deepEqual(count, { Quota: 'image_count_total', Limit: '10000', Usage: '3' })
}

const tasks = async (cast: Cast): Promise<void> => {
  const { admin, producer, web } = cast
  const { bytes, sha512 } = await freshFile(cast)
  const input = {
    import_from: web.serve('task.raw', bytes),
    import_from_format: 'raw',
    image_properties: { name: 'by task', disk_format: 'raw', container_format: 'bare' },
  }
  const made = await admin.properties('task-create', '--type', 'import', '--input', JSON.stringify(input))
  const id = made.id ?? ''
  assert.match(id, uuid)
  assert.equal(made.type, 'import')
  const done = await waitFor('the end of the task', async () => {
    const shown = await admin.properties('task-show', id)
    return shown.status === 'success' || shown.status === 'failure' ? shown : undefined
  })
  assert.equal(done.status, 'success', JSON.stringify(done))
  const listed = await admin.rows('task-list', '--type', 'import', '--status', 'success')
  assert.deepEqual(
    listed.map(({ ID, Type, Status }) => [ID, Type, Status]),
    [[id, 'import', 'success']],
  )
  const [image] = (await admin.rows('image-list')).filter(({ Name }) => Name === 'by task')
  assert.equal((await admin.properties('image-show', image?.ID ?? '')).os_hash_value, sha512)
  await producer.refuses(/needs the role admin/, 'task-list')
  await producer.refuses(/needs the role admin/, 'task-show', id)
}

/** Nobody may point an image at an address by a patch, nor see where it is: the client must say so in our words. */
const locations = async ({ producer, web }: Cast): Promise<void> => {
  const { id = '' } = await producer.properties('image-create', '--name', 'pointer', ...formats)
  const url = web.serve('pointer.raw', randomBytes(100))
  await producer.refuses(/Locations of images are not open to clients/, 'location-add', '--url', url, id)
  await producer.refuses(
    /disabled API access to image locations/,
    'location-update',
    '--url',
    url,
    id,
    '--metadata',
    '{"a": "b"}',
  )
  await producer.refuses(/disabled API access to image locations/, 'location-delete', '--url', url, id)
  assert.equal((await producer.properties('image-show', id)).status, 'queued')
  await producer.silently('image-delete', id)
}

const namespaces = async ({ stage, admin, producer }: Cast): Promise<void> => {
  const made = await admin.properties(
    ...['md-namespace-create', 'Acme::Disks', '--display-name', 'Disks', '--description', 'All of disks'],
    ...['--visibility', 'public', '--protected', 'False'],
  )
  assert.deepEqual(
    { ...made, namespace: 'Acme::Disks', display_name: 'Disks', description: 'All of disks', visibility: 'public' },
    made,
  )
  const names = async (...args: string[]) => namesIn(await producer.rows('md-namespace-list', ...args), 'namespace')
  const all = await names('--visibility', 'public')
  assert.ok(all.includes('Acme::Disks'))
  assert.ok(all.length > 5, `the usual definitions are there: ${all.join()}`)
  const updated = await admin.properties(
    ...['md-namespace-update', 'Acme::Disks', '--namespace', 'Acme::Drives', '--display-name', 'Drives'],
    ...['--visibility', 'public'],
  )
  assert.equal(updated.namespace, 'Acme::Drives')
  assert.equal(updated.display_name, 'Drives')
  await admin.refuses(/There is no namespace .* that you can see/, 'md-namespace-show', 'Acme::Disks')

  const document = {
    namespace: 'Acme::Imported',
    display_name: 'Imported',
    visibility: 'public',
    resource_type_associations: [{ name: 'OS::Glance::Image', prefix: 'hw_' }],
    properties: { cores: { title: 'Cores', type: 'integer', minimum: 1 } },
    objects: [{ name: 'box', properties: { depth: { title: 'Depth', type: 'integer' } } }],
    tags: [{ name: 'fine' }],
  }
  const path = join(stage.folder, 'namespace.json')
  await writeFile(path, JSON.stringify(document))
  const imported = await admin.properties('md-namespace-import', '--file', path)
  assert.equal(imported.properties, '["cores"]')
  const shown = await producer.properties('md-namespace-show', 'Acme::Imported')
  assert.deepEqual(
    [shown.properties, shown.objects, shown.tags, shown.resource_type_associations],
    ['["cores"]', '["box"]', '["fine"]', '["OS::Glance::Image"]'],
  )
  const prefixed = await producer.properties(
    'md-namespace-show',
    'Acme::Imported',
    '--resource-type',
    'OS::Glance::Image',
  )
  assert.equal(prefixed.properties, '["hw_cores"]')
  await admin.silently('md-namespace-delete', 'Acme::Imported')
  await producer.refuses(/There is no namespace .* that you can see/, 'md-namespace-show', 'Acme::Imported')
  await producer.refuses(/needs the role admin/, 'md-namespace-create', 'Acme::Mine')
}

const resourceTypes = async ({ admin, producer }: Cast): Promise<void> => {
  const drives = 'Acme::Drives'
  const made = await admin.properties(
    ...['md-resource-type-associate', drives, '--name', 'OS::Cinder::Volume', '--prefix', 'disk_'],
    ...['--properties-target', 'image'],
  )
  assert.deepEqual({ ...made, name: 'OS::Cinder::Volume', prefix: 'disk_', properties_target: 'image' }, made)
  assert.deepEqual(await producer.rows('md-namespace-resource-type-list', drives), [
    { name: 'OS::Cinder::Volume', prefix: 'disk_', properties_target: 'image' },
  ])
  assert.ok(namesIn(await producer.rows('md-resource-type-list')).includes('OS::Cinder::Volume'))
  await admin.silently('md-resource-type-deassociate', drives, 'OS::Cinder::Volume')
  assert.deepEqual(await producer.rows('md-namespace-resource-type-list', drives), [])
}

const properties = async ({ admin, producer }: Cast): Promise<void> => {
  const drives = 'Acme::Drives'
  const schema = JSON.stringify({ type: 'integer', minimum: 1, description: 'How wide' })
  const options = ['--name', 'width', '--title', 'Width', '--schema', schema]
  const made = await admin.properties('md-property-create', drives, ...options)
  assert.deepEqual({ ...made, name: 'width', title: 'Width', type: 'integer', minimum: '1' }, made)
  const shown = await producer.properties('md-property-show', drives, 'width')
  assert.equal(shown.description, 'How wide')
  assert.deepEqual(await producer.rows('md-property-list', drives), [
    { name: 'width', title: 'Width', type: 'integer' },
  ])
  const updated = await admin.properties(
    ...['md-property-update', drives, 'width', '--name', 'breadth', '--title', 'Breadth', '--schema', schema],
  )
  assert.deepEqual([updated.name, updated.title], ['breadth', 'Breadth'])
  await admin.silently('md-property-delete', drives, 'breadth')
  await producer.refuses(/There is no property .* that you can see/, 'md-property-show', drives, 'breadth')
  await admin.properties('md-property-create', drives, ...options)
  await admin.silently('md-namespace-properties-delete', drives)
  assert.deepEqual(await producer.rows('md-property-list', drives), [])
}

const objects = async ({ admin, producer }: Cast): Promise<void> => {
  const drives = 'Acme::Drives'
  const schema = JSON.stringify({
    description: 'A cache',
    properties: { size: { title: 'Size', type: 'integer', description: 'In MiB' } },
  })
  const options = ['--name', 'cache', '--schema', schema]
  const made = await admin.properties('md-object-create', drives, ...options)
  assert.deepEqual([made.name, made.description, made.properties], ['cache', 'A cache', '["size"]'])
  assert.equal((await producer.properties('md-object-show', drives, 'cache')).properties, '["size"]')
  const property = await producer.properties('md-object-property-show', drives, 'cache', 'size')
  assert.deepEqual({ ...property, name: 'size', title: 'Size', type: 'integer', description: 'In MiB' }, property)
  assert.deepEqual(await producer.rows('md-object-list', drives), [{ name: 'cache', description: 'A cache' }])
  const updated = await admin.properties('md-object-update', drives, 'cache', '--name', 'buffer', '--schema', schema)
  assert.equal(updated.name, 'buffer')
  await admin.silently('md-object-delete', drives, 'buffer')
  await producer.refuses(/There is no object .* that you can see/, 'md-object-show', drives, 'buffer')
  await admin.properties('md-object-create', drives, ...options)
  await admin.silently('md-namespace-objects-delete', drives)
  assert.deepEqual(await producer.rows('md-object-list', drives), [])
}

const tags = async ({ admin, producer }: Cast): Promise<void> => {
  const drives = 'Acme::Drives'
  const list = async () => namesIn(await producer.rows('md-tag-list', drives))
  assert.equal((await admin.properties('md-tag-create', drives, '--name', 'fast')).name, 'fast')
  assert.equal((await producer.properties('md-tag-show', drives, 'fast')).name, 'fast')
  assert.equal((await admin.properties('md-tag-update', drives, 'fast', '--name', 'swift')).name, 'swift')
  assert.deepEqual(await list(), ['swift'])
  await admin.silently('md-tag-delete', drives, 'swift')
  await producer.refuses(/There is no tag .* that you can see/, 'md-tag-show', drives, 'swift')
  assert.deepEqual(namesIn(await admin.rows('md-tag-create-multiple', drives, '--names', 'one,two')), ['one', 'two'])
  // This version of the client stumbles over the header that it would send for --append, before it asks anything.
  await admin.try('md-tag-create-multiple', drives, '--names', 'three', '--append')
  assert.deepEqual(
    (await list()).filter((name) => name !== 'three'),
    ['one', 'two'],
  )
  await admin.silently('md-namespace-tags-delete', drives)
  assert.deepEqual(await list(), [])
}

const schemas = async ({ producer }: Cast): Promise<void> => {
  const attributes = (await producer.rows('explain', 'image')).map(({ Attribute }) => Attribute)
  for (const name of ['id', 'name', 'status', 'visibility', 'os_hash_value', 'stores']) {
    assert.ok(attributes.includes(name), `${name} is explained`)
  }
  await producer.refuses(/Unable to find requested model 'nothing'/, 'explain', 'nothing')
}

/** The commands for caches want the address of one process. */
const cacheAsAdmin = async ({ stage, used }: Cast): Promise<ClientCommand> => {
  const environment = { ...(await glanceEnvironment(stage, 'admin')), OS_IMAGE_URL: stage.service.url }
  return new ClientCommand(stage, 'glance', environment, used)
}

const cache = async (cast: Cast): Promise<void> => {
  const { producer } = cast
  const admin = await cacheAsAdmin(cast)
  const { id = '' } = await producer.properties('image-create', '--name', 'cached', ...formats)
  const { path } = await freshFile(cast)
  await producer.silently('image-upload', '--file', path, id)
  await admin.try('cache-queue', id)
  const isListed = async () => (await admin.try('cache-list')).stdout.includes(id)
  await waitFor('the image in the cache', async () => ((await isListed()) ? true : undefined))
  const { stdout } = await admin.try('cache-list')
  assert.match(stdout, new RegExp(`${id}.*(cached|queued)`))
  await admin.try('cache-delete', id)
  assert.ok(!(await admin.try('cache-list')).stdout.includes(id))
  await admin.try('cache-queue', id)
  await admin.try('cache-clear')
  await waitFor('an empty cache', async () => ((await isListed()) ? undefined : true))
  await producer.silently('image-delete', id)
}

const parts: Readonly<Record<string, (cast: Cast) => Promise<void>>> = {
  'records and bytes of images': recordsOfImages,
  members,
  imports,
  'stores and usage': storesAndUsage,
  tasks,
  locations,
  namespaces,
  'resource types': resourceTypes,
  properties,
  objects,
  'tags of namespaces': tags,
  schemas,
  'the cache': cache,
}

/** Those that print help only; what they print is asked for here, to learn the others. */
const helpOnly = ['help', 'bash-completion']

test('every command of glance prints what is right', { skip }, async (t) => {
  await using web = await startWebContent()
  const options: StageOptions = { by: 'node', stores: ['fast', 'slow'], settings: importingFrom(web) }
  await withStage(async (stage) => {
    const used = new Set<string>()
    const as = async (name: 'producer' | 'consumer' | 'admin') =>
      new ClientCommand(stage, 'glance', await glanceEnvironment(stage, name), used)
    const [producer, consumer, admin] = await Promise.all([as('producer'), as('consumer'), as('admin')])
    const { projectId: consumerProjectId } = await logIn(stage.data, 'consumer')
    const cast: Cast = { stage, web, producer, consumer, admin, consumerProjectId, used }
    for (const [name, play] of Object.entries(parts)) await t.test(name, () => play(cast))

    await t.test('and no command was left out', async () => {
      const words = (await producer.prints('bash-completion')).split(/\s+/)
      const commands = words.filter((word) => /^[a-z]/.test(word) && !helpOnly.includes(word))
      assert.ok(commands.length > 50, commands.join())
      assert.deepEqual(untried(commands, used), [])
    })
  }, options)
})
