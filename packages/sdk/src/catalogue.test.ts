import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccessRequestStatus } from '@vitrine/contract'
import { fakeClock, fakeFetch, imageDocument } from '../test/fake-fetch.ts'
import { asJson, producerDocument, publicListingDocument } from '../test/sharing-documents.ts'
import { Catalogue } from './catalogue.ts'
import {
  ConfigurationError,
  GoneError,
  InvalidArgumentError,
  NotFoundError,
  TooManyRequestsError,
  UnexpectedResponseError,
} from './errors.ts'
import { parseJson } from './json.ts'

const catalogue = (url: string, ...script: Parameters<typeof fakeFetch>) => {
  const { fetch, requests } = fakeFetch(...script)
  return { catalogue: new Catalogue(url, { fetch, clock: fakeClock(), random: () => 0.5 }), requests }
}

const home = 'https://cloud.example.org'
const none = { json: { listings: [], next: null } }

test('it is found from the address of the service, of its image endpoint, or its own', async () => {
  const addresses = ['', '/', '/v2', '/v2/', '/v2/tenant', '/v2.1', '/catalogue', '/catalogue/']
  for (const path of addresses) {
    const { catalogue: found, requests } = catalogue(home + path, none)
    await found.search().toArray()
    assert.equal(requests[0]?.url, `${home}/catalogue.json`, path)
  }
  for (const path of ['/image', '/image/v2', '/image/catalogue']) {
    const { catalogue: found, requests } = catalogue(home + path, none)
    await found.search().toArray()
    assert.equal(requests[0]?.url, `${home}/image/catalogue.json`, path)
  }
  assert.throws(() => new Catalogue('cloud.example.org'), ConfigurationError)
  assert.throws(() => new Catalogue('https://joe:secret@cloud.example.org'), ConfigurationError)
})

test('listings are searched page by page, without a token, and nowhere else', async () => {
  const { catalogue: found, requests } = catalogue(
    home,
    {
      json: {
        listings: [asJson(publicListingDocument())],
        next: 'https://evil.example.org/catalogue.json?q=deb&after=A',
      },
    },
    { json: { listings: [asJson(publicListingDocument({ slug: 'two' }))], next: null } },
  )
  const slugs: string[] = []
  for await (const { slug } of found.search({ q: 'deb', os: 'Debian', architecture: 'x86_64', producer: 'acme' })) {
    slugs.push(slug)
  }
  assert.deepEqual(slugs, ['debian-13', 'two'])
  assert.deepEqual(
    requests.map(({ url }) => url),
    [
      `${home}/catalogue.json?q=deb&os=Debian&architecture=x86_64&producer=acme`,
      `${home}/catalogue.json?q=deb&after=A`,
    ],
  )
  assert.ok(requests.every(({ headers }) => !headers.has('x-auth-token')))
})

test('a listing and a producer are read', async () => {
  const page = { producer: asJson(producerDocument()), listings: [], next: null }
  const { catalogue: found, requests } = catalogue(
    home,
    { json: asJson(publicListingDocument()) },
    { json: page },
    { status: 404 },
    { json: imageDocument() },
  )
  const listing = await found.getListing('acme', 'debian-13')
  assert.deepEqual(
    [listing.title, listing.requestable, listing.image.diskFormat],
    ['Debian 13 hardened', true, 'qcow2'],
  )
  assert.deepEqual([listing.image.createdAt, listing.image.checksum], [new Date('2026-01-01'), undefined])
  assert.equal((await found.getProducer('acme')).name, 'Acme Images')
  await assert.rejects(found.getProducer('nobody'), NotFoundError)
  await assert.rejects(found.getListing('acme', 'debian-13'), UnexpectedResponseError)
  assert.deepEqual(
    requests.map(({ path }) => path),
    [
      '/catalogue/producers/acme/debian-13.json',
      '/catalogue/producers/acme.json',
      '/catalogue/producers/nobody.json',
      '/catalogue/producers/acme/debian-13.json',
    ],
  )
  await assert.rejects(found.getListing('..', 'x'), InvalidArgumentError)
})

test('access is asked for without an account, once', async () => {
  const receipt = { state: 'unconfirmed', message: 'Look into your mail.', track: `${home}/catalogue/requests/T` }
  const { catalogue: found, requests } = catalogue(
    home,
    { status: 202, json: receipt },
    { status: 503 },
    { status: 429 },
  )
  const asked = { project: 'consumer', email: 'joe@example.org', message: 'Please' }
  assert.deepEqual(await found.requestAccess('acme', 'debian-13', asked), receipt)
  const [request] = requests
  assert.deepEqual([request?.method, request?.path], ['POST', '/catalogue/producers/acme/debian-13/requests'])
  assert.deepEqual(parseJson(request?.body ?? ''), asked)
  assert.equal(request?.headers.get('content-type'), 'application/json')
  assert.equal(request?.headers.get('accept'), 'application/json')
  await assert.rejects(found.requestAccess('acme', 'debian-13', asked))
  await assert.rejects(found.requestAccess('acme', 'debian-13', asked), TooManyRequestsError)
  assert.equal(requests.length, 3)
})

test('how a request stands is told to who has its address, which goes to this catalogue alone', async () => {
  const status: AccessRequestStatus = {
    state: 'approved',
    listing: { title: 'Debian 13 hardened', path: null },
    project: 'consumer',
    email: 'joe@example.org',
    created_at: '2026-03-01T00:00:00Z',
    decided_at: '2026-03-02T00:00:00Z',
    reason: null,
    image_id: 'image-1',
  }
  const { catalogue: found, requests } = catalogue(home, { json: asJson(status) }, { status: 410 })
  const stands = await found.getRequest('https://other.example.org/catalogue/requests/abc-DEF_1')
  assert.deepEqual([stands.state, stands.imageId, stands.listing.path], ['approved', 'image-1', null])
  assert.equal(requests[0]?.url, `${home}/catalogue/requests/abc-DEF_1.json`)
  await assert.rejects(found.getRequest(`${home}/catalogue/requests/ended`), GoneError)
  for (const address of ['abc', `${home}/catalogue/requests/`, `${home}/catalogue/requests/a/b`, `${home}/x/abc`]) {
    await assert.rejects(found.getRequest(address), InvalidArgumentError)
  }
  assert.equal(requests.length, 2)
})
