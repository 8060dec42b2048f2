import {
  CatalogueSchema,
  ListingSchema,
  ListingsSchema,
  ProducerPageSchema,
  ProducerSchema,
  PublicListingSchema,
} from '@vitrine/contract'
import type { Actor } from '../../actors.ts'
import type { Answer } from '../../client.ts'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectField, expectMatch, expectStatus, header } from '../../expect.ts'
import {
  change,
  expectRefusal,
  expectSafePage,
  expectWellFormed,
  handleOf,
  publish,
  published,
  unique,
  walk,
} from '../../extensions.ts'
import { at, type Json, listAt, objectAt, stringAt } from '../../json.ts'
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

/** Everything of an image that no page may tell. */
const secretsOf = async (scene: Scene, image: string): Promise<string[]> => {
  const { actors, images } = scene
  return [image, actors.owner.projectId, actors.consumer.projectId, String((await images.read(image)).name)]
}

const runPublic = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { nobody, consumer, owner } = actors
  const word = unique()
  const image = await images.active({ name: `secret ${unique()}`, tags: ['inner'] })
  await images.share(image, consumer, 'accepted')
  const { path, id } = await published(scene, image, {
    title: `Title ${word}`,
    description: `About ${word}.`,
    os_name: 'Debian',
    shown: ['size', 'formats', 'checksum', 'dates'],
  })
  const producer = `/catalogue/producers/${await handleOf(owner)}`
  const document = async () => expectStatus(await nobody.get(`${path}.json`), 200)

  await own('pages, JSON and feeds of catalogue, producer and listing are there for everyone', async () => {
    expectDocument(expectStatus(await nobody.get('/catalogue.json'), 200), CatalogueSchema)
    expectDocument(expectStatus(await nobody.get(`${producer}.json`), 200), ProducerPageSchema)
    expectDocument(await document(), PublicListingSchema)
    for (const page of ['/catalogue', `/catalogue?q=${word}`, producer, path]) {
      const answer = expectStatus(await nobody.get(page, { headers: { accept: 'text/html' } }), 200)
      expectSafePage(answer)
      expectMatch(answer.text, /<html lang="en"/, 'the language')
      expectMatch(answer.text, /<main[ >]/, 'the landmark')
      expectEqual(answer.text.match(/<h1[ >]/g)?.length, 1, 'the headings of the first order')
    }
    for (const feed of ['/catalogue.atom', `${producer}.atom`]) {
      const answer = expectStatus(await nobody.get(feed), 200)
      expectMatch(header(answer, 'content-type'), /^application\/atom\+xml/, 'Content-Type')
      const names = expectWellFormed(answer)
      for (const name of ['feed', 'title', 'id', 'updated', 'entry'])
        if (!names.includes(name)) throw new Error(`${feed} has no ${name}`)
    }
  })
  await own('a page tells neither image id, nor project, nor members, nor the name of the image', async () => {
    const secrets = await secretsOf(scene, image)
    const pages = ['/catalogue', '/catalogue.json', '/catalogue.atom', producer, path].flatMap((page) =>
      page.startsWith('/catalogue/') ? [page, `${page}.json`, `${page}.atom`] : [page],
    )
    for (const page of pages) {
      const answer = await nobody.get(page)
      if (answer.status === 404 && page === `${path}.atom`) continue
      const { text, headers } = expectStatus(answer, 200)
      for (const secret of [...secrets, id])
        if (text.includes(secret) || JSON.stringify(headers).includes(secret))
          throw new Error(`${page} tells ${secret}`)
    }
  })
  await own('a page shows of the image exactly what was chosen', async () => {
    const shownFor = async (shown: Json) => {
      expectStatus(await change(owner.api, `/v2/listings/${id}`, { shown }), 200)
      return Object.keys(objectAt((await document()).json, 'image')).sort()
    }
    expectEqual((await shownFor(['size'])).includes('size'), true, 'size')
    expectEqual(
      (await shownFor([])).filter((key) => ['size', 'checksum', 'created_at'].includes(key)),
      [],
      'keys',
    )
    const all = await shownFor(['size', 'formats', 'checksum', 'dates'])
    for (const key of ['size', 'disk_format', 'os_hash_value', 'created_at'])
      if (!all.includes(key)) throw new Error(`${key} is not shown`)
  })
  await own('search finds by words of the text, by the beginning of the last, and by facets', async () => {
    const titles = async (query: string) =>
      listAt(expectStatus(await nobody.get(`/catalogue.json?${query}`), 200).json, 'listings').map((item) =>
        at(item, 'title'),
      )
    const title = `Title ${word}`
    for (const query of [
      `q=${word}`,
      `q=${word.toUpperCase()}`,
      `q=title+${word}`,
      `q=title+${word.slice(0, 8)}`,
      `q=${word}&os=debian`,
    ])
      expectEqual(await titles(query), [title], query)
    const { handle } = objectAt((await document()).json, 'producer')
    expectEqual(await titles(`q=${word}&producer=${handle}`), [title], 'by producer')
    for (const query of [`q=${word}+absent${unique()}`, `q=${word}&os=windows`, `q=${word}&producer=${unique()}`])
      expectEqual(await titles(query), [], query)
    for (const wild of ['%25', '_', '*', `%25${word.slice(3)}`])
      expectEqual((await titles(`q=${wild}&os=debian`)).includes(title), false, `found by ${wild}`)
  })
  await own('pages go on by next, newest first, without gap or double', async () => {
    const mark = unique()
    const made: string[] = []
    for (let count = 0; count < 30; count++)
      made.unshift((await published(scene, await images.queued(), { title: `${mark} ${count}` })).title)
    const found: string[] = []
    let next: Json = `/catalogue.json?q=${mark}`
    let pages = 0
    for (; typeof next === 'string' && pages < 10; pages++) {
      const answer: Answer = expectStatus(await nobody.get(next), 200)
      found.push(...listAt(answer.json, 'listings').map((item) => stringAt(item, 'title')))
      next = at(answer.json, 'next') ?? null
    }
    expectEqual(found, made, 'the titles')
    if (pages < 2) throw new Error('30 listings came on one page')
    const own = await walk(owner.api, '/v2/listings?limit=7', 'listings')
    const mine = own.map((item) => stringAt(item, 'title')).filter((title) => title.startsWith(mark))
    expectEqual(mine, made, 'the titles of the own listings')
  })
  await own('an image that became private or is deleted cannot be asked for, and shows no more of itself', async () => {
    const gone = await images.active()
    const listing = await published(scene, gone, { shown: ['size', 'checksum', 'dates'] })
    const requestable = async () => {
      const answer = await nobody.get(`${listing.path}.json`)
      return answer.status === 404 ? 404 : at(answer.json, 'requestable')
    }
    expectEqual(await requestable(), true, 'requestable')
    const visibility = async (value: string) =>
      expectStatus(await owner.api.patch(`/v2/images/${gone}`, [{ op: 'replace', path: '/visibility', value }]), 200)
    await visibility('private')
    if ((await requestable()) === true) throw new Error('a private image can be asked for')
    await visibility('shared')
    expectStatus(await owner.api.delete(`/v2/images/${gone}`), 204)
    if ((await requestable()) === true) throw new Error('a deleted image can be asked for')
  })
}

