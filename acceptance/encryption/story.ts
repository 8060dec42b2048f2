import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { boot, sha512Of } from '../disk.ts'
import { fails, rowsOf, shownBy, succeeds } from '../vitrine-command.ts'
import { waitFor } from '../wait.ts'
import { listSecrets, readSecret } from './barbican-secrets.ts'
import type { Party, World } from './world.ts'

/** Exit codes of the command for refusals. */
const notFound = 3
const denied = 4
const conflict = 5
const unavailable = 7

const grantees = async ({ producer }: World, key: string): Promise<string[]> =>
  (await rowsOf(producer.vitrine, 'key', 'grants', key)).map(({ project_id = '' }) => project_id)

/** Answer and key of each project that an image is shared with. */
const members = async ({ producer }: World, image: string): Promise<Record<string, string[]>> => {
  const rows = await rowsOf(producer.vitrine, 'members', image)
  return Object.fromEntries(rows.map((row) => [row.member_id ?? '', [row.status ?? '', row.key_state ?? '']]))
}

/** Grants end a moment after the last share that needs them. */
const isGrantedToNobody = (world: World, key: string): Promise<true> =>
  waitFor(`the end of the grants of ${key}`, async () => (await grantees(world, key)).length === 0 || undefined)

const isSharedWithNobody = async (world: World, image: string, key: string): Promise<void> => {
  assert.deepEqual(await members(world, image), {})
  await isGrantedToNobody(world, key)
}

/** Whether a project can use a key: by what the service does for it, and by what Barbican lets its user read. */
const holds = async ({ barbican, producer }: World, party: Party, key: string): Promise<boolean> => {
  const isHeld = await party.holds(key)
  if (barbican === undefined) return isHeld
  const [token, ofOwner] = await Promise.all([party.token(), producer.token()])
  for (const secret of await listSecrets(barbican, ofOwner)) {
    if (!secret.name.includes(key)) continue
    assert.equal((await readSecret(secret, token)) !== undefined, isHeld, `what Barbican says of ${secret.name}`)
  }
  return isHeld
}

/** Downloads with both clients; what came boots, and is the disk of the producer to the byte. */
const bootsFor = async ({ folder, disk }: World, party: Party, imageId: string): Promise<void> => {
  const [byOpenStack, byVitrine] = ['openstack', 'vitrine'].map((client) =>
    join(folder, `${client}-${Math.random()}.qcow2`),
  )
  assert.ok(byOpenStack && byVitrine)
  await party.openstack.silently('image', 'save', '--file', byOpenStack, imageId)
  await succeeds(party.vitrine, 'image', 'download', imageId, '-o', byVitrine)
  for (const path of [byOpenStack, byVitrine]) assert.equal(await sha512Of(path), disk.sha512)
  assert.equal(await boot(byOpenStack), disk.line)
}

/** The image is not there for a project any more, and the project does not hold the key. */
const isGoneFor = async (world: World, party: Party, imageId: string, key: string): Promise<void> => {
  await party.openstack.refuses(/No Image found/, 'image', 'show', imageId)
  await fails(notFound, party.vitrine, 'image', 'show', imageId)
  await fails(notFound, party.vitrine, 'image', 'download', imageId, '-o', join(world.folder, 'never'))
  assert.ok(!(await grantees(world, key)).includes(party.projectId))
  assert.ok(!(await holds(world, party, key)))
}

/** A key and an image under it, made with the command. */
const prepare = async ({ producer, disk }: World, name: string): Promise<{ keyId: string; imageId: string }> => {
  const { id: keyId = '' } = await shownBy(producer.vitrine, 'key', 'create', `key of ${name}`)
  const image = await shownBy(
    producer.vitrine,
    ...['image', 'create', name, '--encrypt', '--key', keyId, '--file', disk.path],
  )
  assert.equal(image.status, 'active')
  assert.equal(image.os_hash_value, disk.sha512)
  assert.equal(image.__system__cmkid, keyId)
  assert.equal(image.__system__encrypted, '1')
  return { keyId, imageId: image.id ?? '' }
}

