import { CatalogueSchema, ProducerPageSchema, PublicListingSchema } from '@vitrine/contract'
import type { Answer } from '../../client.ts'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectMatch, expectStatus, header } from '../../expect.ts'
import {
  change,
  expectRefusal,
  expectSafePage,
  expectWellFormed,
  handleOf,
  published,
  unique,
  walk,
} from '../../extensions.ts'
import { at, type Json, listAt, objectAt, stringAt } from '../../json.ts'
import type { Group, Scene } from '../../suite.ts'

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

export const cataloguePages: Group = {
  name: 'pages of the catalogue',
  own: true,
  async run(scene) {
    await runPublic(scene)
    await runHeaders(scene)
  },
}
