import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkMarkdown, renderMarkdown } from './markdown.ts'

const rendered = (text: string): string => renderMarkdown(text).toString()

test('hostile Markdown: nothing of it becomes active', () => {
  const texts = [
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '<svg/onload=alert(1)>',
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    '<a href="javascript:alert(1)">x</a>',
    '[x](javascript:alert(1))',
    '[x](JaVaScRiPt:alert(1))',
    '[x](java\tscript:alert(1))',
    '[x](&#106;avascript:alert(1))',
    '[x](data:text/html;base64,PHNjcmlwdD4=)',
    '[x](vbscript:x)',
    '[x](//evil.example)',
    '[x](/v2/images)',
    '[x](https://e.example "onmouseover=alert(1)")',
    '[x](<https://e.example/" onmouseover="alert(1)>)',
    '![x](https://tracker.example/pixel.png)',
    '![x](x" onerror="alert(1))',
    '<style>body{display:none}</style>',
    '<form action=/x><input></form>',
    '<base href=//evil.example>',
    '<!--><script>alert(1)</script>-->',
    '```"><script>alert(1)</script>\nx\n```',
    '`<script>alert(1)</script>`',
    '[a]: javascript:alert(1)\n\n[a]',
    '<https://e.example/<script>alert(1)</script>>',
    '> <script>alert(1)</script>\n\n- <b onclick=alert(1)>x</b>',
  ]
  for (const text of texts) {
    const markup = rendered(text)
    const tags = markup.match(/<[a-z][^>]*>/gi) ?? []
    for (const tag of tags) {
      assert.match(
        tag,
        /^<(?:p|h[3-6]|ul|ol|li|blockquote|pre|code|hr|br|em|strong|s|table|thead|tbody|tr|th|td)(?: start="\d+")?(?: \/)?>$|^<a href="(?:https?:\/\/|mailto:)[^"]*" rel="nofollow noopener ugc">$/,
        `${text} became ${tag}`,
      )
    }
  }
})

test('hostile Markdown: short texts that become endless pages are refused, all others are quick', () => {
  const characters = 50_000
  const texts = [
    '['.repeat(characters),
    '*a '.repeat(characters / 3),
    '**a _b '.repeat(characters / 7),
    '[a](b '.repeat(characters / 6),
    '> '.repeat(characters / 2),
    '>'.repeat(characters),
    Array.from({ length: 300 }, (_, index) => `${' '.repeat(index)}- a`).join('\n'),
    Array.from({ length: 300 }, (_, index) => '`'.repeat(index)).join(' '),
    '<'.repeat(characters),
    '- a\n'.repeat(characters / 4),
    'http://'.repeat(characters / 7),
    `[a](${'('.repeat(characters)}`,
  ]
  for (const text of texts) {
    const begun = performance.now()
    try {
      checkMarkdown('description', text)
      rendered(text)
    } catch (error) {
      assert.match(String(error), /more than 3000 parts/)
    }
    const tookMs = performance.now() - begun
    assert.ok(tookMs < 3000, `${text.slice(0, 20)} took ${tookMs} ms`)
  }
  const table = `${'|a'.repeat(200)}\n${'|-'.repeat(200)}\n${'|\n'.repeat(20_000)}`
  assert.throws(() => checkMarkdown('description', table), /more than 3000 parts/)
  assert.doesNotThrow(() => checkMarkdown('description', 'Fine: **bold** and [link](https://e.example)'))
})

test('headings stand below those of the page and leave out no level', () => {
  assert.equal(
    rendered('# one\n\n#### deep\n\n## two\n\n# three').replaceAll('\n', ''),
    '<h3>one</h3><h4>deep</h4><h4>two</h4><h3>three</h3>',
  )
  assert.match(rendered('###### only'), /^<h3>/)
})

test('what people write is kept', () => {
  const markup = rendered(
    '**b** *e* `c`\n\n1. one\n2. two\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\nhttps://e.example/x?a=1&b=2',
  )
  for (const part of ['<strong>b</strong>', '<em>e</em>', '<code>c</code>', '<ol>', '<td>1</td>']) {
    assert.ok(markup.includes(part), part)
  }
  assert.match(markup, /<a href="https:\/\/e\.example\/x\?a=1&amp;b=2" rel="nofollow noopener ugc">/)
})