const playStepByStep = async (t: TestContext, world: World): Promise<void> => {
  const { producer, consumer } = world
  const { projectId } = consumer
  let keyId = ''
  let imageId = ''
  let command = ''

  await t.test('the producer makes a key, and an image that is encrypted with it', async () => {
    const made = await prepare(world, 'vault')
    keyId = made.keyId
    imageId = made.imageId
    await bootsFor(world, producer, imageId)
  })
  await t.test('whoever asks first is told that the key would be missing', async () => {
    const question = ['can-boot', imageId, '--project', projectId, '--if-shared']
    assert.match(await whyNot(world, question), new RegExp(keyId))
  })
  await t.test('without the key it is not shared, and the refusal says how to give it', async () => {
    const refused = await fails(denied, producer.vitrine, 'share', 'vault', projectId)
    assert.ok(refused.includes(keyId) && refused.includes(projectId) && refused.includes(producer.projectId), refused)
    command = /vitrine key grant \S+ [0-9a-f]+/.exec(refused)?.[0] ?? ''
    assert.equal(command, `vitrine key grant ${keyId} ${projectId}`)
    await producer.openstack.refuses(new RegExp(command), 'image', 'add', 'project', imageId, projectId)
    await isSharedWithNobody(world, 'vault', keyId)
    await isGoneFor(world, consumer, imageId, keyId)
  })
  await t.test('the command that was printed lets the project use the key', async () => {
    const { exitCode, stderr } = await producer.shell(command)
    assert.equal(exitCode, 0, stderr)
    assert.deepEqual(await grantees(world, keyId), [projectId])
    await fails(notFound, consumer.vitrine, 'image', 'show', imageId)
  })
  await t.test('now it can be shared, by any client', async () => {
    await producer.openstack.prints('image', 'add', 'project', imageId, projectId)
    assert.deepEqual(await members(world, 'vault'), { [projectId]: ['pending', 'granted'] })
    assert.ok(await holds(world, consumer, keyId))
  })
  await t.test('the inbox of the consumer says that it can boot', async () => {
    const [item] = await rowsOf(consumer.vitrine, 'inbox')
    assert.deepEqual([item?.id, item?.can_boot, item?.key_state], [imageId, 'true', 'granted'])
    assert.equal((await shownBy(consumer.vitrine, 'can-boot', imageId, '--disk', '10')).can_boot, 'true')
  })
  await t.test('the consumer accepts, lists, downloads and boots it', async () => {
    await succeeds(consumer.vitrine, 'accept', 'vault')
    assert.deepEqual(await members(world, 'vault'), { [projectId]: ['accepted', 'granted'] })
    const listed = await consumer.openstack.rows('image', 'list')
    assert.deepEqual(
      listed.map(({ ID, Status }) => [ID, Status]),
      [[imageId, 'active']],
    )
    await bootsFor(world, consumer, imageId)
  })
  await t.test('the owner of the key sees who used it for what', async () => {
    const uses = await rowsOf(producer.vitrine, 'key', 'log', keyId)
    const opened = uses.find((use) => use.type === 'key.open' && use.project_id === projectId)
    assert.deepEqual([opened?.image_id, opened?.outcome], [imageId, 'done'])
    assert.ok(uses.some((use) => use.type === 'key.prove' && use.outcome === 'refused'))
    await fails(notFound, consumer.vitrine, 'key', 'log', keyId)
  })
  await t.test('withdrawn, it is gone, and so is the key', async () => {
    await succeeds(producer.vitrine, 'withdraw', 'vault', '--yes')
    await isSharedWithNobody(world, 'vault', keyId)
    await isGoneFor(world, consumer, imageId, keyId)
    assert.match(await fails(denied, producer.vitrine, 'share', 'vault', projectId), new RegExp(command))
    await bootsFor(world, producer, imageId)
  })
}

/** The reasons of an answer that says no. */
const whyNot = async ({ producer }: World, question: readonly string[]): Promise<string> => {
  const { exitCode, stdout } = await producer.vitrine(...question, '-f', 'json')
  assert.equal(exitCode, denied)
  assert.match(stdout, /"can_boot": ?false/)
  return stdout
}

const playOneAct = async (t: TestContext, world: World): Promise<void> => {
  const { producer, consumer, disk } = world
  const { projectId } = consumer
  let keyId = ''
  let imageId = ''

  await t.test('shared and granted in one act', async () => {
    const made = await prepare(world, 'at once')
    keyId = made.keyId
    imageId = made.imageId
    await succeeds(producer.vitrine, 'share', imageId, projectId, '--grant')
    assert.deepEqual(await members(world, imageId), { [projectId]: ['pending', 'granted'] })
    assert.deepEqual(await grantees(world, keyId), [projectId])
    await bootsFor(world, consumer, imageId)
  })
  await t.test('a rotated key opens as before, for both', async () => {
    await succeeds(producer.vitrine, 'key', 'rotate', keyId, '--wait')
    const { version, rotating } = await shownBy(producer.vitrine, 'key', 'show', keyId)
    assert.deepEqual([version, rotating], ['2', 'false'])
    await bootsFor(world, consumer, imageId)
    await bootsFor(world, producer, imageId)
    assert.ok(await holds(world, consumer, keyId))
  })
  await t.test('a disabled key opens for nobody', async () => {
    await succeeds(producer.vitrine, 'key', 'disable', keyId, '--yes')
    for (const { vitrine } of [producer, consumer]) {
      const refused = await fails(denied, vitrine, 'image', 'download', imageId, '-o', join(world.folder, 'never'))
      assert.match(refused, /disabled/)
    }
    await succeeds(producer.vitrine, 'key', 'enable', keyId)
    await bootsFor(world, consumer, imageId)
  })
  await t.test('a key that was taken back by hand leaves a share that says so', async () => {
    await succeeds(producer.vitrine, 'key', 'revoke', keyId, projectId, '--yes')
    assert.deepEqual(await members(world, imageId), { [projectId]: ['pending', 'revoked'] })
    const refused = await fails(
      denied,
      consumer.vitrine,
      ...['image', 'download', imageId, '-o', join(world.folder, 'never')],
    )
    assert.ok(refused.includes(`vitrine key grant ${keyId} ${projectId}`), refused)
    await succeeds(producer.vitrine, 'key', 'grant', keyId, projectId)
    await bootsFor(world, consumer, imageId)
  })
  await t.test('a copy under a key of its own stays with the consumer', async () => {
    const copy = await shownBy(consumer.vitrine, 'image', 'copy', imageId, '--name', 'my own', '--wait')
    assert.equal(copy.status, 'active')
    assert.equal(copy.os_hash_value, disk.sha512)
    assert.equal(copy.__system__encrypted, '1')
    assert.ok((await rowsOf(consumer.vitrine, 'key', 'list')).some(({ id }) => id === copy.__system__cmkid))
    await succeeds(producer.vitrine, 'unshare', imageId, projectId, '--yes')
    await isSharedWithNobody(world, imageId, keyId)
    await isGoneFor(world, consumer, imageId, keyId)
    await bootsFor(world, consumer, copy.id ?? '')
    await succeeds(consumer.vitrine, 'image', 'delete', copy.id ?? '', '--yes')
  })
  await t.test('a code carries the key as well', async () => {
    const { code = '' } = await shownBy(producer.vitrine, 'invite', imageId, '--accepted', '--grant')
    await succeeds(consumer.vitrine, 'claim', code)
    assert.deepEqual(await members(world, imageId), { [projectId]: ['accepted', 'granted'] })
    await bootsFor(world, consumer, imageId)
  })
  await t.test('with the image go its shares and their grants', async () => {
    await succeeds(producer.vitrine, 'image', 'delete', imageId, '--yes')
    await isGrantedToNobody(world, keyId)
    // It was used for a data key as well, to see whether the consumer holds it.
    assert.match(await fails(conflict, producer.vitrine, 'key', 'delete', keyId, '--yes'), /data key/)
    await succeeds(producer.vitrine, 'key', 'delete', keyId, '--forget-data-keys', '--yes')
    await fails(notFound, producer.vitrine, 'key', 'show', keyId)
  })
}

