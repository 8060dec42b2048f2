import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { LinkSchema, LinksSchema } from '@vitrine/contract'
import type { Actor } from '../../actors.ts'
import type { Answer, SendOptions } from '../../client.ts'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectField, expectMatch, expectStatus, header } from '../../expect.ts'
import { change, expectPrivate, expectRefusal, pathOf, walk } from '../../extensions.ts'
import { at, type Json, stringAt } from '../../json.ts'
import { eventually, type Group, type Scene } from '../../suite.ts'

const bytes = randomBytes(100_000)

interface Link {
  readonly id: string
  readonly path: string
}

const linkTo = async (scene: Scene, by: Actor, image: string, body?: Json): Promise<Link> => {
  const answer = expectStatus(await by.api.post(`/v2/images/${image}/links`, body), 201)
  return { id: stringAt(answer.json, 'id'), path: pathOf(scene, stringAt(answer.json, 'url')) }
}

/** A request as a program sends it that has nothing but the address. */
const open = ({ actors }: Scene, path: string, headers: Record<string, string> = {}, method = 'GET') =>
  actors.stranger.api.send(method, path, { token: null, headers } satisfies SendOptions)

const expectBytes = (answer: Answer, start: number, end: number): void => {
  expectStatus(answer, 206)
  expectEqual(header(answer, 'content-range'), `bytes ${start}-${end - 1}/${bytes.length}`, 'Content-Range')
  assert.ok(answer.bytes.equals(bytes.subarray(start, end)), `${answer.request}: the bytes`)
}

const runReading = async (scene: Scene) => {
  const { actors, images, own } = scene
  const image = await images.active({}, actors.owner, bytes)
  const { path } = await linkTo(scene, actors.owner, image)
  const etag = header(expectStatus(await open(scene, path, {}, 'HEAD'), 200), 'etag') ?? ''

  await own('the whole comes without a token', async () => {
    const answer = expectStatus(await open(scene, path), 200)
    assert.ok(answer.bytes.equals(bytes), 'the bytes')
    expectEqual(header(answer, 'etag'), etag, 'ETag')
    expectPrivate(answer)
    expectEqual(header(answer, 'content-disposition'), 'attachment', 'Content-Disposition')
    expectEqual(header(answer, 'x-content-type-options'), 'nosniff', 'X-Content-Type-Options')
    expectMatch(header(answer, 'content-security-policy'), /sandbox/, 'Content-Security-Policy')
    expectMatch(header(answer, 'x-openstack-request-id'), /^req-/, 'X-OpenStack-Request-Id')
  })
  await own('HEAD tells size and ranges, and takes no notice of Range', async () => {
    for (const headers of [{}, { range: 'bytes=0-9' }]) {
      const answer = expectStatus(await open(scene, path, headers, 'HEAD'), 200)
      expectEqual(answer.bytes.length, 0, 'the length of the body')
      expectEqual(header(answer, 'content-length'), String(bytes.length), 'Content-Length')
      expectEqual(header(answer, 'accept-ranges'), 'bytes', 'Accept-Ranges')
    }
  })
  for (const [range, start, end] of [
    ['bytes=0-0', 0, 1],
    ['bytes=70000-', 70_000, bytes.length],
    ['bytes=-7', bytes.length - 7, bytes.length],
    ['bytes=99999-200000', 99_999, bytes.length],
  ] as const)
    await own(`${range} is 206 with just that`, async () => {
      expectBytes(await open(scene, path, { range }), start, end)
    })
  for (const range of ['bytes=100000-', 'bytes=9-8', 'bytes=', 'bytes=a-b'])
    await own(`${range} is 416, never the whole`, async () => {
      const answer = await open(scene, path, { range })
      expectRefusal(answer, 416)
      expectEqual(header(answer, 'content-range'), `bytes */${bytes.length}`, 'Content-Range')
    })
  await own('several ranges are 400, never the whole', async () => {
    expectRefusal(await open(scene, path, { range: 'bytes=0-1,4-5' }), 400)
  })
  await own('a range of other bytes than those at hand is answered with the whole', async () => {
    const range = 'bytes=10-19'
    expectBytes(await open(scene, path, { range, 'if-range': etag }), 10, 20)
    for (const other of ['"other"', `W/${etag}`])
      expectStatus(await open(scene, path, { range, 'if-range': other }), 200)
  })
  await own('conditions are 304 and 412', async () => {
    expectStatus(await open(scene, path, { 'if-none-match': etag }), 304)
    expectStatus(await open(scene, path, { 'if-match': etag }), 200)
    expectRefusal(await open(scene, path, { 'if-match': '"other"' }), 412)
  })
  await own('the ETag is the same by every link, and after the image was renamed', async () => {
    const operations = [{ op: 'replace', path: '/name', value: 'renamed' }]
    expectStatus(await actors.owner.api.patch(`/v2/images/${image}`, operations), 200)
    const again = await linkTo(scene, actors.owner, image)
    for (const one of [path, again.path]) expectEqual(header(await open(scene, one, {}, 'HEAD'), 'etag'), etag, 'ETag')
  })
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
    await own(`${method} is 405`, async () => {
      const answer = await open(scene, path, {}, method)
      expectRefusal(answer, 405)
      expectEqual(header(answer, 'allow'), 'GET, HEAD', 'Allow')
    })
  await own('a secret that there is not is 404, without a word more', async () => {
    const answer = await open(scene, `/links/${'a'.repeat(43)}/disk.raw`)
    expectRefusal(answer, 404)
    expectPrivate(answer)
  })
}

