import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageDocument, imageId, scripted } from '../test/fake-fetch.ts'
import { asJson, listingDocument, producerDocument } from '../test/sharing-documents.ts'
import { ConflictError, NotFoundError, UnexpectedResponseError } from './errors.ts'
import { parseJson } from './json.ts'

test('a profile is made and read', async () => {
  const made = producerDocument({ warnings: ['ACME'] })
  const { images, requests } = scripted({}, { status: 404 }, { status: 201, json: asJson(made) }, { status: 409 })
  await assert.rejects(images.getProducer(), NotFoundError)
  const attributes = { handle: 'acme', name: 'Acme Images', website: 'https://acme.example.org', contact: undefined }
  const producer = await images.setProducer(attributes)
  assert.deepEqual([producer.handle, producer.since, producer.warnings], ['acme', new Date('2026-01-01'), ['ACME']])
  assert.deepEqual([requests[1]?.method, requests[1]?.path], ['PUT', '/v2/producer'])
  assert.deepEqual(parseJson(requests[1]?.body ?? ''), {
    handle: 'acme',
    name: 'Acme Images',
    website: 'https://acme.example.org',
  })
  await assert.rejects(images.setProducer(attributes), ConflictError)
})

test('an image is published, and its listing changed and withdrawn', async () => {
  const renamed = listingDocument({ title: 'Debian', summary: null, warnings: ['Another title looks the same.'] })
  const { images, requests } = scripted(
    {},
    { json: imageDocument() },
    { status: 201, json: asJson(listingDocument()) },
    { json: asJson(renamed) },
    { status: 204 },
  )
  const image = await images.getImage(imageId)
  const listing = await image.publish({ title: 'Debian 13 hardened', osName: 'Debian', shown: ['size', 'formats'] })
  assert.deepEqual(
    [listing.id, listing.imageId, listing.osName, listing.producer.handle],
    ['l1', imageId, 'Debian', 'acme'],
  )
  assert.deepEqual(listing.image.size, 10)
  assert.equal(listing.image.checksum, undefined)
  assert.deepEqual(parseJson(requests[1]?.body ?? ''), {
    image_id: imageId,
    title: 'Debian 13 hardened',
    os_name: 'Debian',
    shown: ['size', 'formats'],
  })
  assert.equal(await listing.update({ title: 'Debian', summary: null }), listing)
  assert.deepEqual(
    [listing.title, listing.summary, listing.warnings],
    ['Debian', null, ['Another title looks the same.']],
  )
  await listing.withdraw()
  assert.deepEqual(
    requests.slice(1).map(({ method, path }) => [method, path]),
    [
      ['POST', '/v2/listings'],
      ['PATCH', '/v2/listings/l1'],
      ['DELETE', '/v2/listings/l1'],
    ],
  )
  assert.deepEqual(parseJson(requests[2]?.body ?? ''), { title: 'Debian', summary: null })
})

test('an icon is sent as it is, and taken away', async () => {
  const { images, requests } = scripted(
    {},
    { json: asJson(listingDocument()) },
    { json: asJson(listingDocument({ icon: '/catalogue/icons/abc' })) },
    { status: 204 },
  )
  const listing = await images.getListing('l1')
  await listing.setIcon(new TextEncoder().encode('\u0089PNG'), 'image/png')
  assert.equal(listing.icon, '/catalogue/icons/abc')
  const put = requests[1]
  assert.deepEqual([put?.method, put?.path, put?.body], ['PUT', '/v2/listings/l1/icon', '\u0089PNG'])
  assert.equal(put?.headers.get('content-type'), 'image/png')
  assert.equal(put?.headers.get('x-auth-token'), 'tok-secret')
  await listing.deleteIcon()
  assert.deepEqual([requests[2]?.method, requests[2]?.path, listing.icon], ['DELETE', '/v2/listings/l1/icon', null])
})

test('listings come in pages, without their long texts', async () => {
  const { description: _, terms: __, ...short } = listingDocument()
  const { images, requests } = scripted(
    {},
    { json: { listings: [asJson(short)], first: '/v2/listings', next: '/v2/listings?marker=l1' } },
    { json: { listings: [asJson(short)], first: '/v2/listings' } },
  )
  const listings = await images.listListings({ producer: 'acme' }).toArray()
  assert.deepEqual(
    requests.map(({ path }) => path),
    ['/v2/listings?producer=acme', '/v2/listings?marker=l1'],
  )
  assert.deepEqual(
    listings.map(({ title, description }) => [title, description]),
    [
      ['Debian 13 hardened', undefined],
      ['Debian 13 hardened', undefined],
    ],
  )
})

test('what is no listing is not taken for one', async () => {
  const { images } = scripted({}, { json: { ...imageDocument() } })
  await assert.rejects(images.getListing('l1'), UnexpectedResponseError)
})
