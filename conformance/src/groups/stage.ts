import { randomBytes, randomUUID } from 'node:crypto'
import type { Answer } from '../client.ts'
import { expectEqual, expectField, expectStatus, header } from '../expect.ts'
import { importMethods, staged } from '../imports.ts'
import { eventually, type Group, type Scene } from '../suite.ts'

const octets = 'application/octet-stream'
const bytes = randomBytes(70_001)

const runSuccess = async (scene: Scene) => {
  const { actors, images, check } = scene
  const { api } = actors.owner
  const pieces = async function* () {
    for (let start = 0; start < bytes.length; start += 9000) yield bytes.subarray(start, start + 9000)
  }
  const ways: [what: string, send: (path: string) => Promise<Answer>][] = [
    ['with a length', (path) => api.upload(path, bytes)],
    ['chunked', (path) => api.upload(path, pieces())],
    [
      'with a size that is right',
      (path) => api.upload(path, bytes, { 'x-openstack-image-size': String(bytes.length) }),
    ],
    ['with parameters of the content type', (path) => api.upload(path, bytes, { 'content-type': `${octets}; a=b` })],
  ]
  for (const [what, send] of ways)
    await check(`bytes are staged ${what}: 204, uploading, a size and no digests`, async () => {
      const id = await images.queued()
      const answer = expectStatus(await send(`/v2/images/${id}/stage`), 204)
      expectEqual(answer.bytes.length, 0, 'the length of the body')
      const image = await images.read(id)
      expectEqual(
        [image.status, image.size, image.virtual_size, image.checksum, image.os_hash_algo, image.os_hash_value],
        ['uploading', bytes.length, null, null, null, null],
        'status, size, virtual size and digests',
      )
      expectStatus(await api.get(`/v2/images/${id}/file`), 204)
    })
  await check('formats are not needed to stage', async () => {
    const id = await images.queued({ disk_format: null, container_format: null })
    expectStatus(await api.upload(`/v2/images/${id}/stage`, bytes), 204)
    expectField(await api.get(`/v2/images/${id}`), ['status'], 'uploading')
  })
  await check('no bytes at all can be staged', async () => {
    const id = await images.queued()
    expectStatus(await api.upload(`/v2/images/${id}/stage`, ''), 204)
    expectField(await api.get(`/v2/images/${id}`), ['size'], 0)
  })
}

const runRefusals = async (scene: Scene) => {
  const { actors, images, check } = scene
  const { owner, ownerReader, consumer, stranger } = actors
  const id = await images.queued()
  await images.share(id, consumer, 'accepted')
  const path = `/v2/images/${id}/stage`
  const unknown = `/v2/images/${randomUUID()}/stage`
  const rows: [what: string, status: number, send: () => Promise<Answer>][] = [
    ['without a content type', 415, () => owner.api.send('PUT', path, { body: 'x' })],
    ['as JSON', 415, () => owner.api.send('PUT', path, { json: {} })],
    ['as text', 415, () => owner.api.upload(path, 'x', { 'content-type': 'text/plain' })],
    ['for an unknown image', 404, () => owner.api.upload(unknown, 'x')],
    ['by a reader', 403, () => ownerReader.api.upload(path, 'x')],
    ['by a member', 403, () => consumer.api.upload(path, 'x')],
    ['by a stranger', 404, () => stranger.api.upload(path, 'x')],
    ['with a size that is a word', 400, () => owner.api.upload(path, 'x', { 'x-openstack-image-size': 'many' })],
    ['with a size that is too large', 400, () => owner.api.upload(path, 'x', { 'x-openstack-image-size': '2' })],
    ['with a size that is too small', 400, () => owner.api.upload(path, 'xyz', { 'x-openstack-image-size': '2' })],
  ]
  for (const [what, status, send] of rows)
    await check(`staging ${what} is ${status}, and the image stays queued`, async () => {
      expectStatus(await send(), status)
      const image = await images.read(id)
      expectEqual([image.status, image.size], ['queued', null], 'status and size')
    })
  await check('after all these a good staging succeeds', async () => {
    expectStatus(await owner.api.upload(path, 'x'), 204)
  })
  for (const status of ['active', 'deactivated'])
    await check(`staging for an image that is ${status} is 409 and changes nothing`, async () => {
      const filled = await images.in(status)
      const before = await images.read(filled)
      expectStatus(await owner.api.upload(`/v2/images/${filled}/stage`, 'other bytes'), 409)
      expectEqual(await images.read(filled), before, 'the image')
    })
  for (const method of ['GET', 'POST', 'PATCH', 'DELETE'])
    await check(`${method} on it is 405 and allows PUT`, async () => {
      const answer = expectStatus(await owner.api.send(method, path), 405)
      expectEqual(header(answer, 'allow'), 'PUT', 'Allow')
    })
}

