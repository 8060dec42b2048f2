import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Image, ImageService } from '@vitrine/sdk'
import { fakeCloud, imageDocument, otherProjectId, projectId } from '../test/memory-context.ts'
import { CommandError } from './command-error.ts'
import { findImage, ownedBy, sharedWith } from './find-image.ts'

const first = 'd164b5df-1bc3-4c3f-893e-3e471fd16e64'
const second = 'd164b5df-2222-4c3f-893e-3e471fd16e64'
const third = '0b9c1d4e-3333-4c3f-893e-3e471fd16e64'

const signal = new AbortController().signal

/** A service that has these images and knows the filters that are used. */
const serviceOf = (...images: Record<string, unknown>[]) => {
  const cloud = fakeCloud((_method, url) => {
    const id = /^\/v2\/images\/(.+)$/.exec(url.pathname)?.[1]
    if (id !== undefined) return images.find((image) => image.id === id)
    const name = url.searchParams.get('name')
    const hidden = url.searchParams.get('os_hidden') === 'true'
    const found = images.filter((image) => (name === null || `${image.name}` === name) && image.os_hidden === hidden)
    // Shares that wait are listed for `all` only.
    const listed = found.filter(
      ({ status_of_mine }) => !status_of_mine || url.searchParams.get('member_status') === 'all',
    )
    return { images: listed, first: '/v2/images', schema: '/v2/schemas/images' }
  })
  const service = ImageService.withToken({ endpoint: 'http://cloud.example', token: 't', fetch: cloud.fetch })
  return { service, seen: cloud.seen }
}

const refusal = async (promise: Promise<Image>): Promise<CommandError> => {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof CommandError, String(error))
  return error
}

test('an id is asked for directly, in any case of its letters', async () => {
  const { service, seen } = serviceOf(imageDocument(first))
  assert.equal((await findImage(service, first.toUpperCase(), { signal })).id, first)
  assert.deepEqual(
    seen.map(({ line }) => line),
    [`GET /v2/images/${first}`],
  )
})

test('a name that looks like an id is never taken for one', async () => {
  const { service } = serviceOf(imageDocument(first, { name: third }))
  await assert.rejects(findImage(service, third, { signal }), { name: 'NotFoundError' })
})

test('a name finds hidden images and shares that wait', async () => {
  const { service } = serviceOf(
    imageDocument(first, { name: 'hidden', os_hidden: true }),
    imageDocument(third, { name: 'waits', owner: otherProjectId, status_of_mine: 'pending' }),
  )
  assert.equal((await findImage(service, 'hidden', { signal })).id, first)
  assert.equal((await findImage(service, 'waits', { signal })).id, third)
})

test('a name with a colon is not read as an operator', async () => {
  const { service, seen } = serviceOf()
  await refusal(findImage(service, 'team:debian', { signal }))
  assert.ok(seen.every(({ line }) => line.includes('name=eq%3Ateam%3Adebian')))
})

test('a name that several images have is refused, with all of them, whoever owns them', async () => {
  const { service } = serviceOf(imageDocument(first), imageDocument(third, { owner: otherProjectId }))
  const error = await refusal(findImage(service, 'debian', { signal }))
  assert.equal(error.exitCode, 5)
  for (const part of [first, third, projectId, otherProjectId]) assert.ok(error.next?.includes(part), part)
})

test('a command that only the owner can give means the own image; a consumer, that of others', async () => {
  const { service } = serviceOf(imageDocument(first), imageDocument(third, { owner: otherProjectId }))
  assert.equal((await findImage(service, 'debian', { signal, prefer: ownedBy(projectId) })).id, first)
  assert.equal((await findImage(service, 'debian', { signal, prefer: sharedWith(projectId) })).id, third)
})

test('two own images of one name stay ambiguous', async () => {
  const { service } = serviceOf(imageDocument(first), imageDocument(second))
  assert.equal((await refusal(findImage(service, 'debian', { signal, prefer: ownedBy(projectId) }))).exitCode, 5)
})

test('eight characters of an id are enough when one id begins so', async () => {
  const { service } = serviceOf(imageDocument(first), imageDocument(second), imageDocument(third))
  assert.equal((await findImage(service, '0B9C1D4E', { signal })).id, third)
  assert.equal((await findImage(service, 'd164b5df-2', { signal })).id, second)
  assert.equal((await refusal(findImage(service, 'd164b5df', { signal }))).exitCode, 5)
  assert.equal((await refusal(findImage(service, '0b9c1d4', { signal }))).exitCode, 3)
})

test('an image named like the beginning of another id makes that beginning ambiguous', async () => {
  const { service } = serviceOf(imageDocument(first), imageDocument(third, { name: 'd164b5df', owner: otherProjectId }))
  assert.equal((await refusal(findImage(service, 'd164b5df', { signal }))).exitCode, 5)
})

test('nothing found is told as such, with names that cannot steer the terminal', async () => {
  const { service } = serviceOf()
  const error = await refusal(findImage(service, 'a\u001b[2J', { signal }))
  assert.equal(error.exitCode, 3)
  assert.ok(!error.message.includes('\u001b'))
})
