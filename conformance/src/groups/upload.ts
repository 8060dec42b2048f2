import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { Answer } from '../client.ts'
import { expectEqual, expectField, expectStatus } from '../expect.ts'
import type { Json } from '../json.ts'
import { checker, eventually, type Group, type Scene } from '../suite.ts'
import { qcow2 } from './disk-images.ts'

const hex = (algorithm: string, bytes: Uint8Array) => createHash(algorithm).update(bytes).digest('hex')

const octets = 'application/octet-stream'

/** What an image looks like before there is data, and again after a failed upload. */
const empty = {
  status: 'queued',
  size: null,
  virtual_size: null,
  checksum: null,
  os_hash_algo: null,
  os_hash_value: null,
}

const picked = (document: { [key: string]: Json }) =>
  Object.fromEntries(Object.keys(empty).map((key) => [key, document[key]]))

const runSuccess = async (scene: Scene) => {
  const { actors, images, check } = scene
  const { api } = actors.owner
  const big = randomBytes(3 * 1024 * 1024 + 17)
  const pieces = (bytes: Uint8Array, length: number) =>
    async function* () {
      for (let start = 0; start < bytes.length; start += length) yield bytes.subarray(start, start + length)
    }
  const ways: [what: string, bytes: Uint8Array, send: (path: string) => Promise<Answer>][] = [
    ['10 bytes', Buffer.from('0123456789'), (path) => api.upload(path, Buffer.from('0123456789'))],
    ['3 MiB', big, (path) => api.upload(path, big)],
    ['3 MiB, chunked and without length', big, (path) => api.upload(path, pieces(big, 70_001)())],
    ['single bytes, chunked', Buffer.from('abc'), (path) => api.upload(path, pieces(Buffer.from('abc'), 1)())],
    ['a size that is right', big, (path) => api.upload(path, big, { 'x-openstack-image-size': String(big.length) })],
    ['an empty Accept', Buffer.from('x'), (path) => api.upload(path, 'x', { accept: '' })],
    [
      'a content type with parameters',
      Buffer.from('x'),
      (path) => api.upload(path, 'x', { 'content-type': `${octets}; charset=binary` }),
    ],
  ]
  for (const [what, bytes, send] of ways)
    await check(`upload of ${what}: 204, active, with size and digests, and the same bytes come back`, async () => {
      const id = await images.queued()
      const answer = expectStatus(await send(`/v2/images/${id}/file`), 204)
      expectEqual(answer.bytes.length, 0, 'the length of the body')
      const expected = {
        status: 'active',
        size: bytes.length,
        virtual_size: bytes.length,
        checksum: hex('md5', bytes),
        os_hash_algo: 'sha512',
        os_hash_value: hex('sha512', bytes),
      }
      expectEqual(picked(await images.read(id)), expected, 'the image')
      const download = expectStatus(await api.get(`/v2/images/${id}/file`), 200)
      expectEqual(download.bytes.equals(Buffer.from(bytes)), true, 'whether the bytes are the same')
    })
  await check('no bytes at all: 204, size 0, the digests of nothing', async () => {
    const id = await images.queued()
    expectStatus(await api.upload(`/v2/images/${id}/file`, ''), 204)
    const nothing = Buffer.alloc(0)
    expectEqual(
      picked(await images.read(id)),
      {
        status: 'active',
        size: 0,
        virtual_size: null,
        checksum: hex('md5', nothing),
        os_hash_algo: 'sha512',
        os_hash_value: hex('sha512', nothing),
      },
      'the image',
    )
  })
}

