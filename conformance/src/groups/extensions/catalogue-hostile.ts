import { expectEqual, expectField, expectMatch, expectStatus } from '../../expect.ts'
import { change, expectSafePage, expectWellFormed, published } from '../../extensions.ts'
import type { Json } from '../../json.ts'
import type { Group, Scene } from '../../suite.ts'

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

export const catalogueHostile: Group = {
  name: 'hostile texts in the catalogue',
  own: true,
  run: runHostile,
}
