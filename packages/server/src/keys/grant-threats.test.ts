import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { reap } from '../shares/reaper.ts'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService } from '../testing/test-service.ts'
import { createKeyLocks } from './lock.ts'
import { KeyError, type KeyManager } from './port.ts'
import { inTurns, startKeyWork } from './worker.ts'

const producer = fakeToken('producer', 'member')
const consumer = fakeToken('consumer', 'member')
const octets = { 'content-type': 'application/octet-stream' }
const patch = { 'content-type': 'application/openstack-images-v2.1-json-patch' }
const raw = { disk_format: 'raw', container_format: 'bare' }

const until = async (isSo: () => Promise<boolean>, what: string): Promise<void> => {
  for (let waits = 0; waits < 400; waits++) {
    if (await isSo()) return
    await sleep(25)
  }
  assert.fail(`never: ${what}`)
}

const away = () => new KeyError('unavailable', 'away on purpose')

/** Does something once, around the first use of a key for a project: in the middle of whatever uses it. */
const once = (
  manager: KeyManager,
  projectId: string,
  { before, after }: { readonly before?: () => Promise<unknown>; readonly after: () => Promise<unknown> },
): void => {
  const { unwrap } = manager
  let isDone = false
  Object.assign(manager, {
    unwrap: async (...given: Parameters<typeof unwrap>) => {
      const isNow = !isDone && given[1].projectId === projectId
      if (!isNow) return unwrap(...given)
      isDone = true
      await before?.()
      const result = await unwrap(...given)
      await after()
      return result
    },
  })
}

