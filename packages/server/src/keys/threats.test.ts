import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService } from '../testing/test-service.ts'
import { newImageKey } from './use.ts'

const producer = fakeToken('producer', 'member')
const consumer = fakeToken('consumer', 'member')
/** Plays into the hands of the consumer. */
const accomplice = fakeToken('accomplice', 'member')
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

eachDatabase('against keys', ({ newUrl, atEnd }) => {
  const start = async (settings: Parameters<typeof startTestService>[0] = {}) => {
    const test = await startTestService({ ...settings, database_url: await newUrl() })
    atEnd(test.close)
    const { call } = test
    const ok = async (status: number, ...given: Parameters<typeof call>) => {
      const answer = await call(...given)
      assert.equal(answer.statusCode, status, `${given[0]} ${given[1]}: ${answer.body}`)
      return answer
    }
    const newKey = async (token = producer): Promise<string> =>
      (await ok(201, 'POST', '/v2/keys', token, { name: 'k' })).json().id
    const newImage = async (token: string, properties: object = {}): Promise<string> =>
      (await ok(201, 'POST', '/v2/images', token, { ...raw, ...properties })).json().id
    const newSealed = async (keyId: string, bytes = randomBytes(100)): Promise<string> => {
      const id = await newImage(producer)
      await ok(200, 'PUT', `/v2/images/${id}/encryption`, producer, { key_id: keyId })
      await ok(204, 'PUT', `/v2/images/${id}/file`, producer, bytes, octets)
      return id
    }
    const mark = (token: string, image: string, name: string, value: string) =>
      ok(200, 'PATCH', `/v2/images/${image}`, token, [{ op: 'add', path: `/${name}`, value }], patch)
    return { ...test, ok, newKey, newImage, newSealed, mark }
  }

  it('a stranger who shares an image marked with a key keeps nobody’s grant of it alive', async () => {
    const { ok, newKey, newImage, newSealed, mark, service } = await start()
    const key = await newKey()
    const image = await newSealed(key)
    const { wrapped } = (await ok(201, 'POST', `/v2/keys/${key}/data-keys`, producer)).json()
    const share = { action: 'share', images: [image], projects: ['consumer'], grant: true }
    await ok(200, 'POST', '/v2/shares', producer, share)
    await ok(200, 'POST', `/v2/keys/${key}/unwrap`, consumer, { wrapped })

    const decoy = await newImage(accomplice)
    await ok(200, 'POST', `/v2/images/${decoy}/members`, accomplice, { member: 'consumer' })
    await mark(accomplice, decoy, '__system__cmkid', key)

    await ok(204, 'DELETE', `/v2/images/${image}/members/consumer`, producer)
    const grants = () => service.database.read.selectFrom('key_grants').selectAll().execute()
    await until(async () => (await grants()).length === 0, 'the grant ends with the share')
    await ok(404, 'POST', `/v2/keys/${key}/unwrap`, consumer, { wrapped })
  })

  it('a stranger who uploads for ever to an image marked with a key holds up no rotation of it', async () => {
    const { ok, newKey, newImage, newSealed, service } = await start()
    const key = await newKey()
    await newSealed(key)
    const decoy = await newImage(accomplice, { __system__cmkid: key })
    await service.database.write((tx) =>
      tx.updateTable('images').set({ status: 'saving' }).where('id', '=', decoy).execute(),
    )
    await ok(202, 'POST', `/v2/keys/${key}/rotate`, producer)
    const isDone = async () => !(await ok(200, 'GET', `/v2/keys/${key}`, producer)).json().rotating
    await until(isDone, 'the rotation ends')
  })

  it('a stranger’s image keeps a key neither alive nor from its deletion with its own image', async () => {
    const { ok, newKey, newImage } = await start()
    const key = await newKey()
    const marks = { __system__cmkid: key, cinder_encryption_key_deletion_policy: 'on_image_deletion' }
    await newImage(accomplice, marks)
    const decoy = await newImage(accomplice, marks)
    const own = await newImage(producer, marks)
    await ok(204, 'DELETE', `/v2/images/${decoy}`, accomplice)
    await sleep(200)
    await ok(200, 'GET', `/v2/keys/${key}`, producer)
    await ok(204, 'DELETE', `/v2/images/${own}`, producer)
    const isGone = async () => !(await ok(200, 'GET', '/v2/keys', producer)).body.includes(key)
    await until(isGone, 'the key goes with the image of its project')
  })

  it('an image that was given away takes no key of its new owner with it', async () => {
    const { ok, newKey, newImage, call } = await start({ allow_owner_transfer: true })
    const key = await newKey()
    const gift = await newImage(accomplice, { __system__cmkid: key })
    const changes = [
      { op: 'add', path: '/owner', value: 'producer' },
      { op: 'add', path: '/os_encrypt_key_deletion_policy', value: 'on_image_deletion' },
    ]
    await ok(200, 'PATCH', `/v2/images/${gift}`, accomplice, changes, patch)
    await ok(204, 'DELETE', `/v2/images/${gift}`, producer)
    await sleep(300)
    assert.equal((await call('GET', `/v2/keys/${key}`, producer)).statusCode, 200)
  })

  it('bytes that arrive while their key is deleted are refused, and not lost later', async () => {
    const { ok, newKey, newImage, service, call } = await start()
    const key = await newKey()
    const image = await newImage(producer)
    await ok(200, 'PUT', `/v2/images/${image}/encryption`, producer, { key_id: key })
    // As it is when the deletion has counted the images of the key just before this one came to be.
    const wrapped = service.keyManager?.wrap
    const manager = service.keyManager
    assert.ok(manager && wrapped)
    Object.assign(manager, {
      wrap: async (...given: Parameters<typeof wrapped>) => {
        const result = await wrapped(...given)
        await service.database.write((tx) =>
          tx.updateTable('key_versions').set({ state: 'removing' }).where('key_id', '=', key).execute(),
        )
        return result
      },
    })
    await ok(403, 'PUT', `/v2/images/${image}/file`, producer, randomBytes(10), octets)
    const { status } = (await call('GET', `/v2/images/${image}`, producer)).json()
    assert.equal(status, 'queued')
    assert.deepEqual(await service.database.read.selectFrom('image_seals').selectAll().execute(), [])
  })

  it('a key that is being removed seals nothing', async () => {
    const { ok, newKey, newImage, service } = await start()
    const key = await newKey()
    const image = await newImage(producer)
    const cause = { projectId: 'producer', userId: null, requestId: null, at: Date.now() }
    const holder = { projectId: 'producer', token: null }
    await service.database.write((tx) => tx.updateTable('keys').set({ version: -1 }).where('id', '=', key).execute())
    await ok(404, 'PUT', `/v2/images/${image}/encryption`, producer, { key_id: key })
    await assert.rejects(() => newImageKey(service, holder, cause, { id: image, keyId: key }), { code: 'key_unknown' })
  })

  it('a database that is away when a lock is given back keeps no key locked', async () => {
    const { ok, newKey, service } = await start()
    const key = await newKey()
    const { write } = service.database
    let isAway = false
    Object.assign(service.database, {
      write: async (...given: Parameters<typeof write>) => {
        if (isAway) throw new Error('away')
        return write(...given)
      },
    })
    const result = await service.keyLocks.hold(key, async () => {
      isAway = true
      return 'done'
    })
    assert.equal(result, 'done')
    isAway = false
    const locks = () => service.database.read.selectFrom('key_locks').selectAll().execute()
    await until(async () => (await locks()).length === 0, 'the lock is given back')
    await ok(202, 'POST', `/v2/keys/${key}/rotate`, producer)
  })

  it('whoever names the key of another to take it over waits for nobody, and holds nobody up', async () => {
    const { ok, newKey, service } = await start()
    const key = await newKey()
    let answered = 0
    await service.keyLocks.hold(key, async () => {
      const attempt = ok(404, 'POST', '/v2/keys', accomplice, { secret_id: key }).then(() => {
        answered += 1
      })
      await Promise.race([attempt, sleep(5000)])
    })
    assert.equal(answered, 1)
  })

  it('sealed bytes that the database says are plain are damaged, and not sent', async () => {
    const { ok, newKey, newSealed, service } = await start()
    const bytes = randomBytes(200_000)
    const image = await newSealed(await newKey(), bytes)
    const say = (encryption: 'sealed' | 'client' | null) =>
      service.database.write((tx) => tx.updateTable('images').set({ encryption }).where('id', '=', image).execute())
    for (const lie of [null, 'client'] as const) {
      await say(lie)
      const answer = await ok(500, 'GET', `/v2/images/${image}/file`, producer)
      assert.match(answer.body, /damaged/)
    }
    await say('sealed')
    const answer = await ok(200, 'GET', `/v2/images/${image}/file`, producer)
    assert.ok(answer.rawPayload.equals(bytes))
    assert.equal(answer.headers['cache-control'], 'no-store')
  })

  it('a key that the database gives to a thief for a moment is not one that its owner goes on with', async () => {
    const { ok, newKey, newSealed, service } = await start()
    const key = await newKey()
    const image = await newSealed(key)
    const give = (project_id: string) =>
      service.database.write((tx) => tx.updateTable('keys').set({ project_id }).where('id', '=', key).execute())
    await give('accomplice')
    await ok(500, 'POST', `/v2/keys/${key}/rotate`, accomplice)
    await ok(500, 'PUT', `/v2/keys/${key}/grants/consumer`, accomplice)
    await give('producer')
    const opens = { visibility: 'public' } as const
    await service.database.write((tx) => tx.updateTable('images').set(opens).where('id', '=', image).execute())
    for (const token of [accomplice, consumer]) await ok(403, 'GET', `/v2/images/${image}/file`, token)
    await ok(200, 'GET', `/v2/images/${image}/file`, producer)
  })
})
