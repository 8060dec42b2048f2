import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Database } from '../../database/database.ts'
import { openDatabase } from '../../database/open.ts'
import { testClock } from '../../identity/testing.ts'
import { eachDatabase } from '../../testing/databases.ts'
import { failsWith, managerContract } from '../manager-contract.ts'
import { KeyError, type KeyHolder, type KeyManager, type KeyVersion } from '../port.ts'
import { type BarbicanOptions, createBarbican } from './barbican.ts'
import { type Asked, createFakeCloud } from './testing.ts'

const context = 'image 1'

const openCloud = (database: BarbicanOptions['database'], changes: Partial<BarbicanOptions> = {}) => {
  const clock = testClock()
  const cloud = createFakeCloud(clock)
  const holders = new Map<string, KeyHolder>()
  for (const name of ['producer', 'consumer', 'stranger']) {
    cloud.members.set(`${name}-project`, new Set([`${name}-user`]))
    const projectId = `${name}-project`
    holders.set(name, { projectId, token: cloud.giveToken(`${name}-user`, projectId) })
  }
  const open = (more: Partial<BarbicanOptions> = {}): KeyManager =>
    createBarbican({
      url: cloud.url,
      keystone: {
        url: cloud.keystoneUrl,
        credentials: {
          kind: 'password',
          username: 'vitrine',
          password: 'vitrine password',
          userDomainName: 'Default',
          projectName: 'service',
          projectDomainName: 'Default',
        },
      },
      database,
      locks: { hold: (_keyId, work) => work() },
      fetch: cloud.fetch,
      now: clock.now,
      ...changes,
      ...more,
    })
  const holder = (name: 'producer' | 'consumer' | 'stranger'): KeyHolder => {
    const found = holders.get(name)
    assert.ok(found)
    return found
  }
  const newKey = (): KeyVersion => ({ id: randomUUID(), projectId: 'producer-project', version: 1 })
  return { ...cloud, clock, open, manager: open(), holder, newKey }
}
type Cloud = ReturnType<typeof openCloud>

const secretsOf = ({ secrets }: Cloud, key: KeyVersion) =>
  [...secrets.values()].filter(({ name }) => name.startsWith(`vitrine ${key.id} `))

eachDatabase('keys in a Barbican', (databases) => {
  managerContract('a Barbican, played by a fake,', {
    open: async () => {
      const { manager, holder } = openCloud(await databases.open())
      return { manager, holder, close: async () => undefined }
    },
  })
})

