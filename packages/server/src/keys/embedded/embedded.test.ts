import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { it } from 'node:test'
import type { Database } from '../../database/database.ts'
import { eachDatabase } from '../../testing/databases.ts'
import { failsWith, managerContract } from '../manager-contract.ts'
import type { KeyVersion } from '../port.ts'
import { createEmbeddedKeyManager } from './embedded.ts'
import type { MasterKeys } from './master-key.ts'
import { openMasterKeys } from './open-master-keys.ts'

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined }

const newMaster = () => randomBytes(32).toString('base64')

const openKeys = (
  database: Database,
  master: string,
  previous?: string,
  log: Parameters<typeof openMasterKeys>[1]['log'] = quiet,
): Promise<MasterKeys> =>
  openMasterKeys(
    {
      data: '/nowhere',
      master_key: master,
      ...(previous === undefined ? {} : { master_key_previous: previous }),
    },
    { database, presence: { processId: 'this' }, log },
  )

eachDatabase('embedded key manager', (databases) => {
  managerContract('The embedded key manager', {
    open: async () => {
      const database = await databases.open()
      const manager = createEmbeddedKeyManager({ database, masterKeys: await openKeys(database, newMaster()) })
      return { manager, holder: (project) => ({ projectId: project, token: null }), close: () => manager.close() }
    },
  })

  const start = async (database: Database, master: string, previous?: string) =>
    createEmbeddedKeyManager({ database, masterKeys: await openKeys(database, master, previous) })
  const newKey = (): KeyVersion => ({ id: randomUUID(), projectId: 'owner', version: 1 })
  const owner = { projectId: 'owner', token: null }
  const friend = { projectId: 'friend', token: null }
  const rows = (database: Database) =>
    database.read.selectFrom('embedded_keys').selectAll().where('version', '>', 0).execute()

  it('lets nobody in by a row that was written into the database', async () => {
    const database = await databases.open()
    const manager = await start(database, newMaster())
    const key = newKey()
    await manager.make(key)
    const other = newKey()
    await manager.make(other)
    const [own] = (await rows(database)).filter(({ key_id }) => key_id === key.id)
    assert.ok(own)
    await database.write((tx) =>
      tx
        .insertInto('embedded_keys')
        .values({ ...own, holder_id: 'friend' })
        .execute(),
    )
    await failsWith(manager.prove(key, friend), 'damaged')
    // It does not become a real one with the next version either.
    const second = { ...key, version: 2 }
    await manager.make(second)
    await manager.prove(second, owner)
    await failsWith(manager.prove(second, friend), 'refused')
    // Nor does the row of another key, or of another version, stand in.
    await database.write((tx) =>
      tx.updateTable('embedded_keys').set({ sealed: own.sealed }).where('key_id', '=', other.id).execute(),
    )
    await failsWith(manager.prove(other, owner), 'damaged')
    // A real grant takes the place of the row.
    await manager.grant(key, 'friend')
    await manager.prove(key, friend)
    await manager.prove(second, friend)
  })

  it('lets nobody take a key over, whoever the database says that it belongs to', async () => {
    const database = await databases.open()
    const manager = await start(database, newMaster())
    const key = newKey()
    await manager.make(key)
    await manager.grant(key, 'friend')
    const wrapped = await manager.wrap(key, owner, Buffer.from('a data key'), 'x')
    const taken = { ...key, projectId: 'friend' }
    await failsWith(manager.unwrap(taken, friend, wrapped, 'x'), 'damaged')
    await failsWith(manager.grant(taken, 'thief'), 'damaged')
    // A new version, held by the thief, would have been what its owner goes on with.
    await failsWith(manager.make({ ...taken, version: 2 }), 'damaged')
    await failsWith(manager.make({ ...key, projectId: 'thief', version: 2 }), 'damaged')
    assert.equal((await rows(database)).length, 2)
    assert.equal(Buffer.from(await manager.unwrap(key, owner, wrapped, 'x')).toString(), 'a data key')
  })

  it('tells a flipped bit of a sealed key', async () => {
    const database = await databases.open()
    const manager = await start(database, newMaster())
    const key = newKey()
    await manager.make(key)
    const [row] = await rows(database)
    const bytes = Buffer.from(row?.sealed ?? '', 'base64')
    for (const index of [0, 12, 30, bytes.length - 1]) {
      const changed = Buffer.from(bytes)
      changed[index] = (changed[index] ?? 0) ^ 4
      await database.write((tx) =>
        tx
          .updateTable('embedded_keys')
          .set({ sealed: changed.toString('base64') })
          .where('key_id', '=', key.id)
          .execute(),
      )
      await failsWith(manager.prove(key, owner), 'damaged')
    }
  })

  it('keeps no material in the clear', async () => {
    const database = await databases.open()
    const manager = await start(database, newMaster())
    const key = newKey()
    await manager.make(key)
    const dataKey = randomBytes(32)
    await manager.wrap(key, owner, dataKey, 'x')
    const text = JSON.stringify(await rows(database))
    assert.ok(!text.includes(dataKey.toString('base64')))
    const [row] = await rows(database)
    // A nonce, a tag and 32 bytes that are not the same twice, with whom they were made for.
    assert.equal(Buffer.from(row?.sealed ?? '', 'base64').length, 12 + 16 + 32 + key.projectId.length)
  })

  it('seals everything anew under another master key, and then needs only that', async () => {
    const database = await databases.open()
    const [first, second] = [newMaster(), newMaster()]
    const before = await start(database, first)
    const keys = Array.from({ length: 230 }, newKey)
    for (const key of keys) await before.make(key)
    const [key] = keys
    assert.ok(key)
    await before.grant(key, 'friend')
    const wrapped = await before.wrap(key, owner, Buffer.from('a data key'), 'x')

    const said: string[] = []
    const log = { ...quiet, info: (line: unknown) => void said.push(String(line)) }
    // Two processes at once.
    await Promise.all([openKeys(database, second, first, log), openKeys(database, second, first, log)])
    assert.equal(new Set((await rows(database)).map(({ master_id }) => master_id)).size, 1)
    assert.match(said.join('\n'), /sealed \d+ keys anew/)
    assert.match(said.join('\n'), /only the master key [0-9a-f]{16} is needed: the setting master_key_previous/)
    const counted = said.join('\n').matchAll(/sealed (\d+) keys/g)
    assert.equal(
      [...counted].reduce((sum, [, count]) => sum + Number(count), 0),
      231,
    )

    const after = await start(database, second)
    for (const one of keys) await after.prove(one, owner)
    assert.equal(Buffer.from(await after.unwrap(key, friend, wrapped, 'x')).toString(), 'a data key')
    // A process that was not restarted makes nothing under the former key, and says so.
    await failsWith(before.make(newKey()), 'unavailable')
    await failsWith(before.prove(key, owner), 'damaged')
    await assert.rejects(openKeys(database, first), /sealed under a master key which this process does not have/)
  })

  it('goes on with sealing anew where it was broken off', async () => {
    const database = await databases.open()
    const [first, second] = [newMaster(), newMaster()]
    const before = await start(database, first)
    const keys = Array.from({ length: 5 }, newKey)
    for (const key of keys) await before.make(key)
    const old = await rows(database)
    await start(database, second, first)
    // As if three rows had not been reached, and one is not what it was.
    for (const row of old.slice(0, 3)) {
      await database.write((tx) => tx.updateTable('embedded_keys').set(row).where('key_id', '=', row.key_id).execute())
    }
    const damaged = old[0]
    assert.ok(damaged)
    await database.write((tx) =>
      tx.updateTable('embedded_keys').set({ sealed: 'AAAA' }).where('key_id', '=', damaged.key_id).execute(),
    )
    const said: string[] = []
    const log = {
      ...quiet,
      info: (line: unknown) => void said.push(`${line}`),
      error: (line: unknown) => void said.push(`${line}`),
    }
    await openKeys(database, second, first, log)
    assert.deepEqual(said.length, 2)
    assert.match(said[0] ?? '', /sealed 2 keys anew/)
    assert.equal(said[1], `the key ${damaged.key_id} is damaged: a part of it cannot be sealed anew`)
    const after = await start(database, second, first)
    for (const key of keys) {
      if (key.id === damaged.key_id) await failsWith(after.prove(key, owner), 'damaged')
      else await after.prove(key, owner)
    }
  })

  it('does not start with another master key beside processes that live, even with nothing sealed', async () => {
    const database = await databases.open()
    await openKeys(database, newMaster())
    // Alone and with nothing sealed, any will do.
    const second = newMaster()
    await openKeys(database, second)
    const now = Date.now()
    await database.write((tx) =>
      tx.insertInto('processes').values({ id: 'other', host: 'x', pid: 1, pid_started: '', seen_at: now }).execute(),
    )
    // Beside others, nothing can be sealed under another, and everything else goes on.
    const lone = createEmbeddedKeyManager({ database, masterKeys: await openKeys(database, newMaster()) })
    await failsWith(lone.make({ id: 'k', projectId: 'p', version: 1 }), 'unavailable')
    await openKeys(database, second)
  })
})
