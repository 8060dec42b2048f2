import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService } from '../testing/test-service.ts'
import { defaultKeyOf } from './keys.ts'

const producer = fakeToken('producer', 'member')
const reader = fakeToken('producer', 'reader')
const consumer = fakeToken('consumer', 'member')
const stranger = fakeToken('stranger', 'member')
const octets = { 'content-type': 'application/octet-stream' }

eachDatabase('keys', ({ newUrl, atEnd }) => {
  const start = async (settings: Parameters<typeof startTestService>[0] = {}) => {
    const assembly = await startTestService({ ...settings, database_url: await newUrl() })
    atEnd(assembly.close)
    const { call } = assembly
    const ok = async (status: number, ...given: Parameters<typeof call>) => {
      const answer = await call(...given)
      assert.equal(answer.statusCode, status, `${given[0]} ${given[1]}: ${answer.body}`)
      return answer
    }
    return {
      ...assembly,
      ok,
      newKey: async (body: object = {}, token = producer) => (await ok(201, 'POST', '/v2/keys', token, body)).json(),
      newImage: async (keyId: string, bytes: Buffer | undefined, token = producer): Promise<string> => {
        const attributes = { disk_format: 'raw', container_format: 'bare' }
        const { id } = (await ok(201, 'POST', '/v2/images', token, attributes)).json()
        await ok(200, 'PUT', `/v2/images/${id}/encryption`, token, { key_id: keyId })
        if (bytes !== undefined) await ok(204, 'PUT', `/v2/images/${id}/file`, token, bytes, octets)
        return id
      },
      settled: async (id: string) => {
        for (let waits = 0; waits < 400; waits++) {
          const key = (await ok(200, 'GET', `/v2/keys/${id}`, producer)).json()
          if (!key.rotating) return key
          await sleep(25)
        }
        assert.fail('the rotation does not end')
      },
      uses: async (id: string, token = producer): Promise<string[]> =>
        (await ok(200, 'GET', `/v2/keys/${id}/events`, token))
          .json()
          .events.map(({ type, outcome }: { type: string; outcome: string }) => `${type} ${outcome}`),
    }
  }

  it('are made, shown, listed page by page, changed and deleted', async () => {
    const { ok, newKey, uses } = await start()
    const made = await newKey({ name: 'golden' })
    const { id, created_at, updated_at, ...rest } = made
    assert.match(id, /^[0-9a-f-]{36}$/)
    assert.equal(created_at, updated_at)
    assert.deepEqual(rest, {
      name: 'golden',
      project_id: 'producer',
      status: 'enabled',
      default: false,
      grantable: true,
      adopted: false,
      version: 1,
      rotating: false,
      images: 0,
    })
    assert.deepEqual((await ok(200, 'GET', `/v2/keys/${id}`, reader)).json(), made)
    const others = [await newKey(), await newKey({ name: 'third', default: true, grantable: false })]
    assert.deepEqual([others[1].default, others[1].grantable], [true, false])

    const seen: string[] = []
    let next = '/v2/keys?limit=2'
    while (next !== undefined) {
      const page = (await ok(200, 'GET', next, reader)).json()
      seen.push(...page.keys.map((key: { id: string }) => key.id))
      next = page.next
    }
    assert.deepEqual(new Set(seen), new Set([id, others[0].id, others[1].id]))
    assert.equal(seen.length, 3)
    await ok(400, 'GET', '/v2/keys?marker=nothing', reader)
    assert.deepEqual((await ok(200, 'GET', '/v2/keys', stranger)).json().keys, [])

    const renamed = (await ok(200, 'PATCH', `/v2/keys/${id}`, producer, { name: null, default: true })).json()
    assert.deepEqual([renamed.name, renamed.default], [null, true])
    assert.equal((await ok(200, 'GET', `/v2/keys/${others[1].id}`, reader)).json().default, false)
    await ok(400, 'PATCH', `/v2/keys/${id}`, producer, { version: 9 })
    await ok(400, 'PATCH', `/v2/keys/${id}`, producer, {})

    await ok(204, 'DELETE', `/v2/keys/${id}`, producer)
    await ok(404, 'DELETE', `/v2/keys/${id}`, producer)
    await ok(404, 'GET', `/v2/keys/${id}`, producer)
    // What was done with it can still be read.
    assert.deepEqual(await uses(id, reader), ['key.delete done', 'key.update done', 'key.create done'])
  })

  it('are nobody else’s, and members change them, not readers', async () => {
    const { call, newKey } = await start()
    const { id } = await newKey()
    const { plain: _, wrapped } = (await call('POST', `/v2/keys/${id}/data-keys`, producer)).json()
    const calls = [
      ['GET', `/v2/keys/${id}`],
      ['PATCH', `/v2/keys/${id}`, { name: 'x' }],
      ['DELETE', `/v2/keys/${id}`],
      ['POST', `/v2/keys/${id}/rotate`],
      ['GET', `/v2/keys/${id}/grants`],
      ['PUT', `/v2/keys/${id}/grants/stranger`],
      ['DELETE', `/v2/keys/${id}/grants/stranger`],
      ['GET', `/v2/keys/${id}/events`],
      ['POST', `/v2/keys/${id}/data-keys`],
      ['POST', `/v2/keys/${id}/unwrap`, { wrapped }],
    ] as const
    for (const [method, path, body] of calls) {
      const answer = await call(method, path, stranger, body)
      assert.equal(answer.statusCode, 404, `${method} ${path}: ${answer.body}`)
      // The same as for a key that is not there.
      const other = await call(method, path.replace(id, '0c0ffee0-0000-4000-8000-000000000000'), stranger, body)
      assert.equal(answer.body, other.body.replaceAll('0c0ffee0-0000-4000-8000-000000000000', id))
      const isRead = method === 'GET'
      assert.equal((await call(method, path, reader, body)).statusCode, isRead ? 200 : 403, `${method} ${path}`)
    }
    assert.equal((await call('POST', '/v2/keys', reader, {})).statusCode, 403)
    assert.equal((await call('GET', '/v2/keys', fakeToken(null))).statusCode, 403)
  })

  it('have one default a project, made once when it is needed first', async () => {
    const { ok, service, newImage } = await start()
    const cause = { projectId: 'producer', userId: 'u', requestId: null, at: Date.now() }
    const made = await Promise.all([1, 2, 3, 4, 5].map(() => defaultKeyOf(service, cause, 'producer')))
    assert.equal(new Set(made.map(({ id }) => id)).size, 1)
    const { keys } = (await ok(200, 'GET', '/v2/keys', reader)).json()
    assert.equal(keys.length, 1)
    assert.deepEqual([keys[0].default, keys[0].id], [true, made[0]?.id])
    await newImage(keys[0].id, undefined)
    assert.equal((await ok(200, 'GET', `/v2/keys/${keys[0].id}`, reader)).json().images, 1)
    // Other projects have their own.
    assert.notEqual((await defaultKeyOf(service, { ...cause, projectId: 'consumer' }, 'consumer')).id, keys[0].id)
  })

  it('never become grantable again, and only become never grantable while nobody is let', async () => {
    const { ok, newKey } = await start()
    const { id } = await newKey()
    await ok(200, 'PUT', `/v2/keys/${id}/grants/consumer`, producer)
    const refused = await ok(409, 'PATCH', `/v2/keys/${id}`, producer, { grantable: false })
    assert.match(refused.json().error.message, /1 other project is let use the key/)
    await ok(204, 'DELETE', `/v2/keys/${id}/grants/consumer`, producer)
    await ok(200, 'PATCH', `/v2/keys/${id}`, producer, { grantable: false })
    await ok(409, 'PATCH', `/v2/keys/${id}`, producer, { grantable: true })
    await ok(200, 'PATCH', `/v2/keys/${id}`, producer, { grantable: false, name: 'mine' })
    await ok(403, 'PUT', `/v2/keys/${id}/grants/consumer`, producer)
  })

  it('are as many as a project may have, also when many are made at once', async () => {
    const config = await start()
    const limits = { ...config.config.limits, keys_per_project: 3 }
    const { call, ok } = await start({ limits })
    const answers = await Promise.all(Array.from({ length: 8 }, () => call('POST', '/v2/keys', producer, {})))
    assert.deepEqual(answers.map(({ statusCode }) => statusCode).sort(), [201, 201, 201, 413, 413, 413, 413, 413])
    const [{ id }] = (await ok(200, 'GET', '/v2/keys', producer)).json().keys
    await ok(204, 'DELETE', `/v2/keys/${id}`, producer)
    await ok(201, 'POST', '/v2/keys', producer, {})
    await ok(201, 'POST', '/v2/keys', consumer, {})
  })

  it('are granted to projects and taken back, by hand', async () => {
    const { ok, call, newKey, uses } = await start()
    const { id } = await newKey()
    const granted = (await ok(200, 'PUT', `/v2/keys/${id}/grants/consumer`, producer)).json()
    assert.deepEqual(
      [granted.key_id, granted.project_id, granted.granted_by_user, granted.shares],
      [id, 'consumer', 'user-of-producer', 0],
    )
    assert.deepEqual((await ok(200, 'PUT', `/v2/keys/${id}/grants/consumer`, producer)).json(), granted)
    assert.deepEqual((await ok(200, 'GET', `/v2/keys/${id}/grants`, reader)).json(), { grants: [granted] })
    await ok(409, 'PUT', `/v2/keys/${id}/grants/producer`, producer)
    await ok(400, 'PUT', `/v2/keys/${id}/grants/a%2Fb`, producer)
    // A grantee does not see the key itself.
    await ok(404, 'GET', `/v2/keys/${id}`, consumer)
    await ok(404, 'PUT', `/v2/keys/${id}/grants/stranger`, consumer)

    await ok(204, 'DELETE', `/v2/keys/${id}/grants/consumer`, producer)
    await ok(404, 'DELETE', `/v2/keys/${id}/grants/consumer`, producer)
    assert.deepEqual((await ok(200, 'GET', `/v2/keys/${id}/grants`, reader)).json(), { grants: [] })
    assert.equal((await call('POST', `/v2/keys/${id}/data-keys`, consumer)).statusCode, 404)
    assert.deepEqual(await uses(id), ['key.revoke done', 'key.grant done', 'key.grant done', 'key.create done'])
  })

  it('give data keys to whoever holds them, and open them again after rotations', async () => {
    const { ok, call, newKey, settled } = await start()
    const { id } = await newKey()
    await ok(200, 'PUT', `/v2/keys/${id}/grants/consumer`, producer)
    const answer = await ok(201, 'POST', `/v2/keys/${id}/data-keys`, producer)
    assert.equal(answer.headers['cache-control'], 'no-store')
    const { plain, wrapped } = answer.json()
    assert.equal(Buffer.from(plain, 'base64').length, 32)
    assert.match(wrapped, /^1\.[A-Za-z0-9_-]+$/)
    const theirs = (await ok(201, 'POST', `/v2/keys/${id}/data-keys`, consumer)).json()
    assert.notEqual(theirs.plain, plain)

    const opens = async (one: { plain: string; wrapped: string }, token: string) => {
      const opened = await ok(200, 'POST', `/v2/keys/${id}/unwrap`, token, { wrapped: one.wrapped })
      assert.equal(opened.headers['cache-control'], 'no-store')
      assert.deepEqual(opened.json(), { plain: one.plain })
    }
    for (const token of [producer, consumer]) for (const one of [{ plain, wrapped }, theirs]) await opens(one, token)
    await ok(202, 'POST', `/v2/keys/${id}/rotate`, producer)
    assert.equal((await settled(id)).version, 2)
    await opens({ plain, wrapped }, consumer)
    assert.match((await ok(201, 'POST', `/v2/keys/${id}/data-keys`, consumer)).json().wrapped, /^2\./)

    // Nonsense is the fault of whoever sent it.
    const other = await newKey()
    const foreign = (await ok(201, 'POST', `/v2/keys/${other.id}/data-keys`, producer)).json().wrapped
    for (const text of [foreign, `2${wrapped.slice(1)}`, `9${wrapped.slice(1)}`, '1.AAAA', '1', 'x.y', '']) {
      assert.equal((await call('POST', `/v2/keys/${id}/unwrap`, producer, { wrapped: text })).statusCode, 400, text)
    }

    // Disabled, it opens nothing for anybody.
    await ok(200, 'PATCH', `/v2/keys/${id}`, producer, { status: 'disabled' })
    for (const token of [producer, consumer]) {
      await ok(403, 'POST', `/v2/keys/${id}/unwrap`, token, { wrapped })
      await ok(403, 'POST', `/v2/keys/${id}/data-keys`, token)
    }
    await ok(403, 'POST', `/v2/keys/${id}/rotate`, producer)
    await ok(200, 'PATCH', `/v2/keys/${id}`, producer, { status: 'enabled' })
    await opens({ plain, wrapped }, producer)

    // Data keys keep a key, unless they may go with it.
    const kept = await ok(409, 'DELETE', `/v2/keys/${id}`, producer)
    assert.match(kept.json().error.message, /3 data keys that it wrapped/)
    await ok(400, 'DELETE', `/v2/keys/${id}?data_keys=yes`, producer)
    await ok(204, 'DELETE', `/v2/keys/${id}?data_keys=forget`, producer)
    await ok(404, 'POST', `/v2/keys/${id}/unwrap`, consumer, { wrapped })
  })

  it('of images are kept with these, rotated under them, and go when they have gone', async () => {
    const { ok, newKey, newImage, settled, service } = await start()
    const { id } = await newKey()
    const bytes = randomBytes(150_000)
    const images = [await newImage(id, bytes), await newImage(id, bytes), await newImage(id, undefined)]
    // Others may write what they like into their images.
    const property = { name: 'x', __system__cmkid: id }
    await ok(201, 'POST', '/v2/images', stranger, property)
    assert.equal((await ok(200, 'GET', `/v2/keys/${id}`, reader)).json().images, 3)
    assert.match((await ok(409, 'DELETE', `/v2/keys/${id}`, producer)).json().error.message, /needed for 3 images/)

    const batch = { action: 'share', images: [images[0]], projects: ['consumer'], grant: true }
    assert.equal((await ok(200, 'POST', '/v2/shares', producer, batch)).json().results[0].result, 'shared')
    const read = async (image: string, token: string) =>
      createHash('sha256')
        .update((await ok(200, 'GET', `/v2/images/${image}/file`, token)).rawPayload)
        .digest('hex')
    const digest = createHash('sha256').update(bytes).digest('hex')
    for (const version of [2, 3]) {
      const rotated = (await ok(202, 'POST', `/v2/keys/${id}/rotate`, producer)).json()
      assert.equal(rotated.version, version)
      // While it is going on, and after.
      for (const image of images.slice(0, 2)) assert.equal(await read(image, producer), digest)
      assert.equal(await read(images[0] ?? '', consumer), digest)
      await settled(id)
      for (const image of images.slice(0, 2)) assert.equal(await read(image, producer), digest)
      assert.equal(await read(images[0] ?? '', consumer), digest)
    }
    const [grant] = (await ok(200, 'GET', `/v2/keys/${id}/grants`, reader)).json().grants
    assert.deepEqual([grant.project_id, grant.shares], ['consumer', 1])
    const seals = await service.database.read.selectFrom('image_seals').selectAll().where('key_id', '=', id).execute()
    assert.deepEqual(
      seals.map(({ key_version }) => key_version),
      [3, 3],
    )

    for (const image of images) await ok(204, 'DELETE', `/v2/images/${image}`, producer)
    await ok(204, 'DELETE', `/v2/keys/${id}`, producer)
    const rest = service.database.read.selectFrom('embedded_keys').selectAll().where('key_id', '=', id)
    assert.deepEqual(await rest.execute(), [])
    assert.deepEqual(await service.database.read.selectFrom('keys').selectAll().where('id', '=', id).execute(), [])
  })

  it('have a log of every use, page by page, without secrets', async () => {
    const { ok, call, newKey, service } = await start()
    const { id } = await newKey()
    const { plain, wrapped } = (await ok(201, 'POST', `/v2/keys/${id}/data-keys`, producer)).json()
    await ok(200, 'POST', `/v2/keys/${id}/unwrap`, producer, { wrapped })
    await call('POST', `/v2/keys/${id}/unwrap`, producer, { wrapped: '1.AAAA' })
    await ok(200, 'PUT', `/v2/keys/${id}/grants/consumer`, producer)
    await ok(201, 'POST', `/v2/keys/${id}/data-keys`, consumer)
    const seen: { type: string; outcome: string; project_id: string; grantee_id: string | null }[] = []
    let next = `/v2/keys/${id}/events?limit=2`
    while (next !== undefined) {
      const page = (await ok(200, 'GET', next, reader)).json()
      seen.push(...page.events)
      next = page.next
    }
    assert.deepEqual(
      seen.map(({ type, outcome, project_id, grantee_id }) => [type, outcome, project_id, grantee_id]),
      [
        ['key.data_key', 'done', 'consumer', 'consumer'],
        ['key.grant', 'done', 'producer', 'consumer'],
        ['key.unwrap', 'failed', 'producer', null],
        ['key.unwrap', 'done', 'producer', null],
        ['key.data_key', 'done', 'producer', null],
        ['key.create', 'done', 'producer', null],
      ],
    )
    await ok(400, 'GET', `/v2/keys/${id}/events?marker=nothing`, reader)
    const { read } = service.database
    const kept = JSON.stringify([
      await read.selectFrom('key_events').selectAll().execute(),
      await read.selectFrom('embedded_keys').selectAll().execute(),
      await read.selectFrom('key_versions').selectAll().execute(),
    ])
    assert.ok(!kept.includes(plain))
    assert.ok(!kept.includes(wrapped.slice(2)))
  })

  it('cannot be taken from a secret that is not there', async () => {
    const { ok, newKey } = await start()
    const { id } = await newKey()
    for (const secret_id of ['8ec40cbd-cf8c-4a3f-9d2c-4dd8a8f5d8ea', id, '../admin', 'EC40CBD'])
      await ok(404, 'POST', '/v2/keys', producer, { secret_id })
  })

  it('are nobody’s concern without a key manager', async () => {
    const { call } = await start({ key_manager: 'none' })
    for (const [method, path, body] of [
      ['GET', '/v2/keys'],
      ['POST', '/v2/keys', {}],
      ['GET', '/v2/keys/x/grants'],
      ['GET', '/v2/keys/x/events'],
      ['POST', '/v2/keys/x/data-keys'],
    ] as const) {
      const answer = await call(method, path, producer, body)
      assert.equal(answer.statusCode, 503)
      assert.match(answer.json().error.message, /VITRINE_KEY_MANAGER/)
    }
  })
})