const runRefusals = async (scene: Scene) => {
  const { actors, images, check } = scene
  const { owner, ownerReader, consumer, stranger } = actors
  const id = await images.queued()
  const path = `/v2/images/${id}/file`
  await images.share(id, consumer, 'accepted')
  const rows: [what: string, status: number, send: () => Promise<Answer>, own?: 'own'][] = [
    ['without a content type', 415, () => owner.api.send('PUT', path, { body: 'x' })],
    ['as JSON', 415, () => owner.api.send('PUT', path, { json: {} })],
    ['as text', 415, () => owner.api.upload(path, 'x', { 'content-type': 'text/plain' })],
    [
      'to an unknown image, as text',
      415,
      () => owner.api.upload(`/v2/images/${randomUUID()}/file`, 'x', { 'content-type': 'text/plain' }),
    ],
    ['to an unknown image', 404, () => owner.api.upload(`/v2/images/${randomUUID()}/file`, 'x')],
    ['by a reader', 403, () => ownerReader.api.upload(path, 'x')],
    ['by a member', 403, () => consumer.api.upload(path, 'x')],
    ['by a stranger', 404, () => stranger.api.upload(path, 'x')],
    ['with a size that is a word', 400, () => owner.api.upload(path, 'x', { 'x-openstack-image-size': 'many' })],
    ['with a size that is too large', 400, () => owner.api.upload(path, 'x', { 'x-openstack-image-size': '2' })],
    ['with a size that is too small', 400, () => owner.api.upload(path, 'xyz', { 'x-openstack-image-size': '2' })],
    ['to an unknown store', 400, () => owner.api.upload(path, 'x', { 'x-image-meta-store': 'no-such-store' }), 'own'],
  ]
  for (const [what, status, send, flag] of rows)
    await checker(scene, flag === 'own')(`upload ${what} is ${status}, and the image stays queued`, async () => {
      expectStatus(await send(), status)
      expectEqual(picked(await images.read(id)), empty, 'the image')
    })
  await check('after all these a good upload succeeds', async () => {
    expectStatus(await owner.api.upload(path, 'x'), 204)
  })
  for (const status of ['active', 'deactivated'])
    await check(`a second upload, to an image that is ${status}, is 409 and changes nothing`, async () => {
      const filled = await images.in(status)
      const before = await images.read(filled)
      expectStatus(await owner.api.upload(`/v2/images/${filled}/file`, 'other bytes'), 409)
      expectEqual(await images.read(filled), before, 'the image')
    })
  for (const missing of ['disk_format', 'container_format'])
    await check(`without ${missing} an upload is 400; once it is set, 204`, async () => {
      const bare = await images.queued({ [missing]: null })
      expectStatus(await owner.api.upload(`/v2/images/${bare}/file`, 'x'), 400)
      expectEqual((await images.read(bare)).status, 'queued', 'the status')
      const value = missing === 'disk_format' ? 'raw' : 'bare'
      expectStatus(await owner.api.patch(`/v2/images/${bare}`, [{ op: 'replace', path: `/${missing}`, value }]), 200)
      expectStatus(await owner.api.upload(`/v2/images/${bare}/file`, 'x'), 204)
    })
}

/** Bytes of a bare image must be what its disk format says. */
const runFormats = async (scene: Scene) => {
  const { actors, images, check, own } = scene
  const { api } = actors.owner
  const virtualSizeBytes = 64 * 1024 * 1024
  const good = qcow2({ virtualSizeBytes })
  const plain = randomBytes(200_000)
  const rows: [
    what: string,
    disk: string,
    container: string,
    bytes: Uint8Array,
    status: number,
    virtual: number | null,
  ][] = [
    ['qcow2 as qcow2', 'qcow2', 'bare', good, 204, virtualSizeBytes],
    ['qcow2 as raw', 'raw', 'bare', good, 204, good.length],
    ['plain bytes as qcow2', 'qcow2', 'bare', plain, 415, null],
    ['plain bytes as vmdk', 'vmdk', 'bare', plain, 415, null],
    ['plain bytes as vhd', 'vhd', 'bare', plain, 415, null],
    ['plain bytes as vhdx', 'vhdx', 'bare', plain, 415, null],
    ['plain bytes as vdi', 'vdi', 'bare', plain, 415, null],
    ['plain bytes as iso', 'iso', 'bare', plain, 415, null],
    ['qcow2 as vmdk', 'vmdk', 'bare', good, 415, null],
    ['a few bytes as qcow2', 'qcow2', 'bare', Buffer.from('QFI'), 415, null],
    ['qcow2 with a backing file', 'qcow2', 'bare', qcow2({ virtualSizeBytes, backingFile: '/etc/passwd' }), 415, null],
    ['qcow2 with an external data file', 'qcow2', 'bare', qcow2({ virtualSizeBytes, dataFile: true }), 415, null],
    ['plain bytes as ami', 'ami', 'bare', plain, 204, null],
    ['plain bytes as ploop', 'ploop', 'bare', plain, 204, null],
    ['plain bytes as qcow2 inside ovf', 'qcow2', 'ovf', plain, 204, null],
  ]
  for (const [what, disk, container, bytes, status, virtual] of rows)
    await check(`${what}: ${status}`, async () => {
      const id = await images.queued({ disk_format: disk, container_format: container })
      expectStatus(await api.upload(`/v2/images/${id}/file`, bytes), status)
      const document = await images.read(id)
      expectEqual(document.status, status === 204 ? 'active' : 'queued', 'the status')
      // What stands inside a container is not looked at, so its virtual size is nobody's promise.
      if (container === 'bare') expectEqual(document.virtual_size, virtual, 'virtual_size')
      if (status === 204) expectEqual(document.checksum, hex('md5', bytes), 'checksum')
    })
  await own('a refused upload leaves nothing on the image, and the right bytes can follow', async () => {
    const id = await images.queued({ disk_format: 'qcow2' })
    expectStatus(await api.upload(`/v2/images/${id}/file`, plain), 415)
    expectEqual(picked(await images.read(id)), empty, 'the image')
    expectStatus(await api.get(`/v2/images/${id}/file`), 204)
    expectStatus(await api.upload(`/v2/images/${id}/file`, good), 204)
    expectField(await api.get(`/v2/images/${id}`), ['checksum'], hex('md5', good))
  })
}

/** An upload that stops half-way until it is told to go on or to break off. */
const slowBody = () => {
  let open = () => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  const half = Buffer.alloc(100_000, 'h')
  const body = async function* () {
    yield half
    await gate
    yield half
  }
  return { body: body(), finish: () => open(), bytes: Buffer.concat([half, half]) }
}

