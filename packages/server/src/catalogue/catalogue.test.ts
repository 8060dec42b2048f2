import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ListingDocument } from '@vitrine/contract'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'

const producer = fakeToken('producer-project', 'member')
const other = fakeToken('other-project', 'member')
const admin = fakeToken('admin-project', 'admin')

/** An image of a project, ready to be announced. */
const makeImage = async (service: TestService, token: string, body: Record<string, unknown> = {}): Promise<string> => {
  const made = await service.call('POST', '/v2/images', token, {
    name: 'secret-name',
    visibility: 'shared',
    disk_format: 'raw',
    container_format: 'bare',
    ...body,
  })
  assert.equal(made.statusCode, 201, made.body)
  const { id } = made.json<{ id: string }>()
  const sent = await service.call('PUT', `/v2/images/${id}/file`, token, Buffer.from(`bytes of ${id}`), {
    'content-type': 'application/octet-stream',
  })
  assert.equal(sent.statusCode, 204, sent.body)
  return id
}

const makeProducer = async (service: TestService, token: string, handle: string, name = handle): Promise<void> => {
  const made = await service.call('PUT', '/v2/producer', token, { handle, name })
  assert.equal(made.statusCode, 201, made.body)
}

const publish = async (
  service: TestService,
  token: string,
  imageId: string,
  body: Record<string, unknown> = {},
): Promise<ListingDocument> => {
  const made = await service.call('POST', '/v2/listings', token, { image_id: imageId, title: 'Debian 13', ...body })
  assert.equal(made.statusCode, 201, made.body)
  return made.json<ListingDocument>()
}

eachDatabase('catalogue', ({ newUrl, atEnd }) => {
  const start = async (settings = {}, now?: () => number) => {
    const service = await startTestService({ database_url: await newUrl(), ...settings }, now)
    atEnd(() => service.close())
    return service
  }

  test('a listing is announced, found, changed and withdrawn', async () => {
    const service = await start()
    assert.equal((await service.call('GET', '/v2/producer', producer)).statusCode, 404)
    const imageId = await makeImage(service, producer)
    assert.equal(
      (await service.call('POST', '/v2/listings', producer, { image_id: imageId, title: 'x' })).statusCode,
      409,
    )
    await makeProducer(service, producer, 'acme', 'Acme Images')
    const listing = await publish(service, producer, imageId, {
      summary: 'Stable server',
      description: 'A *good* one with [docs](https://example.org)',
      os_name: 'Debian',
      os_version: '13',
      architecture: 'x86_64',
    })
    assert.equal(listing.path, '/catalogue/producers/acme/debian-13')
    assert.equal(listing.requestable, true)

    for (const query of [
      '',
      '?q=deb',
      '?q=STABLE+serv%C3%A9r',
      '?os=debian',
      '?q=acme&architecture=X86-64',
      '?producer=acme',
    ]) {
      const found = await service.call('GET', `/catalogue.json${query}`)
      assert.deepEqual(
        found.json().listings.map((one: ListingDocument) => one.path),
        [listing.path],
        query,
      )
    }
    for (const query of ['?q=fedora', '?q=debian+fedora', '?os=fedora', '?producer=nobody', '?q=%25', '?q=*', '?q=_']) {
      assert.deepEqual((await service.call('GET', `/catalogue.json${query}`)).json().listings, [], query)
    }
    for (const path of ['/catalogue', '/catalogue/producers/acme', listing.path]) {
      const page = await service.call('GET', path)
      assert.equal(page.statusCode, 200)
      assert.match(page.body, /<h1/)
      assert.match(page.body, /Debian 13/)
    }
    const changed = await service.call('PATCH', `/v2/listings/${listing.id}`, producer, {
      title: 'Fedora 50',
      os_name: null,
    })
    assert.equal(changed.statusCode, 200, changed.body)
    assert.equal((await service.call('GET', '/catalogue.json?q=fedora')).json().listings.length, 1)
    assert.equal((await service.call('GET', '/catalogue.json?os=debian')).json().listings.length, 0)

    assert.equal((await service.call('DELETE', `/v2/listings/${listing.id}`, other)).statusCode, 404)
    assert.equal((await service.call('DELETE', `/v2/listings/${listing.id}`, producer)).statusCode, 204)
    assert.equal((await service.call('GET', listing.path)).statusCode, 404)
    const events = await service.call('GET', `/v2/images/${imageId}/events`, producer)
    const types = events.json().events.map(({ type }: { type: string }) => type)
    assert.deepEqual(types.slice(0, 3), ['listing.withdraw', 'listing.update', 'listing.publish'])
    void admin
  })
})