const runHeaders = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { nobody, consumer } = actors
  const { path } = await published(scene, await images.active())
  await own('public pages may be kept for a minute, and are 304 when they did not change', async () => {
    for (const page of ['/catalogue', '/catalogue.json', '/catalogue.atom', path, `${path}.json`]) {
      const answer = expectStatus(await nobody.get(page), 200)
      expectMatch(header(answer, 'cache-control'), /^public, max-age=\d+/, `Cache-Control of ${page}`)
      const etag = header(answer, 'etag') ?? ''
      expectMatch(etag, /^(W\/)?".+"$/, `ETag of ${page}`)
      const again = expectStatus(await nobody.get(page, { headers: { 'if-none-match': etag } }), 304)
      expectEqual(again.bytes.length, 0, `the body of a 304 of ${page}`)
      expectEqual(header(answer, 'set-cookie'), undefined, `Set-Cookie of ${page}`)
      expectEqual(header(answer, 'x-content-type-options'), 'nosniff', `X-Content-Type-Options of ${page}`)
    }
  })
  await own('a public page is the same for who is signed in', async () => {
    expectEqual((await consumer.api.get(path)).text, (await nobody.get(path)).text, 'the page')
  })
  await own('HEAD answers as GET, without the body', async () => {
    const [get, head] = [await nobody.get(path), expectStatus(await nobody.send('HEAD', path), 200)]
    expectEqual(head.bytes.length, 0, 'the body')
    expectEqual(header(head, 'content-type'), header(get, 'content-type'), 'Content-Type')
  })
  await own('other methods are 405 with Allow', async () => {
    for (const page of ['/catalogue', '/catalogue.json', path])
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
        const answer = expectStatus(await nobody.send(method, page), 405)
        expectMatch(header(answer, 'allow'), /GET/, `Allow of ${method} ${page}`)
      }
  })
  await own('a producer or listing that is not there is a 404 page as safe as the others', async () => {
    for (const page of [
      '/catalogue/producers/nobody-at-all',
      `${path}-not`,
      '/catalogue/nothing',
      '/catalogue/icons/x',
    ]) {
      expectSafePage(expectStatus(await nobody.get(page, { headers: { accept: 'text/html' } }), 404))
      expectRefusal(await nobody.get(page, { headers: { accept: 'application/json' } }), 404)
    }
  })
  await own('/ sends a browser to the catalogue, and everyone else to the versions', async () => {
    const browser = await nobody.get('/', { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } })
    expectMatch(header(expectStatus(browser, 302, 303, 307), 'location'), /\/catalogue$/, 'Location')
    const client = expectStatus(await nobody.get('/'), 300, 200)
    listAt(client.json, 'versions')
  })
}

