import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer } from './client.ts'
import { expectDocument } from './document.ts'
import { expectSafePage, expectWellFormed } from './extensions.ts'
import { type Json, parseJson } from './json.ts'

const answerOf = (text: string, headers: Record<string, string> = {}): Answer => ({
  request: 'GET /',
  status: 200,
  headers,
  bytes: Buffer.from(text),
  text,
  json: parseJson(text),
})

test('a document is refused for a key too many, one too few, or a wrong type', () => {
  const schema = {
    type: 'object',
    required: ['id', 'list'],
    properties: {
      id: { type: 'string', pattern: '^a' },
      list: { type: 'array', items: { anyOf: [{ type: 'integer' }, { type: 'null' }] } },
      word: { enum: ['yes', 'no'] },
      open: { type: 'object', patternProperties: { '.*': {} } },
    },
  }
  const check = (json: Json) => expectDocument(answerOf(JSON.stringify(json)), schema)
  check({ id: 'ab', list: [1, null], word: 'yes', open: { anything: [] } })
  assert.throws(() => check({ id: 'ab' }), /lacks list/)
  assert.throws(() => check({ id: 'ab', list: [], more: 1 }), /unknown key more/)
  assert.throws(() => check({ id: 'b', list: [] }), /does not fit/)
  assert.throws(() => check({ id: 'ab', list: [1.5] }), /list\.0 is 1\.5, not integer/)
  assert.throws(() => check({ id: 'ab', list: [], word: 'perhaps' }), /not one of yes, no/)
  assert.throws(() => check([]), /not object/)
  assert.throws(() => expectDocument(answerOf('<p>'), schema), /no JSON/)
})

const safeHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
}

test('a page is refused for what it could run, load or be framed by', () => {
  const check = (html: string, headers = {}) => expectSafePage(answerOf(html, { ...safeHeaders, ...headers }))
  check('<a href="https://example.org/" rel="x">onclick=1 &lt;script&gt;</a><input value="&quot; onfocus=&quot;x">')
  for (const html of [
    '<script>1</script>',
    '<img src="/x" onerror="alert(1)">',
    '<img src=x onerror=alert(1)>',
    '<a href="javascript:alert(1)">x</a>',
    '<a href=" JavaScript:alert(1)">x</a>',
    '<a href="//evil.example/">x</a>',
    '<img src="https://evil.example/x.png">',
    '<link rel="stylesheet" href="https://evil.example/x.css">',
    '<p style="position:fixed">x</p>',
    '<form action="https://evil.example/">',
    '<svg/onload=alert(1)>',
    '<iframe src="/x"></iframe>',
  ])
    assert.throws(() => check(html), html)
  for (const policy of ["default-src 'self' 'unsafe-inline'", 'default-src *', "default-src 'none'", ''])
    assert.throws(() => check('<p>x</p>', { 'content-security-policy': policy }), policy)
  assert.throws(() => check('<p>x</p>', { 'x-content-type-options': '' }))
  assert.throws(() => check('<p>x</p>', { 'content-type': 'text/html' }))
})

test('a feed is refused that no reader could read', () => {
  const check = (xml: string) => expectWellFormed(answerOf(xml))
  assert.deepEqual(check('<?xml version="1.0"?><feed a="b"><t>x &amp; y</t><l href="/"/></feed>'), ['feed', 't', 'l'])
  for (const xml of [
    '<a>',
    '<a></b>',
    '<a><b></a></b>',
    '<a>x & y</a>',
    '<a>1 < 2</a>',
    '<a>\u0000</a>',
    '<a>&nbsp;</a>',
  ])
    assert.throws(() => check(xml), xml)
})
