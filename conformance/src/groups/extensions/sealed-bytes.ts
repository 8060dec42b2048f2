import { createHash, randomBytes } from 'node:crypto'
import type { Actor } from '../../actors.ts'
import type { Answer } from '../../client.ts'
import { expectEqual, expectField, expectStatus, header } from '../../expect.ts'
import { expectRefusal } from '../../extensions.ts'
import type { Json } from '../../json.ts'
import {
  changeKey,
  expectKeyRefusal,
  expectNamed,
  grantKey,
  grantPath,
  sealed,
  sealedQueued,
  shownKey,
} from '../../keys.ts'
import { eventually, type Group, type Scene } from '../../suite.ts'
import { qcow2 } from '../disk-images.ts'

const filePath = (image: string) => `/v2/images/${image}/file`
const digest = (algorithm: string, bytes: Uint8Array) => createHash(algorithm).update(bytes).digest('hex')

/** What sealing may be done in: sizes and ranges on both sides of such borders have to be as those of plain bytes. */
const border = 64 * 1024
const sizes = [0, 1, 15, 16, border - 17, border - 16, border - 1, border, border + 1, 2 * border, 3 * border + 12_345]

const rangesOf = (size: number): string[] => [
  'bytes=0-0',
  'bytes=0-',
  'bytes=-1',
  `bytes=-${border + 1}`,
  `bytes=${border - 1}-${border}`,
  `bytes=${border - 1}-${border - 1}`,
  `bytes=${border}-${border}`,
  `bytes=${border}-`,
  `bytes=${border - 10}-${2 * border + 10}`,
  `bytes=0-${border - 1}`,
  `bytes=0-${border}`,
  `bytes=${2 * border}-${2 * border}`,
  `bytes=${3 * border - 1}-`,
  `bytes=${size - 1}-`,
  `bytes=${size - 1}-${size + 100}`,
  `bytes=${size}-`,
  `bytes=${size + 1}-${size + 2}`,
  'bytes=5-2',
  'bytes=-0',
  'bytes=0-1,3-4',
  'bytes=99999999999999999999-',
]

const toldHeaders = [
  'content-length',
  'content-range',
  'content-md5',
  'content-type',
  'accept-ranges',
  'content-disposition',
  'x-content-type-options',
  'content-security-policy',
  'etag',
]

/** What of an answer about an image has to be the same for plain and for sealed bytes. */
const told = (answer: Answer, image: string) => ({
  status: answer.status,
  headers: Object.fromEntries(toldHeaders.map((name) => [name, header(answer, name)?.replaceAll(image, 'ID')])),
  bytes: answer.status < 300 ? digest('sha256', answer.bytes) : answer.text.replaceAll(image, 'ID'),
})

const randomBelow = (limit: number): number => randomBytes(4).readUInt32BE() % limit

const attributesOf = async (scene: Scene, image: string) => {
  const { status, size, virtual_size, checksum, os_hash_algo, os_hash_value } = await scene.images.read(image)
  return { status, size, virtual_size, checksum, os_hash_algo, os_hash_value }
}

