import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Demo, startDemo } from './demo.ts'

type Row = Record<string, string | number | boolean | null>

const startTimeoutMs = 60_000
const endTimeoutMs = 10_000
const bytes = randomBytes(300_000)
let demo: Demo
let consumerId = ''
let disk = ''

before(
  async () => {
    demo = await startDemo()
    disk = join(demo.folder, 'disk.raw')
    await writeFile(disk, bytes)
    consumerId = (await demo.json<Record<string, string>>('consumer', 'whoami')).project_id ?? ''
  },
  { timeout: startTimeoutMs },
)
after(() => demo.close())

const producer = (...words: string[]) => demo.as('producer', words)
const consumer = (...words: string[]) => demo.as('consumer', words)

const succeeds = async (ended: ReturnType<Demo['as']>): Promise<string> => {
  const { exitCode, out, talk } = await ended
  assert.equal(exitCode, 0, talk)
  return out + talk
}

/** Makes an encrypted image. */
const seal = async (name: string, ...words: string[]): Promise<string> => {
  const command = ['image', 'create', name, '--file', disk, '--encrypt', ...words]
  return (await demo.json<{ id: string }>('producer', ...command)).id
}

const keyOf = async (image: string): Promise<string> => {
  const { encryption } = await demo.json<{ encryption: Record<string, string> }>('producer', 'image', 'show', image)
  return encryption.key_id ?? ''
}

const keyStateOf = async (image: string) => {
  const members = await demo.json<Row[]>('producer', 'members', image)
  return members.find(({ member_id }) => member_id === consumerId)?.key_state
}

const grantsOf = async (key: string) =>
  (await demo.json<Row[]>('producer', 'key', 'grants', key)).map(({ project_id }) => project_id)

/** The grant of a share that ended is taken back soon after: image first, then key. */
const grantsEnd = async (key: string): Promise<void> => {
  const deadline = Date.now() + endTimeoutMs
  while ((await grantsOf(key)).length > 0) assert.ok(Date.now() < deadline, 'the grant outlived its share')
}

const download = async (cloud: string, image: string) => {
  const path = join(demo.folder, `copy-${Math.random()}`)
  const { exitCode, talk } = await demo.as(cloud, ['image', 'download', image, '-o', path])
  return { exitCode, talk, bytes: exitCode === 0 ? await readFile(path) : undefined }
}

const opens = async (cloud: string, image: string): Promise<void> => {
  const found = await download(cloud, image)
  assert.equal(found.exitCode, 0, found.talk)
  assert.ok(found.bytes?.equals(bytes))
}

test('an encrypted image is refused without its key, shared after the printed command, and taken back with it', async (t) => {
  const id = await seal('vault')
  const key = await keyOf('vault')
  let command: string[] = []

  await t.test('the first image makes the default key', async () => {
    const keys = await demo.json<Row[]>('producer', 'key', 'list')
    assert.deepEqual(
      keys.map(({ id: found, default: isDefault, images }) => [found, isDefault, images]),
      [[key, true, 1]],
    )
    assert.match((await producer('image', 'show', id)).out, /encryption +kind=sealed key_id=.* key_state=granted/)
    await opens('producer', id)
  })

  await t.test('without the key sharing is denied, and the sentence names the command', async () => {
    const can = await producer('can-boot', id, '--project', consumerId, '--if-shared')
    assert.equal(can.exitCode, 4)
    assert.match(can.out, /key +denies/)
    const { exitCode, talk } = await producer('share', id, consumerId)
    assert.equal(exitCode, 4)
    const [line] = /vitrine key grant \S+ [0-9a-f]+/.exec(talk) ?? []
    assert.ok(line !== undefined, talk)
    assert.equal(line, `vitrine key grant ${key} ${consumerId}`)
    command = line.split(' ').slice(1)
    assert.deepEqual(await demo.json('producer', 'members', id), [])
  })

  await t.test('the command as it was printed makes it work', async () => {
    assert.match(await succeeds(producer(...command)), /may use the key .* It waits for a share/)
    assert.equal((await producer('can-boot', id, '--project', consumerId, '--if-shared')).exitCode, 0)
    const shared = await succeeds(producer('share', id, consumerId))
    assert.doesNotMatch(shared, /cannot boot/)
    assert.equal(await keyStateOf(id), 'granted')
    const item = (await demo.json<Row[]>('consumer', 'inbox')).find((row) => row.id === id)
    assert.deepEqual([item?.can_boot, item?.key_state], [true, 'granted'])
    assert.doesNotMatch(await succeeds(consumer('accept', id)), /cannot boot/)
    await opens('consumer', id)
    assert.equal((await consumer('key', 'show', key)).exitCode, 3, 'a key is shown to its own project')
  })

  await t.test('what was done with the key is on record', async () => {
    const uses = (await demo.json<Row[]>('producer', 'key', 'log', key)).map(({ type }) => type)
    for (const type of ['key.create', 'key.seal', 'key.grant', 'key.prove', 'key.open'])
      assert.ok(uses.includes(type), type)
  })

  await t.test('the grant ends with the share', async () => {
    assert.deepEqual(await grantsOf(key), [consumerId])
    await succeeds(producer('unshare', id, consumerId))
    await grantsEnd(key)
    assert.equal((await producer('share', id, consumerId)).exitCode, 4)
  })
})