eachDatabase('bad luck with grants', ({ newUrl, atEnd }) => {
  const start = async (settings: Parameters<typeof startTestService>[0] = {}, now = Date.now) => {
    const test = await startTestService({ ...settings, database_url: await newUrl() }, now)
    atEnd(test.close)
    const { call, service } = test
    const { keyManager: manager } = service
    assert.ok(manager)
    const { read } = service.database
    const ok = async (status: number, ...given: Parameters<typeof call>) => {
      const answer = await call(...given)
      assert.equal(answer.statusCode, status, `${given[0]} ${given[1]}: ${answer.body}`)
      return answer
    }
    const key: string = (await ok(201, 'POST', '/v2/keys', producer, { name: 'k' })).json().id
    const newImage = async (properties: object = {}): Promise<string> =>
      (await ok(201, 'POST', '/v2/images', producer, { ...raw, ...properties })).json().id
    const newSealed = async (): Promise<string> => {
      const id = await newImage()
      await ok(200, 'PUT', `/v2/images/${id}/encryption`, producer, { key_id: key })
      await ok(204, 'PUT', `/v2/images/${id}/file`, producer, randomBytes(100), octets)
      return id
    }
    const share = async (body: object): Promise<{ result: string; error: { status: number; code: string } | null }[]> =>
      (await ok(200, 'POST', '/v2/shares', producer, { action: 'share', projects: ['consumer'], ...body })).json()
        .results
    const unshare = (image: string) => ok(204, 'DELETE', `/v2/images/${image}/members/consumer`, producer)
    const grants = () => read.selectFrom('key_grants').selectAll().execute()
    const isNothingGranted = () =>
      until(async () => {
        const held = await read
          .selectFrom('embedded_keys')
          .select('key_id')
          .where('holder_id', '=', 'consumer')
          .execute()
        const intents = await read.selectFrom('key_intents').select('id').execute()
        return held.length === 0 && intents.length === 0 && (await grants()).length === 0
      }, 'nothing is granted')
    const keyState = async (image: string): Promise<string | undefined> =>
      (await ok(200, 'GET', `/v2/images/${image}/shares`, producer)).json().shares[0]?.key_state
    return { ...test, manager, ok, key, newImage, newSealed, share, unshare, grants, isNothingGranted, keyState }
  }

  it('a grant that ends between the question and the share lets nobody share without it', async () => {
    const { manager, newSealed, share, unshare, isNothingGranted, keyState } = await start()
    const [first, second, third] = [await newSealed(), await newSealed(), await newSealed()]
    const endsMeanwhile = () =>
      once(manager, 'consumer', {
        after: async () => {
          await unshare(first)
          await isNothingGranted()
        },
      })

    await share({ images: [first], grant: true })
    endsMeanwhile()
    const [refused] = await share({ images: [second] })
    assert.equal(refused?.error?.code, 'key_not_granted')
    assert.equal(await keyState(second), undefined)

    await share({ images: [first], grant: true })
    endsMeanwhile()
    const [shared] = await share({ images: [third], grant: true })
    assert.equal(shared?.result, 'shared')
    assert.equal(await keyState(third), 'granted')
  })

  it('a grant that comes and goes while the question is asked is not taken for leave by other means', async () => {
    const { manager, newSealed, share, unshare, grants, isNothingGranted, keyState } = await start()
    const [first, second] = [await newSealed(), await newSealed()]
    once(manager, 'consumer', {
      before: () => share({ images: [first], grant: true }),
      after: async () => {
        await unshare(first)
        await until(async () => (await grants()).length === 0, 'the grant ends')
      },
    })
    const [refused] = await share({ images: [second] })
    assert.equal(refused?.error?.code, 'key_not_granted')
    assert.equal(await keyState(second), undefined)
    await isNothingGranted()
  })

  it('a grant that is taken back by hand between the question and the share lets nobody share without it', async () => {
    const { manager, ok, key, newSealed, share, keyState } = await start()
    const [first, second] = [await newSealed(), await newSealed()]
    await share({ images: [first], grant: true })
    once(manager, 'consumer', { after: () => ok(204, 'DELETE', `/v2/keys/${key}/grants/consumer`, producer) })
    const [refused] = await share({ images: [second] })
    assert.equal(refused?.error?.code, 'key_not_granted')
    assert.equal(await keyState(second), undefined)
    assert.equal(await keyState(first), 'revoked')
  })

  it('a database that is away when a share fails leaves no grant behind', async () => {
    const { manager, service, newSealed, call, share, isNothingGranted } = await start()
    const image = await newSealed()
    const { write } = service.database
    const { grant } = manager
    let isAway = false
    Object.assign(service.database, {
      write: async (...given: Parameters<typeof write>) => {
        if (isAway) throw new Error('away')
        return write(...given)
      },
    })
    Object.assign(manager, {
      grant: async (...given: Parameters<typeof grant>) => {
        await grant(...given)
        isAway = true
      },
    })
    const body = { action: 'share', images: [image], projects: ['consumer'], grant: true, atomic: true }
    assert.equal((await call('POST', '/v2/shares', producer, body)).statusCode, 500)
    isAway = false
    await isNothingGranted()
    Object.assign(manager, { grant })
    assert.equal((await share({ images: [image], grant: true }))[0]?.result, 'shared')
  })

  it('an announcement whose answer is lost keeps no grant alive', async () => {
    const { service, newSealed, share, unshare, isNothingGranted } = await start()
    const image = await newSealed()
    const { write, read } = service.database
    let isLost = false
    Object.assign(service.database, {
      write: async (...given: Parameters<typeof write>) => {
        const result = await write(...given)
        const intents = isLost ? [] : await read.selectFrom('key_intents').select('id').execute()
        if (intents.length === 0) return result
        isLost = true
        throw new Error('the answer is lost')
      },
    })
    assert.equal((await share({ images: [image], grant: true }))[0]?.result, 'failed')
    assert.ok(isLost)
    await isNothingGranted()
    assert.equal((await share({ images: [image], grant: true }))[0]?.result, 'shared')
    await unshare(image)
    await isNothingGranted()
  })

  it('an image that is given to another project takes the grants for its shares with it', async () => {
    const { ok, key, newImage, share, isNothingGranted } = await start({ allow_owner_transfer: true })
    const image = await newImage({ __system__cmkid: key })
    assert.equal((await share({ images: [image], grant: true }))[0]?.result, 'shared')
    const gift = [{ op: 'add', path: '/owner', value: 'other' }]
    await ok(200, 'PATCH', `/v2/images/${image}`, producer, gift, patch)
    await isNothingGranted()
  })

  it('a key that is deleted in the moment in which it is granted is no key', async () => {
    const { ok, key, service } = await start()
    const { hold } = service.keyLocks
    let isDeleted = false
    Object.assign(service.keyLocks, {
      hold: async <Result>(id: string, work: () => Promise<Result>): Promise<Result> => {
        if (!isDeleted) {
          isDeleted = true
          await ok(204, 'DELETE', `/v2/keys/${key}`, producer)
        }
        return hold(id, work)
      },
    })
    await ok(404, 'PUT', `/v2/keys/${key}/grants/consumer`, producer)
  })

  it('a key that others change for ever is not deleted now, which is no fault of the service', async () => {
    const { ok, key, service } = await start()
    const { hold } = service.keyLocks
    Object.assign(service.keyLocks, {
      hold: async () => {
        throw away()
      },
    })
    await ok(503, 'DELETE', `/v2/keys/${key}`, producer)
    Object.assign(service.keyLocks, { hold })
    await ok(204, 'DELETE', `/v2/keys/${key}`, producer)
  })

  it('a key manager that hangs is not waited for once for each pair of a batch', async () => {
    const { manager, newSealed, share } = await start()
    const images = [await newSealed(), await newSealed(), await newSealed(), await newSealed()]
    let asked = 0
    Object.assign(manager, {
      unwrap: async () => {
        asked += 1
        await sleep(2600)
        throw away()
      },
    })
    const results = await share({ images, projects: ['p1', 'p2', 'p3'], grant: true })
    assert.deepEqual(new Set(results.map(({ error }) => error?.status)), new Set([503]))
    assert.equal(results.length, 12)
    assert.ok(asked <= 4, `asked ${asked} times`)
  })

  it('a key manager that is away is asked a few times in one round, and not at all once the service stops', async () => {
    const stopping = new AbortController()
    const items = Array.from({ length: 50 }, (_, index) => index)
    const askedUnder = async (error: () => Error): Promise<number[]> => {
      const asked: number[] = []
      await inTurns(
        { stopping: stopping.signal },
        items,
        async (item) => {
          asked.push(item)
          throw error()
        },
        () => undefined,
      )
      return asked
    }
    const firstThree = await askedUnder(away)
    assert.equal(firstThree.length, 3)
    assert.equal((await askedUnder(() => new KeyError('damaged', 'this one only'))).length, 50)
    // What is asked first differs: one that always fails must not keep the others from their turn.
    const firsts = new Set<number | undefined>()
    for (let round = 0; round < 20; round++) firsts.add((await askedUnder(away))[0])
    assert.ok(firsts.size > 1)
    stopping.abort()
    assert.deepEqual(await askedUnder(away), [])
  })

  it('a key manager that is away is not asked at once again, however much is changed meanwhile', async () => {
    const { service, manager, newSealed, newImage, share, unshare, isNothingGranted } = await start()
    const image = await newSealed()
    await share({ images: [image], grant: true })
    const { revoke } = manager
    let asked = 0
    Object.assign(manager, {
      revoke: async () => {
        asked += 1
        throw away()
      },
    })
    await unshare(image)
    await until(async () => asked > 0, 'the grant is to be taken back')
    const begun = performance.now()
    while (performance.now() - begun < 1500) await newImage()
    assert.ok(asked <= 5, `asked ${asked} times`)
    Object.assign(manager, { revoke })
    service.keyWork.kick()
    await isNothingGranted()
  })

  it('a key manager that hangs keeps the service from starting for a few seconds only', async () => {
    const { service, manager, newSealed, share, unshare, grants } = await start()
    const image = await newSealed()
    await share({ images: [image], grant: true })
    const hangs: KeyManager = { ...manager, revoke: () => new Promise(() => {}) }
    Object.assign(manager, {
      revoke: async () => {
        throw away()
      },
    })
    await unshare(image)
    await until(async () => (await grants())[0]?.state === 'revoking', 'the grant is being taken back')
    const parts = {
      ...service,
      keyManager: hangs,
      keyLocks: createKeyLocks(service.database, service.presence),
    }
    const begun = performance.now()
    await startKeyWork(parts, [])
    assert.ok(performance.now() - begun < 8000)
  })

  it('whoever waits for a lock that is never free waits no longer than its patience', async () => {
    const { service, key } = await start()
    const { database, keyLocks, presence } = service
    const tooLong = { name: 'KeyError', reason: 'unavailable' }
    const { promise: isEnough, resolve: end } = Promise.withResolvers<void>()

    const holding = keyLocks.hold(key, () => isEnough)
    const begun = performance.now()
    await assert.rejects(() => keyLocks.hold(key, async () => undefined, 100), tooLong)
    // Another process, which lives.
    const elsewhere = randomUUID()
    const process_ = { id: elsewhere, host: 'elsewhere', pid: 1, pid_started: '1', seen_at: Date.now() }
    await database.write((tx) => tx.insertInto('processes').values(process_).execute())
    const others = createKeyLocks(database, { processId: elsewhere, look: presence.look })
    await assert.rejects(() => others.hold(key, async () => undefined, 100), tooLong)
    assert.ok(performance.now() - begun < 2000)

    end()
    await holding
    assert.equal(await others.hold(key, async () => 'now', 5000), 'now')
    assert.equal(await keyLocks.hold(key, async () => 'and again', 5000), 'and again')
  })

  it('whoever waits for a process that was killed with a lock waits no longer than until that is noticed', async () => {
    const { service, key } = await start()
    const { database, keyLocks } = service
    const own = await database.read.selectFrom('processes').selectAll().executeTakeFirstOrThrow()
    // Of the same number, and another start: nobody has seen it go yet.
    const killed = { ...own, id: randomUUID(), pid_started: 'before' }
    await database.write(async (tx) => {
      await tx.insertInto('processes').values(killed).execute()
      await tx.insertInto('key_locks').values({ key_id: key, process_id: killed.id, token: randomUUID() }).execute()
    })
    assert.equal(await keyLocks.hold(key, async () => 'mine', 3000), 'mine')
  })

  it('a lock that could not be given back is given back by whoever waits for it', async () => {
    const { service, key } = await start()
    const { database, presence } = service
    let isAway = false
    const failing: typeof database = {
      ...database,
      write: async (work) => {
        if (isAway) throw new Error('away')
        return database.write(work)
      },
    }
    // Nobody else pays what these owe.
    const locks = createKeyLocks(failing, presence)
    await locks.hold(key, async () => {
      isAway = true
    })
    isAway = false
    assert.equal(await locks.hold(key, async () => 'mine', 5000), 'mine')
  })

  it('two who end many shares under one key never wait for each other', async () => {
    const projects = ['c', 'b', 'a']
    const ways: Readonly<Record<string, (test: Awaited<ReturnType<typeof start>>, image: string) => Promise<unknown>>> =
      {
        unshare: ({ ok }, image) =>
          ok(200, 'POST', '/v2/shares', producer, { action: 'unshare', images: [image], projects }),
        withdraw: ({ ok }, image) => ok(200, 'POST', `/v2/images/${image}/withdrawal`, producer, {}),
        delete: ({ ok }, image) => ok(204, 'DELETE', `/v2/images/${image}`, producer),
        'end on a date': ({ service }) => reap({ ...service, now: () => Date.now() + 120_000 }),
        'mark anew': ({ ok }, image) =>
          ok(200, 'PATCH', `/v2/images/${image}`, producer, [{ op: 'remove', path: '/__system__cmkid' }], patch),
        'share again': ({ ok }, image) =>
          ok(200, 'POST', '/v2/shares', producer, { action: 'share', images: [image], projects, grant: true }),
      }
    for (const [name, end] of Object.entries(ways)) {
      const test = await start()
      const { service, key, newImage, share } = test
      const { database } = service
      const image = await newImage({ __system__cmkid: key })
      const ends_at = new Date(Date.now() + 60_000).toISOString()
      for (const project of projects) await share({ images: [image], projects: [project], grant: true, ends_at })

      // SQLite has one writer at a time.
      if (database.kind === 'sqlite') {
        await end(test, image)
        continue
      }
      let ending: Promise<unknown> = Promise.resolve()
      await database.write(async (tx) => {
        const of = (project: string) =>
          tx.selectFrom('key_grants').select('project_id').where('key_id', '=', key).where('project_id', '=', project)
        await of('a').forUpdate().execute()
        ending = end(test, image)
        await until(async () => {
          const { rows } = await sql`select 1 from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock' and wait_event in ('transactionid', 'tuple')`.execute(
            database.read,
          )
          return rows.length > 0
        }, `${name} waits for the first grant`)
        // Whoever waits for the first has none of the others yet.
        for (const project of ['b', 'c']) await of(project).forUpdate().noWait().execute()
      })
      await ending
    }
  })

  it('a share and an end of a share come to the grant of their key before the rows of members', async () => {
    const test = await start()
    const { service, key, newSealed, share, ok } = test
    const { database } = service
    const image = await newSealed()
    await share({ images: [image], grant: true })
    if (database.kind === 'sqlite') return
    let ending: Promise<unknown> = Promise.resolve()
    await database.write(async (tx) => {
      await tx.selectFrom('key_grants').select('key_id').where('key_id', '=', key).forUpdate().execute()
      ending = ok(204, 'DELETE', `/v2/images/${image}/members/consumer`, producer)
      await sleep(200)
      // As whoever changes the rules of the consumer does, for whom those wait who share.
      await tx
        .selectFrom('members')
        .select('image_id')
        .where('member_id', '=', 'consumer')
        .forUpdate()
        .noWait()
        .execute()
    })
    await ending
    assert.equal((await test.call('GET', `/v2/images/${image}`, consumer)).statusCode, 404)
  })
})