const runMeanwhile = async (scene: Scene) => {
  const { actors, images, check } = scene
  const { owner, admin } = actors
  await check('staged bytes stand in the way of more of them, and of an upload: 409', async () => {
    const id = await staged(scene, bytes)
    expectStatus(await owner.api.upload(`/v2/images/${id}/stage`, 'more'), 409)
    expectStatus(await owner.api.upload(`/v2/images/${id}/file`, 'more'), 409)
    expectStatus(await admin.api.post(`/v2/images/${id}/actions/deactivate`), 403)
    const image = await images.read(id)
    expectEqual([image.status, image.size], ['uploading', bytes.length], 'status and size')
  })
  await check('a staged image can be changed, shared and deleted', async () => {
    const id = await staged(scene, bytes)
    const path = `/v2/images/${id}`
    expectStatus(await owner.api.patch(path, [{ op: 'replace', path: '/name', value: 'staged' }]), 200)
    expectStatus(await owner.api.post(`${path}/members`, { member: actors.consumer.projectId }), 200)
    expectStatus(await owner.api.delete(path), 204)
    expectStatus(await owner.api.get(path), 404)
    expectStatus(await owner.api.upload(`${path}/stage`, 'x'), 404)
  })
  await check('of several stagings at once exactly one succeeds', async () => {
    for (let round = 0; round < 5; round += 1) {
      const id = await images.queued()
      const sends = ['a', 'bb', 'ccc'].map((body) => owner.api.upload(`/v2/images/${id}/stage`, body))
      const statuses = (await Promise.all(sends)).map(({ status }) => status).sort()
      expectEqual([statuses[0], statuses.filter((status) => status === 204).length], [204, 1], 'those that succeeded')
      for (const status of statuses.slice(1)) expectEqual([409, 410].includes(status), true, `${status}`)
    }
  })
  await check('a client that goes away while it stages leaves a queued image, which can be staged again', async () => {
    const id = await images.queued()
    const abort = new AbortController()
    const body = async function* () {
      yield bytes
      await new Promise((resolve) => abort.signal.addEventListener('abort', resolve))
    }
    const gone = owner.api
      .send('PUT', `/v2/images/${id}/stage`, {
        body: body(),
        headers: { 'content-type': octets },
        signal: abort.signal,
      })
      .then(
        () => 'answered',
        () => 'broken off',
      )
    await eventually(
      () => images.read(id),
      ({ status }) => status !== 'queued',
      'the beginning of the staging',
    )
    abort.abort()
    expectEqual(await gone, 'broken off', 'the staging')
    await eventually(
      () => images.read(id),
      ({ status, size }) => status === 'queued' && size === null,
      'the status queued',
    )
    expectStatus(await owner.api.upload(`/v2/images/${id}/stage`, bytes), 204)
  })
}

export const stage: Group = {
  name: 'stage',
  async run(scene) {
    if (!(await importMethods(scene)).includes('glance-direct')) {
      await scene.skip('bytes are staged', 'the service does not import by glance-direct')
      return
    }
    await runSuccess(scene)
    await runRefusals(scene)
    await runMeanwhile(scene)
  },
}
