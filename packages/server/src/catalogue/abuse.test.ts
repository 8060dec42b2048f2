import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ListingDocument, ProducerDocument } from '@vitrine/contract'
import { eachDatabase } from '../testing/databases.ts'
import { fakeToken } from '../testing/fake-identity.ts'
import { startTestService } from '../testing/test-service.ts'
import { foundPaths, makeImage, makeProducer, pngIcon, publish } from './testing.ts'

const producer = fakeToken('producer-project', 'member')
const other = fakeToken('other-project', 'member')

eachDatabase('catalogue and bad people', ({ newUrl, atEnd }) => {
  const start = async () => {
    const service = await startTestService({ database_url: await newUrl(), smtp_url: 'smtp://127.0.0.1:1' })
    atEnd(() => service.close())
    return service
  }

  test('a listing never shows image id, image name, owner or member', async () => {
    const service = await start()
    await makeProducer(service, producer, 'acme')
    const imageId = await makeImage(service, producer)
    await service.call('POST', `/v2/images/${imageId}/members`, producer, { member: 'consumer-project' })
    const listing = await publish(service, producer, imageId, { description: 'x', terms: 'y' })
    await service.call('PUT', `/v2/listings/${listing.id}/icon`, producer, pngIcon(8, 8))
    const { icon } = (await service.call('GET', `${listing.path}.json`)).json<ListingDocument>()
    assert.ok(icon)
    const pages = ['/catalogue', '/catalogue/producers/acme', listing.path]
    const all = pages.flatMap((path) => [path, `${path}.json`, `${path}.atom`])
    for (const path of [...all, '/catalogue?q=debian', icon, '/catalogue/style.css']) {
      const answer = await service.call('GET', path)
      assert.equal(answer.statusCode, 200, path)
      const told = `${answer.body}${JSON.stringify(answer.headers)}`
      for (const secret of [imageId, 'secret-name', 'producer-project', 'consumer-project', 'user-of']) {
        assert.ok(!told.includes(secret), `${path} tells ${secret}`)
      }
    }
  })

  test('look-alike producers: handles are refused, names and titles are warned of', async () => {
    const service = await start()
    await makeProducer(service, producer, 'modern-images', 'Modern Images')
    for (const handle of [
      'modern-images',
      'modem-images',
      'modernimages',
      'm0dern-images',
      'modern-1mages',
      'modern-lmages',
    ]) {
      const answer = await service.call('PUT', '/v2/producer', other, { handle, name: 'Other' })
      assert.equal(answer.statusCode, 409, handle)
      assert.match(answer.body, /taken, or looks like one that is/)
    }
    for (const handle of ['vitrine', 'v1trine', 'open-stack', 'admin']) {
      assert.equal(
        (await service.call('PUT', '/v2/producer', other, { handle, name: 'Other' })).statusCode,
        409,
        handle,
      )
    }
    for (const handle of ['mоdern', 'Modern', 'a_b', '-ab', 'a--b', 'ab', 'a/b', '']) {
      assert.equal(
        (await service.call('PUT', '/v2/producer', other, { handle, name: 'Other' })).statusCode,
        400,
        handle,
      )
    }
    // The first letter is Cyrillic.
    const made = await service.call('PUT', '/v2/producer', other, { handle: 'other', name: 'Мodem lmages' })
    assert.equal(made.statusCode, 201)
    assert.match(String(made.json<ProducerDocument>().warnings?.[0]), /looks like that of modern-images/)
    assert.ok(!('warnings' in (await service.call('GET', '/catalogue/producers/other.json')).json().producer))

    await publish(service, producer, await makeImage(service, producer), { title: 'Ubuntu 24.04' })
    const copied = await publish(service, other, await makeImage(service, other), { title: 'Ubυntu 24.O4' })
    assert.match(String(copied.warnings[0]), /looks like that of modern-images: Ubuntu 24\.04/)
  })

  test('look-alike producers: of two that take like handles at once, one succeeds', async () => {
    const service = await start()
    const answers = await Promise.all(
      ['acme-one', 'acmeone', 'acme-0ne', 'acmeome'].map((handle, index) =>
        service.call('PUT', '/v2/producer', fakeToken(`project-${index}`, 'member'), { handle, name: `n${index}` }),
      ),
    )
    const made = answers.filter(({ statusCode }) => statusCode === 201)
    // `acmeome` is another word.
    assert.equal(made.length, 2, answers.map(({ body }) => body).join())
  })

  test('titles with newlines and marks that turn the direction of writing are refused', async () => {
    const service = await start()
    await makeProducer(service, producer, 'acme')
    const imageId = await makeImage(service, producer)
    for (const title of [
      'a\nb',
      'a\r\nBcc: x',
      'a\u202eb',
      'a\u2066b',
      'a\u0000b',
      'a\u2028b',
      'a\u001bb',
      '',
      ' ',
      '\u200b',
      '…',
      'a\ud800',
    ]) {
      const answer = await service.call('POST', '/v2/listings', producer, { image_id: imageId, title })
      assert.equal(answer.statusCode, 400, JSON.stringify(title))
      const name = await service.call('PUT', '/v2/producer', producer, { handle: 'acme', name: title })
      assert.equal(name.statusCode, 400, JSON.stringify(title))
    }
  })

  test('links and addresses with injection are refused', async () => {
    const service = await start()
    await makeProducer(service, producer, 'acme')
    const imageId = await makeImage(service, producer)
    for (const body of [
      { documentation: 'javascript:alert(1)' },
      { documentation: 'https://e.example/"onclick=x' },
      { documentation: 'data:text/html,x' },
      { contact: 'a@b.example?bcc=c@d.example' },
      { contact: 'a@b.example\nBcc: c@d.example' },
      { contact: '"x"@b.example' },
      { slug: '../admin' },
      { slug: 'a.json' },
      { shown: ['owner'] },
      { image: 'x' },
    ]) {
      const answer = await service.call('POST', '/v2/listings', producer, { image_id: imageId, title: 'x', ...body })
      assert.equal(answer.statusCode, 400, JSON.stringify(body))
    }
  })

  test('threat: a contact that adds recipients and words to the mail of a visitor', async () => {
    const service = await start()
    const contact = 'a?bcc=evil&subject=x%0a#y@b.example'
    await service.call('PUT', '/v2/producer', producer, { handle: 'acme', name: 'Acme', contact })
    const listing = await publish(service, producer, await makeImage(service, producer), { contact })
    for (const path of [listing.path, '/catalogue/producers/acme']) {
      const { body } = await service.call('GET', path)
      const [, address] = /href="mailto:([^"]*)"/.exec(body) ?? []
      assert.equal(address, 'a%3Fbcc%3Devil%26subject%3Dx%250a%23y@b.example', path)
    }
  })

  test('markup in every field stays text on every page and in every feed', async () => {
    const service = await start()
    const evil = `</title></textarea>"'><script>alert(1)</script>&`
    await service.call('PUT', '/v2/producer', producer, { handle: 'acme', name: evil, description: evil })
    const listing = await publish(service, producer, await makeImage(service, producer), {
      slug: 'evil',
      title: evil,
      summary: evil,
      description: evil,
      terms: evil,
      os_name: evil.slice(0, 60),
      os_version: '<b>',
      architecture: '<i>',
      licence: evil,
    })
    const paths = ['/catalogue', '/catalogue/producers/acme', listing.path, `${listing.path}.atom`, '/catalogue.atom']
    const query = `?q=${encodeURIComponent(evil)}&os=${encodeURIComponent(evil)}&producer=${encodeURIComponent(evil)}`
    for (const path of [...paths, '/catalogue/producers/acme.atom', `/catalogue${query}`, `/catalogue.atom${query}`]) {
      const { body, headers } = await service.call('GET', path)
      assert.doesNotMatch(body, /<script|<b>|<i>|<\/textarea>"'/, path)
      assert.equal(headers['x-content-type-options'], 'nosniff')
      assert.match(String(headers['content-security-policy']), /default-src 'none'/)
    }
    const json = await service.call('GET', `${listing.path}.json`)
    assert.equal(json.headers['content-type'], 'application/json')
    assert.equal(json.headers['x-content-type-options'], 'nosniff')
  })

  test('search strings with wildcards, quotes and NUL find nothing but words', async () => {
    const service = await start()
    await makeProducer(service, producer, 'acme')
    await publish(service, producer, await makeImage(service, producer), { title: 'Debian', os_name: 'Debian' })
    for (const text of ['%', '_', '*', 'd%n', 'd_bian', 'deb*n', "'", "' or 1=1 --", '"', '\\', ';', 'os:debian x']) {
      assert.deepEqual(await foundPaths(service, `?q=${encodeURIComponent(text)}`), [], text)
    }
    assert.deepEqual(await foundPaths(service, '?os=%25'), [])
    for (const path of ['/catalogue?q=%00', '/catalogue?q=a%00b', '/catalogue/producers/%00', '/catalogue?q=%ff']) {
      assert.equal((await service.call('GET', path)).statusCode, 400, path)
    }
    assert.equal((await foundPaths(service)).length, 1)
  })

  test('queries of 10,000 characters and of 10,000 words are cut, not worked through', async () => {
    const service = await start()
    for (const text of ['x'.repeat(10_000), 'x+'.repeat(5_000), '%F0%9F%98%80'.repeat(900), 'e%CC%81'.repeat(1500)]) {
      const begun = performance.now()
      for (const path of [`/catalogue?q=${text}`, `/catalogue.json?os=${text}&architecture=${text}&producer=${text}`]) {
        const { statusCode, body } = await service.call('GET', path)
        assert.equal(statusCode, 200)
        assert.ok(body.length < 20_000)
      }
      assert.ok(performance.now() - begun < 2000)
    }
  })

  test('bad cursors are refused', async () => {
    const service = await start()
    const encoded = (text: string) => Buffer.from(text).toString('base64url')
    const cursors = [
      'x',
      '-1',
      encoded('1'),
      encoded('1.x'),
      encoded("1.' or 1=1"),
      encoded(`${'9'.repeat(30)}.x`),
      encoded('NaN.00000000-0000-0000-0000-000000000000'),
      'A'.repeat(5000),
    ]
    for (const cursor of cursors) {
      assert.equal((await service.call('GET', `/catalogue.json?after=${cursor}`)).statusCode, 400, cursor)
    }
    const nowhere = encoded('999999999999999.00000000-0000-0000-0000-000000000000')
    assert.equal((await service.call('GET', `/catalogue.json?after=${nowhere}`)).statusCode, 200)
    const marker = await service.call('GET', '/v2/listings?marker=x', producer)
    assert.equal(marker.statusCode, 400)
  })

  test('icons that are HTML, SVG or polyglots do nothing in a browser', async () => {
    const service = await start()
    await makeProducer(service, producer, 'acme')
    const listing = await publish(service, producer, await makeImage(service, producer))
    const path = `/v2/listings/${listing.id}/icon`
    for (const bytes of [
      '<html><script>alert(1)</script>',
      '<svg xmlns="http://www.w3.org/2000/svg"/>',
      'GIF89a',
      '',
    ]) {
      const refused = await service.call('PUT', path, producer, Buffer.from(bytes), { 'content-type': 'image/png' })
      assert.equal(refused.statusCode, 400, bytes)
    }
    const large = await service.call('PUT', path, producer, Buffer.concat([pngIcon(8, 8), Buffer.alloc(128 * 1024)]))
    assert.equal(large.statusCode, 413)
    const polyglot = Buffer.concat([pngIcon(8, 8), Buffer.from('<script>alert(1)</script>')])
    const kept = await service.call('PUT', path, producer, polyglot, { 'content-type': 'text/html' })
    assert.equal(kept.statusCode, 200, kept.body)
    const served = await service.call('GET', String(kept.json<ListingDocument>().icon))
    assert.equal(served.headers['content-type'], 'image/png')
    assert.equal(served.headers['x-content-type-options'], 'nosniff')
    assert.equal(served.headers['content-security-policy'], "default-src 'none'; sandbox")
    assert.deepEqual(served.rawPayload, polyglot)
  })

  test('icons that nobody shows any more take no room', async () => {
    const service = await start()
    await makeProducer(service, producer, 'acme')
    const one = await publish(service, producer, await makeImage(service, producer))
    const two = await publish(service, producer, await makeImage(service, producer))
    const put = async (id: string, bytes: Buffer) =>
      String((await service.call('PUT', `/v2/listings/${id}/icon`, producer, bytes)).json<ListingDocument>().icon)
    const shared = await put(one.id, pngIcon(8, 8))
    assert.equal(await put(two.id, pngIcon(8, 8)), shared)
    const replaced = await put(one.id, pngIcon(9, 9))
    assert.equal((await service.call('GET', shared)).statusCode, 200)
    assert.equal((await service.call('DELETE', `/v2/listings/${two.id}/icon`, producer)).statusCode, 204)
    assert.equal((await service.call('GET', shared)).statusCode, 404)
    assert.equal((await service.call('DELETE', `/v2/listings/${one.id}`, producer)).statusCode, 204)
    assert.equal((await service.call('GET', replaced)).statusCode, 404)
  })

  test('what only a producer sees is kept by no cache', async () => {
    const service = await start()
    await makeProducer(service, producer, 'acme')
    const listing = await publish(service, producer, await makeImage(service, producer))
    for (const path of ['/v2/producer', '/v2/listings', `/v2/listings/${listing.id}`]) {
      const { headers } = await service.call('GET', path, producer)
      assert.doesNotMatch(String(headers['cache-control'] ?? ''), /public/)
      assert.equal(headers.etag, undefined)
    }
    const missing = await service.call('GET', '/catalogue/producers/nobody', undefined, undefined, {
      accept: 'text/html',
    })
    assert.equal(missing.headers['cache-control'], 'private, no-store')
  })

  test('a short text that becomes an endless page is refused', async () => {
    const service = await start()
    await makeProducer(service, producer, 'acme')
    const imageId = await makeImage(service, producer)
    const table = `${'|a'.repeat(100)}\n${'|-'.repeat(100)}\n${'|\n'.repeat(500)}`
    for (const body of [{ description: table }, { terms: table }]) {
      const refused = await service.call('POST', '/v2/listings', producer, { image_id: imageId, title: 'x', ...body })
      assert.equal(refused.statusCode, 400)
      assert.match(refused.body, /3000 parts/)
    }
    const profile = { handle: 'acme', name: 'Acme', description: table }
    assert.equal((await service.call('PUT', '/v2/producer', producer, profile)).statusCode, 400)
  })
})
