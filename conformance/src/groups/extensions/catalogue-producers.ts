import { ListingSchema, ListingsSchema, ProducerPageSchema, ProducerSchema } from '@vitrine/contract'
import type { Actor } from '../../actors.ts'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectField, expectMatch, expectStatus, header } from '../../expect.ts'
import { change, expectRefusal, handleOf, publish, published, unique } from '../../extensions.ts'
import { at, type Json, listAt, stringAt } from '../../json.ts'
import type { Group, Scene } from '../../suite.ts'

const runProfile = async ({ actors, images, own }: Scene) => {
  const { owner, ownerReader, other, admin } = actors
  await own('without a profile there is none to read, and nothing is announced', async () => {
    expectRefusal(await other.api.get('/v2/producer'), 404)
    const image = await images.active({}, other)
    expectRefusal(await other.api.post('/v2/listings', { image_id: image, title: 'Too early' }), 409)
  })
  const refused: [what: string, body: Json][] = [
    ['nothing', {}],
    ['an array', []],
    ['no name', { handle: 'some-handle' }],
    ['an empty name', { handle: 'some-handle', name: '' }],
    ['a handle with capitals', { handle: 'Some-Handle', name: 'n' }],
    ['a handle of two letters', { handle: 'ab', name: 'n' }],
    ['a handle of 61 letters', { handle: 'a'.repeat(61), name: 'n' }],
    ['a handle with two hyphens', { handle: 'some--handle', name: 'n' }],
    ['a handle that ends with a hyphen', { handle: 'handle-', name: 'n' }],
    ['a handle with a letter of another script', { handle: 'h\u0430ndle', name: 'n' }],
    ['a handle with a slash', { handle: 'han/dle', name: 'n' }],
    ['a handle with a dot', { handle: 'handle.json', name: 'n' }],
    ['a name with a line end', { handle: 'some-handle', name: 'a\nb' }],
    ['a name that turns the writing', { handle: 'some-handle', name: 'a\u202eb' }],
    ['a name of 101 characters', { handle: 'some-handle', name: 'n'.repeat(101) }],
    ['a script as website', { handle: 'some-handle', name: 'n', website: 'javascript:alert(1)' }],
    ['a data link as website', { handle: 'some-handle', name: 'n', website: 'data:text/html,x' }],
    ['a contact that is no mailbox', { handle: 'some-handle', name: 'n', contact: 'me at example.org' }],
    ['an unknown key', { handle: 'some-handle', name: 'n', verified: true }],
  ]
  for (const [what, body] of refused)
    await own(`a profile with ${what} is 400`, async () => {
      expectRefusal(await other.api.put('/v2/producer', body), 400)
    })
  await own('look-alike producers: a handle that is taken, or looks like one, or is reserved, is refused', async () => {
    const handle = await handleOf(owner)
    const alike = [handle, handle.replaceAll('o', '0'), handle.replaceAll('-', ''), handle.replace('m', 'rn')]
    for (const taken of [...alike, 'vitrine', 'admin', 'official', 'openstack'])
      expectRefusal(await other.api.put('/v2/producer', { handle: taken, name: unique() }), 409)
    expectRefusal(await other.api.get('/v2/producer'), 404)
  })
  await own('a name like that of another producer is warned of', async () => {
    const name = stringAt(expectStatus(await owner.api.get('/v2/producer'), 200).json, 'name')
    const made = await admin.api.put('/v2/producer', {
      handle: `conformance-${unique()}`,
      name: name.replace('o', '\u043e'),
    })
    expectDocument(expectStatus(made, 200, 201), ProducerSchema)
    if (listAt(made.json, 'warnings').length === 0) throw new Error('nothing is warned of')
  })
  await own('a profile is made once, changed by the same call, and public', async () => {
    const handle = `conformance-${unique()}`
    const made = await other.api.put('/v2/producer', { handle, name: 'First', contact: 'images@example.org' })
    expectDocument(expectStatus(made, 201), ProducerSchema)
    const changed = await other.api.put('/v2/producer', { handle, name: 'Second', website: 'https://example.org/' })
    expectField(expectStatus(changed, 200), ['name'], 'Second')
    expectField(changed, ['contact'], null)
    expectField(expectStatus(await ownerReader.api.get('/v2/producer'), 200), ['handle'], await handleOf(owner))
    const page = await actors.nobody.get(`/catalogue/producers/${handle}.json`)
    expectDocument(expectStatus(page, 200), ProducerPageSchema)
    expectField(page, ['producer', 'name'], 'Second')
    expectField(page, ['producer', 'warnings'], undefined)
  })
}

