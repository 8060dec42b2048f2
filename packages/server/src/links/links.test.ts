import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { it } from 'node:test'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'
import { dropEndedLinks } from './queries.ts'

const producer = fakeToken('producer', 'member')
const consumer = fakeToken('consumer', 'member')
const stranger = fakeToken('stranger', 'member')
const octets = { 'content-type': 'application/octet-stream' }
const bytes = randomBytes(300_000)

eachDatabase('links', ({ newUrl, atEnd }) => {
  const start = async (settings: Parameters<typeof startTestService>[0] = {}, now = Date.now) => {
    const service = await startTestService({ ...settings, database_url: await newUrl() }, now)
    atEnd(service.close)
    return service
  }
  let common: Promise<TestService> | undefined
  /** One for all tests that need nothing special. */
  const usual = () => {
    common ??= start()
    return common
  }
  const newImage = async ({ call }: TestService, seal = false): Promise<string> => {
    const attributes = { name: 'Débian / 13 "x"', disk_format: 'raw', container_format: 'bare' }
    const { id } = (await call('POST', '/v2/images', producer, attributes)).json()
    if (seal) assert.equal((await call('PUT', `/v2/images/${id}/encryption`, producer)).statusCode, 200)
    assert.equal((await call('PUT', `/v2/images/${id}/file`, producer, bytes, octets)).statusCode, 204)
    return id
  }
  const share = async ({ call }: TestService, id: string, attributes: object = {}) => {
    const body = { action: 'share', images: [id], projects: ['consumer'], ...attributes }
    const answer = await call('POST', '/v2/shares', producer, body)
    assert.deepEqual([answer.statusCode, answer.json().results?.[0]?.result], [200, 'shared'], answer.body)
  }
  const link = async ({ call }: TestService, id: string, token = consumer, body?: object) => {
    const answer = await call('POST', `/v2/images/${id}/links`, token, body)
    assert.equal(answer.statusCode, 201, answer.body)
    const { id: linkId, url, ...others } = answer.json()
    return { id: String(linkId), path: new URL(url).pathname, others, answer }
  }
  const statusOf = async ({ call }: TestService, path: string) => (await call('GET', path)).statusCode

  it('read the bytes without a token, whole and in parts', async () => {
    const service = await usual()
    const { call } = service
    const id = await newImage(service)
    const { path, answer } = await link(service, id, producer)
    assert.match(path, /^\/links\/[\w-]{43}\/De-bian-13-x\.raw$/)
    assert.equal(answer.headers['cache-control'], 'no-store')

    const whole = await call('GET', path)
    assert.equal(whole.statusCode, 200)
    assert.ok(whole.rawPayload.equals(bytes))
    const { headers } = whole
    const { os_hash_value: hash } = (await call('GET', `/v2/images/${id}`, producer)).json()
    const expected = {
      'accept-ranges': 'bytes',
      'content-length': String(bytes.length),
      'content-type': 'application/octet-stream',
      'content-disposition': 'attachment',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'private, no-store',
      etag: `"sha512-${hash}"`,
    }
    for (const [name, value] of Object.entries(expected)) assert.equal(headers[name], value, name)
    assert.match(String(headers['content-security-policy']), /^sandbox/)

    const head = await call('HEAD', path, undefined, undefined, { range: 'bytes=0-3' })
    assert.deepEqual([head.statusCode, head.rawPayload.length], [200, 0])
    for (const [name, value] of Object.entries(expected)) assert.equal(head.headers[name], value, name)
    assert.match(String(head.headers['x-openstack-request-id']), /^req-/)

    const etag = String(headers.etag)
    const part = async (range: string, more: Record<string, string> = {}) =>
      call('GET', path, undefined, undefined, { range, ...more })
    const some = await part('bytes=1000-199999', { 'if-range': etag })
    assert.equal(some.statusCode, 206)
    assert.equal(some.headers['content-range'], `bytes 1000-199999/${bytes.length}`)
    assert.equal(some.headers.etag, etag)
    assert.ok(some.rawPayload.equals(bytes.subarray(1000, 200_000)))
    const dated = await part('bytes=0-3', { 'if-range': String(headers['last-modified']) })
    assert.equal(dated.statusCode, 206)
    assert.equal((await part('bytes=-5')).rawPayload.length, 5)
    for (const other of ['"other"', `W/${etag}`]) {
      const changed = await part('bytes=0-3', { 'if-range': other })
      assert.deepEqual([changed.statusCode, changed.rawPayload.length], [200, bytes.length])
    }
    for (const unfit of [`bytes=${bytes.length}-`, 'bytes=5-4', 'bytes=x']) {
      const refused = await part(unfit)
      assert.equal(refused.statusCode, 416)
      assert.equal(refused.headers['content-range'], `bytes */${bytes.length}`)
      assert.equal(refused.headers['cache-control'], 'private, no-store')
    }
    assert.equal((await part('bytes=0-1,5-6')).statusCode, 400)
    assert.equal((await part('lines=0-1')).statusCode, 200)
    const asks = async (header: string, value: string) =>
      (await call('GET', path, undefined, undefined, { [header]: value })).statusCode
    assert.equal(await asks('if-none-match', etag), 304)
    assert.equal(await asks('if-match', '"other"'), 412)
    assert.equal(await asks('if-match', etag), 200)
    assert.equal(await asks('content-range', 'bytes 0-3/10'), 200)
  })

  it('take no other method, and no other path under them is a document of versions', async () => {
    const service = await usual()
    const { call } = service
    const { path } = await link(service, await newImage(service), producer)
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'] as const) {
      const answer = await call(method, path)
      assert.deepEqual([answer.statusCode, answer.headers.allow], [405, 'GET, HEAD'])
    }
    for (const none of ['/links', '/links/', `${path}/more`]) assert.equal(await statusOf(service, none), 404)
    assert.equal(await statusOf(service, path.split('/').slice(0, 3).join('/')), 200)
    assert.equal(await statusOf(service, `${path}x`), 200)
    assert.equal(await statusOf(service, path.replace(/links\/./, 'links/.')), 404)
  })

  it('are made by whoever may download, and by nobody else', async () => {
    const service = await usual()
    const { call } = service
    const id = await newImage(service)
    const tryAs = async (token: string, image = id) =>
      (await call('POST', `/v2/images/${image}/links`, token)).statusCode
    assert.equal(await tryAs(consumer), 404)
    await share(service, id)
    assert.equal(await tryAs(consumer), 201)
    assert.equal(await tryAs(fakeToken('consumer', 'reader')), 403)
    assert.equal(await tryAs(stranger), 404)
    assert.equal(await tryAs(fakeToken('operator', 'admin')), 201)
    assert.equal(await tryAs(fakeToken(null)), 404)
    assert.equal((await call('POST', `/v2/images/${id}/links`)).statusCode, 401)
    const queued = (await call('POST', '/v2/images', producer, {})).json().id
    assert.equal(await tryAs(producer, queued), 409)
  })

  it('end by themselves, work an hour unless told otherwise, and no longer than they may', async () => {
    let at = Date.UTC(2026, 4, 1)
    const service = await start({}, () => at)
    const { call } = service
    const id = await newImage(service)
    const hour = await link(service, id, producer)
    assert.equal(hour.others.expires_at, '2026-05-01T01:00:00Z')
    const short = await link(service, id, producer, { expires_in_seconds: 10 })
    const ask = async (body: object) => call('POST', `/v2/images/${id}/links`, producer, body)
    assert.equal((await ask({ expires_in_seconds: 86_401 })).statusCode, 400)
    for (const wrong of [{ expires_in_seconds: 0 }, { expires_in_seconds: '10' }, { ends: 1 }]) {
      assert.equal((await ask(wrong)).statusCode, 400)
    }
    const listed = async () => (await call('GET', `/v2/images/${id}/links`, producer)).json().links.length
    assert.equal(await listed(), 2)
    at += 10_000
    assert.equal(await statusOf(service, short.path), 404)
    assert.equal(await statusOf(service, hour.path), 200)
    assert.equal(await listed(), 1)

    const renew = (linkId: string, token = producer) =>
      call('PATCH', `/v2/images/${id}/links/${linkId}`, token, { expires_in_seconds: 7200 })
    assert.equal((await renew(hour.id)).json().expires_at, '2026-05-01T02:00:10Z')
    assert.equal((await renew(short.id)).statusCode, 404)
    at += 7_200_000
    assert.equal(await statusOf(service, hour.path), 404)
    await service.service.database.write((tx) => dropEndedLinks(tx, at))
    assert.deepEqual(await service.service.database.read.selectFrom('links').selectAll().execute(), [])
  })

  it('of a project are shown to it alone, in pages and without their addresses', async () => {
    const service = await usual()
    const { call } = service
    const id = await newImage(service)
    await share(service, id)
    const mine = [await link(service, id), await link(service, id)]
    const others = await link(service, id, producer)
    const list = async (query = '', token = consumer) =>
      (await call('GET', `/v2/images/${id}/links${query}`, token)).json()
    const { links } = await list()
    assert.deepEqual(new Set(links.map((one: { id: string }) => one.id)), new Set(mine.map((one) => one.id)))
    assert.deepEqual(Object.keys(links[0]).sort(), ['id', 'image_id', 'user_id', 'created_at', 'expires_at'].sort())
    const first = await list('?limit=1')
    const second = (await call('GET', first.next, consumer)).json()
    assert.deepEqual([...first.links, ...second.links], links)
    assert.equal((await call('GET', `/v2/images/${id}/links?marker=${others.id}`, consumer)).statusCode, 400)

    const remove = async (linkId: string, token: string) =>
      (await call('DELETE', `/v2/images/${id}/links/${linkId}`, token)).statusCode
    assert.equal(await remove(others.id, consumer), 404)
    assert.equal(await remove(others.id, stranger), 404)
    assert.equal(await statusOf(service, others.path), 200)
    assert.equal(await remove(others.id, producer), 204)
    assert.equal(await remove(others.id, producer), 404)
    assert.equal(await statusOf(service, others.path), 404)
  })

  it('are as many for a project as the limit says, also when they are made at once', async () => {
    const { limits } = (await usual()).config
    const limited = await start({ limits: { ...limits, links_per_project: 3 } })
    const { call } = limited
    const id = await newImage(limited)
    const answers = await Promise.all(Array.from({ length: 8 }, () => call('POST', `/v2/images/${id}/links`, producer)))
    const codes = answers.map(({ statusCode }) => statusCode).sort()
    assert.deepEqual(codes, [201, 201, 201, 413, 413, 413, 413, 413])
    const made = answers.find(({ statusCode }) => statusCode === 201)?.json()
    await call('DELETE', `/v2/images/${id}/links/${made.id}`, producer)
    assert.equal((await call('POST', `/v2/images/${id}/links`, producer)).statusCode, 201)
  })

  it('OSSA-2023-003: end at once with the share, and do not come back with another one', async () => {
    const service = await usual()
    const { call } = service
    const id = await newImage(service)
    await share(service, id)
    const { path, id: linkId } = await link(service, id)
    assert.equal(await statusOf(service, path), 200)
    await call('DELETE', `/v2/images/${id}/members/consumer`, producer)
    for (const method of ['GET', 'HEAD'] as const) assert.equal((await call(method, path)).statusCode, 404)
    await share(service, id)
    assert.equal(await statusOf(service, path), 404)
    const renewed = await call('PATCH', `/v2/images/${id}/links/${linkId}`, consumer)
    assert.equal(renewed.statusCode, 200)
    assert.equal(await statusOf(service, path), 200)
  })

  it('OSSA-2023-003: end with the image, its visibility, its owner, and the end of the share', async () => {
    let at = Date.now()
    const service = await start({}, () => at)
    const { call } = service
    const patch = async (id: string, path: string, value: unknown, token = producer) => {
      const type = { 'content-type': 'application/openstack-images-v2.1-json-patch' }
      const answer = await call('PATCH', `/v2/images/${id}`, token, [{ op: 'replace', path, value }], type)
      assert.equal(answer.statusCode, 200, answer.body)
    }
    const ending = await newImage(service)
    await share(service, ending, { ends_at: new Date(at + 60_000).toISOString() })
    const through = await link(service, ending)
    at += 61_000
    assert.equal(await statusOf(service, through.path), 404)

    const hiding = await newImage(service)
    await patch(hiding, '/visibility', 'community')
    const ofCommunity = await link(service, hiding, stranger)
    const ofOwner = await link(service, hiding, producer)
    assert.equal(await statusOf(service, ofCommunity.path), 200)
    await patch(hiding, '/visibility', 'private')
    assert.equal(await statusOf(service, ofCommunity.path), 404)
    assert.equal(await statusOf(service, ofOwner.path), 200)
    await call('POST', `/v2/images/${hiding}/actions/deactivate`, producer)
    assert.equal(await statusOf(service, ofOwner.path), 403)
    await call('POST', `/v2/images/${hiding}/actions/reactivate`, producer)
    await patch(hiding, '/owner', 'other', fakeToken('operator', 'admin'))
    assert.equal(await statusOf(service, ofOwner.path), 404)

    const going = await newImage(service)
    const last = await link(service, going, producer)
    assert.equal((await call('DELETE', `/v2/images/${going}`, producer)).statusCode, 204)
    assert.equal(await statusOf(service, last.path), 404)
  })

  it('to encrypted images open them as long as the project holds the key', async () => {
    const service = await usual()
    const { call } = service
    const id = await newImage(service, true)
    await share(service, id, { grant: true })
    const { path } = await link(service, id)
    const { path: ofOwner } = await link(service, id, producer)
    const part = await call('GET', path, undefined, undefined, { range: 'bytes=70000-80000' })
    assert.ok(part.rawPayload.equals(bytes.subarray(70_000, 80_001)))
    // Nothing that opens the image is kept with the link.
    const rows = await service.service.database.read
      .selectFrom('links')
      .selectAll()
      .where('image_id', '=', id)
      .execute()
    assert.equal(rows.length, 2)
    for (const row of rows) {
      assert.deepEqual(Object.keys(row).sort(), [
        'created_at',
        'expires_at',
        'id',
        'image_id',
        'project_id',
        'roles',
        'secret_digest',
        'shared_at',
        'user_id',
      ])
    }
    const { key_id: key } = (await call('GET', `/v2/images/${id}/encryption`, producer)).json()
    const uses = await service.service.database.read
      .selectFrom('key_events')
      .selectAll()
      .where('type', '=', 'key.open')
      .where('project_id', '=', 'consumer')
      .where('image_id', '=', id)
      .execute()
    assert.equal(uses.length, 1)

    const disable = await call('PATCH', `/v2/keys/${key}`, producer, { status: 'disabled' })
    assert.equal(disable.statusCode, 200, disable.body)
    assert.equal(await statusOf(service, path), 404)
    await call('PATCH', `/v2/keys/${key}`, producer, { status: 'enabled' })
    assert.equal(await statusOf(service, path), 200)
    const revoked = await call('DELETE', `/v2/keys/${key}/grants/consumer`, producer)
    assert.ok(revoked.statusCode < 300, revoked.body)
    assert.equal(await statusOf(service, path), 404)
    assert.equal((await call('POST', `/v2/images/${id}/links`, consumer)).statusCode, 403)
    assert.equal(await statusOf(service, ofOwner), 200)
  })

  it('count as one use of the share, however many pieces are read', async () => {
    const service = await usual()
    const { call } = service
    const id = await newImage(service)
    await share(service, id)
    const { path } = await link(service, id)
    for (const range of ['bytes=0-9', 'bytes=-10', 'bytes=0-', 'bytes=-1']) {
      await call('GET', path, undefined, undefined, { range })
    }
    await link(service, id, producer).then(({ path: own }) => call('GET', own))
    await service.service.usage.flush()
    const rows = await service.service.database.read
      .selectFrom('share_usage')
      .selectAll()
      .where('image_id', '=', id)
      .execute()
    assert.deepEqual(
      rows.map(({ project_id, downloads }) => [project_id, downloads]),
      [['consumer', 1]],
    )
  })
})
