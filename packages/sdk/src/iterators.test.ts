import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UnexpectedResponseError } from './errors.ts'
import { nextQuery, PaginatedIterator, ResourceIterator } from './iterators.ts'

/** The numbers below `count` in pages of three; keeps which pages were asked for. */
const numbers = (count: number, options = {}) => {
  const asked: number[] = []
  const iterator = new PaginatedIterator<number>(async (query) => {
    const start = Number(query?.get('start') ?? 0)
    asked.push(start)
    const elements = [start, start + 1, start + 2].filter((value) => value < count)
    const next = elements.length === 3 ? new URLSearchParams({ start: String(start + 3) }) : undefined
    return { elements, next }
  }, options)
  return { iterator, asked }
}

test('pages are followed to the end, also over an empty last page', async () => {
  const uneven = numbers(7)
  assert.deepEqual(await uneven.iterator.toArray(), [0, 1, 2, 3, 4, 5, 6])
  const even = numbers(6)
  assert.deepEqual(await even.iterator.toArray(), [0, 1, 2, 3, 4, 5])
  assert.deepEqual(even.asked, [0, 3, 6])
})

test('pages are fetched only as far as one reads', async () => {
  const { iterator, asked } = numbers(1000)
  for await (const value of iterator) if (value === 4) break
  assert.deepEqual(asked, [0, 3])
  assert.equal(await iterator.search((value) => value > 1), 2)
  assert.deepEqual(asked, [0, 3, 0])
})

test('maxItems ends the walk', async () => {
  const { iterator, asked } = numbers(1000, { maxItems: 4 })
  assert.deepEqual(await iterator.toArray(), [0, 1, 2, 3])
  assert.deepEqual(asked, [0, 3])
  assert.deepEqual(await numbers(5, { maxItems: 0 }).iterator.toArray(), [])
})

test('getElement counts from 0 and knows the end', async () => {
  const { iterator } = numbers(7)
  assert.equal(await iterator.getElement(0), 0)
  assert.equal(await iterator.getElement(6), 6)
  assert.equal(await iterator.getElement(7), undefined)
})

test('populateAll keeps everything', async () => {
  const { iterator, asked } = numbers(7)
  await iterator.populateAll()
  assert.equal(await iterator.getElement(5), 5)
  assert.deepEqual(await iterator.toArray(), [0, 1, 2, 3, 4, 5, 6])
  assert.deepEqual(asked, [0, 3, 6])
})

test('pages that go round in a circle are not followed for ever', async () => {
  for (const circle of [['a'], ['a', 'b', 'c']]) {
    let page = 0
    const iterator = new PaginatedIterator(async () => {
      const next = new URLSearchParams({ marker: circle[page++ % circle.length] ?? '' })
      return { elements: [1], next }
    })
    await assert.rejects(iterator.toArray(), UnexpectedResponseError)
    assert.equal(page, circle.length + 1)
  }
})

test('a resource iterator loads once, and again after a failure', async () => {
  let loads = 0
  const iterator = new ResourceIterator(async () => {
    loads++
    if (loads === 1) throw new Error('not yet')
    return ['a', 'b']
  })
  await assert.rejects(iterator.toArray(), /not yet/)
  assert.deepEqual(await iterator.toArray(), ['a', 'b'])
  assert.equal(await iterator.getElement(1), 'b')
  assert.equal(await iterator.getElement(2), undefined)
  assert.equal(await iterator.search((value) => value === 'a'), 'a')
  assert.equal(await iterator.search(() => false), undefined)
  assert.equal(loads, 2)
})

test('of next only the query is taken', () => {
  assert.equal(
    nextQuery('/v2/images?limit=2&tag=a&tag=b&marker=x', 'images')?.toString(),
    'limit=2&tag=a&tag=b&marker=x',
  )
  assert.equal(nextQuery('https://evil.example.org/v2/images?marker=x', 'images')?.toString(), 'marker=x')
  assert.equal(nextQuery('//evil.example.org/v2/images?marker=x', 'images')?.toString(), 'marker=x')
  assert.equal(nextQuery(undefined, 'images'), undefined)
  assert.throws(() => nextQuery('/v2/tasks?marker=x', 'images'), UnexpectedResponseError)
  assert.throws(() => nextQuery('http://[', 'images'), UnexpectedResponseError)
})