const runListings = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, ownerReader, consumer, stranger, nobody, admin } = actors
  await own('an image is announced, changed, and withdrawn', async () => {
    const image = await images.active()
    const made = await publish(scene, image, {
      title: 'Debian with tools',
      summary: 'One sentence.',
      description: '# Heading\n\nText with *stress*.',
      os_name: 'Debian',
      os_version: '13',
      architecture: 'x86_64',
      licence: 'Apache-2.0',
      terms: 'None.',
      documentation: 'https://example.org/docs',
      contact: 'images@example.org',
      shown: ['size', 'checksum'],
    })
    expectDocument(expectStatus(made, 201), ListingSchema)
    const id = stringAt(made.json, 'id')
    const path = stringAt(made.json, 'path')
    expectEqual(path, `/catalogue/producers/${await handleOf(owner)}/${stringAt(made.json, 'slug')}`, 'path')
    expectField(made, ['image_id'], image)
    const all = expectDocument(expectStatus(await ownerReader.api.get('/v2/listings'), 200), ListingsSchema)
    expectEqual(
      listAt(all.json, 'listings').some((item) => at(item, 'id') === id),
      true,
      'it is listed',
    )
    expectDocument(expectStatus(await ownerReader.api.get(`/v2/listings/${id}`), 200), ListingSchema)
    const changed = await change(owner.api, `/v2/listings/${id}`, { title: 'Debian 13', summary: null })
    expectDocument(expectStatus(changed, 200), ListingSchema)
    expectField(changed, ['title'], 'Debian 13')
    expectField(changed, ['summary'], null)
    expectField(changed, ['os_name'], 'Debian')
    expectField(expectStatus(await nobody.get(`${path}.json`), 200), ['title'], 'Debian 13')
    expectRefusal(await owner.api.post('/v2/listings', { image_id: image, title: 'Again' }), 409)
    expectStatus(await owner.api.delete(`/v2/listings/${id}`), 204)
    expectStatus(await nobody.get(path), 404)
    expectStatus(await nobody.get(`${path}.json`), 404)
    expectRefusal(await owner.api.get(`/v2/listings/${id}`), 404)
    expectStatus(await owner.api.get(`/v2/images/${image}`), 200)
  })
  await own('only the owner announces an image', async () => {
    const image = await images.active()
    await images.share(image, consumer, 'accepted')
    await handleOf(consumer)
    expectRefusal(await consumer.api.post('/v2/listings', { image_id: image, title: 'Mine' }), 403)
    expectRefusal(await stranger.api.post('/v2/listings', { image_id: image, title: 'Mine' }), 404, 409)
    expectRefusal(await owner.api.post('/v2/listings', { image_id: crypto.randomUUID(), title: 'None' }), 404)
  })
  await own('a private image is not announced', async () => {
    const image = await images.active({ visibility: 'private' })
    expectRefusal(await owner.api.post('/v2/listings', { image_id: image, title: 'Hidden' }), 409)
  })
  await own('the listing of another is not there; an administrator may withdraw it', async () => {
    const { id, path } = await published(scene, await images.active())
    for (const actor of [consumer, stranger]) {
      expectRefusal(await actor.api.get(`/v2/listings/${id}`), 404)
      expectRefusal(await change(actor.api, `/v2/listings/${id}`, { title: 'Mine' }), 404)
      expectRefusal(await actor.api.delete(`/v2/listings/${id}`), 404)
    }
    expectStatus(await admin.api.delete(`/v2/listings/${id}`), 204)
    expectStatus(await nobody.get(path), 404)
  })
  await own('look-alike titles of other producers are warned of', async () => {
    const title = `Debian ${unique()} oo`
    await published(scene, await images.active(), { title })
    const copy = await publish(
      scene,
      await images.active({}, consumer),
      { title: title.replace('oo', '\u043eo') },
      consumer,
    )
    if (listAt(expectStatus(copy, 201).json, 'warnings').length === 0) throw new Error('nothing is warned of')
  })
  const refused: [what: string, body: { [key: string]: Json }][] = [
    ['an empty title', { title: '' }],
    ['a title of 121 characters', { title: 't'.repeat(121) }],
    ['a title with a line end', { title: 'a\r\nX-Header: 1' }],
    ['a title that turns the writing', { title: 'a\u2067b' }],
    ['a title with half a character', { title: 'a\ud800' }],
    ['a summary with a control character', { summary: 'a\u0007' }],
    ['a script as documentation', { documentation: 'javascript:alert(1)' }],
    ['a link with quotes', { documentation: 'https://example.org/"onclick="x' }],
    ['a contact with a header', { contact: 'a@example.org\r\nBcc: b@example.org' }],
    ['an unknown fact to show', { shown: ['members'] }],
    ['a fact twice', { shown: ['size', 'size'] }],
    ['a description of 50,001 characters', { description: 'd'.repeat(50_001) }],
    ['an unknown key', { image: 'x' }],
  ]
  const image = await images.active()
  for (const [what, body] of refused)
    await own(`a listing with ${what} is 400`, async () => {
      expectRefusal(await owner.api.post('/v2/listings', { image_id: image, title: 'Title', ...body }), 400)
    })
  await own('a listing with a slug that is none is 400, with one that is taken it is refused', async () => {
    for (const slug of ['A', 'a/b', '..', 'a--b', 'a.json'])
      expectRefusal(await owner.api.post('/v2/listings', { image_id: image, title: 'Title', slug }), 400)
    const slug = unique()
    await published(scene, await images.active(), { slug })
    expectRefusal(await owner.api.post('/v2/listings', { image_id: image, title: 'Title', slug }), 409)
  })
}