describe('the key manager that asks a Barbican', () => {
  let folder: string
  let database: Database

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vitrine-barbican-'))
    database = await openDatabase(`sqlite:${join(folder, 'vitrine.db')}`)
  })
  after(async () => {
    await database.close()
    await rm(folder, { recursive: true })
  })

  /** Steps at which a process can be stopped: before or after each call and each write. */
  const stopAt = (cloud: Cloud, step: number) => {
    let count = 0
    const passes = (): void => {
      count += 1
      if (count >= step) throw new Error('stopped')
    }
    const stopping: BarbicanOptions['database'] = {
      read: database.read,
      write: async (work) => {
        passes()
        const result = await database.write(work)
        passes()
        return result
      },
    }
    const fetch: typeof globalThis.fetch = async (input, init) => {
      passes()
      const response = await cloud.fetch(input, init)
      passes()
      return response
    }
    return { manager: cloud.open({ database: stopping, fetch }), wasStopped: () => count >= step }
  }

  interface Story {
    readonly prepare?: (cloud: Cloud, key: KeyVersion) => Promise<void>
    /** What is stopped. */
    readonly work: (manager: KeyManager, key: KeyVersion) => Promise<void>
    /** What happens before the service goes on. */
    readonly meanwhile?: (cloud: Cloud, key: KeyVersion) => Promise<void>
    /** What the service does then; if not given, the same once more. */
    readonly next?: (manager: KeyManager, key: KeyVersion) => Promise<void>
    readonly look: (cloud: Cloud, key: KeyVersion) => Promise<void> | void
  }

  /** Tells a story again and again, each time stopped one step later, until it comes to its end. */
  const stopEverywhere = async ({ prepare, work, meanwhile, next = work, look }: Story): Promise<void> => {
    for (let step = 1; ; step += 1) {
      const cloud = openCloud(database)
      const key = cloud.newKey()
      await prepare?.(cloud, key)
      const { manager, wasStopped } = stopAt(cloud, step)
      await work(manager, key).catch((error: unknown) => assert.ok(wasStopped(), String(error)))
      await meanwhile?.(cloud, key)
      await next(cloud.manager, key)
      await look(cloud, key)
      if (!wasStopped()) {
        assert.ok(step > 5, 'it could be stopped at some steps')
        return
      }
    }
  }

  const second = (key: KeyVersion): KeyVersion => ({ ...key, version: 2 })
  /** Two versions, and somebody on their lists who was not put there by a grant, but is one of the consumers. */
  const makeTwo = async (cloud: Cloud, key: KeyVersion): Promise<void> => {
    await cloud.manager.make(key)
    await cloud.manager.make(second(key))
    for (const { users } of secretsOf(cloud, key)) users.add('by-hand')
    cloud.members.get('consumer-project')?.add('by-hand')
  }
  const onlyOwnerAndByHand = (cloud: Cloud, key: KeyVersion): void => {
    assert.equal(secretsOf(cloud, key).length, 2)
    for (const { users } of secretsOf(cloud, key)) assert.deepEqual([...users].sort(), ['by-hand', 'producer-user'])
  }

  test('makes one secret, wherever it was stopped', () =>
    stopEverywhere({
      work: (manager, key) => manager.make(key),
      look: async (cloud, key) => {
        assert.equal(secretsOf(cloud, key).length, 1)
        await cloud.manager.prove(key, cloud.holder('producer'))
      },
    }))

  test('makes one more secret for whoever holds the one before, wherever it was stopped', () =>
    stopEverywhere({
      prepare: async ({ manager }, key) => {
        await manager.make(key)
        await manager.grant(key, 'consumer-project')
      },
      work: (manager, key) => manager.make(second(key)),
      look: async (cloud, key) => {
        assert.equal(secretsOf(cloud, key).length, 2)
        for (const name of ['producer', 'consumer'] as const) await cloud.manager.prove(second(key), cloud.holder(name))
        await cloud.manager.revoke(key, 'consumer-project')
        for (const { users } of secretsOf(cloud, key)) assert.deepEqual([...users], ['producer-user'])
      },
    }))

  test('takes off all that a grant put on, and nobody else, wherever the grant was stopped', () =>
    stopEverywhere({
      prepare: makeTwo,
      work: (manager, key) => manager.grant(key, 'consumer-project'),
      next: (manager, key) => manager.revoke(key, 'consumer-project'),
      look: onlyOwnerAndByHand,
    }))

  test('takes a grant back, wherever that was stopped, and does not renew it meanwhile', () =>
    stopEverywhere({
      prepare: async (cloud, key) => {
        await makeTwo(cloud, key)
        await cloud.manager.grant(key, 'consumer-project')
      },
      work: (manager, key) => manager.revoke(key, 'consumer-project'),
      meanwhile: async (cloud, key) => {
        const lists = () => secretsOf(cloud, key).map(({ users }) => [...users].sort())
        const before = lists()
        const isBegun = before.some((users) => !users.includes('consumer-user'))
        for (const version of [key, second(key)]) {
          for (const token of [cloud.holder('consumer').token, null]) {
            await cloud.manager.prove(version, { projectId: 'consumer-project', token }).catch(() => undefined)
          }
        }
        if (isBegun) assert.deepEqual(lists(), before)
      },
      look: onlyOwnerAndByHand,
    }))

  test('removes a version, wherever it was stopped', () =>
    stopEverywhere({
      prepare: async (cloud, key) => {
        await makeTwo(cloud, key)
        await cloud.manager.grant(key, 'consumer-project')
      },
      work: (manager, key) => manager.remove(key),
      look: async (cloud, key) => {
        assert.deepEqual(
          secretsOf(cloud, key).map(({ name }) => name),
          [`vitrine ${key.id} v2`],
        )
        await failsWith(cloud.manager.prove(key, cloud.holder('producer')), 'missing')
        await cloud.manager.prove(second(key), cloud.holder('consumer'))
      },
    }))

  test('removes what was made before it could remember', () =>
    stopEverywhere({
      work: (manager, key) => manager.make(key),
      next: (manager, key) => manager.remove(key),
      look: async (cloud, key) => {
        assert.equal(secretsOf(cloud, key).length, 0)
        await failsWith(cloud.manager.prove(key, cloud.holder('producer')), 'missing')
      },
    }))

  test('destroys a key, wherever it was stopped', () =>
    stopEverywhere({
      prepare: makeTwo,
      work: (manager, key) => manager.destroy(key),
      look: (cloud, key) => assert.equal(secretsOf(cloud, key).length, 0),
    }))

  test('forgets a key of the producer without removing it, and leaves nobody on its list', async () => {
    const cloud = openCloud(database)
    const { id } = cloud.store('producer-project', 'producer-user', { users: new Set(['by-hand']) })
    const key = { id, projectId: 'producer-project', version: 1 }
    await cloud.manager.grant(key, 'consumer-project')
    assert.deepEqual([...(cloud.secrets.get(id)?.users ?? [])], ['by-hand', 'consumer-user'])
    await cloud.manager.remove(key)
    assert.deepEqual([...(cloud.secrets.get(id)?.users ?? [])], ['by-hand'])
    await cloud.manager.destroy(key)
    assert.equal(cloud.secrets.has(id), false)
  })

  /** A key of the producer that the consumer was granted, with the manager's tokens fresh. */
  const granted = async (changes: Partial<BarbicanOptions> = {}) => {
    const cloud = openCloud(database, changes)
    const key = cloud.newKey()
    await cloud.manager.make(key)
    await cloud.manager.grant(key, 'consumer-project')
    cloud.asked.splice(0)
    return { ...cloud, key }
  }
  const isOf = (server: Asked['server'], method: string, end: RegExp) => (asked: Asked) =>
    asked.server === server && asked.method === method && end.test(asked.path)

  test('reads with the token of the caller, in one call', async () => {
    const { manager, key, holder, asked } = await granted()
    await manager.wrap(key, holder('consumer'), randomBytes(32), context)
    assert.deepEqual(
      asked.map(({ server, method, path, token }) => [server, method, path.split('/').at(-1), token]),
      [['barbican', 'GET', 'payload', holder('consumer').token]],
    )
  })

  test('lets a user in whom Keystone does not list, but whose token it gave', async () => {
    const { manager, key, giveToken } = await granted()
    const federated = { projectId: 'consumer-project', token: giveToken('federated', 'consumer-project') }
    await manager.prove(key, federated)
    const elsewhere = { projectId: 'consumer-project', token: giveToken('other', 'stranger-project') }
    await failsWith(manager.prove(key, elsewhere), 'refused')
  })

  test('does not bring a grant up to date for nothing', async () => {
    const { manager, key, holder, asked } = await granted()
    await failsWith(manager.prove(key, holder('stranger')), 'refused')
    assert.equal(asked.length, 1)
  })

  test('unavailable is whatever a server answers that is no answer', async () => {
    const answers: Record<string, () => Response | Promise<Response>> = {
      '500': () => new Response('oops', { status: 500 }),
      '503': () => new Response(null, { status: 503 }),
      '429': () => new Response(null, { status: 429 }),
      '400': () => new Response(null, { status: 400 }),
      'not reachable': () => Promise.reject(new TypeError('fetch failed at http://barbican.test:9311')),
      'a redirect': () => Promise.reject(new TypeError('unexpected redirect')),
    }
    const documents: typeof answers = {
      'no JSON': () => new Response('<html>', { status: 200 }),
      'another document': () => Response.json({ secrets: 'none', read: [], role_assignments: 7, token: {} }),
      'far too much': () => new Response('x'.repeat(17 << 20)),
    }
    const readsPayload = isOf('barbican', 'GET', /payload$/)
    for (const [what, answer] of Object.entries(answers)) {
      const { manager, key, holder, answer: instead } = await granted()
      instead((asked) => (readsPayload(asked) ? answer() : undefined))
      await failsWith(manager.prove(key, holder('consumer')), 'unavailable', what)
      await failsWith(manager.prove(key, { ...holder('producer'), token: null }), 'unavailable', what)
    }
    for (const [what, answer] of Object.entries({ ...answers, ...documents })) {
      for (const server of ['barbican', 'keystone'] as const) {
        const { manager, key, answer: instead } = await granted()
        instead((asked) => (asked.server === server ? answer() : undefined))
        await failsWith(manager.grant(key, 'stranger-project'), 'unavailable', `${server}: ${what}`)
        await failsWith(manager.make({ ...key, version: 2 }), 'unavailable', `${server}: ${what}`)
      }
    }
  })

  test('a payload of another length is damaged, however long', async () => {
    for (const sizeBytes of [0, 16, 31, 33, 1 << 20]) {
      const { manager, key, holder, secrets, store } = await granted()
      for (const [id, secret] of secrets) secrets.set(id, { ...secret, material: Buffer.alloc(sizeBytes) })
      await failsWith(manager.prove(key, holder('consumer')), 'damaged', `${sizeBytes}`)
      const { id } = store('producer-project', 'producer-user', { material: Buffer.alloc(sizeBytes) })
      assert.equal(await manager.find({ id, projectId: 'producer-project' }), false)
    }
  })

  test('a server that does not answer is given up on in time', async () => {
    const silent: BarbicanOptions['fetch'] = (_input, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason))
      })
    const { key, holder, open } = await granted()
    // The time limit alone does not keep the process alive.
    const alive = setTimeout(() => undefined, 10_000)
    await failsWith(open({ fetch: silent, timeoutMs: 20 }).prove(key, holder('consumer')), 'unavailable')
    clearTimeout(alive)
  })

  test('an answer that does not end is given up on in time', async () => {
    const { key, holder, open } = await granted()
    const endless: BarbicanOptions['fetch'] = async (_input, init) =>
      new Response(
        new ReadableStream({
          start: (controller) => {
            init?.signal?.addEventListener('abort', () => controller.error(init.signal?.reason))
          },
        }),
      )
    const alive = setTimeout(() => undefined, 10_000)
    await failsWith(open({ fetch: endless, timeoutMs: 20 }).prove(key, holder('consumer')), 'unavailable')
    clearTimeout(alive)
  })

  test('messages tell no address, token or password', async () => {
    const told: string[] = []
    const note = async (work: Promise<unknown>): Promise<void> => {
      await assert.rejects(work, (error: unknown) => {
        assert.ok(error instanceof KeyError)
        told.push(error.message, String(error.stack), String(error.cause))
        return true
      })
    }
    const { manager, key, holder, answer, open } = await granted()
    await note(manager.prove(key, holder('stranger')))
    answer(() => Promise.reject(new TypeError('fetch failed', { cause: new Error('connect 10.1.2.3:9311') })))
    await note(manager.prove(key, holder('consumer')))
    await note(open().grant(key, 'stranger-project'))
    answer(() => new Response('token-1 vitrine password', { status: 401 }))
    await note(open().grant(key, 'stranger-project'))
    assert.equal(told.length, 12)
    assert.doesNotMatch(
      told.join('\n').replaceAll(/\n {4}at .*/g, ''),
      /barbican\.test|keystone\.test|10\.1\.2|token-\d|vitrine password/,
    )
  })

  test('acts with one token for each project, and renews it before it ends or when it is refused', async () => {
    const { manager, key, clock, asked, tokens } = await granted()
    const logIns = () => asked.filter(isOf('keystone', 'POST', /tokens$/)).length
    const owner = { projectId: 'producer-project', token: null }
    await manager.prove(key, owner)
    assert.equal(logIns(), 0)
    clock.advance(3_600_000 - 60_000)
    await Promise.all([manager.prove(key, owner), manager.prove(key, owner), manager.prove(key, owner)])
    assert.equal(logIns(), 1)
    tokens.clear()
    await Promise.all([manager.prove(key, owner), manager.prove(key, owner)])
    assert.equal(logIns(), 2)
  })

  test('is refused itself: unavailable, never refused', async () => {
    const { manager, key, answer } = await granted()
    const owner = { projectId: 'producer-project', token: null }
    for (const status of [401, 403]) {
      answer((asked) => (asked.server === 'barbican' ? new Response(null, { status }) : undefined))
      await failsWith(manager.prove(key, owner), 'unavailable')
      if (status === 401) await failsWith(manager.check(), 'unavailable')
    }
  })

  test('asks only the Keystone it was given, whatever page is named next', async () => {
    const { manager, key, answer, asked, members, secrets } = await granted()
    const page = (id: string, next: string | null) =>
      Response.json({ role_assignments: [{ user: { id } }], links: { next } })
    answer((request) => {
      if (!isOf('keystone', 'GET', /role_assignments$/)(request)) return undefined
      return request.url.searchParams.has('marker')
        ? page('on-page-2', null)
        : page('on-page-1', 'http://evil.test/v3/role_assignments?marker=2')
    })
    members.set('paged', new Set())
    await manager.grant(key, 'paged')
    const [secret] = [...secrets.values()].filter(({ name }) => name.includes(key.id))
    assert.ok(secret?.users.has('on-page-1') && secret.users.has('on-page-2'))
    assert.deepEqual([...new Set(asked.map(({ url }) => url.hostname))].sort(), ['barbican.test', 'keystone.test'])
  })

  test('does not take part of a list of users for the whole', async () => {
    const { manager, key, answer } = await granted()
    answer((request) =>
      isOf('keystone', 'GET', /role_assignments$/)(request)
        ? Response.json({ role_assignments: [{ user: { id: 'consumer-user' } }], truncated: true })
        : undefined,
    )
    await failsWith(manager.prove(key, { projectId: 'consumer-project', token: null }), 'unavailable')
  })

  test('brings a grant up to date under the lock of the key', async () => {
    const held: string[] = []
    const { manager, key, members, giveToken } = await granted({
      locks: {
        hold: (keyId, work) => {
          held.push(keyId)
          return work()
        },
      },
    })
    members.get('consumer-project')?.add('joined')
    await manager.prove(key, { projectId: 'consumer-project', token: giveToken('joined', 'consumer-project') })
    assert.deepEqual(held, [key.id])
  })
})
