import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageDocument, imageId, scripted } from '../test/fake-fetch.ts'
import { NotFoundError, UnexpectedResponseError } from './errors.ts'
import { parseJson } from './json.ts'

const links = `/v2/images/${imageId}/links`
const document = {
  id: 'l1',
  image_id: imageId,
  user_id: 'u1',
  created_at: '2026-03-01T12:00:00Z',
  expires_at: '2026-03-01T13:00:00Z',
}
const url = 'https://image.example.org/links/secret/debian-13.raw'

/** An image, and what the service answers to the calls after. */
const withImage = async (...script: Parameters<typeof scripted>[1][]) => {
  const cloud = scripted({}, { json: imageDocument() }, ...script)
  const image = await cloud.images.getImage(imageId)
  const asked = () =>
    cloud.requests.slice(1).map(({ method, path, body }) => [method, path, body === '' ? '' : parseJson(body)])
  return { image, asked }
}

test('a link is made, renewed and ended', async () => {
  const renewed = { ...document, user_id: 'u2', expires_at: '2026-03-01T14:00:00Z' }
  const { image, asked } = await withImage(
    { status: 201, json: { ...document, url } },
    { json: renewed },
    { status: 204 },
  )
  const link = await image.createLink({ expiresInSeconds: 3600 })
  assert.deepEqual([link.id, link.url, link.expiresAt], ['l1', url, new Date('2026-03-01T13:00:00Z')])
  const later = await link.renew()
  assert.deepEqual(
    [later.id, later.url, later.userId, later.expiresAt],
    ['l1', undefined, 'u2', new Date('2026-03-01T14:00:00Z')],
  )
  assert.equal(link.url, url)
  await later.delete()
  assert.deepEqual(asked(), [
    ['POST', links, { expires_in_seconds: 3600 }],
    ['PATCH', `${links}/l1`, {}],
    ['DELETE', `${links}/l1`, ''],
  ])
})

test('links are listed page by page, without their addresses', async () => {
  const { image, asked } = await withImage(
    { json: { links: [document], next: `${links}?marker=l1` } },
    { json: { links: [{ ...document, id: 'l2' }] } },
  )
  const found = await image.listLinks({ pageSize: 1 }).toArray()
  assert.deepEqual(
    found.map(({ id, url }) => [id, url]),
    [
      ['l1', undefined],
      ['l2', undefined],
    ],
  )
  assert.deepEqual(
    asked().map(([, path]) => path),
    [`${links}?limit=1`, `${links}?marker=l1`],
  )
})

test('a link that has ended is not renewed, and what is no link is not taken for one', async () => {
  const { image } = await withImage({ json: { ...document, url } }, { status: 404 }, { json: { id: 'l1' } })
  const link = await image.createLink()
  await assert.rejects(link.renew(), NotFoundError)
  await assert.rejects(image.createLink(), UnexpectedResponseError)
})
