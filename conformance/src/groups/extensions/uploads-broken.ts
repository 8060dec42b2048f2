import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { UploadSchema } from '@vitrine/contract'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectField, expectMatch, expectStatus } from '../../expect.ts'
import { expectRefusal } from '../../extensions.ts'
import { at } from '../../json.ts'
import { sealedQueued } from '../../keys.ts'
import { eventually, type Group, type Scene, sleep } from '../../suite.ts'
import {
  begin,
  begun,
  callOff,
  digest,
  expectImage,
  expectQueued,
  type Headers,
  hanging,
  head,
  offsetIn,
  partType,
  send,
  sendAll,
  sizeBytes,
  standsAt,
  tus,
  whyMissing,
} from '../../uploads.ts'
import { qcow2 } from '../disk-images.ts'

const runRefusals = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner } = actors
  const [image, bytes] = [await images.queued(), randomBytes(1000)]
  const path = await begun(scene, image, bytes.length)
  expectStatus(await send(owner, path, 0, bytes.subarray(0, 400)), 204)
  const rest = bytes.subarray(400)

  for (const offset of [0, 399, 401, 1000])
    await own(`a part from ${offset} is 409 where 400 is due, and tells so`, async () => {
      const answer = await send(owner, path, offset, offset === 1000 ? '' : 'x')
      expectRefusal(answer, 409)
      expectEqual(offsetIn(answer), 400, 'Upload-Offset of the refusal')
    })
  const checksumOf = (algorithm: string, of: Uint8Array) => `${algorithm} ${digest(algorithm, of, 'base64')}`
  const rows: [what: string, status: number, sent: Uint8Array, headers: Headers][] = [
    ['beyond the announced length', 413, Buffer.concat([rest, Buffer.from('x')]), {}],
    ['of another content type', 415, rest, { 'content-type': 'application/octet-stream' }],
    ['from no place', 400, rest, { 'upload-offset': 'here' }],
    ['with the checksum of other bytes', 460, rest.subarray(0, 100), { 'upload-checksum': checksumOf('sha1', rest) }],
    ['that is the last, with such a checksum', 460, rest, { 'upload-checksum': checksumOf('sha256', bytes) }],
    ['with a checksum nobody knows', 400, rest, { 'upload-checksum': 'crc32 AAAA' }],
  ]
  for (const [what, status, sent, headers] of rows)
    await own(`a part ${what} is ${status}, and nothing of it is kept`, async () => {
      expectRefusal(await send(owner, path, 400, sent, headers), status)
      expectEqual(await standsAt(owner, path), 400, 'Upload-Offset')
      expectEqual((await images.read(image)).status, 'saving', 'status')
    })
  await own('chunks beyond the announced length are refused, and do not make the image active', async () => {
    const another = await images.queued()
    const longer = async function* () {
      yield bytes
      yield rest
    }
    const there = await begun(scene, another, bytes.length)
    expectRefusal(await send(owner, there, 0, longer()), 413)
    expectEqual((await images.read(another)).status, 'saving', 'status')
    assert.ok((await standsAt(owner, there)) < bytes.length, 'the last byte does not count')
  })
  await own('while an upload is open, the image takes bytes in no other way', async () => {
    expectRefusal(await owner.api.upload(`/v2/images/${image}/file`, 'x'), 409)
    expectRefusal(await begin(owner, image, 9), 409)
  })
  await own('with the right checksums of each algorithm the upload goes on to its end', async () => {
    let offset = await standsAt(owner, path)
    for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512']) {
      const part = algorithm === 'sha512' ? bytes.subarray(offset) : bytes.subarray(offset, offset + 150)
      const headers = { 'upload-checksum': checksumOf(algorithm, part) }
      expectStatus(await send(owner, path, offset, part, headers), 204)
      offset += part.length
    }
    await expectImage(scene, image, bytes)
  })
  await own('what is done takes no more bytes, and cannot be called off', async () => {
    expectRefusal(await send(owner, path, 0, 'x'), 409)
    expectRefusal(await send(owner, path, bytes.length, 'x'), 413)
    expectRefusal(await callOff(owner, path), 409)
    await expectImage(scene, image, bytes)
  })
}

