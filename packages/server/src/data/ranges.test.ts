import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseRange, type RangeAnswer } from './ranges.ts'

const part = (start: number, end: number): RangeAnswer => ({ kind: 'part', range: { start, end } })
const unsatisfiable: RangeAnswer = { kind: 'unsatisfiable' }
const multiple: RangeAnswer = { kind: 'multiple' }

describe('Range of an image of 10 bytes', () => {
  const rows: ReadonlyArray<readonly [string, RangeAnswer]> = [
    ['bytes=0-3', part(0, 4)],
    ['bytes=3-', part(3, 10)],
    ['bytes=-2', part(8, 10)],
    ['bytes=-20', part(0, 10)],
    ['bytes=9-9', part(9, 10)],
    ['bytes=0-0', part(0, 1)],
    ['bytes=5-100', part(5, 10)],
    ['bytes=0-99999999999999999999999999', part(0, 10)],
    [`bytes=0-${'9'.repeat(400)}`, part(0, 10)],
    ['Bytes = 0 - 3 ', part(0, 4)],
    ['bytes=10-', unsatisfiable],
    ['bytes=10-20', unsatisfiable],
    [`bytes=${'9'.repeat(400)}-`, unsatisfiable],
    ['bytes=5-2', unsatisfiable],
    ['bytes=a-b', unsatisfiable],
    ['bytes=', unsatisfiable],
    ['bytes=-', unsatisfiable],
    ['bytes=5', unsatisfiable],
    ['bytes=--5', unsatisfiable],
    ['bytes=+1-2', unsatisfiable],
    ['bytes=1.5-2', unsatisfiable],
    ['bytes=0x1-2', unsatisfiable],
    ['bytes=-0', unsatisfiable],
    ['items=0-3', unsatisfiable],
    ['', unsatisfiable],
    ['bytes=0-1,3-4', multiple],
    ['bytes=0-1, 3-4', multiple],
  ]
  for (const [header, answer] of rows) {
    it(`${header.slice(0, 40)} means ${JSON.stringify(answer)}`, () => {
      assert.deepEqual(parseRange({ range: header }, 10), answer)
    })
  }
})

describe('Content-Range in a request, for an image of 10 bytes', () => {
  const rows: ReadonlyArray<readonly [string, RangeAnswer]> = [
    ['bytes 0-3/10', part(0, 4)],
    ['bytes 0-3/*', part(0, 4)],
    ['bytes 9-9/*', part(9, 10)],
    ['bytes 5-11/12', part(5, 10)],
    ['bytes 5-10/*', unsatisfiable],
    ['bytes 5-12/12', unsatisfiable],
    ['bytes 10-11/12', unsatisfiable],
    ['bytes 10-10/*', unsatisfiable],
    ['bytes 5-2/10', unsatisfiable],
    ['bytes */10', unsatisfiable],
    ['bytes=0-3', unsatisfiable],
    ['bytes 0-3', unsatisfiable],
    ['items 0-3/10', unsatisfiable],
    ['', unsatisfiable],
  ]
  for (const [header, answer] of rows) {
    it(`${header} means ${JSON.stringify(answer)}`, () => {
      assert.deepEqual(parseRange({ contentRange: header }, 10), answer)
    })
  }

  it('gives way to Range', () => {
    assert.deepEqual(parseRange({ range: 'bytes=0-0', contentRange: 'bytes 5-6/10' }, 10), part(0, 1))
    assert.deepEqual(parseRange({ range: 'garbage', contentRange: 'bytes 5-6/10' }, 10), unsatisfiable)
  })
})

describe('ranges', () => {
  it('without a header, the whole image', () => assert.deepEqual(parseRange({}, 10), { kind: 'whole' }))

  it('of an image without bytes cannot be satisfied', () => {
    for (const range of ['bytes=0-', 'bytes=0-0', 'bytes=-1']) {
      assert.deepEqual(parseRange({ range }, 0), unsatisfiable)
    }
  })

  it('of the longest header there can be hold nobody else up, whatever it is filled with', () => {
    const longest = 64 * 1024
    for (const start of ['bytes', 'bytes=', 'bytes=1', 'bytes=1-', 'bytes=1-1', 'bytes ', 'bytes 1-1/1']) {
      for (const filling of [' ', '1', '\t', '-', ' 1', '= ']) {
        const header = `${start}${filling.repeat(longest / filling.length)}x`
        const before = process.cpuUsage()
        parseRange({ range: header }, 10)
        parseRange({ contentRange: header }, 10)
        const { user, system } = process.cpuUsage(before)
        assert.ok(user + system < 500_000, `${start} with ${JSON.stringify(filling)} takes ${user + system} µs`)
      }
    }
  })

  it('never lie outside the image, and are never empty', () => {
    const digits = fc.oneof(
      fc.nat(40).map(String),
      fc.bigInt({ min: 0n, max: 10n ** 40n }).map(String),
      fc.constant(''),
    )
    const near = fc
      .tuple(
        fc.constantFrom('bytes=', 'bytes ', 'BYTES = ', 'x='),
        digits,
        fc.constantFrom('-', '', '--'),
        digits,
        fc.constantFrom('', '/*', '/30', ','),
      )
      .map((pieces) => pieces.join(''))
    const header = fc.option(fc.oneof(near, fc.string(), fc.string({ unit: 'binary' })), { nil: undefined })
    const sizes = fc.oneof(fc.nat(40), fc.nat(Number.MAX_SAFE_INTEGER))
    fc.assert(
      fc.property(header, header, sizes, (range, contentRange, sizeBytes) => {
        const answer = parseRange({ range, contentRange }, sizeBytes)
        if (answer.kind !== 'part') return
        const { start, end } = answer.range
        assert.ok(Number.isSafeInteger(start) && Number.isSafeInteger(end))
        assert.ok(start >= 0 && start < end && end <= sizeBytes)
      }),
      { numRuns: 2000 },
    )
  })

  it('that are well formed and inside give exactly what they say', () => {
    const inside = fc
      .nat(1_000_000)
      .chain((last) => fc.tuple(fc.nat(last), fc.constant(last), fc.integer({ min: last + 1 })))
    fc.assert(
      fc.property(inside, ([first, last, sizeBytes]) => {
        assert.deepEqual(parseRange({ range: `bytes=${first}-${last}` }, sizeBytes), part(first, last + 1))
        assert.deepEqual(parseRange({ contentRange: `bytes ${first}-${last}/*` }, sizeBytes), part(first, last + 1))
      }),
    )
  })
})
