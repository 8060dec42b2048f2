import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageId, scripted } from '../test/fake-fetch.ts'
import { NotFoundError, UnexpectedResponseError } from './errors.ts'

const copy = { image_id: imageId, hits: 3, last_accessed: 1_772_366_400.25, last_modified: 1_772_280_000, size: 10 }

test('what is cached is told with dates, and what waits by its ids', async () => {
  const { images, requests } = scripted({}, { json: { cached_images: [copy], queued_images: ['i2'] } })
  const { cached, queued } = await images.cache.list()
  assert.deepEqual(cached, [
    {
      imageId,
      hits: 3,
      size: 10,
      lastAccessed: new Date('2026-03-01T12:00:00.250Z'),
      lastModified: new Date('2026-02-28T12:00:00Z'),
    },
  ])
  assert.deepEqual(queued, ['i2'])
  assert.deepEqual([requests[0]?.method, requests[0]?.path], ['GET', '/v2/cache'])
})

test('every call goes where it belongs, and only what is emptied in part says so', async () => {
  const { images, requests } = scripted({}, { status: 204 })
  await images.cache.add(imageId)
  await images.cache.remove(imageId)
  await images.cache.clear()
  await images.cache.clear('queue')
  await images.cache.clean()
  await images.cache.prune()
  assert.deepEqual(
    requests.map(({ method, path, headers }) => [method, path, headers.get('x-image-cache-clear-target')]),
    [
      ['PUT', `/v2/cache/${imageId}`, null],
      ['DELETE', `/v2/cache/${imageId}`, null],
      ['DELETE', '/v2/cache', null],
      ['DELETE', '/v2/cache', 'queue'],
      ['POST', '/v2/cache/clean', null],
      ['POST', '/v2/cache/prune', null],
    ],
  )
})

test('a service without a cache refuses, and what is no list of a cache is not taken for one', async () => {
  await assert.rejects(scripted({}, { status: 404 }).images.cache.list(), NotFoundError)
  const whole = { cached_images: [copy], queued_images: [] }
  const odd = [
    {},
    { ...whole, queued_images: null },
    { ...whole, queued_images: [1] },
    { ...whole, cached_images: [{ ...copy, last_accessed: '2026-03-01T12:00:00Z' }] },
  ]
  for (const json of odd) {
    await assert.rejects(scripted({}, { json }).images.cache.list(), UnexpectedResponseError, JSON.stringify(json))
  }
})
