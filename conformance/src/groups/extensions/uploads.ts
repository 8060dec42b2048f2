import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { UploadSchema, UploadsSchema } from '@vitrine/contract'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectField, expectMatch, expectStatus, header } from '../../expect.ts'
import { expectRefusal, pathOf } from '../../extensions.ts'
import { at, listAt } from '../../json.ts'
import { sealedQueued } from '../../keys.ts'
import type { Group, Scene } from '../../suite.ts'
import {
  begin,
  begun,
  callOff,
  expectImage,
  expectQueued,
  type Headers,
  head,
  offsetIn,
  partType,
  post,
  send,
  sendAll,
  sizeBytes,
  standsAt,
  tus,
  whyMissing,
} from '../../uploads.ts'

const runBeginning = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner } = actors

  await own('OPTIONS tells what there is', async () => {
    const path = `/v2/images/${await images.queued()}/uploads`
    const answer = expectStatus(await owner.api.send('OPTIONS', path), 204)
    expectMatch(header(answer, 'tus-version'), /(^|,)1\.0\.0(,|$)/, 'Tus-Version')
    expectMatch(header(answer, 'tus-max-size'), /^\d+$/, 'Tus-Max-Size')
    const listed = (name: string) => (header(answer, name) ?? '').split(',').sort().join()
    const extensions = 'checksum,creation,creation-with-upload,expiration,termination'
    expectEqual(listed('tus-extension'), extensions, 'Tus-Extension')
    expectEqual(listed('tus-checksum-algorithm'), 'md5,sha1,sha256,sha512', 'Tus-Checksum-Algorithm')
  })
  await own('POST is 201, and the image is saving; HEAD and GET tell where the upload stands', async () => {
    const image = await images.queued()
    const metadata = `filename ${Buffer.from('disk.raw').toString('base64')},checked`
    const answer = expectStatus(await begin(owner, image, sizeBytes, { 'upload-metadata': metadata }), 201)
    const path = pathOf(scene, header(answer, 'location') ?? '')
    const ends = Date.parse(header(answer, 'upload-expires') ?? '')
    assert.ok(ends > Date.now(), 'Upload-Expires is to come')
    expectEqual((await images.read(image)).status, 'saving', 'status')
    const told = expectStatus(await head(owner, path), 200)
    expectEqual(offsetIn(told), 0, 'Upload-Offset')
    expectEqual(header(told, 'upload-length'), String(sizeBytes), 'Upload-Length')
    expectEqual(header(told, 'upload-metadata'), metadata, 'Upload-Metadata')
    expectMatch(header(told, 'cache-control'), /no-store/, 'Cache-Control')
    expectEqual(header(told, 'tus-resumable'), '1.0.0', 'Tus-Resumable')
    const shown = expectDocument(expectStatus(await owner.api.get(path), 200), UploadSchema)
    for (const [key, value] of [
      ['image_id', image],
      ['state', 'open'],
      ['size', sizeBytes],
      ['offset', 0],
      ['message', null],
    ] as const)
      expectField(shown, [key], value)
  })
  await own('the uploads of an image are listed, newest first', async () => {
    const image = await images.queued()
    const first = await begun(scene, image, 10)
    expectStatus(await callOff(owner, first), 204)
    const second = await begun(scene, image, 10)
    const answer = expectStatus(await owner.api.get(`/v2/images/${image}/uploads`), 200)
    const ids = listAt(expectDocument(answer, UploadsSchema).json, 'uploads').map((one) => at(one, 'id'))
    expectEqual(
      ids,
      [second, first].map((path) => path.split('/').at(-1)),
      'the uploads',
    )
  })
  await own('without the right Tus-Resumable all but OPTIONS and GET are 412', async () => {
    const path = await begun(scene, await images.queued(), 10)
    const length = { 'upload-length': '10' }
    const part = { 'content-type': partType, 'upload-offset': '0' }
    for (const version of [{}, { 'tus-resumable': '0.2.2' }] satisfies Headers[]) {
      const again = `/v2/images/${await images.queued()}/uploads`
      const answers = [
        await owner.api.send('POST', again, { headers: { ...version, ...length } }),
        await owner.api.send('HEAD', path, { headers: version }),
        await owner.api.send('PATCH', path, { headers: { ...version, ...part }, body: '0123456789' }),
        await owner.api.send('DELETE', path, { headers: version }),
      ]
      for (const answer of answers) {
        expectStatus(answer, 412)
        expectEqual(header(answer, 'tus-version'), '1.0.0', `${answer.request}: Tus-Version`)
      }
    }
    expectEqual(await standsAt(owner, path), 0, 'Upload-Offset')
  })
  const wrong: [what: string, headers: Headers][] = [
    ['without Upload-Length', {}],
    ['with a length that is no number', { 'upload-length': 'many' }],
    ['with a negative length', { 'upload-length': '-1' }],
    ['with a length to come later', { 'upload-defer-length': '1' }],
    ['as one of those to be joined', { 'upload-length': '9', 'upload-concat': 'partial' }],
    ['with metadata that is not in base64', { 'upload-length': '9', 'upload-metadata': 'name ***' }],
    ['in a store that there is not', { 'upload-length': '9', 'x-image-meta-store': 'no-such-store' }],
    ['with a digest that is none', { 'upload-length': '9', 'repr-digest': 'sha-256=:AAAA:' }],
  ]
  for (const [what, headers] of wrong)
    await own(`POST ${what} is 400, and the image stays queued`, async () => {
      const image = await images.queued()
      expectRefusal(await post(owner, image, headers), 400)
      await expectQueued(scene, image)
    })
  await own('POST is refused as an upload in one request is', async () => {
    expectRefusal(await begin(owner, await images.active(), 9), 409)
    expectRefusal(await begin(owner, await images.queued({ disk_format: null }), 9), 400)
    expectRefusal(await begin(owner, randomUUID(), 9), 404)
    expectRefusal(await begin(owner, await images.queued(), 900_000_000_000_000), 413)
  })
}

