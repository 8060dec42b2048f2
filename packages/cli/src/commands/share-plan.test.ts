import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Image } from '@vitrine/sdk'
import { batchesOf, type Step } from './share-plan.ts'

const images = async (...ids: string[]): Promise<Image[]> => {
  const { ImageService } = await import('@vitrine/sdk')
  const fetch = async () => Response.json({ images: ids.map((id) => ({ id, owner: 'o', status: 'active' })) })
  return ImageService.withToken({ endpoint: 'http://cloud.example', token: 't', fetch }).listImages().toArray()
}

const share = (image: Image, project: string, message?: string, grant = false): Step => ({
  action: 'share',
  image,
  project,
  terms: { message },
  grant,
})

const shape = (steps: readonly Step[]) =>
  batchesOf(steps).map(({ action, images: ids, projects }) => `${action} ${ids.join(',')} x ${projects.join(',')}`)

test('what goes into one call is sent in one call, and nothing more than was planned', async () => {
  const [a, b, c] = await images('a', 'b', 'c')
  assert.ok(a && b && c)
  assert.deepEqual(shape([share(a, 'p'), share(a, 'q'), share(b, 'q'), share(b, 'p'), share(c, 'p')]), [
    'share a,b x p,q',
    'share c x p',
  ])
  assert.deepEqual(shape([share(a, 'p', 'One.'), share(b, 'p', 'Two.')]), ['share a x p', 'share b x p'])
  const unshare: Step = { action: 'unshare', image: a, project: 'p', terms: { message: 'Old.' } }
  assert.deepEqual(shape([share(a, 'p'), unshare, { ...unshare, project: 'q', terms: {} }]), [
    'share a x p',
    'unshare a x p,q',
  ])
})

test('what goes with a key goes in a call of its own, and a share that lacks its key gets nothing but that', async () => {
  const [a, b] = await images('a', 'b')
  assert.ok(a && b)
  const steps: Step[] = [
    share(a, 'p', 'One.'),
    share(b, 'p', 'One.', true),
    { action: 'grant', image: a, project: 'q', terms: { message: 'One.' } },
  ]
  assert.deepEqual(
    batchesOf(steps).map(({ action, images: ids, projects, terms, grant }) => [action, ids, projects, terms, grant]),
    [
      ['share', ['a'], ['p'], { message: 'One.' }, false],
      ['share', ['b'], ['p'], { message: 'One.' }, true],
      ['share', ['a'], ['q'], {}, true],
    ],
  )
})

test('no call names more than 1,000 pairs, and all of them together name every pair once', async () => {
  const found = await images('a', 'b', 'c')
  const projects = Array.from({ length: 700 }, (_, at) => `p${at}`)
  const steps = found.flatMap((image) => projects.map((project) => share(image, project)))
  const batches = batchesOf(steps)
  assert.ok(batches.every((batch) => batch.images.length * batch.projects.length <= 1000))
  const pairs = batches.flatMap((batch) => batch.images.flatMap((id) => batch.projects.map((p) => `${id} ${p}`)))
  assert.equal(pairs.length, 2100)
  assert.equal(new Set(pairs).size, 2100)
  const many = Array.from({ length: 2500 }, (_, at) => `p${at}`)
  const [a] = found
  assert.ok(a)
  assert.deepEqual(
    batchesOf(many.map((project) => share(a, project))).map((batch) => batch.projects.length),
    [1000, 1000, 500],
  )
})
