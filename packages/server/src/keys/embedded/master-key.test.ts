import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ConfigError } from '../../config.ts'
import { openDatabase } from '../../database/open.ts'
import { createEmbeddedKeyManager } from './embedded.ts'
import { readMasterKeys, rotateMasterKey, rotateMasterKeyFile } from './master-key.ts'
import { openMasterKeys } from './open-master-keys.ts'

const folders: string[] = []
const newFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-test-'))
  folders.push(folder)
  return folder
}
after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

const key = (id: string) => ({ id, projectId: 'owner', version: 1 })
const owner = { projectId: 'owner', token: null }

const opened = async (data: string, settings: Record<string, string> = {}) => {
  const database = await openDatabase(`sqlite:${data}/vitrine.db`)
  const warnings: string[] = []
  const log = {
    info: () => undefined,
    warn: (line: unknown) => void warnings.push(String(line)),
    error: () => undefined,
  }
  try {
    const masterKeys = await openMasterKeys({ data, ...settings }, { database, presence: { processId: 'this' }, log })
    return { manager: createEmbeddedKeyManager({ database, masterKeys }), warnings, close: () => database.close() }
  } catch (error) {
    await database.close()
    throw error
  }
}

const refuses = (work: Promise<unknown>, sentence: RegExp): Promise<void> =>
  assert.rejects(work, (error: unknown) => {
    assert.ok(error instanceof ConfigError, String(error))
    assert.match(error.message, sentence)
    return true
  })

test('the first start makes a master key beside the data that only its owner reads, and says what that means', async () => {
  const data = await newFolder()
  const path = join(data, 'master-key')
  const service = await opened(data)
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  assert.match(await readFile(path, 'utf8'), /^[A-Za-z0-9+/]{43}=\n$/)
  assert.equal(service.warnings.length, 1)
  assert.match(service.warnings[0] ?? '', /whoever copies the data folder can read encrypted images/)
  await service.manager.make(key('k'))
  await service.close()

  const again = await opened(data)
  await again.manager.prove(key('k'), owner)
  await again.close()
})

test('all processes that start at once end with the same master key', async () => {
  const data = await newFolder()
  const services = await Promise.all([1, 2, 3, 4].map(() => opened(data)))
  for (const [index, { manager }] of services.entries()) await manager.make(key(`k${index}`))
  for (const { manager } of services) for (const index of services.keys()) await manager.prove(key(`k${index}`), owner)
  for (const { close } of services) await close()
})

test('a master key elsewhere is no reason to warn', async () => {
  const data = await newFolder()
  const master_key_file = join(await newFolder(), 'of-mine')
  const service = await opened(data, { master_key_file })
  assert.deepEqual(service.warnings, [])
  assert.ok((await stat(master_key_file)).isFile())
  assert.ok(!(await readdir(data)).includes('master-key'))
  await service.close()
})

test('a file that others may read, or that holds something else, is refused without showing it', async () => {
  const data = await newFolder()
  const path = join(data, 'master-key')
  await (await opened(data)).close()
  const content = await readFile(path, 'utf8')
  for (const mode of [0o640, 0o604, 0o620]) {
    await chmod(path, mode)
    await refuses(opened(data), /can be read by others than its owner\. Run: chmod 600 /)
  }
  await chmod(path, 0o600)
  await writeFile(path, `${content}not a key at all\n`)
  await assert.rejects(opened(data), (error: Error) => !error.message.includes('not a key at all'))
  await writeFile(path, '\n')
  await refuses(opened(data), /is empty/)
  await writeFile(path, content)
  await (await opened(data)).close()
})

test('keys without their master key keep the service from starting, which makes no new one then', async () => {
  const data = await newFolder()
  const path = join(data, 'master-key')
  const service = await opened(data)
  await service.manager.make(key('k'))
  await service.close()
  const content = (await readFile(path, 'utf8')).trim()
  await rm(path)
  await refuses(opened(data), /There is no master key at .*master-key, and the database has keys/)
  assert.ok(!(await readdir(data)).includes('master-key'))

  const other = Buffer.alloc(32, 7).toString('base64')
  await refuses(
    opened(data, { master_key: other }),
    /a master key which this process does not have: [0-9a-f]{16} \(1 times\)/,
  )
  const moved = await opened(data, { master_key: other, master_key_previous: content })
  await moved.manager.prove(key('k'), owner)
  await moved.close()
})

test('a rotated file opens everything, also for a process that was not restarted', async () => {
  const data = await newFolder()
  const path = join(data, 'master-key')
  const old = await opened(data)
  await old.manager.make(key('before'))

  const before = (await readFile(path, 'utf8')).trim()
  assert.equal(await rotateMasterKey({ environment: {}, data }), path)
  const lines = (await readFile(path, 'utf8')).trim().split('\n')
  assert.equal(lines.length, 2)
  assert.equal(lines[1], before)
  assert.equal((await stat(path)).mode & 0o777, 0o600)

  const fresh = await opened(data)
  await fresh.manager.make(key('after'))
  for (const { manager } of [old, fresh]) {
    await manager.prove(key('before'), owner)
    await manager.prove(key('after'), owner)
  }
  await old.manager.make(key('late'))
  await old.close()
  await fresh.close()

  await writeFile(path, `${lines[0]}\n`)
  const last = await opened(data)
  for (const name of ['before', 'after', 'late']) await last.manager.prove(key(name), owner)
  await last.close()
})

test('a rotation drops no key of another, and makes none where there is none', async () => {
  const data = await newFolder()
  const path = join(data, 'master-key')
  await refuses(rotateMasterKeyFile(path), /There is no master key at/)
  await (await opened(data)).close()
  const results = await Promise.allSettled(Array.from({ length: 5 }, () => rotateMasterKeyFile(path)))
  const done = results.filter(({ status }) => status === 'fulfilled').length
  assert.ok(done >= 1)
  const keys = await readMasterKeys({ data })
  assert.equal(keys?.length, 1 + done)
  assert.equal(new Set(keys?.map(({ id }) => id)).size, 1 + done)
  assert.deepEqual(
    (await readdir(data)).filter((name) => name.startsWith('master-key')),
    ['master-key'],
  )
  // One that was broken off is told of, not forgotten.
  await writeFile(`${path}.rotating`, '')
  await refuses(rotateMasterKeyFile(path), /Another rotation is under way, or broke off/)
  await refuses(
    rotateMasterKey({ environment: { VITRINE_MASTER_KEY: Buffer.alloc(32).toString('base64') }, data }),
    /The master key is the setting master_key/,
  )
})
