import { createHash, randomBytes } from 'node:crypto'
import { expectEqual, expectMatch, expectStatus, header } from '../expect.ts'
import { checker, type Group, type Scene } from '../suite.ts'

const ten = '0123456789'

/** Ranges of an image of ten bytes: the part that comes back, or the refusal. */
const ranges: [range: string, part: string | number, contentRange?: string | undefined, own?: 'own'][] = [
  ['bytes=0-3', '0123', 'bytes 0-3/10'],
  ['bytes=3-', '3456789', 'bytes 3-9/10'],
  ['bytes=-2', '89', 'bytes 8-9/10'],
  ['bytes=-20', ten, 'bytes 0-9/10'],
  ['bytes=9-9', '9', 'bytes 9-9/10'],
  ['bytes=5-100', '56789', 'bytes 5-9/10'],
  ['bytes=0-9', ten, 'bytes 0-9/10'],
  ['bytes=0-', ten, 'bytes 0-9/10'],
  ['bytes=10-', 416],
  ['bytes=10-12', 416],
  ['bytes=5-2', 416],
  ['bytes=a-b', 416],
  ['bytes=', 416],
  ['bytes=-', 416],
  ['items=0-3', 416],
  ['bytes=99999999999999999999-', 416],
  ['bytes=0-1,3-4', 400],
  ['bytes=-0', 416, undefined, 'own'],
]

/** The same asked with Content-Range, as old clients do. */
const contentRanges: [range: string, part: string | number, contentRange?: string][] = [
  ['bytes 0-3/10', '0123', 'bytes 0-3/10'],
  ['bytes 0-3/*', '0123', 'bytes 0-3/10'],
  ['bytes 3-9/10', '3456789', 'bytes 3-9/10'],
  ['bytes 5-100/*', 416],
  ['bytes 10-12/10', 416],
  ['garbage', 416],
]

const runWhole = async (scene: Scene) => {
  const { actors, images, check, own } = scene
  const bytes = randomBytes(2 * 1024 * 1024 + 5)
  const id = await images.active({}, actors.owner, bytes)
  await images.share(id, actors.consumer)
  const file = `/v2/images/${id}/file`
  for (const actor of [actors.owner, actors.consumer, actors.admin])
    await check(`${actor.name} downloads the bytes with their length, type and checksum`, async () => {
      const answer = expectStatus(await actor.api.get(file), 200)
      expectEqual(answer.bytes.equals(bytes), true, 'whether the bytes are the same')
      expectEqual(header(answer, 'content-length'), String(bytes.length), 'Content-Length')
      expectMatch(header(answer, 'content-type'), /^application\/octet-stream/, 'Content-Type')
      const md5 = createHash('md5').update(bytes).digest('hex')
      expectEqual(header(answer, 'content-md5'), md5, 'Content-MD5')
      expectEqual(header(answer, 'etag'), undefined, 'ETag')
    })
  await own('a browser does not show what it downloads', async () => {
    const answer = await actors.owner.api.get(file)
    expectMatch(header(answer, 'content-disposition'), /^attachment/, 'Content-Disposition')
    expectEqual(header(answer, 'x-content-type-options'), 'nosniff', 'X-Content-Type-Options')
    expectMatch(header(answer, 'content-security-policy'), /sandbox/, 'Content-Security-Policy')
    expectEqual(header(answer, 'accept-ranges'), 'bytes', 'Accept-Ranges')
  })
  await check('conditions of caches are read over', async () => {
    const headers = { 'if-none-match': '*', 'if-modified-since': new Date().toUTCString() }
    expectStatus(await actors.owner.api.get(file, { headers }), 200)
    const ranged = { range: 'bytes=0-3', 'if-range': '"something"' }
    expectStatus(await actors.owner.api.get(file, { headers: ranged }), 206)
  })
  await check('many downloads at once are all whole', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => actors.owner.api.get(file)))
    for (const answer of answers) expectEqual(answer.bytes.equals(bytes), true, 'whether the bytes are the same')
  })
  await check('parts put together are the whole', async () => {
    const parts: Buffer[] = []
    for (let start = 0; start < bytes.length; start += 700_001) {
      const range = `bytes=${start}-${start + 700_000}`
      parts.push(expectStatus(await actors.owner.api.get(file, { headers: { range } }), 206).bytes)
    }
    expectEqual(Buffer.concat(parts).equals(bytes), true, 'whether the bytes are the same')
  })
}

