import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorMessage } from './error-message.ts'

const cases: [name: string, body: Parameters<typeof errorMessage>[1], expected: string][] = [
  ['nested', { error: { code: 404, title: 'Not Found', message: 'No image x.' } }, 'No image x.'],
  ['nested under another name', { itemNotFound: { code: 404, message: 'No tenant.' } }, 'No tenant.'],
  [
    'flat with markup',
    { message: 'No image found with ID x<br /><br />\n\n\n', code: '404 Not Found', title: 'Not Found' },
    'No image found with ID x',
  ],
  [
    'an HTML page',
    '<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  <h1>404 Not Found</h1>\n  No image &quot;x&quot;<br /><br />\n\n\n </body>\n</html>',
    'No image "x"',
  ],
  ['text below a status line', '404 Not Found\n\nNo image x.\n\n', 'No image x.'],
  ['a number that is part of the message', '404 images are too many', '404 images are too many'],
  ['several lines', 'First.\nSecond.\nFirst.', 'First.: Second.'],
  ['nothing', '', 'Not Found'],
  ['JSON without a message', { whatever: 1 }, 'Not Found'],
  ['a list', [1, 2], 'Not Found'],
  ['terminal commands', { error: { message: 'a\u001b[31mb' } }, 'a [31mb'],
]

for (const [name, body, expected] of cases) {
  test(`the message is found in ${name}`, () => {
    assert.equal(errorMessage(404, body, 'Not Found'), expected)
  })
}

test('without a reason phrase (HTTP/2) the status stands for it', () => {
  assert.equal(errorMessage(502, '', ''), 'HTTP status 502')
})

test('a message has an end', () => {
  assert.equal(errorMessage(400, 'x'.repeat(100_000)).length, 2000)
})
