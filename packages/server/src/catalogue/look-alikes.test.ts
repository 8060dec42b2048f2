import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isReserved, skeletonOf } from './look-alikes.ts'

test('names that look the same have one skeleton', () => {
  const pairs = [
    ['paypal', 'pаypаl'], // Cyrillic a
    ['acme-images', 'acmeimages'],
    ['acme', 'ACME'],
    ['acme', 'a\u200bc\u00admé'],
    ['google', 'g00gle'],
    ['illinois', '1llin0is'],
    ['modern', 'modem'],
    ['www', 'vvvvvv'],
    ['Debian 13', 'Ｄｅｂｉａｎ１３'],
    ['Ubuntu', 'Ubυntυ'], // Greek upsilon
    ['corner', 'comer'],
    ['Modern', 'Мodem'], // Cyrillic M
  ] as const
  for (const [one, other] of pairs) assert.equal(skeletonOf(one), skeletonOf(other), `${one} ${other}`)
})

test('names that look different keep different skeletons', () => {
  const names = ['debian', 'devuan', 'fedora', 'ubuntu', 'acme', 'acne', 'geo-lab', 'neo-lab', '日本', '東京']
  assert.equal(new Set(names.map(skeletonOf)).size, names.length)
})

test('a name of signs only has no skeleton', () => {
  assert.equal(skeletonOf('-- ++ …'), '')
})

test('handles that would speak for the cloud are reserved, and so is what looks like them', () => {
  for (const handle of ['vitrine', 'v1trine', 'open-stack', '0penstack', 'adm1n', 'official', 'offlcial']) {
    assert.equal(isReserved(skeletonOf(handle)), true, handle)
  }
  assert.equal(isReserved(skeletonOf('acme')), false)
})