const runBytes = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner } = actors
  for (const size of sizes)
    await own(`${size} sealed bytes: attributes, download and ranges are those of a plain image`, async () => {
      const bytes = randomBytes(size)
      const plain = await images.active({}, owner, bytes)
      const { image } = await sealed(scene, { bytes })
      expectEqual(await attributesOf(scene, image), await attributesOf(scene, plain), 'the attributes')
      for (const range of [undefined, ...rangesOf(size)]) {
        const headers: Record<string, string> = range === undefined ? {} : { range }
        const [one, other] = await Promise.all([
          owner.api.get(filePath(plain), { headers }),
          owner.api.get(filePath(image), { headers }),
        ])
        expectEqual(told(other, image), told(one, plain), `the answer for ${range}`)
        // What is encrypted where it lies is not to lie in the clear elsewhere.
        if (other.status === 200 || other.status === 206)
          expectEqual(header(other, 'cache-control'), 'no-store', `Cache-Control for ${range}`)
      }
    })
  await own('3 MiB sent in pieces of odd length come back, whole and put together from parts', async () => {
    const bytes = randomBytes(3 * 1024 * 1024 + 17)
    const { image, key } = await sealedQueued(scene)
    const pieces = async function* () {
      for (let start = 0; start < bytes.length; start += 70_001) yield bytes.subarray(start, start + 70_001)
    }
    expectStatus(await owner.api.upload(filePath(image), pieces()), 204)
    const { checksum, os_hash_value, size } = await attributesOf(scene, image)
    expectEqual([checksum, os_hash_value], [digest('md5', bytes), digest('sha512', bytes)], 'the checksums')
    expectEqual(size, bytes.length, 'the size')
    const answers = await Promise.all(Array.from({ length: 4 }, () => owner.api.get(filePath(image))))
    for (const answer of answers) expectEqual(answer.bytes.equals(bytes), true, 'whether the bytes are the same')
    const parts: Buffer[] = []
    for (let start = 0; start < bytes.length; start += 700_001) {
      const range = `bytes=${start}-${start + 700_000}`
      parts.push(expectStatus(await owner.api.get(filePath(image), { headers: { range } }), 206).bytes)
    }
    expectEqual(Buffer.concat(parts).equals(bytes), true, 'whether the parts are the whole')
    expectEqual((await shownKey(owner, key)).images, 1, 'the images of the key')
  })
  await own('many random ranges are those of the bytes', async () => {
    const { image, bytes } = await sealed(scene, { bytes: randomBytes(5 * border + 321) })
    for (let round = 0; round < 40; round++) {
      const first = randomBelow(bytes.length)
      const last = first + randomBelow(bytes.length - first)
      const answer = await owner.api.get(filePath(image), { headers: { range: `bytes=${first}-${last}` } })
      const same = expectStatus(answer, 206).bytes.equals(bytes.subarray(first, last + 1))
      expectEqual(same, true, `whether bytes ${first} to ${last} are the same`)
    }
  })
  await own('bytes that are refused leave the image queued and to be sealed: it is uploaded again', async () => {
    const { image, key } = await sealedQueued(scene, { attributes: { disk_format: 'qcow2' } })
    expectRefusal(await owner.api.upload(filePath(image), 'no disk at all'), 415)
    const short = await owner.api.upload(filePath(image), 'abc', { 'x-openstack-image-size': '5' })
    expectStatus(short, 400, 415)
    expectField(await owner.api.get(`/v2/images/${image}`), ['status'], 'queued')
    expectField(await owner.api.get(`/v2/images/${image}`), ['__system__cmkid'], key)
    const disk = qcow2({ virtualSizeBytes: 1 << 30 })
    expectStatus(await owner.api.upload(filePath(image), disk), 204)
    expectField(await owner.api.get(`/v2/images/${image}`), ['virtual_size'], 1 << 30)
    expectEqual(expectStatus(await owner.api.get(filePath(image)), 200).bytes.equals(disk), true, 'the bytes')
  })
  await own('an upload that breaks off leaves the image queued; the next one is whole', async () => {
    const { image } = await sealedQueued(scene)
    const { promise: begun, resolve: breakOff } = Promise.withResolvers<void>()
    const broken = async function* () {
      yield randomBytes(2 * border)
      await begun
      throw new Error('broken off on purpose')
    }
    const pending = owner.api.upload(filePath(image), broken()).catch(() => undefined)
    const status = async () => (await scene.images.read(image)).status
    try {
      await eventually(status, (now) => now === 'saving', 'the image is being saved')
    } finally {
      breakOff()
    }
    await pending
    await eventually(status, (now) => now === 'queued', 'the image is queued again')
    const bytes = randomBytes(border + 5)
    expectStatus(await owner.api.upload(filePath(image), bytes), 204)
    expectEqual(expectStatus(await owner.api.get(filePath(image)), 200).bytes.equals(bytes), true, 'the bytes')
  })
}