const runParts = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner } = actors
  for (const [what, partBytes] of [
    ['one part', []],
    ['parts of odd sizes, one of them empty', [1, 70_001, 0, 65_536, 131_073]],
    ['a part of all but one byte', [sizeBytes - 1]],
  ] as const) {
    await own(`${what}: 204, and with the last byte the image is active`, async () => {
      const [image, bytes] = [await images.queued(), randomBytes(sizeBytes)]
      const path = await begun(scene, image, sizeBytes)
      await sendAll(owner, path, bytes, partBytes)
      await expectImage(scene, image, bytes)
      expectField(await owner.api.get(path), ['state'], 'done')
      expectEqual(await standsAt(owner, path), sizeBytes, 'Upload-Offset of what is done')
    })
    await own(`${what} of an encrypted image: the same`, async () => {
      const [{ image }, bytes] = [await sealedQueued(scene), randomBytes(sizeBytes)]
      await sendAll(owner, await begun(scene, image, sizeBytes), bytes, partBytes)
      await expectImage(scene, image, bytes)
    })
  }
  await own('the first bytes, or all of them, may come with POST', async () => {
    const bytes = randomBytes(sizeBytes)
    for (const first of [100_000, sizeBytes]) {
      const image = await images.queued()
      const headers = { 'upload-length': String(sizeBytes), 'content-type': partType }
      const answer = expectStatus(await post(owner, image, headers, bytes.subarray(0, first)), 201)
      expectEqual(offsetIn(answer), first, 'Upload-Offset')
      const path = pathOf(scene, header(answer, 'location') ?? '')
      if (first < sizeBytes) expectStatus(await send(owner, path, first, bytes.subarray(first)), 204)
      await expectImage(scene, image, bytes)
    }
  })
  await own('an upload of no bytes is done at once', async () => {
    const image = await images.queued()
    await begun(scene, image, 0)
    const { status, size } = await images.read(image)
    expectEqual({ status, size }, { status: 'active', size: 0 }, 'the image')
  })
}

const runAccess = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, ownerReader, consumer, stranger, admin, nobody } = actors
  const image = await images.queued()
  await images.share(image, consumer)
  const path = await begun(scene, image, 10)
  const fresh = await images.queued()
  await images.share(fresh, consumer)
  const other = await images.queued()

  for (const [who, actor, status] of [
    ['a reader', ownerReader, 403],
    ['a member', consumer, 403],
    ['a stranger', stranger, 404],
  ] as const)
    await own(`to ${who} every call is ${status}`, async () => {
      const answers = [
        await begin(actor, fresh, 10),
        await actor.api.get(`/v2/images/${image}/uploads`),
        await actor.api.get(path),
        await head(actor, path),
        await send(actor, path, 0, '0123456789'),
        await callOff(actor, path),
      ]
      for (const answer of answers) expectStatus(answer, status)
      expectEqual((await images.read(fresh)).status, 'queued', 'status of the image that nobody began with')
      expectEqual(await standsAt(owner, path), 0, 'Upload-Offset')
    })
  await own('without a token every call is 401', async () => {
    for (const method of ['POST', 'GET']) {
      const answer = await nobody.send(method, `/v2/images/${image}/uploads`, { headers: tus })
      expectStatus(answer, 401)
    }
    for (const method of ['GET', 'HEAD', 'PATCH', 'DELETE']) {
      const headers = method === 'PATCH' ? { ...tus, 'content-type': partType, 'upload-offset': '0' } : tus
      expectStatus(await nobody.send(method, path, { headers }), 401)
    }
  })
  await own('an upload is found under its own image alone, and not where there is none', async () => {
    for (const elsewhere of [path.replace(image, other), path.replace(/[^/]+$/, randomBytes(16).toString('hex'))]) {
      expectStatus(await owner.api.get(elsewhere), 404)
      expectStatus(await head(owner, elsewhere), 404)
      expectStatus(await send(owner, elsewhere, 0, 'x'), 404)
      expectStatus(await callOff(owner, elsewhere), 404)
    }
  })
  await own('an administrator may go on with it', async () => {
    expectStatus(await send(admin, path, 0, '0123456789'), 204)
    await expectImage(scene, image, Buffer.from('0123456789'))
  })
}

export const uploads: Group = {
  name: 'resumable uploads',
  own: true,
  async run(scene) {
    const why = await whyMissing(scene)
    if (why !== undefined) return scene.skip('uploads are gone on with', why)
    await runBeginning(scene)
    await runParts(scene)
    await runAccess(scene)
  },
}