const runBreaks = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner } = actors
  for (const isSealed of [false, true])
    await own(`HEAD stops a part that hangs (423), and what arrived is kept${isSealed ? ', sealed' : ''}`, async () => {
      const image = isSealed ? (await sealedQueued(scene)).image : await images.queued()
      const bytes = randomBytes(sizeBytes)
      const path = await begun(scene, image, sizeBytes)
      let offset = 0
      // How fast bytes arrive is nobody's promise: what came too late is sent again.
      for (let attempt = 0; offset < 200_001; attempt++) {
        assert.ok(attempt < 20, `something arrives and is kept, not ${offset} bytes`)
        const { body, letGo } = hanging(bytes.subarray(offset, 200_001))
        const old = send(owner, path, offset, body)
        await sleep(300)
        offset = await standsAt(owner, path)
        letGo()
        expectRefusal(await old, 423)
      }
      expectStatus(await send(owner, path, offset, bytes.subarray(offset)), 204)
      await expectImage(scene, image, bytes)
    })
  await own('after a connection broke off, the upload goes on from where HEAD says', async () => {
    const [image, bytes] = [await images.queued(), randomBytes(sizeBytes)]
    const path = await begun(scene, image, sizeBytes)
    let offset = 0
    for (const length of [90_001, 120_000]) {
      const leaving = new AbortController()
      const { body, letGo } = hanging(bytes.subarray(offset, offset + length))
      const headers = { ...tus, 'content-type': partType, 'upload-offset': String(offset) }
      const broken = owner.api.send('PATCH', path, { headers, body, signal: leaving.signal })
      await sleep(300)
      leaving.abort()
      letGo()
      await assert.rejects(broken)
      const stands = await standsAt(owner, path)
      assert.ok(stands >= offset && stands <= offset + length, `it stands at ${stands}, within what was sent`)
      offset = stands
    }
    // The service may notice the end of a connection after the next request has begun.
    const answer = await eventually(
      async () => {
        const stands = await standsAt(owner, path)
        return send(owner, path, stands, bytes.subarray(stands))
      },
      ({ status }) => status === 204,
      'the last part',
    )
    expectStatus(answer, 204)
    await expectImage(scene, image, bytes)
  })
}

const runEnds = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner } = actors

  /** Fails unless an upload is over, with this status, and its image is as before and takes an upload again. */
  const expectFailed = async (image: string, path: string, status: number): Promise<void> => {
    await expectQueued(scene, image)
    expectStatus(await head(owner, path), status)
    expectRefusal(await send(owner, path, 0, 'x'), status)
    const shown = expectDocument(expectStatus(await owner.api.get(path), 200), UploadSchema)
    expectField(shown, ['state'], 'failed')
    expectMatch(String(at(shown.json, 'message')), /\w{3}/, 'message')
    expectStatus(await callOff(owner, await begun(scene, image, 9)), 204)
  }

  await own('DELETE calls an upload off: 204, and the image is queued', async () => {
    const image = await images.queued()
    const path = await begun(scene, image, sizeBytes)
    expectStatus(await send(owner, path, 0, randomBytes(1000)), 204)
    expectStatus(await callOff(owner, path), 204)
    await expectFailed(image, path, 410)
    expectRefusal(await callOff(owner, path), 410)
  })
  await own(
    'bytes that are not the disk_format are 415 at the latest with the last one, and tell so later',
    async () => {
      const bytes = qcow2({ virtualSizeBytes: 1024 ** 2, backingFile: '/etc/passwd' })
      for (const partBytes of [bytes.length, 3, bytes.length - 1]) {
        const image = await images.queued({ disk_format: 'qcow2' })
        const path = await begun(scene, image, bytes.length)
        let answer = await send(owner, path, 0, bytes.subarray(0, partBytes))
        if (answer.status === 204) answer = await send(owner, path, partBytes, bytes.subarray(partBytes))
        expectRefusal(answer, 415)
        await expectFailed(image, path, 415)
      }
    },
  )
  await own('a whole that is not what Repr-Digest said is refused, one that is becomes active', async () => {
    const bytes = randomBytes(sizeBytes)
    for (const [name, algorithm] of [
      ['sha-256', 'sha256'],
      ['sha-512', 'sha512'],
    ] as const) {
      const image = await images.queued()
      const stated = (of: Buffer) => ({ 'repr-digest': `${name}=:${digest(algorithm, of, 'base64')}:` })
      for (const cut of [[], [100_000]]) {
        const path = await begun(scene, image, sizeBytes, stated(bytes.subarray(1)))
        if (cut.length > 0) expectStatus(await send(owner, path, 0, bytes.subarray(0, 100_000)), 204)
        const from = cut[0] ?? 0
        expectRefusal(await send(owner, path, from, bytes.subarray(from)), 400)
        await expectFailed(image, path, 400)
      }
      await sendAll(owner, await begun(scene, image, sizeBytes, stated(bytes)), bytes, [100_000])
      await expectImage(scene, image, bytes)
    }
  })
  await own('the uploads of a deleted image are gone with it (OSSA-2015-003)', async () => {
    const image = await images.queued()
    const path = await begun(scene, image, sizeBytes)
    const { body, letGo } = hanging(randomBytes(200_000))
    const running = send(owner, path, 0, body)
    await sleep(300)
    expectStatus(await owner.api.delete(`/v2/images/${image}`), 204)
    letGo()
    // A part that comes to its end before the service sees that it is in vain is told as one of no image.
    expectStatus(await running, 410, 404)
    expectStatus(await head(owner, path), 404)
    expectRefusal(await send(owner, path, 0, 'x'), 404)
  })
}

export const uploadsBroken: Group = {
  name: 'resumable uploads that break off or fail',
  own: true,
  async run(scene) {
    const why = await whyMissing(scene)
    if (why !== undefined) return scene.skip('uploads are gone on with', why)
    await runRefusals(scene)
    await runBreaks(scene)
    await runEnds(scene)
  },
}
