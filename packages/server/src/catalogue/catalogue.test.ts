import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CatalogueDocument, ListingDocument, ListingsDocument } from '@vitrine/contract'
import type { Config } from '../config.ts'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService, type TestService } from '../testing/test-service.ts'
import { foundPaths, makeImage, makeProducer, pngIcon, publish } from './testing.ts'

const producer = fakeToken('producer-project', 'member')
const reader = fakeToken('producer-project', 'reader')
const other = fakeToken('other-project', 'member')
const admin = fakeToken('admin-project', 'admin')

const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }

const typesOf = async (service: TestService, imageId: string): Promise<string[]> => {
  const events = await service.call('GET', `/v2/images/${imageId}/events`, producer)
  return events.json<{ events: { type: string }[] }>().events.map(({ type }) => type)
}

eachDatabase('catalogue', ({ newUrl, atEnd }) => {
  const start = async (settings: Partial<Config> = {}, now?: () => number) => {
    const service = await startTestService({ database_url: await newUrl(), ...settings }, now)
    atEnd(() => service.close())
    return service
  }

  test('a listing is announced, found, changed and withdrawn', async () => {
    const service = await start()
    assert.equal((await service.call('GET', '/v2/producer', producer)).statusCode, 404)
    const imageId = await makeImage(service, producer)
    const early = await service.call('POST', '/v2/listings', producer, { image_id: imageId, title: 'x' })
    assert.equal(early.statusCode, 409)
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

    const hits = ['', '?q=deb', '?q=STABLE+serv%C3%A9r', '?os=debian', '?q=acme&architecture=X86-64', '?producer=acme']
    for (const query of hits) assert.deepEqual(await foundPaths(service, query), [listing.path], query)
    for (const query of ['?q=fedora', '?q=debian+fedora', '?os=fedora', '?producer=nobody']) {
      assert.deepEqual(await foundPaths(service, query), [], query)
    }
    for (const path of ['/catalogue', '/catalogue/producers/acme', listing.path]) {
      const page = await service.call('GET', path)
      assert.equal(page.statusCode, 200)
      assert.match(page.body, /<h1[\s\S]*Debian 13/)
    }
    const change = { title: 'Fedora 50', os_name: null }
    const changed = await service.call('PATCH', `/v2/listings/${listing.id}`, producer, change)
    assert.equal(changed.statusCode, 200, changed.body)
    assert.deepEqual(await foundPaths(service, '?q=fedora'), [listing.path])
    assert.deepEqual(await foundPaths(service, '?os=debian'), [])
    assert.equal(changed.json<ListingDocument>().summary, 'Stable server')

    assert.equal((await service.call('DELETE', `/v2/listings/${listing.id}`, producer)).statusCode, 204)
    assert.equal((await service.call('GET', listing.path)).statusCode, 404)
    assert.deepEqual(await foundPaths(service), [])
    const types = await typesOf(service, imageId)
    assert.deepEqual(types.slice(0, 3), ['listing.withdraw', 'listing.update', 'listing.publish'])
  })

  test('a page shows of the image what the producer chose, and nothing else', async () => {
    const service = await start()
    await makeProducer(service, producer, 'acme')
    const all = await publish(service, producer, await makeImage(service, producer), { title: 'All of it' })
    const none = await publish(service, producer, await makeImage(service, producer), { title: 'Nothing', shown: [] })
    const some = await publish(service, producer, await makeImage(service, producer), {
      title: 'Size',
      shown: ['size'],
    })
    assert.deepEqual(Object.keys(all.image).sort(), [
      ...['checksum', 'container_format', 'created_at', 'disk_format', 'min_disk', 'min_ram'],
      ...['os_hash_algo', 'os_hash_value', 'size', 'updated_at'],
    ])
    assert.deepEqual(none.image, {})
    assert.deepEqual(Object.keys(some.image).sort(), ['min_disk', 'min_ram', 'size'])
    const page = await service.call('GET', all.path)
    assert.ok(page.body.includes(String(all.image.os_hash_value)))
    assert.match(page.body, /42 bytes|\d+ bytes/)
    const bare = await service.call('GET', none.path)
    assert.doesNotMatch(bare.body, /SHA-512|bytes|raw, bare|Image made/)
  })

  test('the form is there when access can be asked for, and else a sentence why not', async () => {
    const silent = await start()
    await makeProducer(silent, producer, 'acme')
    const listed = await publish(silent, producer, await makeImage(silent, producer))
    assert.match((await silent.call('GET', listed.path)).body, /sends no mail/)

    const service = await start({ smtp_url: 'smtp://127.0.0.1:1' })
    await makeProducer(service, producer, 'acme')
    const pageOf = async (body: Record<string, unknown>) => {
      const listing = await publish(service, producer, await makeImage(service, producer, body))
      const page = await service.call('GET', listing.path)
      return { listing, page: page.body }
    }
    const open = await pageOf({})
    assert.ok(open.page.includes(`<form method="post" action="${open.listing.path}/requests">`))
    for (const name of ['project', 'email', 'message']) assert.ok(open.page.includes(`name="${name}"`), name)
    const community = await pageOf({ visibility: 'community' })
    assert.equal(community.listing.requestable, false)
    assert.match(community.page, /can use this image already/)
    const queued = await pageOf({ bytes: false })
    assert.equal(queued.listing.requestable, false)
    assert.match(queued.page, /not complete yet/)
    for (const { page } of [community, queued]) assert.doesNotMatch(page, /<form method="post"/)
    await service.call('POST', `/v2/images/${open.listing.image_id}/actions/deactivate`, admin)
    assert.match((await service.call('GET', open.listing.path)).body, /on hold/)
  })

  test('threat: reading from the filters what is out of sight', async () => {
    const service = await start()
    await makeProducer(service, producer, 'acme')
    const imageId = await makeImage(service, producer)
    await publish(service, producer, imageId, { title: 'One', os_name: 'Secretix', architecture: 'secret64' })
    const setVisibility = (value: string) =>
      service.call('PATCH', `/v2/images/${imageId}`, producer, [{ op: 'replace', path: '/visibility', value }], {
        'content-type': 'application/openstack-images-v2.1-json-patch',
      })
    assert.match((await service.call('GET', '/catalogue')).body, /<option value="secretix">Secretix/)
    await setVisibility('private')
    assert.doesNotMatch((await service.call('GET', '/catalogue')).body, /secret/i)
    await publish(service, producer, await makeImage(service, producer), { title: 'Two', os_name: 'SECRETIX' })
    await setVisibility('private')
    const { body } = await service.call('GET', '/catalogue')
    assert.match(body, /<option value="secretix">SECRETIX/)
    assert.doesNotMatch(body, /secret64/)
  })

  test('an image that is made private takes its listing out of sight, and brings it back', async () => {
    const service = await start()
    await makeProducer(service, producer, 'acme')
    const imageId = await makeImage(service, producer)
    const listing = await publish(service, producer, imageId, { os_name: 'Debian' })
    const setVisibility = (value: string) =>
      service.call('PATCH', `/v2/images/${imageId}`, producer, [{ op: 'replace', path: '/visibility', value }], {
        'content-type': 'application/openstack-images-v2.1-json-patch',
      })
    assert.equal((await setVisibility('private')).statusCode, 200)
    for (const query of ['', '?q=debian', '?os=debian']) assert.deepEqual(await foundPaths(service, query), [], query)
    for (const form of ['', '.json', '.atom']) {
      assert.equal((await service.call('GET', `${listing.path}${form}`)).statusCode, 404, form)
    }
    const own = await service.call('GET', `/v2/listings/${listing.id}`, producer)
    assert.equal(own.json<ListingDocument>().requestable, false)
    assert.equal((await setVisibility('shared')).statusCode, 200)
    assert.deepEqual(await foundPaths(service), [listing.path])

    const privateImage = await makeImage(service, producer, { visibility: 'private' })
    const refused = await service.call('POST', '/v2/listings', producer, { image_id: privateImage, title: 'Mine' })
    assert.equal(refused.statusCode, 409)
    assert.match(refused.body, /private/)
  })

  test('an image given to another owner is not announced under the old producer any more', async () => {
    const service = await start()
    await makeProducer(service, producer, 'acme')
    await makeProducer(service, other, 'neighbour')
    const imageId = await makeImage(service, producer)
    const listing = await publish(service, producer, imageId)
    const given = await service.call(
      'PATCH',
      `/v2/images/${imageId}`,
      admin,
      [{ op: 'add', path: '/owner', value: 'other-project' }],
      { 'content-type': 'application/openstack-images-v2.1-json-patch' },
    )
    assert.equal(given.statusCode, 200, given.body)
    assert.deepEqual(await foundPaths(service), [])
    assert.equal((await service.call('GET', listing.path)).statusCode, 404)
    const edit = await service.call('PATCH', `/v2/listings/${listing.id}`, producer, { title: 'Still mine' })
    assert.equal(edit.statusCode, 409)
    assert.equal((await service.call('GET', `/v2/listings/${listing.id}`, other)).statusCode, 404)

    const taken = await publish(service, other, imageId, { title: 'Now ours' })
    assert.deepEqual(await foundPaths(service), [taken.path])
    assert.equal((await service.call('GET', `/v2/listings/${listing.id}`, producer)).statusCode, 404)
  })

  test('the listing of a deleted image is gone', async () => {
    const service = await start()
    await makeProducer(service, producer, 'acme')
    const imageId = await makeImage(service, producer)
    const listing = await publish(service, producer, imageId)
    assert.equal((await service.call('DELETE', `/v2/images/${imageId}`, producer)).statusCode, 204)
    assert.equal((await service.call('GET', listing.path)).statusCode, 404)
    assert.deepEqual(await foundPaths(service, '?q=debian'), [])
  })

  test('who may publish, and whose listings are seen', async () => {
    const service = await start()
    await makeProducer(service, producer, 'acme')
    await makeProducer(service, other, 'neighbour')
    const imageId = await makeImage(service, producer)
    const body = { image_id: imageId, title: 'Debian' }
    assert.equal((await service.call('POST', '/v2/listings', other, body)).statusCode, 404)
    assert.equal((await service.call('POST', '/v2/listings', reader, body)).statusCode, 403)
    assert.equal((await service.call('POST', '/v2/listings', undefined, body)).statusCode, 401)
    assert.equal((await service.call('PUT', '/v2/producer', reader, { handle: 'abc', name: 'x' })).statusCode, 403)
    const unscoped = fakeToken(null, 'member')
    assert.equal((await service.call('GET', '/v2/listings', unscoped)).statusCode, 403)

    const listing = await publish(service, producer, imageId)
    const again = await service.call('POST', '/v2/listings', producer, body)
    assert.match(again.body, /in the catalogue already/)
    const path = `/v2/listings/${listing.id}`
    for (const [method, suffix, sent] of [
      ['GET', '', undefined],
      ['PATCH', '', { title: 'Taken over' }],
      ['DELETE', '', undefined],
      ['PUT', '/icon', pngIcon(8, 8)],
      ['DELETE', '/icon', undefined],
    ] as const) {
      assert.equal((await service.call(method, `${path}${suffix}`, other, sent)).statusCode, 404, `${method} ${suffix}`)
      if (method === 'GET') continue
      assert.equal(
        (await service.call(method, `${path}${suffix}`, reader, sent)).statusCode,
        403,
        `${method} ${suffix}`,
      )
    }
    assert.equal((await service.call('GET', '/v2/listings?producer=acme', other)).statusCode, 404)
    const seen = await service.call('GET', '/v2/listings?producer=acme', admin)
    assert.equal(seen.json<ListingsDocument>().listings[0]?.id, listing.id)
    assert.equal((await service.call('DELETE', path, admin)).statusCode, 204)
    assert.equal((await service.call('GET', path, producer)).statusCode, 404)
  })

  test('a project announces as many images as its quota allows, also when it hurries', async () => {
    const service = await start()
    const limited = await start({ limits: { ...service.config.limits, listings_per_project: 2 } })
    await makeProducer(limited, producer, 'acme')
    const images = await Promise.all(Array.from({ length: 4 }, () => makeImage(limited, producer)))
    const answers = await Promise.all(
      images.map((id) => limited.call('POST', '/v2/listings', producer, { image_id: id, title: 'The same' })),
    )
    assert.deepEqual(answers.map(({ statusCode }) => statusCode).sort(), [201, 201, 413, 413])
    const slugs = answers.flatMap((one) => (one.statusCode === 201 ? [one.json<ListingDocument>().slug] : []))
    assert.deepEqual(slugs.sort(), ['the-same', 'the-same-2'])
  })

  test('of two calls that announce one image at once, one succeeds', async () => {
    const service = await start()
    await makeProducer(service, producer, 'acme')
    const imageId = await makeImage(service, producer)
    const answers = await Promise.all(
      ['one', 'two', 'three'].map((title) =>
        service.call('POST', '/v2/listings', producer, { image_id: imageId, title }),
      ),
    )
    assert.deepEqual(answers.map(({ statusCode }) => statusCode).sort(), [201, 409, 409])
  })

  test('pages of a search join without gap or repetition, whatever the dates and what is hidden', async () => {
    // Many listings share one instant.
    const service = await start({}, () => 1_700_000_000_000)
    await makeProducer(service, producer, 'acme')
    const paths: string[] = []
    for (let number = 0; number < 60; number += 1) {
      const imageId = await makeImage(service, producer, { bytes: false })
      const { path } = await publish(service, producer, imageId, { title: `Common ${number % 2 ? 'odd' : 'even'}` })
      if (number % 10 !== 9) paths.push(path)
      else
        await service.call(
          'PATCH',
          `/v2/images/${imageId}`,
          producer,
          [{ op: 'replace', path: '/visibility', value: 'private' }],
          { 'content-type': 'application/openstack-images-v2.1-json-patch' },
        )
    }
    const collect = async (first: string): Promise<string[]> => {
      const found: string[] = []
      for (let next: string | null = first; next !== null; ) {
        const page: CatalogueDocument = (await service.call('GET', next)).json()
        assert.ok(page.listings.length <= 24)
        found.push(...page.listings.map(({ path }) => path))
        next = page.next
      }
      return found
    }
    for (const query of ['', '?q=common', '?producer=acme', '?q=com+acme']) {
      const found = await collect(`/catalogue.json${query}`)
      assert.equal(found.length, new Set(found).size, query)
      assert.deepEqual([...found].sort(), [...paths].sort(), query)
    }
    const even = await collect('/catalogue.json?q=common+even')
    assert.equal(even.length, 30)
    const own: string[] = []
    for (let next: string | undefined = '/v2/listings?limit=25'; next !== undefined; ) {
      const page: ListingsDocument = (await service.call('GET', next, producer)).json()
      own.push(...page.listings.map(({ path }) => path))
      next = page.next
    }
    assert.equal(new Set(own).size, 60)
  })

  test('a producer keeps its handle while anything is listed under it, and is found by its new name', async () => {
    const service = await start()
    await makeProducer(service, producer, 'acme', 'Acme')
    const put = (body: Record<string, unknown>) => service.call('PUT', '/v2/producer', producer, body)
    assert.equal((await put({ handle: 'acme-two', name: 'Acme' })).statusCode, 200)
    const listing = await publish(service, producer, await makeImage(service, producer))
    assert.equal((await put({ handle: 'acme-three', name: 'Acme' })).statusCode, 409)
    assert.deepEqual(await foundPaths(service, '?q=zenith'), [])
    assert.equal((await put({ handle: 'acme-two', name: 'Zenith Works' })).statusCode, 200)
    assert.deepEqual(await foundPaths(service, '?q=zenith+debian'), [listing.path])
    assert.deepEqual(await foundPaths(service, '?q=works'), [listing.path])
    assert.equal((await service.call('GET', '/v2/producer', reader)).json().name, 'Zenith Works')
  })

  test('who has a page already is told that it is the same', async () => {
    const service = await start()
    await makeProducer(service, producer, 'acme')
    const listing = await publish(service, producer, await makeImage(service, producer))
    const paths = ['/catalogue', '/catalogue.json', '/catalogue.atom', listing.path, `${listing.path}.json`]
    for (const path of paths) {
      const first = await service.call('GET', path)
      const etag = String(first.headers.etag)
      assert.match(String(first.headers['cache-control']), /^public, max-age=60$/)
      const second = await service.call('GET', path, undefined, undefined, { 'if-none-match': etag })
      assert.equal(second.statusCode, 304, path)
      assert.equal(second.body, '')
    }
    const before = String((await service.call('GET', listing.path)).headers.etag)
    await service.call('PATCH', `/v2/listings/${listing.id}`, producer, { summary: 'New' })
    const after = await service.call('GET', listing.path, undefined, undefined, { 'if-none-match': before })
    assert.equal(after.statusCode, 200)
    const head = await service.call('HEAD', listing.path)
    assert.equal(head.statusCode, 200)
    assert.equal(head.body, '')
  })

  test('a browser is told of what is not there by a page, a program by a document', async () => {
    const service = await start()
    for (const path of ['/catalogue/producers/nobody', '/catalogue/producers/nobody/nothing', '/catalogue?after=x']) {
      const page = await service.call('GET', path, undefined, undefined, browser)
      assert.match(String(page.headers['content-type']), /^text\/html/)
      assert.match(page.body, /<main/)
      assert.match(String(page.headers['cache-control']), /no-store/)
      const document = await service.call('GET', path)
      assert.equal(document.statusCode, page.statusCode)
      assert.equal(document.json().error.code, page.statusCode)
    }
  })
})
