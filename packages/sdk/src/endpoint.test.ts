import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageBase, parseAddress, pathSegment } from './endpoint.ts'
import { ConfigurationError, InvalidArgumentError } from './errors.ts'

test('an endpoint gets /v2 when it has none', () => {
  const bases = {
    'https://image.example.org': 'https://image.example.org/v2',
    'https://image.example.org:9292/': 'https://image.example.org:9292/v2',
    'https://cloud.example.org/image': 'https://cloud.example.org/image/v2',
    'https://image.example.org/v2': 'https://image.example.org/v2',
    'https://image.example.org/v2/': 'https://image.example.org/v2',
    'https://image.example.org/v2.1': 'https://image.example.org/v2.1',
    'https://image.example.org/v1': 'https://image.example.org/v2',
    'https://image.example.org/v2/123456': 'https://image.example.org/v2/123456',
    'https://v2.example.org/v20': 'https://v2.example.org/v2',
  }
  for (const [endpoint, base] of Object.entries(bases)) assert.equal(imageBase(endpoint), base)
})

test('an address with a password is refused, and not repeated', () => {
  assert.throws(
    () => parseAddress('https://joe:hunter2@example.org', 'authUrl'),
    (error) => error instanceof ConfigurationError && !error.message.includes('hunter2'),
  )
  for (const text of ['example.org', 'ftp://example.org', '', 'javascript:alert(1)']) {
    assert.throws(() => parseAddress(text, 'authUrl'), ConfigurationError)
  }
})

test('a segment can only address what it names', () => {
  assert.equal(pathSegment('a/b c?d#ä', 'A tag'), 'a%2Fb%20c%3Fd%23%C3%A4')
  for (const text of ['', '.', '..', '\ud800']) assert.throws(() => pathSegment(text, 'An id'), InvalidArgumentError)
})