const runMeanwhile = async (scene: Scene) => {
  const { actors, images, check, own } = scene
  const { owner, consumer, admin } = actors
  const id = await images.queued()
  const image = `/v2/images/${id}`
  const slow = slowBody()
  const upload = owner.api.upload(`${image}/file`, slow.body)
  try {
    await check('an image is saving as soon as its upload has begun', async () => {
      const status = async () => String((await images.read(id)).status)
      await eventually(status, (value) => value === 'saving', 'the status saving')
      expectEqual((await images.read(id)).size, null, 'the size')
    })
    const rows: [what: string, status: number, send: () => Promise<Answer>][] = [
      ['a second upload is 409', 409, () => owner.api.upload(`${image}/file`, 'x')],
      ['a download finds no data, 204', 204, () => owner.api.get(`${image}/file`)],
      ['it can be shared', 200, () => owner.api.post(`${image}/members`, { member: consumer.projectId })],
      [
        'a consumer can accept',
        200,
        () => consumer.api.put(`${image}/members/${consumer.projectId}`, { status: 'accepted' }),
      ],
      ['it can be tagged', 204, () => owner.api.put(`${image}/tags/meanwhile`)],
      ['it can be renamed', 200, () => owner.api.patch(image, [{ op: 'replace', path: '/name', value: 'meanwhile' }])],
      [
        'its formats are fixed, 403',
        403,
        () => owner.api.patch(image, [{ op: 'replace', path: '/disk_format', value: 'iso' }]),
      ],
      ['it cannot be deactivated, 403', 403, () => admin.api.post(`${image}/actions/deactivate`)],
      ['it is in the list', 200, () => consumer.api.get(`/v2/images?id=${id}`)],
    ]
    for (const [what, status, send] of rows)
      await check(`while an image is saving ${what}`, async () => {
        expectStatus(await send(), status)
      })
  } finally {
    slow.finish()
  }
  await check('in the end it is active, and what happened meanwhile is kept', async () => {
    expectStatus(await upload, 204)
    const document = await images.read(id)
    expectEqual(
      [document.status, document.size, document.name, document.checksum, document.tags],
      ['active', slow.bytes.length, 'meanwhile', hex('md5', slow.bytes), ['meanwhile']],
      'status, size, name, checksum and tags',
    )
  })
  await check('an image deleted during its upload: DELETE 204, the upload 410, then 404', async () => {
    const doomed = await images.queued()
    const going = slowBody()
    const pending = owner.api.upload(`/v2/images/${doomed}/file`, going.body)
    try {
      const status = async () => String((await images.read(doomed)).status)
      await eventually(status, (value) => value === 'saving', 'the status saving')
      expectStatus(await owner.api.delete(`/v2/images/${doomed}`), 204)
      expectStatus(await owner.api.get(`/v2/images/${doomed}`), 404)
    } finally {
      going.finish()
    }
    expectStatus(await pending, 410)
    expectStatus(await owner.api.get(`/v2/images/${doomed}/file`), 404)
  })
  await check('a client that goes away leaves a queued image, and the upload can be repeated', async () => {
    const left = await images.queued()
    const going = slowBody()
    const abort = new AbortController()
    const pending = owner.api.send('PUT', `/v2/images/${left}/file`, {
      body: going.body,
      headers: { 'content-type': octets },
      signal: abort.signal,
    })
    const gone = pending.then(
      () => 'answered',
      () => 'broken off',
    )
    const read = () => images.read(left)
    await eventually(read, ({ status }) => status === 'saving', 'the status saving')
    abort.abort()
    going.finish()
    expectEqual(await gone, 'broken off', 'the upload')
    await eventually(read, ({ status }) => status === 'queued', 'the status queued')
    expectEqual(picked(await read()), empty, 'the image')
    expectStatus(await owner.api.upload(`/v2/images/${left}/file`, 'x'), 204)
  })
  const race = async (allowed: number[]) => {
    for (let round = 0; round < 8; round++) {
      const raced = await images.queued()
      const bodies = ['first', 'second!', 'the third']
      const answers = await Promise.all(bodies.map((body) => owner.api.upload(`/v2/images/${raced}/file`, body)))
      const winners = answers.flatMap(({ status }, index) => (status === 204 ? [bodies[index] ?? ''] : []))
      expectEqual(winners.length, 1, 'the number of uploads that succeeded')
      for (const answer of answers) expectStatus(answer, 204, ...allowed)
      expectEqual((await owner.api.get(`/v2/images/${raced}/file`)).text, winners[0], 'the bytes')
    }
  }
  await check('of several uploads at once exactly one succeeds, and its bytes are kept', () => race([409, 410]))
  await own('and the others are 409', () => race([409]))
}

export const upload: Group = {
  name: 'upload',
  async run(scene) {
    await runSuccess(scene)
    await runRefusals(scene)
    await runFormats(scene)
    await runMeanwhile(scene)
  },
}