const runReaders = async (scene: Scene) => {
  const { actors, own } = scene
  const { owner, ownerReader, consumer, consumerReader, other, stranger, admin, nobody } = actors
  const share = async (image: string, project: Actor) =>
    expectStatus(await owner.api.post(`/v2/images/${image}/members`, { member: project.projectId }), 200)
  const become = async (image: string, visibility: string) => {
    const patch: Json = [{ op: 'replace', path: '/visibility', value: visibility }]
    expectStatus(await admin.api.patch(`/v2/images/${image}`, patch), 200)
  }

  await own('who may read the image and holds its key downloads it; all others do not', async () => {
    const { image, key, bytes } = await sealed(scene)
    await grantKey(owner, key, consumer.projectId)
    await share(image, consumer)
    for (const actor of [owner, consumer]) {
      const file = expectStatus(await actor.api.get(filePath(image)), 200)
      expectEqual(file.bytes.equals(bytes), true, 'whether the bytes are the same')
    }
    for (const actor of [ownerReader, consumerReader]) expectRefusal(await actor.api.get(filePath(image)), 403)
    for (const actor of [stranger, other]) expectRefusal(await actor.api.get(filePath(image)), 404)
    expectStatus(await nobody.get(filePath(image)), 401)
    for (const range of ['bytes=0-', 'bytes=0-3']) {
      const message = expectKeyRefusal(await admin.api.get(filePath(image), { headers: { range } }), 'key_not_held')
      expectNamed(message, key, owner.projectId, admin.projectId, `vitrine key grant ${key} ${admin.projectId}`)
    }
  })
  await own('the administrator downloads it when its project is let, as any other', async () => {
    const { image, key, bytes } = await sealed(scene)
    await grantKey(owner, key, admin.projectId)
    const file = expectStatus(await admin.api.get(filePath(image)), 200)
    expectEqual(file.bytes.equals(bytes), true, 'whether the bytes are the same')
    expectStatus(await owner.api.delete(grantPath(key, admin.projectId)), 204)
    expectKeyRefusal(await admin.api.get(filePath(image)), 'key_not_held')
  })
  for (const visibility of ['community', 'public'])
    await own(`a sealed ${visibility} image is seen by all, and opened by whose project is let`, async () => {
      const { image, key, bytes } = await sealed(scene)
      await become(image, visibility)
      expectKeyRefusal(await stranger.api.get(filePath(image)), 'key_not_held')
      expectStatus(await stranger.api.get(`/v2/images/${image}`), 200)
      await grantKey(owner, key, stranger.projectId)
      const file = expectStatus(await stranger.api.get(filePath(image)), 200)
      expectEqual(file.bytes.equals(bytes), true, 'whether the bytes are the same')
      await become(image, 'private')
      expectRefusal(await stranger.api.get(filePath(image)), 404)
    })
  await own('who holds the key and does not see the image is 404', async () => {
    const { image, key } = await sealed(scene)
    await grantKey(owner, key, stranger.projectId)
    expectRefusal(await stranger.api.get(filePath(image)), 404)
  })
  await own('a disabled key: nobody downloads; enabled again, all do', async () => {
    const { image, key, bytes } = await sealed(scene)
    await grantKey(owner, key, consumer.projectId)
    await share(image, consumer)
    await changeKey(owner, key, { status: 'disabled' })
    for (const actor of [owner, consumer]) expectKeyRefusal(await actor.api.get(filePath(image)), 'key_disabled')
    expectRefusal(await stranger.api.get(filePath(image)), 404)
    await changeKey(owner, key, { status: 'enabled' })
    for (const actor of [owner, consumer]) {
      const file = expectStatus(await actor.api.get(filePath(image)), 200)
      expectEqual(file.bytes.equals(bytes), true, 'whether the bytes are the same')
    }
  })
  await own('a deactivated sealed image is locked before its key is asked for', async () => {
    const { image } = await sealed(scene)
    expectStatus(await admin.api.post(`/v2/images/${image}/actions/deactivate`), 204)
    expectEqual(/deactivated/.test(expectRefusal(await owner.api.get(filePath(image)), 403)), true, 'what it says')
    expectStatus(await admin.api.post(`/v2/images/${image}/actions/reactivate`), 204)
    expectStatus(await owner.api.get(filePath(image)), 200)
  })
  await own('what is queued has no bytes yet, also for who has no key', async () => {
    const { image } = await sealedQueued(scene)
    expectStatus(await owner.api.get(filePath(image)), 204)
    expectStatus(await admin.api.get(filePath(image)), 204, 403)
  })
  await own('the administrator uploads into a sealed image only when its project is let', async () => {
    const { image, key } = await sealedQueued(scene)
    const bytes = randomBytes(border + 1)
    expectKeyRefusal(await admin.api.upload(filePath(image), bytes), 'key_not_held')
    expectField(await owner.api.get(`/v2/images/${image}`), ['status'], 'queued')
    await grantKey(owner, key, admin.projectId)
    expectStatus(await admin.api.upload(filePath(image), bytes), 204)
    expectEqual(expectStatus(await owner.api.get(filePath(image)), 200).bytes.equals(bytes), true, 'the bytes')
  })
}

export const sealedBytes: Group = {
  name: 'bytes of sealed images',
  own: true,
  async run(scene) {
    await runBytes(scene)
    await runReaders(scene)
  },
}
