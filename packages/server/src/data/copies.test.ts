import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { locationsOf } from '../images/image.ts'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'

const producer = fakeToken('producer', 'member')
const consumer = fakeToken('consumer', 'member')
const stranger = fakeToken('stranger', 'member')
const octets = { 'content-type': 'application/octet-stream' }

eachDatabase('copies', ({ newUrl, atEnd }) => {
  const start = async () => {
    const service = await startTestService({ database_url: await newUrl() })
    atEnd(() => service.close())
    return service
  }

  const newImage = async (
    { call }: TestService,
    bytes: Buffer,
    body: object = {},
    isSealed = true,
  ): Promise<string> => {
    const given = { name: 'debian', disk_format: 'raw', container_format: 'bare', min_ram: 64, tags: ['t'], ...body }
    const id = String((await call('POST', '/v2/images', producer, given)).json().id)
    if (isSealed) assert.equal((await call('PUT', `/v2/images/${id}/encryption`, producer)).statusCode, 200)
    assert.equal((await call('PUT', `/v2/images/${id}/file`, producer, bytes, octets)).statusCode, 204)
    return id
  }
  const share = async ({ call }: TestService, image: string) => {
    const body = { action: 'share', images: [image], projects: ['consumer'], grant: true }
    const answer = await call('POST', '/v2/shares', producer, body)
    assert.equal(answer.json().results[0].result, 'shared', answer.body)
  }
  const copy = ({ call }: TestService, image: string, body?: object, token = consumer) =>
    call('POST', `/v2/images/${image}/copies`, token, body)
  const done = async ({ call, service }: TestService, id: string, token = consumer) => {
    await service.copies.settled()
    return (await call('GET', `/v2/images/${id}`, token)).json()
  }

  it('are images of the project that copies, under its own key, and outlive the share', async () => {
    const service = await start()
    const bytes = randomBytes(300_000)
    const image = await newImage(service, bytes, { os_distro: 'debian' })
    await share(service, image)
    const answer = await copy(service, image, { name: 'mine' })
    assert.equal(answer.statusCode, 202, answer.body)
    assert.equal(answer.json().status, 'saving')
    const id = String(answer.json().id)
    const made = await done(service, id)
    const original = (await service.call('GET', `/v2/images/${image}`, producer)).json()
    assert.equal(made.status, 'active')
    assert.equal(made.owner, 'consumer')
    assert.equal(made.name, 'mine')
    for (const same of ['checksum', 'os_hash_value', 'size', 'disk_format', 'min_ram', 'os_distro']) {
      assert.equal(made[same], original[same], same)
    }
    assert.notEqual(made.__system__cmkid, original.__system__cmkid)

    const unshare = { action: 'unshare', images: [image], projects: ['consumer'] }
    await service.call('POST', '/v2/shares', producer, unshare)
    assert.equal((await service.call('GET', `/v2/images/${image}/file`, consumer)).statusCode, 404)
    assert.deepEqual((await service.call('GET', `/v2/images/${id}/file`, consumer)).rawPayload, bytes)
  })

  it('are encrypted as the image is, unless it is said', async () => {
    const service = await start()
    const sealed = await newImage(service, randomBytes(1000))
    const plain = await newImage(service, randomBytes(1000), {}, false)
    const kindOf = async (image: string, body?: object) => {
      const { id } = (await copy(service, image, body, producer)).json()
      assert.equal((await done(service, id, producer)).status, 'active')
      return (await service.call('GET', `/v2/images/${id}/encryption`, producer)).json().kind
    }
    assert.equal(await kindOf(sealed), 'sealed')
    assert.equal(await kindOf(sealed, { encrypt: false }), 'none')
    assert.equal(await kindOf(plain), 'none')
    assert.equal(await kindOf(plain, { encrypt: true }), 'sealed')
  })

  it('are refused to who may not read the bytes, and leave nothing', async () => {
    const service = await start()
    const image = await newImage(service, randomBytes(1000))
    assert.equal((await copy(service, image, {}, stranger)).statusCode, 404)
    await share(service, image)
    assert.equal((await copy(service, image, {}, fakeToken('consumer', 'reader'))).statusCode, 403)
    const key = (await service.call('GET', `/v2/images/${image}/encryption`, producer)).json().key_id
    await service.call('DELETE', `/v2/keys/${key}/grants/consumer`, producer)
    const refused = await copy(service, image)
    assert.equal(refused.statusCode, 403)
    assert.match(refused.body, new RegExp(`vitrine key grant ${key} consumer`))
    assert.equal((await copy(service, image, { encrypt: false, key_id: key }, producer)).statusCode, 400)
    assert.equal((await copy(service, image, { key_id: 'nobodys' }, producer)).statusCode, 404)
    assert.deepEqual((await service.call('GET', '/v2/images?visibility=shared', consumer)).json().images, [])
    const queued = (await service.call('POST', '/v2/images', producer, {})).json().id
    assert.equal((await copy(service, queued, {}, producer)).statusCode, 409)
  })

  it('of damaged bytes are never active, and say why', async () => {
    const service = await start()
    const image = await newImage(service, randomBytes(500_000))
    const row = await service.service.database.read
      .selectFrom('images')
      .select('locations')
      .where('id', '=', image)
      .executeTakeFirstOrThrow()
    const key = locationsOf(row)[0]?.key ?? ''
    const path = join(service.config.data, 'images', key.slice(0, 2), key)
    const stored = await readFile(path)
    await writeFile(path, stored.with(stored.length - 1, 1 ^ (stored.at(-1) ?? 0)))
    const { id } = (await copy(service, image, {}, producer)).json()
    assert.equal((await done(service, id, producer)).status, 'queued')
    const events = (await service.call('GET', `/v2/images/${id}/events`, producer)).json().events
    assert.ok(
      events.some(({ detail }: { detail: { reason?: string } }) => detail.reason === 'image_damaged'),
      JSON.stringify(events),
    )
    const files = await readdir(join(service.config.data, 'images'), { recursive: true })
    assert.equal(files.filter((name) => /[0-9a-f]{32}$/.test(name)).length, 1)
  })

  it('run two at a time for a project', async () => {
    const service = await start()
    const image = await newImage(service, randomBytes(3_000_000))
    const answers = await Promise.all(Array.from({ length: 5 }, () => copy(service, image, {}, producer)))
    const codes = answers.map(({ statusCode }) => statusCode).sort()
    assert.ok(codes.includes(202) && codes.includes(429), codes.join())
    await service.service.copies.settled()
    for (const answer of answers.filter(({ statusCode }) => statusCode === 202)) {
      assert.equal((await done(service, answer.json().id, producer)).status, 'active')
    }
  })
})