const png = (width: number, height: number): Buffer => {
  const size = Buffer.alloc(8)
  size.writeUInt32BE(width, 0)
  size.writeUInt32BE(height, 4)
  // A header, an empty IDAT and the end: enough for whoever looks at the dimensions.
  const chunk = (type: string, data: Buffer) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(data.length)
    return Buffer.concat([length, Buffer.from(type), data, Buffer.alloc(4)])
  }
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', Buffer.concat([size, Buffer.from([8, 6, 0, 0, 0])])),
    chunk('IDAT', Buffer.alloc(0)),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

const runIcons = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { nobody, owner } = actors
  const { id, path } = await published(scene, await images.active())
  const icon = `/v2/listings/${id}/icon`
  const put = (actor: Actor, type: string, body: Buffer | string) =>
    actor.api.send('PUT', icon, { headers: { 'content-type': type }, body })
  await own('an icon is kept, served for what it is, and taken away', async () => {
    expectStatus(await put(owner, 'image/png', png(64, 64)), 200)
    const address = stringAt(expectStatus(await nobody.get(`${path}.json`), 200).json, 'icon')
    const answer = expectStatus(await nobody.get(address), 200)
    expectEqual(header(answer, 'content-type'), 'image/png', 'Content-Type')
    expectEqual(header(answer, 'x-content-type-options'), 'nosniff', 'X-Content-Type-Options')
    expectMatch(header(answer, 'content-security-policy'), /sandbox|default-src 'none'/, 'the policy')
    expectEqual(answer.bytes.equals(png(64, 64)), true, 'the bytes')
    expectStatus(await owner.api.delete(icon), 204)
    expectField(await nobody.get(`${path}.json`), ['icon'], null)
  })
  const refused: [what: string, type: string, body: Buffer | string, statuses: number[]][] = [
    ['SVG', 'image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', [400, 415]],
    ['SVG that calls itself PNG', 'image/png', '<svg xmlns="http://www.w3.org/2000/svg"/>', [400, 415]],
    ['HTML', 'text/html', '<script>alert(1)</script>', [400, 415]],
    ['HTML that calls itself PNG', 'image/png', '<!doctype html><script>alert(1)</script>', [400, 415]],
    ['PNG of 4000 pixels', 'image/png', png(4000, 4000), [400]],
    ['PNG of no pixels', 'image/png', png(0, 0), [400]],
    ['nothing', 'image/png', '', [400]],
    ['JSON', 'application/json', '{}', [400, 415]],
    ['200 KiB', 'image/png', Buffer.concat([png(64, 64), Buffer.alloc(200 * 1024)]), [413]],
  ]
  for (const [what, type, body, statuses] of refused)
    await own(`an icon of ${what} is ${statuses.join(' or ')}`, async () => {
      expectRefusal(await put(owner, type, body), ...statuses)
    })
  await own('only the producer sets the icon', async () => {
    expectRefusal(await put(actors.consumer, 'image/png', png(64, 64)), 404)
    expectRefusal(await put(actors.ownerReader, 'image/png', png(64, 64)), 403)
  })
}

export const catalogueProducer: Group = {
  name: 'producers and listings',
  own: true,
  async run(scene) {
    await runProfile(scene)
    await runListings(scene)
    await runIcons(scene)
  },
}