const runMaking = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, consumer, consumerReader, stranger, admin } = actors
  const image = await images.active({}, owner, bytes)
  await images.share(image, consumer)
  const made = await linkTo(scene, consumer, image)

  await own('a link is answered whole once, and listed without its address', async () => {
    const answer = expectStatus(await owner.api.post(`/v2/images/${image}/links`), 201)
    const id = stringAt(expectDocument(answer, LinkSchema).json, 'id')
    const list = expectDocument(expectStatus(await owner.api.get(`/v2/images/${image}/links`), 200), LinksSchema)
    expectEqual(list.text.includes(stringAt(answer.json, 'url')), false, 'the address in the list')
    const ids = (await walk(owner.api, `/v2/images/${image}/links?limit=1`, 'links')).map((one) => at(one, 'id'))
    assert.ok(ids.includes(id) && !ids.includes(made.id), 'the list has the own links and no others')
  })
  for (const [who, actor, status] of [
    ['a reader', consumerReader, 403],
    ['a stranger', stranger, 404],
    ['an administrator', admin, 201],
  ] as const)
    await own(`${who} who makes one gets ${status}`, async () => {
      expectStatus(await actor.api.post(`/v2/images/${image}/links`), status)
    })
  await own('an image without bytes has no links', async () => {
    expectRefusal(await owner.api.post(`/v2/images/${await images.queued()}/links`), 409)
  })
  for (const body of [{ expires_in_seconds: 0 }, { expires_in_seconds: 1e9 }, { expires: 1 }, []] satisfies Json[])
    await own(`${JSON.stringify(body)} is 400`, async () => {
      expectRefusal(await owner.api.post(`/v2/images/${image}/links`, body), 400)
    })
  await own('a link is renewed and ended by its own project alone', async () => {
    const renewal = `/v2/images/${image}/links/${made.id}`
    expectRefusal(await change(owner.api, renewal, { expires_in_seconds: 60 }), 404)
    const { json } = expectStatus(await change(consumer.api, renewal, { expires_in_seconds: 60 }), 200)
    const leftMs = Date.parse(stringAt(json, 'expires_at')) - Date.now()
    assert.ok(leftMs > 0 && leftMs < 120_000, 'the end of the link')
    expectRefusal(await owner.api.delete(renewal), 404)
    expectStatus(await open(scene, made.path), 200)
    expectStatus(await consumer.api.delete(renewal), 204)
    expectRefusal(await open(scene, made.path), 404)
    expectRefusal(await consumer.api.delete(renewal), 404)
  })
  await own('a link ends by itself', async () => {
    const { path } = await linkTo(scene, owner, image, { expires_in_seconds: 2 })
    expectStatus(await open(scene, path), 200)
    await eventually(
      async () => open(scene, path),
      ({ status }) => status === 404,
      'the end of a link of two seconds',
    )
  })
}

const runEnding = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, consumer, stranger } = actors
  await own(
    'OSSA-2023-003: a withdrawn share ends its links at once, and another share does not revive them',
    async () => {
      const image = await images.active({}, owner, bytes)
      await images.share(image, consumer)
      const { path } = await linkTo(scene, consumer, image)
      const ofOwner = await linkTo(scene, owner, image)
      expectStatus(await open(scene, path, { range: 'bytes=0-9' }), 206)
      expectStatus(await owner.api.delete(`/v2/images/${image}/members/${consumer.projectId}`), 204)
      for (const method of ['GET', 'HEAD']) expectStatus(await open(scene, path, {}, method), 404)
      await images.share(image, consumer)
      expectRefusal(await open(scene, path, { range: 'bytes=10-19' }), 404)
      expectStatus(await open(scene, ofOwner.path), 200)
    },
  )
  await own('a link to a community image ends when that becomes private', async () => {
    const image = await images.active({ visibility: 'community' }, owner, bytes)
    const { path } = await linkTo(scene, stranger, image)
    expectStatus(await open(scene, path), 200)
    const operations = [{ op: 'replace', path: '/visibility', value: 'private' }]
    expectStatus(await owner.api.patch(`/v2/images/${image}`, operations), 200)
    expectRefusal(await open(scene, path), 404)
  })
  await own('the links of a deactivated image are 403, of a deleted one 404', async () => {
    const image = await images.active({}, owner, bytes)
    const { path } = await linkTo(scene, owner, image)
    expectStatus(await owner.api.post(`/v2/images/${image}/actions/deactivate`), 204)
    expectRefusal(await open(scene, path), 403)
    expectStatus(await owner.api.post(`/v2/images/${image}/actions/reactivate`), 204)
    expectField(expectStatus(await owner.api.get(`/v2/images/${image}`), 200), ['status'], 'active')
    expectStatus(await open(scene, path), 200)
    expectStatus(await owner.api.delete(`/v2/images/${image}`), 204)
    expectRefusal(await open(scene, path), 404)
  })
}

export const links: Group = {
  name: 'links to bytes',
  own: true,
  async run(scene) {
    await runReading(scene)
    await runMaking(scene)
    await runEnding(scene)
  },
}