const playNeverGranted = async (t: TestContext, world: World): Promise<void> => {
  const { producer, consumer, stranger, disk } = world
  const { projectId } = consumer
  await t.test('a default key that may never be granted is not, whatever is tried', async () => {
    const { id: keyId = '' } = await shownBy(producer.vitrine, 'key', 'create', 'house', '--default', '--never-grant')
    const image = await shownBy(producer.vitrine, 'image', 'create', 'house', '--encrypt', '--file', disk.path)
    assert.equal(image.__system__cmkid, keyId)
    const attempts = [
      ['share', 'house', projectId],
      ['share', 'house', projectId, '--grant'],
      ['key', 'grant', keyId, projectId],
    ]
    for (const attempt of attempts) {
      assert.match(await fails(denied, producer.vitrine, ...attempt), /never .*other projects/)
    }
    await producer.openstack.refuses(/never/, 'image', 'add', 'project', image.id ?? '', projectId)
    await isSharedWithNobody(world, 'house', keyId)
    await fails(notFound, consumer.vitrine, 'image', 'show', image.id ?? '')
  })
  await t.test('what a project may see it need not be able to read', async () => {
    // An administrator sees all images, and holds no keys.
    const [image] = await rowsOf(producer.vitrine, 'image', 'list', '--name', 'house')
    const target = ['image', 'download', image?.id ?? '', '-o', join(world.folder, 'never')]
    await fails(world.keyManager === 'embedded' ? denied : notFound, stranger.vitrine, ...target)
  })
}

const playOutage = async (t: TestContext, world: World): Promise<void> => {
  const { barbican, producer, consumer, folder } = world
  if (barbican === undefined) return
  await t.test('while Barbican is away nothing is shared, and nothing is half done when it is back', async () => {
    const { keyId, imageId } = await prepare(world, 'outage')
    await barbican.stop()
    const target = ['share', imageId, consumer.projectId, '--grant']
    assert.match(await fails(unavailable, producer.vitrine, ...target), /key manager does not answer/)
    await fails(unavailable, producer.vitrine, 'image', 'download', imageId, '-o', join(folder, 'never'))
    assert.deepEqual(await members(world, imageId), {})
    await barbican.start()
    await isSharedWithNobody(world, imageId, keyId)
    await succeeds(producer.vitrine, ...target)
    await bootsFor(world, consumer, imageId)
    await succeeds(producer.vitrine, 'unshare', imageId, consumer.projectId, '--yes')
    await isSharedWithNobody(world, imageId, keyId)
    await isGoneFor(world, consumer, imageId, keyId)
  })
}

/** Lines of the log that say that something went wrong inside the service. */
const errorsIn = (log: string): string[] => log.split('\n').filter((line) => /^\{"level":(?:50|60)/.test(line))

/** From a key to an image that boots elsewhere, and back. */
export const playEncryptedSharing = async (t: TestContext, world: World): Promise<void> => {
  await playStepByStep(t, world)
  await playOneAct(t, world)
  await playNeverGranted(t, world)
  assert.deepEqual(errorsIn(world.log()), [], 'errors that the service has logged')
  await playOutage(t, world)
}
