import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { enter } from '../packages/server/src/data/processes.ts'
import type { Database } from '../packages/server/src/database/database.ts'
import { openDatabase } from '../packages/server/src/database/open.ts'
import { createBarbican } from '../packages/server/src/keys/barbican/barbican.ts'
import { createKeyLocks } from '../packages/server/src/keys/lock.ts'
import { failsWith, type ManagerBench, managerContract } from '../packages/server/src/keys/manager-contract.ts'
import type { KeyHolder, KeyManager, KeyVersion } from '../packages/server/src/keys/port.ts'
import { type Barbican, type BarbicanRules, startBarbican } from './openstack/barbican.ts'
import {
  type Keystone,
  type KeystoneUser,
  type ProjectName,
  projectNames,
  startKeystone,
} from './openstack/keystone.ts'
import { needCommands } from './packages.ts'
import { temporaryFolder } from './service.ts'

/**
 * The key manager that keeps its keys in a Barbican, against a real one that believes a real Keystone: with the rules that
 * Debian's release has by default, and with those of later releases.
 */

const skip = await needCommands('keystone-manage', 'barbican-manage', 'uwsgi_python3')
const context = 'image 1'

const openManager = (database: Database, processId: string, keystone: Keystone, barbican: Barbican): KeyManager =>
  createBarbican({
    url: barbican.url,
    keystone: {
      url: keystone.url,
      credentials: {
        kind: 'password',
        username: keystone.serviceUser.name,
        password: keystone.serviceUser.password,
        userDomainName: 'Default',
        projectName: 'service',
        projectDomainName: 'Default',
      },
    },
    database,
    locks: createKeyLocks(database, { processId, look: async () => undefined }),
    fetch,
    now: Date.now,
  })