const hostileQueries = [
  'q=%00',
  'q=%ff',
  'q=%F0%9F%92%BF',
  `q=${'a'.repeat(10_000)}`,
  `q=${'a+'.repeat(2000)}`,
  `q=${'%25_*'.repeat(50)}`,
  "q='%3B+drop+table+listings%3B--",
  'q=%3Cscript%3Ealert(1)%3C/script%3E',
  'q=%22+onfocus%3D%22alert(1)',
  'q=a&q=b',
  'q[]=a',
  'os=%00',
  'producer=../../v2/images',
  'after=nonsense',
  'after=%00',
  'limit=-1',
  'limit=1e9',
  'limit=x',
  '__proto__=1',
]

const hostileTexts = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '![picture](https://evil.example/track.png)',
  '[link](javascript:alert(1))',
  '[link](JaVaScRiPt&colon;alert(1))',
  '[link](data:text/html;base64,PHNjcmlwdD4=)',
  '[link](vbscript:x)',
  '<a href="javascript:alert(1)" style="position:fixed">x</a>',
  '<iframe src="https://evil.example"></iframe>',
  '<svg onload=alert(1)>',
  '<style>body{display:none}</style>',
  '</main></body></html><h1>Mine</h1>',
  '<form action="https://evil.example"><input name=token></form>',
  '"><script>alert(1)</script>',
  '[x]: javascript:alert(1)\n\n[y][x]',
  '`</code><script>alert(1)</script>`',
]

const runHostile = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { nobody, owner } = actors
  for (const query of hostileQueries)
    await own(`a hostile query ${query.slice(0, 50)} is answered, and safely`, async () => {
      const page = await nobody.get(`/catalogue?${query}`, { headers: { accept: 'text/html' } })
      expectSafePage(expectStatus(page, 200, 400))
      expectStatus(await nobody.get(`/catalogue.json?${query}`), 200, 400)
      const feed = expectStatus(await nobody.get(`/catalogue.atom?${query}`), 200, 400)
      if (feed.status === 200) expectWellFormed(feed)
    })
  const { id, path } = await published(scene, await images.active())
  const listing = `/v2/listings/${id}`
  const shown = async (fields: { [key: string]: Json }) => {
    expectStatus(await change(owner.api, listing, fields), 200)
    const page = expectStatus(await nobody.get(path, { headers: { accept: 'text/html' } }), 200)
    expectSafePage(page)
    return page.text
  }
  for (const text of hostileTexts)
    await own(`hostile Markdown is harmless: ${text.slice(0, 40).replaceAll('\n', ' ')}`, async () => {
      const page = await shown({ description: text, terms: text })
      if (/<img[^>]*evil/.test(page)) throw new Error('the page loads a picture from elsewhere')
      expectEqual(page.match(/<\/main>/g)?.length, 1, 'the ends of main')
    })
  await own('hostile titles and summaries are text, in page, feed and JSON', async () => {
    const title = '</title><script>alert("1")</script> & \'more\''
    const page = await shown({ title, summary: '<b onmouseover=x>&amp;</b>', os_name: '<i>OS</i>', licence: '"><u>' })
    if (/<b |<i>|<u>/.test(page)) throw new Error('markup of a field is in the page')
    expectField(await nobody.get(`${path}.json`), ['title'], title)
    expectWellFormed(expectStatus(await nobody.get('/catalogue.atom'), 200))
  })
  await own('links of a description say that they are not ours', async () => {
    const page = await shown({ description: '[a link](https://example.org/) and https://example.net/' })
    for (const [anchor] of page.matchAll(/<a [^>]*href="https:\/\/example\.(org|net)[^>]*>/g))
      expectMatch(anchor, /rel="[^"]*nofollow[^"]*"/, 'the link')
  })
  await own('deeply nested and huge Markdown is shown in time', async () => {
    for (const description of [
      '>'.repeat(20_000),
      '['.repeat(25_000),
      `${'*a '.repeat(15_000)}`,
      `${'- '.repeat(10_000)}x`,
      `${'[a]('.repeat(8000)}`,
      '`'.repeat(40_000),
      '\\'.repeat(49_000),
      '<'.repeat(49_000),
      'http://a.'.repeat(5000),
    ]) {
      const begin = Date.now()
      await shown({ description })
      if (Date.now() - begin > 3000) throw new Error(`${description.slice(0, 10)}… took ${Date.now() - begin} ms`)
    }
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

export const cataloguePages: Group = {
  name: 'pages of the catalogue',
  own: true,
  async run(scene) {
    await runPublic(scene)
    await runHeaders(scene)
    await runHostile(scene)
  },
}