const runRanges = async (scene: Scene) => {
  const { actors, images, check } = scene
  const id = await images.active({}, actors.owner, Buffer.from(ten))
  const file = `/v2/images/${id}/file`
  const md5 = createHash('md5').update(ten).digest('hex')
  const one = async (headers: Record<string, string>, part: string | number, contentRange: string | undefined) => {
    const answer = await actors.owner.api.get(file, { headers })
    if (typeof part === 'number') {
      expectStatus(answer, part)
      return
    }
    expectStatus(answer, 206)
    expectEqual(answer.text, part, 'the bytes')
    expectEqual(header(answer, 'content-range'), contentRange, 'Content-Range')
    expectEqual(header(answer, 'content-length'), String(part.length), 'Content-Length')
    expectEqual(header(answer, 'content-md5'), md5, 'Content-MD5, which is of the whole image')
  }
  for (const [range, part, contentRange, flag] of ranges)
    await checker(scene, flag === 'own')(`Range "${range}" is ${typeof part === 'number' ? part : `"${part}"`}`, () =>
      one({ range }, part, contentRange),
    )
  for (const [range, part, contentRange] of contentRanges)
    await check(`Content-Range "${range}" is ${typeof part === 'number' ? part : `"${part}"`}`, () =>
      one({ 'content-range': range }, part, contentRange),
    )
  await check('Range wins over Content-Range', () =>
    one({ range: 'bytes=0-3', 'content-range': 'bytes 5-6/10' }, '0123', 'bytes 0-3/10'),
  )
  await scene.own('a range of an image without data is 204', async () => {
    const queued = await images.queued()
    const headers = { range: 'bytes=0-3' }
    expectStatus(await actors.owner.api.get(`/v2/images/${queued}/file`, { headers }), 204)
  })
}

const runLocked = async (scene: Scene) => {
  const { actors, images, check } = scene
  const id = await images.deactivated()
  await images.share(id, actors.consumer, 'accepted')
  const file = `/v2/images/${id}/file`
  await check('a deactivated image: download 403 for owner and member, 404 for a stranger, 200 for admin', async () => {
    expectStatus(await actors.owner.api.get(file), 403)
    expectStatus(await actors.consumer.api.get(file), 403)
    expectStatus(await actors.stranger.api.get(file), 404)
    expectEqual(expectStatus(await actors.admin.api.get(file), 200).text, ten, 'the bytes')
    expectStatus(await actors.owner.api.get(file, { headers: { range: 'bytes=0-3' } }), 403)
  })
  await check('it still shows to them, also its size and checksum', async () => {
    for (const { api } of [actors.owner, actors.consumer]) {
      const answer = expectStatus(await api.get(`/v2/images/${id}`), 200)
      expectMatch(answer.text, /"checksum": ?"781e5e245d69b566979b86e28d23f2c7"/, 'the image')
    }
  })
  await check('a download that has begun goes on when the image is deactivated', async () => {
    // Larger than what the connection itself takes in before anybody reads.
    const sizeBytes = 32 * 1024 * 1024
    const large = await images.active({}, actors.owner, Buffer.alloc(sizeBytes, 'd'))
    const url = new URL(`${scene.endpoint.href.replace(/\/+$/, '')}/v2/images/${large}/file`)
    const response = await fetch(url, { headers: { 'x-auth-token': actors.owner.token } })
    expectEqual(response.status, 200, 'the status')
    expectStatus(await actors.owner.api.post(`/v2/images/${large}/actions/deactivate`), 204)
    expectEqual((await response.arrayBuffer()).byteLength, sizeBytes, 'the bytes received')
    expectStatus(await actors.owner.api.get(`/v2/images/${large}/file`), 403)
  })
  await check('reactivated, it is downloaded again', async () => {
    expectStatus(await actors.owner.api.post(`/v2/images/${id}/actions/reactivate`), 204)
    expectStatus(await actors.owner.api.get(file), 200)
    expectStatus(await actors.consumer.api.get(file), 200)
  })
}

export const download: Group = {
  name: 'download',
  async run(scene) {
    await runWhole(scene)
    await runRanges(scene)
    await runLocked(scene)
  },
}