test('sharing and granting is one act, also ahead, by code, by file and again', async (t) => {
  const id = await seal('together')
  const key = await keyOf(id)

  await t.test('a dry run tells it, and does neither', async () => {
    const [would] = await demo.json<Row[]>('producer', 'share', id, consumerId, '--grant', '--dry-run')
    assert.equal(would?.result, 'would be shared')
    assert.deepEqual(await grantsOf(key), [])
  })

  await t.test('both happen', async () => {
    await succeeds(producer('share', id, consumerId, '--grant'))
    assert.equal(await keyStateOf(id), 'granted')
    await opens('consumer', id)
  })

  await t.test('a key that is taken back locks the share, and both sides are told', async () => {
    await succeeds(producer('key', 'revoke', key, consumerId))
    assert.equal(await keyStateOf(id), 'revoked')
    assert.equal((await download('consumer', id)).exitCode, 4)
    const accepted = await consumer('accept', id)
    assert.equal(accepted.exitCode, 0)
    assert.match(accepted.talk, /Note: it cannot boot in your project: .*vitrine key grant/)
    assert.equal((await consumer('can-boot', id)).exitCode, 4)
  })

  await t.test('a file that says so gives the key to a share that lacks it', async () => {
    const path = join(demo.folder, 'shares.yaml')
    await writeFile(path, `shares: [{images: ${id}, projects: "${consumerId}", grant: true}]`)
    const planned = await demo.json<Row[]>('producer', 'share', 'plan', path)
    assert.deepEqual(
      planned.map(({ action, project, grant }) => [action, project, grant]),
      [['grant', consumerId, true]],
    )
    await succeeds(producer('share', 'apply', path, '--yes'))
    assert.equal(await keyStateOf(id), 'granted')
    assert.match(await succeeds(producer('share', 'apply', path)), /^Nothing to do/)
    await succeeds(producer('unshare', id, consumerId))
    assert.match(await succeeds(producer('share', 'apply', path)), /\+ +share[\s\S]*1 change made/)
    await opens('consumer', id)
    await succeeds(producer('unshare', id, consumerId))
    await grantsEnd(key)
    await writeFile(path, `shares: [{images: ${id}, projects: "${consumerId}"}]`)
    const refused = await producer('share', 'apply', path)
    assert.equal(refused.exitCode, 4)
    assert.match(refused.talk, /vitrine key grant/)
  })

  await t.test('an invitation carries the key, and one without says what is missing', async () => {
    const { code } = await demo.json<Record<string, string>>('producer', 'invite', id, '--grant')
    await succeeds(consumer('claim', code ?? ''))
    assert.equal(await keyStateOf(id), 'granted')
    await opens('consumer', id)
    await succeeds(producer('withdraw', id))
    await grantsEnd(key)
  })
})

test('a consumer keeps a copy under its own key, which nothing of the producer touches', async () => {
  const id = await seal('to copy')
  await succeeds(producer('share', id, consumerId, '--grant'))
  const copy = await demo.json<Row>('consumer', 'image', 'copy', id, '--name', 'mine', '--wait')
  assert.deepEqual([copy.status, copy.owner, copy.name], ['active', consumerId, 'mine'])
  assert.notEqual(copy.__system__cmkid, await keyOf(id))
  await succeeds(producer('image', 'delete', id))
  await opens('consumer', String(copy.id))
  const plain = await demo.json<Row>('consumer', 'image', 'copy', String(copy.id), '--plain', '--wait')
  assert.equal(plain.__system__cmkid, undefined)
  await opens('consumer', String(plain.id))
})

test('keys are rotated, disabled, made default and closed to others', async () => {
  const { id: key } = await demo.json<{ id: string }>('producer', 'key', 'create', 'team')
  const id = await seal('under team', '--key', 'team')
  assert.equal(await keyOf(id), key)
  await succeeds(producer('share', id, consumerId, '--grant'))
  const rotated = await demo.json<Row>('producer', 'key', 'rotate', key.slice(0, 8), '--wait')
  assert.deepEqual([rotated.version, rotated.rotating], [2, false])
  await opens('consumer', id)

  await succeeds(producer('key', 'disable', 'team'))
  for (const cloud of ['producer', 'consumer']) assert.equal((await download(cloud, id)).exitCode, 4)
  await succeeds(producer('key', 'enable', 'team'))
  await opens('consumer', id)

  assert.equal((await producer('key', 'never-grant', 'team')).exitCode, 5, 'while another project may use it')
  await succeeds(producer('unshare', id, consumerId))
  await grantsEnd('team')
  await succeeds(producer('key', 'never-grant', 'team'))
  const refused = await producer('share', id, consumerId, '--grant')
  assert.equal(refused.exitCode, 4)
  assert.match(refused.talk, /never to be used by other projects/)

  await succeeds(producer('key', 'default', 'team'))
  assert.equal(await keyOf(await seal('by default')), key)
  assert.equal((await producer('key', 'delete', 'team')).exitCode, 5, 'while images need it')
})

test('what is encrypted by a client is told, and shared by the same rule', async () => {
  const mark = ['--property', '__system__cmkid=00000000-0000-4000-8000-00000000000f']
  const { id } = await demo.json<{ id: string }>('producer', 'image', 'create', 'theirs', '--file', disk, ...mark)
  assert.match((await producer('image', 'show', id)).out, /encryption +kind=client/)
  const refused = await producer('share', id, consumerId, '--grant')
  assert.equal(refused.exitCode, 4)
  assert.match(refused.talk, /knows no key/)
})
