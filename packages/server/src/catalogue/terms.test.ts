import assert from 'node:assert/strict'
import { test } from 'node:test'
import { facetTerm, queryWords, termsOf, wordsOf } from './terms.ts'

const listing = {
  title: 'Debian 13',
  summary: 'Kleiner Rechner für alle',
  description: 'Über den Wolken',
  os_name: 'Debian',
  os_version: '13.1',
  architecture: 'x86_64',
}
const producer = { handle: 'acme', name: 'Acme GmbH' }

test('words are small letters and digits without accents', () => {
  assert.deepEqual(wordsOf('Crème-Brûlée 22.04, ＦＵＬＬ'), ['creme', 'brulee', '22', '04', 'full'])
})

test('scripts without spaces are split into words', () => {
  assert.ok(wordsOf('仮想マシンのイメージ').length > 1)
})

test('wildcards and other signs are no words', () => {
  assert.deepEqual(queryWords("% _ * ' \\ ; -- \u0000"), [])
})

test('a query is cut to a sensible length', () => {
  const words = queryWords(Array.from({ length: 5000 }, (_, index) => `w${index}`).join(' '))
  assert.ok(words.length <= 8)
  assert.ok(queryWords('x'.repeat(10_000)).every((word) => word.length <= 40))
})

test('short fields are found by the beginnings of their words, long ones by whole words', () => {
  const terms = termsOf(listing, producer)
  for (const term of ['d', 'deb', 'debian', '13', 'x86', 'acme', 'gmb', 'rechner', 'wolken', 'uber']) {
    assert.ok(terms.has(term), term)
  }
  for (const term of ['rech', 'wolk', 'ebian']) assert.ok(!terms.has(term), term)
})

test('facets are the same whatever the letter case', () => {
  const terms = termsOf(listing, producer)
  for (const [facet, value] of [
    ['os', 'DEBIAN'],
    ['architecture', 'X86-64'],
    ['producer', 'acme'],
  ] as const) {
    assert.ok(terms.has(facetTerm(facet, value)), value)
  }
})

test('a text cannot pretend to be a facet', () => {
  const terms = termsOf({ ...listing, title: 'os:windows producer:other', os_name: 'a os:b' }, producer)
  assert.ok(!terms.has('os:windows'))
  assert.ok(!terms.has('producer:other'))
})

test('a long description cannot fill the index', () => {
  const description = Array.from({ length: 10_000 }, (_, index) => `word${index}`).join(' ')
  const terms = termsOf({ ...listing, description }, producer)
  assert.ok(terms.size <= 400)
  assert.ok(terms.has('debian'))
})

test('threat: a description of characters that each stand for eighteen', () => {
  const words = wordsOf('\ufdfa'.repeat(50_000))
  assert.ok(words.length < 20_000, `${words.length} words`)
})
