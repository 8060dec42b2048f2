import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { ApiError } from '../api-error.ts'
import { loadConfig } from '../config.ts'
import { pageLink, parseQuery } from '../http/query.ts'
import { parseFilter, parseSet } from './filters.ts'
import { parseListQuery } from './list-query.ts'

const { limits } = await loadConfig({ environment: {} })
const parse = (query: string) => parseListQuery(parseQuery(`/v2/images?${query}`), limits)

const codeOf = (query: string): number => {
  try {
    parse(query)
    return 200
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error))
    return error.status
  }
}

const table: readonly [query: string, status: number][] = [
  ['', 200],
  ['limit=0', 200],
  ['limit=5000', 200],
  ['limit=-1', 400],
  ['limit=x', 400],
  ['limit=', 400],
  ['limit=1.5', 400],
  ['marker=', 400],
  ['sort=name:asc,size', 200],
  ['sort=name:up', 400],
  ['sort=name:ASC', 400],
  ['sort=owner', 400],
  ['sort=', 400],
  ['sort=name&sort_key=name', 400],
  ['sort=name&sort_dir=asc', 400],
  ['sort_key=name&sort_key=size&sort_dir=asc&sort_dir=desc', 200],
  ['sort_key=name&sort_key=size&sort_dir=asc', 200],
  ['sort_key=name&sort_dir=asc&sort_dir=desc', 400],
  ['sort_dir=up', 400],
  ['sort_key=checksum', 400],
  ['visibility=shared', 200],
  ['visibility=all', 200],
  ['visibility=none', 400],
  ['member_status=all', 200],
  ['member_status=', 400],
  ['member_status=ACCEPTED', 400],
  ['os_hidden=True', 200],
  ['os_hidden=yes', 400],
  ['protected=True', 200],
  ['protected=x', 400],
  ['changes-since=2020-01-01', 400],
  ['status=bogus', 200],
  ['name=a,b', 200],
  ['name=in:a,b', 200],
  ['name=in:%22a,b%22,c', 200],
  ['name=in:a%22b', 400],
  ['name=in:%22a%22b', 400],
  ['name=neq:x', 400],
  ['name=zz:x', 400],
  ['name=foo:bar', 400],
  ['name=eq:foo:bar', 200],
  ['created_at=2020-01-01T00:00:00Z', 200],
  ['created_at=gt:2020-01-01', 200],
  ['created_at=gte:x', 400],
  ['created_at=in:2020-01-01', 400],
  ['updated_at=lt:2020-01-01T00:00:00%2B02:00', 200],
  ['size_min=1', 200],
  ['size_max=x', 400],
  ['min_disk_min=1', 200],
  ['foo_min=x', 200],
  ['properties=x', 200],
  ['deleted=true', 200],
  ['%ff=x', 400],
  ['tag=a&'.repeat(1000), 200],
  [Array.from({ length: 65 }, (_, i) => `tag=t${i}`).join('&'), 400],
  [Array.from({ length: 65 }, (_, i) => `p${i}=x`).join('&'), 400],
  [`id=in:${Array.from({ length: 1000 }, (_, i) => i).join(',')}`, 200],
  [`id=in:${Array.from({ length: 1001 }, (_, i) => i).join(',')}`, 400],
  [`name=in:${'x,'.repeat(30_000)}`, 200],
]

describe('the query of a list', () => {
  for (const [query, status] of table)
    it(`${query.slice(0, 80) || '(none)'}: ${status}`, () => assert.equal(codeOf(query), status))

  it('has a total order', () => {
    const keys = (query: string) => parse(query).sort.map(({ attribute, direction }) => `${attribute} ${direction}`)
    assert.deepEqual(keys(''), ['created_at desc', 'id desc'])
    assert.deepEqual(keys('sort_key=name&sort_dir=asc'), ['name asc', 'created_at asc', 'id asc'])
    assert.deepEqual(keys('sort=name:asc'), ['name asc', 'created_at desc', 'id desc'])
    assert.deepEqual(keys('sort=id:asc'), ['id asc', 'created_at desc'])
  })

  it('takes the last of a repeated parameter, and every tag', () => {
    assert.equal(parse('visibility=public&visibility=shared').visibility, 'shared')
    assert.equal(parse('tag=a&tag=b').filters.length, 2)
  })

  it('splits a set as it is written', () => {
    assert.deepEqual(parseSet('name', 'a,b'), ['a', 'b'])
    assert.deepEqual(parseSet('name', '"a,b","c\\"d"'), ['a,b', 'c"d'])
    assert.deepEqual(parseSet('name', ''), [''])
  })

  it('is a query or an error of the table, whatever is sent', () => {
    const name = fc.oneof(fc.constantFrom('name', 'created_at', 'size_min', 'sort', 'limit', 'tag', 'id'), fc.string())
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.string())), (pairs) => {
        codeOf(pairs.map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`).join('&'))
      }),
      { numRuns: 2000 },
    )
    fc.assert(fc.property(fc.string(), (text) => void codeOf(text.replaceAll('#', ''))))
  })

  it('never looks into the prototype of its tables', () => {
    for (const key of ['__proto__', 'constructor', 'toString', 'constructor_min']) {
      assert.equal(parseFilter(key, 'x').kind, 'term')
    }
  })
})

describe('page links', () => {
  it('keep every parameter but the marker, which comes last', () => {
    const parameters = parseQuery('/v2/images?tag=a&marker=m&tag=b&created_at=gt:2020-01-01T00:00:00Z')
    assert.equal(pageLink('/v2/images', parameters), '/v2/images?tag=a&tag=b&created_at=gt%3A2020-01-01T00%3A00%3A00Z')
    assert.match(pageLink('/v2/images', parameters, 'n'), /&marker=n$/)
    assert.equal(pageLink('/v2/images', []), '/v2/images')
  })
})
