import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import type { Database } from '../database/database.ts'
import { openDatabase } from '../database/open.ts'
import { eachDatabase } from '../testing/databases.ts'
import { prepareAccounts } from './first-start.ts'
import { openTestIdentity, passwordAuth, projectScope, testClock, testHashCost, withFolder } from './testing.ts'

interface Cloud {
  auth: Record<string, string>
  region_name: string
  identity_api_version: string | number
}

const script = `
  const { openDatabase } = await import('${new URL('../database/open.ts', import.meta.url)}')
  const { prepareAccounts } = await import('${new URL('./first-start.ts', import.meta.url)}')
  const [url, dataPath] = process.argv.slice(1)
  const database = await openDatabase(url)
  await prepareAccounts({
    database, now: Date.now, dataPath, adminPassword: undefined, demo: true, hashCost: { n: 16, r: 1, p: 1 },
  })
  await database.close()
`

/** A start in a process of its own. */
const startProcess = async (url: string, dataPath: string): Promise<void> => {
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, url, dataPath])
}

eachDatabase('first start', (databases) => {
  const clock = testClock()

  const start = (database: Database, dataPath: string, given: { adminPassword?: string; demo?: boolean } = {}) =>
    prepareAccounts({
      database,
      now: clock.now,
      dataPath,
      adminPassword: given.adminPassword,
      demo: given.demo ?? false,
      hashCost: testHashCost,
    })
  const kept = async (dataPath: string) => (await readFile(join(dataPath, 'admin-password'), 'utf8')).trim()
  const clouds = async (dataPath: string): Promise<Record<string, Cloud>> =>
    parse(await readFile(join(dataPath, 'clouds.yaml'), 'utf8')).clouds
  const isPrivate = async (path: string) => ((await stat(path)).mode & 0o777) === 0o600

  const canLogIn = async (database: Database, name: string, password: string, project = name): Promise<boolean> => {
    const service = await openTestIdentity(database, clock)
    try {
      const body = passwordAuth(name, password, projectScope(project))
      return (await service.call('POST', '/v3/auth/tokens', { body })).statusCode === 201
    } finally {
      await service.close()
    }
  }

  test('makes the roles, the project admin and the user admin with a password of its own', () =>
    withFolder(async (data) => {
      const database = await databases.open()
      const accounts = await start(database, data)
      assert.equal(accounts.adminPasswordPath, join(data, 'admin-password'))
      assert.ok(await isPrivate(join(data, 'admin-password')))
      assert.match(await kept(data), /^[\w-]{43}$/)
      assert.ok(await canLogIn(database, 'admin', await kept(data)))
      const roles = await database.read.selectFrom('identity_roles').select('name').orderBy('name').execute()
      assert.deepEqual(
        roles.map(({ name }) => name),
        ['admin', 'manager', 'member', 'reader', 'service'],
      )
      assert.equal(await accounts.writeClouds('http://x'), null)
      assert.deepEqual(await readdir(data), ['admin-password'], 'nothing else is left behind')
    }))

  test('a password that is given is taken and written nowhere', () =>
    withFolder(async (data) => {
      const database = await databases.open()
      const accounts = await start(database, data, { adminPassword: 'given' })
      assert.equal(accounts.adminPasswordPath, null)
      assert.deepEqual(await readdir(data), [])
      assert.ok(await canLogIn(database, 'admin', 'given'))
    }))

  test('a restart changes nothing', () =>
    withFolder(async (data) => {
      const database = await databases.open()
      await start(database, data)
      const password = await kept(data)
      const again = await start(database, data, { adminPassword: 'another' })
      assert.equal(again.adminPasswordPath, null)
      assert.equal(await kept(data), password)
      assert.ok(await canLogIn(database, 'admin', password))
      assert.equal(await canLogIn(database, 'admin', 'another'), false)
    }))

  test('an administrator who was removed does not come back', () =>
    withFolder(async (data) => {
      const database = await databases.open()
      await start(database, data)
      await database.write(async (tx) => {
        await tx.updateTable('identity_users').set({ name: 'root' }).where('name', '=', 'admin').execute()
      })
      await start(database, data)
      const users = await database.read.selectFrom('identity_users').select('name').execute()
      assert.deepEqual(
        users.map(({ name }) => name),
        ['root'],
      )
    }))

  test('a start that broke off after the file was written goes on with that password', () =>
    withFolder(async (data) => {
      await writeFile(join(data, 'admin-password'), 'from before\n')
      const database = await databases.open()
      await start(database, data)
      assert.ok(await canLogIn(database, 'admin', 'from before'))
    }))

  test('several processes that start at once agree', () =>
    withFolder(async (data) => {
      const url = await databases.newUrl()
      await Promise.all(Array.from({ length: 3 }, () => startProcess(url, data)))
      const database = await openDatabase(url)
      try {
        const users = await database.read.selectFrom('identity_users').select('name').orderBy('name').execute()
        assert.deepEqual(
          users.map(({ name }) => name),
          ['admin', 'consumer', 'producer'],
        )
        assert.ok(await canLogIn(database, 'admin', await kept(data)))
        for (const name of ['producer', 'consumer']) {
          assert.ok(await canLogIn(database, name, (await clouds(data))[name]?.auth.password ?? ''), name)
        }
      } finally {
        await database.close()
      }
    }))

  test('of processes with folders of their own, the one that was late keeps no password that opens nothing', () =>
    withFolder(async (data) => {
      const database = await databases.open()
      const [late, early] = [join(data, 'late'), join(data, 'early')]
      let writes = 0
      const overtaken: Database = {
        ...database,
        write: async (work) => {
          writes += 1
          // The first write makes the roles, the second the account.
          if (writes === 2) await start(database, early)
          return database.write(work)
        },
      }
      const { adminPasswordPath } = await start(overtaken, late)
      assert.equal(adminPasswordPath, null)
      assert.deepEqual(await readdir(late), [])
      assert.ok(await canLogIn(database, 'admin', await kept(early)))
    }))

  test('a demonstration has producer and consumer, and a clouds.yaml that works', () =>
    withFolder(async (data) => {
      const database = await databases.open()
      const accounts = await start(database, data, { demo: true })
      assert.equal(await accounts.writeClouds('http://127.0.0.1:4711'), join(data, 'clouds.yaml'))
      assert.ok(await isPrivate(join(data, 'clouds.yaml')))
      const written = await clouds(data)
      assert.deepEqual(Object.keys(written).sort(), ['admin', 'consumer', 'producer'])
      for (const [name, cloud] of Object.entries(written)) {
        assert.equal(cloud.auth.auth_url, 'http://127.0.0.1:4711/identity/v3')
        assert.equal(cloud.auth.username, name)
        assert.equal(cloud.region_name, 'RegionOne')
        assert.equal(Number(cloud.identity_api_version), 3)
        assert.ok(await canLogIn(database, name, cloud.auth.password ?? '', cloud.auth.project_name ?? ''))
      }
    }))

  test('passwords of a demonstration survive restarts, and only in clouds.yaml', () =>
    withFolder(async (data) => {
      const database = await databases.open()
      await (await start(database, data, { demo: true, adminPassword: 'yes' })).writeClouds('http://127.0.0.1:1')
      const before = await clouds(data)
      await writeFile(
        join(data, 'clouds.yaml'),
        (await readFile(join(data, 'clouds.yaml'), 'utf8')).replace(
          'clouds:',
          'clouds:\n  mine: { auth: { password: x } }',
        ),
      )
      const { adminPasswordPath, writeClouds } = await start(database, data, { demo: true })
      assert.equal(adminPasswordPath, null)
      await writeClouds('http://127.0.0.1:2')
      const after = await clouds(data)
      assert.ok('mine' in after, 'clouds that others added stay')
      for (const name of ['admin', 'producer', 'consumer']) {
        assert.equal(after[name]?.auth.auth_url, 'http://127.0.0.1:2/identity/v3')
        assert.equal(after[name]?.auth.password, before[name]?.auth.password)
      }
      assert.match(await readFile(join(data, 'clouds.yaml'), 'utf8'), /"yes"/, 'quoted: older YAML takes it for true')
      const rows = JSON.stringify(await database.read.selectFrom('identity_users').selectAll().execute())
      assert.ok(!rows.includes(before.producer?.auth.password ?? ''))
    }))

  test('when clouds.yaml is lost, the accounts of the demonstration get new passwords', () =>
    withFolder(async (data) => {
      const database = await databases.open()
      await start(database, data, { demo: true })
      const old = (await clouds(data)).producer?.auth.password ?? ''
      await rm(join(data, 'clouds.yaml'))
      await start(database, data, { demo: true })
      const fresh = (await clouds(data)).producer?.auth.password ?? ''
      assert.notEqual(fresh, old)
      assert.ok(await canLogIn(database, 'producer', fresh))
      assert.equal(await canLogIn(database, 'producer', old), false)
    }))

  test('a password of admin that no longer works is not written to clouds.yaml', () =>
    withFolder(async (data) => {
      const database = await databases.open()
      const { writeClouds } = await start(database, data, { demo: true, adminPassword: 'first' })
      await database.write(async (tx) => {
        await tx.updateTable('identity_users').set({ password_hash: null }).where('name', '=', 'admin').execute()
      })
      await writeClouds('http://127.0.0.1:1')
      assert.equal('admin' in (await clouds(data)), false)
    }))

  test('a file that is no clouds.yaml is not overwritten', () =>
    withFolder(async (data) => {
      await mkdir(data, { recursive: true })
      await writeFile(join(data, 'clouds.yaml'), 'something: else\n')
      const database = await databases.open()
      await assert.rejects(start(database, data, { demo: true }), /is not a clouds\.yaml/)
      assert.equal(await readFile(join(data, 'clouds.yaml'), 'utf8'), 'something: else\n')
    }))
})