/** A secret that a user keeps in Barbican by their own hand. */
const createOwnSecrets = (barbican: Barbican) => {
  const call = async (token: string, method: string, path: string, body?: unknown): Promise<Response> => {
    const response = await fetch(`${barbican.url}/v1/secrets${path}`, {
      method,
      headers: { 'x-auth-token': token, 'content-type': 'application/json', accept: 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return response
  }
  return {
    call,
    store: async (token: string, secret: object = {}): Promise<string> => {
      const response = await call(token, 'POST', '', {
        name: 'by hand',
        secret_type: 'symmetric',
        payload: randomBytes(32).toString('base64'),
        payload_content_type: 'application/octet-stream',
        payload_content_encoding: 'base64',
        ...secret,
      })
      assert.equal(response.status, 201, await response.clone().text())
      const made: unknown = await response.json()
      assert.ok(typeof made === 'object' && made !== null && 'secret_ref' in made)
      return String(made.secret_ref).slice(-36)
    },
    users: async (token: string, id: string): Promise<Set<string>> => {
      const response = await call(token, 'GET', `/${id}/acl`)
      assert.equal(response.status, 200)
      const list: unknown = await response.json()
      assert.ok(typeof list === 'object' && list !== null && 'read' in list)
      const { read } = list
      assert.ok(typeof read === 'object' && read !== null)
      return new Set('users' in read && Array.isArray(read.users) ? read.users.map(String) : [])
    },
    allow: async (token: string, id: string, users: readonly string[], projectAccess = true): Promise<void> => {
      const response = await call(token, 'PUT', `/${id}/acl`, { read: { users, 'project-access': projectAccess } })
      assert.equal(response.status, 200)
    },
    exists: async (token: string, id: string): Promise<boolean> => (await call(token, 'GET', `/${id}`)).status === 200,
  }
}

describe('keys in a real Barbican', { skip, timeout: 600_000 }, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let keystone: Keystone

  before(async () => {
    folder = await temporaryFolder()
    keystone = await startKeystone(folder.path)
  })
  after(async () => {
    await keystone?.stop()
    await folder?.[Symbol.asyncDispose]()
  })

  const openBench = async (rules: BarbicanRules) => {
    const path = join(folder.path, randomUUID())
    const barbican = await startBarbican(path, keystone, rules)
    const database = await openDatabase(`sqlite:${join(path, 'vitrine.db')}`)
    const presence = await enter(database, Date.now, (error) => console.error(error))
    const tokens = new Map<ProjectName, string>()
    for (const name of projectNames) {
      tokens.set(name, await keystone.logIn(keystone.user(name), keystone.projectId(name)))
    }
    const token = (name: ProjectName): string => tokens.get(name) ?? ''
    const bench: ManagerBench = {
      manager: openManager(database, presence.processId, keystone, barbican),
      holder: (name) => ({ projectId: keystone.projectId(name), token: token(name) }),
      close: async () => {
        await presence.leave()
        await database.close()
        await barbican.stop()
      },
    }
    return { ...bench, barbican, database, token }
  }

  for (const rules of ['old', 'new'] as const) {
    managerContract(`Barbican with ${rules} rules`, { open: () => openBench(rules) })
  }

  for (const rules of ['old', 'new'] as const) {
    describe(`Barbican with ${rules} rules`, () => {
      let bench: Awaited<ReturnType<typeof openBench>>
      let manager: KeyManager
      let own: ReturnType<typeof createOwnSecrets>
      let producer: KeyHolder
      let consumer: KeyHolder
      let consumerProject: string
      /** An administrator of the producer's project. */
      let service: string

      before(async () => {
        bench = await openBench(rules)
        manager = bench.manager
        own = createOwnSecrets(bench.barbican)
        producer = bench.holder('producer')
        consumer = bench.holder('consumer')
        consumerProject = consumer.projectId
        service = await keystone.logIn(keystone.serviceUser, producer.projectId)
      })
      after(() => bench?.close())

      const newKey = async (): Promise<KeyVersion> => {
        const key = { id: randomUUID(), projectId: producer.projectId, version: 1 }
        await manager.make(key)
        return key
      }
      const adopted = (id: string): KeyVersion => ({ id, projectId: producer.projectId, version: 1 })
      const newUser = async (
        projectId: string,
        role = 'member',
      ): Promise<{ user: KeystoneUser; holder: KeyHolder }> => {
        const user = await keystone.makeUser(`user-${randomUUID()}`)
        await keystone.giveRole(user.id, projectId, role)
        return { user, holder: { projectId, token: await keystone.logIn(user, projectId) } }
      }
      const secretIdOf = async (key: KeyVersion): Promise<string> => {
        const { secret_id } = await bench.database.read
          .selectFrom('barbican_secrets')
          .select('secret_id')
          .where('key_id', '=', key.id)
          .where('version', '=', key.version)
          .executeTakeFirstOrThrow()
        return secret_id
      }
      const usersOf = async (key: KeyVersion): Promise<Set<string>> => own.users(service, await secretIdOf(key))

      it('lets all users of the owner use a key, also those who join later or may only read', async () => {
        const { holder: there } = await newUser(producer.projectId, 'reader')
        const key = await newKey()
        await manager.prove(key, there)
        const { holder: joined } = await newUser(producer.projectId)
        const wrapped = await manager.wrap(key, joined, randomBytes(32), context)
        await manager.unwrap(key, there, wrapped, context)
      })

      it('lets users use a key who join a project after it was granted', async () => {
        const key = await newKey()
        await failsWith(manager.prove(key, (await newUser(consumerProject)).holder), 'refused')
        await manager.grant(key, consumerProject)
        const { user, holder } = await newUser(consumerProject, 'reader')
        assert.equal((await usersOf(key)).has(user.id), false)
        await manager.prove(key, holder)
        assert.equal((await usersOf(key)).has(user.id), true)
        await newUser(consumerProject)
        await manager.prove(key, { projectId: consumerProject, token: null })
        await manager.revoke(key, consumerProject)
        await failsWith(manager.prove(key, holder), 'refused')
      })

      it('takes users off who left, when a grant is brought up to date', async () => {
        const key = await newKey()
        const { user, holder } = await newUser(consumerProject)
        await manager.grant(key, consumerProject)
        await manager.prove(key, holder)
        await keystone.takeRole(user.id, consumerProject, 'member')
        await manager.grant(key, consumerProject)
        assert.equal((await usersOf(key)).has(user.id), false)
        await manager.prove(key, consumer)
      })

      it('grants to the members of a group, and not to the service itself', async () => {
        const key = await newKey()
        const { user } = await newUser(keystone.projectId('stranger'))
        const projectId = await keystone.makeProject(`grouped-${randomUUID()}`)
        const made = await keystone.call('POST', '/groups', { group: { name: randomUUID(), domain_id: 'default' } })
        const groupId = /"id":"([0-9a-f]+)"/.exec(JSON.stringify(made))?.[1]
        await keystone.call('PUT', `/groups/${groupId}/users/${user.id}`)
        const roles = JSON.stringify(await keystone.call('GET', '/roles?name=member'))
        await keystone.call(
          'PUT',
          `/projects/${projectId}/groups/${groupId}/roles/${/"id":"([0-9a-f]+)"/.exec(roles)?.[1]}`,
        )
        await manager.grant(key, projectId)
        const users = await usersOf(key)
        assert.equal(users.has(user.id), true)
        assert.equal(users.has(keystone.serviceUser.id), false)
        await manager.prove(key, { projectId, token: await keystone.logIn(user, projectId) })
        await manager.prove(key, { projectId, token: null })
      })

      it('does not say that a project without users, or none at all, may use a key', async () => {
        const key = await newKey()
        for (const projectId of [
          await keystone.makeProject(`empty-${randomUUID()}`),
          randomUUID().replaceAll('-', ''),
        ]) {
          await manager.grant(key, projectId)
          await failsWith(manager.prove(key, { projectId, token: null }), 'refused')
          await manager.revoke(key, projectId)
        }
      })

      it('keeps users on a list whom somebody else put there', async () => {
        const token = bench.token('producer')
        const id = await own.store(token)
        const key = adopted(id)
        const consumerId = keystone.user('consumer').id
        const strangerId = keystone.user('stranger').id
        await own.allow(token, id, [consumerId, 'somebody'], false)
        await manager.grant(key, consumerProject)
        await manager.grant(key, keystone.projectId('stranger'))
        assert.ok((await own.users(token, id)).isSupersetOf(new Set([consumerId, strangerId, 'somebody'])))
        await manager.revoke(key, consumerProject)
        await manager.revoke(key, keystone.projectId('stranger'))
        assert.deepEqual(await own.users(token, id), new Set([consumerId, 'somebody']))
        await manager.prove(key, consumer)
        const list = await (await own.call(token, 'GET', `/${id}/acl`)).text()
        assert.match(list, /"project-access": ?false/)
      })

      it('keeps a user whom another grant needs', async () => {
        const key = await newKey()
        const { user, holder } = await newUser(consumerProject)
        const other = keystone.projectId('stranger')
        await keystone.giveRole(user.id, other, 'member')
        await manager.grant(key, consumerProject)
        await manager.grant(key, other)
        await manager.revoke(key, consumerProject)
        assert.equal((await usersOf(key)).has(user.id), true)
        await manager.revoke(key, other)
        assert.equal((await usersOf(key)).has(user.id), false)
        await failsWith(manager.prove(key, holder), 'refused')
      })

      it('finds the key of a project in its Barbican, and nothing else', async () => {
        const token = bench.token('producer')
        const id = await own.store(token)
        assert.equal(await manager.find({ id, projectId: producer.projectId }), true)
        assert.equal(await manager.find({ id, projectId: consumerProject }), false)
        const others = [
          { payload: randomBytes(16).toString('base64') },
          { payload: randomBytes(64).toString('base64') },
          { secret_type: 'certificate' },
          { payload: 'x'.repeat(32), payload_content_type: 'text/plain', payload_content_encoding: undefined },
        ]
        for (const secret of others) {
          const other = await own.store(token, secret)
          assert.equal(await manager.find({ id: other, projectId: producer.projectId }), false, JSON.stringify(secret))
        }
        const made = await secretIdOf(await newKey())
        assert.equal(await manager.find({ id: made, projectId: producer.projectId }), false)
      })

      it('does not take a secret for one of a project that only may read it', async () => {
        const token = bench.token('consumer')
        const id = await own.store(token)
        await own.allow(token, id, [keystone.serviceUser.id, keystone.user('producer').id])
        assert.equal(await manager.find({ id, projectId: producer.projectId }), false)
        await failsWith(manager.prove(adopted(id), producer), 'missing')
        await failsWith(manager.grant(adopted(id), keystone.projectId('stranger')), 'missing')
      })

      it('uses, grants, rotates and forgets a key that the producer made in Barbican', async () => {
        const token = bench.token('producer')
        const id = await own.store(token)
        await own.allow(token, id, [], false)
        const [first, second] = [adopted(id), { ...adopted(id), version: 2 }]
        const wrapped = await manager.wrap(first, producer, Buffer.from('data key'), context)
        const { holder: colleague } = await newUser(producer.projectId, 'creator')
        await failsWith(manager.prove(first, colleague), 'refused')
        await manager.grant(first, consumerProject)
        assert.equal(Buffer.from(await manager.unwrap(first, consumer, wrapped, context)).toString(), 'data key')
        await manager.make(second)
        const secondId = await secretIdOf(second)
        await manager.prove(second, producer)
        await manager.prove(second, consumer)
        await failsWith(manager.prove(second, colleague), 'refused')
        await manager.remove(first)
        assert.equal(await own.exists(token, id), true)
        assert.deepEqual(await own.users(token, id), new Set())
        await failsWith(manager.prove(first, producer), 'missing')
        await manager.prove(second, consumer)
        await manager.remove(second)
        assert.equal(await own.exists(token, id), true)
        assert.equal(await own.exists(service, secondId), false)
      })

      it('destroys a key that the producer made in Barbican when it is told to', async () => {
        const token = bench.token('producer')
        const id = await own.store(token)
        await manager.destroy(adopted(id))
        await manager.destroy(adopted(id))
        assert.equal(await own.exists(token, id), false)
      })

      it('goes on where it was stopped while it made a version', async () => {
        const key = await newKey()
        const secretId = await secretIdOf(key)
        await manager.grant(key, consumerProject)
        const second = { ...key, version: 2 }
        await manager.make(second)
        const wrapped = await manager.wrap(second, producer, Buffer.from('data key'), context)
        const secondId = await secretIdOf(second)
        await bench.database.write((tx) =>
          tx.deleteFrom('barbican_secrets').where('key_id', '=', key.id).where('version', '=', 2).execute(),
        )
        await failsWith(manager.prove(second, producer), 'missing')
        await manager.make(second)
        assert.deepEqual([await secretIdOf(key), await secretIdOf(second)], [secretId, secondId])
        assert.equal(Buffer.from(await manager.unwrap(second, consumer, wrapped, context)).toString(), 'data key')
      })

      it('takes no secret for its own that a user gave its name', async () => {
        const key = { id: randomUUID(), projectId: producer.projectId, version: 1 }
        const id = await own.store(bench.token('producer'), { name: `vitrine ${key.id} v1` })
        await manager.make(key)
        assert.notEqual(await secretIdOf(key), id)
        await manager.remove(key)
        assert.equal(await own.exists(bench.token('producer'), id), true)
      })

      it('says so when a secret was removed behind its back', async () => {
        const key = await newKey()
        await own.call(service, 'DELETE', `/${await secretIdOf(key)}`)
        for (const holder of [producer, { ...producer, token: null }])
          await failsWith(manager.prove(key, holder), 'missing')
        await failsWith(manager.grant(key, consumerProject), 'missing')
        await manager.revoke(key, consumerProject)
        await manager.remove(key)
      })

      it('is refused with a token that Keystone does not know', async () => {
        await failsWith(manager.prove(await newKey(), { ...producer, token: 'no-token' }), 'refused')
      })

      it('says so when a list of users is longer than Barbican takes, and leaves it as it was', async () => {
        const token = bench.token('producer')
        const id = await own.store(token)
        const many = Array.from({ length: 711 }, () => randomBytes(16).toString('hex'))
        await own.allow(token, id, many)
        const projectId = await keystone.makeProject(`crowd-${randomUUID()}`)
        for (let index = 0; index < 5; index += 1) await newUser(projectId)
        await failsWith(manager.grant(adopted(id), projectId), 'unavailable')
        await manager.revoke(adopted(id), projectId)
        assert.deepEqual(await own.users(token, id), new Set(many))
      })

      it('fails while Barbican is down, and works when it is back', async () => {
        const key = await newKey()
        await bench.barbican.stop()
        for (const holder of [producer, { ...producer, token: null }, consumer]) {
          await failsWith(manager.prove(key, holder), 'unavailable')
        }
        await failsWith(manager.grant(key, consumerProject), 'unavailable')
        await failsWith(manager.make({ ...key, version: 2 }), 'unavailable')
        await failsWith(manager.remove(key), 'unavailable')
        await failsWith(manager.check(), 'unavailable')
        await bench.barbican.start()
        await manager.check()
        await manager.grant(key, consumerProject)
        await manager.prove(key, consumer)
      })

      it('fails while Keystone is down, and works when it is back', async () => {
        const key = await newKey()
        await keystone.stop()
        await failsWith(manager.grant(key, consumerProject), 'unavailable')
        await keystone.start()
        await manager.grant(key, consumerProject)
      })
    })
  }
})
