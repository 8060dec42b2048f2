import { KeySchema } from '@vitrine/contract'
import type { Actor } from '../../actors.ts'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectField, expectMatch, expectStatus } from '../../expect.ts'
import { expectRefusal, walk } from '../../extensions.ts'
import { at, type Json, listAt, stringAt } from '../../json.ts'
import {
  encryptionPath,
  grantKey,
  grantPath,
  grantsOf,
  keyPath,
  madeKey,
  sealed,
  sealedQueued,
  shownKey,
  usesLike,
} from '../../keys.ts'
import { eventually, type Group, type Scene } from '../../suite.ts'

const runRotation = async (scene: Scene) => {
  const { actors, own } = scene
  const { owner, consumer } = actors
  const rotate = async (key: string) =>
    expectDocument(expectStatus(await owner.api.post(`${keyPath(key)}/rotate`), 202), KeySchema)
  await own('a rotated key goes on for owner and grantee, and wraps with its new version', async () => {
    const { image, key, bytes } = await sealed(scene)
    await grantKey(owner, key, consumer.projectId)
    expectStatus(await owner.api.post(`/v2/images/${image}/members`, { member: consumer.projectId }), 200)
    const before = expectStatus(await owner.api.post(`${keyPath(key)}/data-keys`), 201)
    for (const version of [2, 3]) {
      expectField(await rotate(key), ['version'], version)
      for (const actor of [owner, consumer]) {
        const file = expectStatus(await actor.api.get(`/v2/images/${image}/file`), 200)
        expectEqual(file.bytes.equals(bytes), true, 'whether the bytes are the same')
        const wrapped = stringAt(before.json, 'wrapped')
        const opened = expectStatus(await actor.api.post(`${keyPath(key)}/unwrap`, { wrapped }), 200)
        expectField(opened, ['plain'], stringAt(before.json, 'plain'))
      }
      const next = expectStatus(await owner.api.post(`${keyPath(key)}/data-keys`), 201)
      expectMatch(stringAt(next.json, 'wrapped'), new RegExp(`^${version}\\.`), 'the wrapped data key')
      await eventually(
        async () => (await shownKey(owner, key)).rotating,
        (rotating) => rotating === false,
        'the end of the rotation',
      )
    }
    const late = expectStatus(await consumer.api.get(`/v2/images/${image}/file`), 200)
    expectEqual(late.bytes.equals(bytes), true, 'whether the bytes are the same')
    expectEqual(await grantsOf(owner, key), { [consumer.projectId]: 1 }, 'the grants')
  })
  await own('rotated five times at once, each answer has a version of its own', async () => {
    const key = await madeKey(scene)
    const answers = await Promise.all(Array.from({ length: 5 }, () => rotate(key)))
    expectEqual((await shownKey(owner, key)).version, 6, 'the version in the end')
    const versions = new Set(answers.map(({ json }) => at(json, 'version')))
    expectEqual(versions.size, 5, 'the number of different versions')
  })
  await own('a project that is let after a rotation opens what was wrapped before it', async () => {
    const key = await madeKey(scene)
    const before = expectStatus(await owner.api.post(`${keyPath(key)}/data-keys`), 201)
    await rotate(key)
    await grantKey(owner, key, consumer.projectId)
    const wrapped = stringAt(before.json, 'wrapped')
    expectStatus(await consumer.api.post(`${keyPath(key)}/unwrap`, { wrapped }), 200)
    expectStatus(await owner.api.delete(grantPath(key, consumer.projectId)), 204)
    expectStatus(await consumer.api.post(`${keyPath(key)}/unwrap`, { wrapped }), 404)
  })
  await own('a rotation takes no body', async () => {
    const key = await madeKey(scene)
    expectRefusal(await owner.api.post(`${keyPath(key)}/rotate`, { version: 9 }), 400)
    expectEqual((await shownKey(owner, key)).version, 1, 'the version')
  })
}

const runEnd = async (scene: Scene) => {
  const { actors, own } = scene
  const { owner, consumer } = actors
  await own('a deleted key is gone: 404 by every call, and out of the list', async () => {
    const key = await madeKey(scene)
    await grantKey(owner, key, consumer.projectId)
    expectStatus(await owner.api.delete(keyPath(key)), 204)
    for (const [method, path, json] of [
      ['GET', keyPath(key)],
      ['DELETE', keyPath(key)],
      ['PATCH', keyPath(key), { name: 'n' }],
      ['POST', `${keyPath(key)}/rotate`],
      ['POST', `${keyPath(key)}/data-keys`],
      ['GET', `${keyPath(key)}/grants`],
      ['PUT', grantPath(key, consumer.projectId)],
    ] satisfies [string, string, Json?][])
      expectRefusal(await owner.api.send(method, path, json === undefined ? {} : { json }), 404)
    for (const actor of [owner, consumer])
      expectRefusal(await actor.api.post(`${keyPath(key)}/unwrap`, { wrapped: '1.AAAA' }), 404)
    const { json } = expectStatus(await owner.api.get('/v2/keys?limit=1000'), 200)
    expectEqual(
      listAt(json, 'keys').filter((row) => at(row, 'id') === key),
      [],
      'what the list has of it',
    )
  })
  await own('the log of a deleted key is read on, by its project alone', async () => {
    const key = await madeKey(scene)
    expectStatus(await owner.api.delete(keyPath(key)), 204)
    const [last] = await usesLike(owner, key, 'key.delete')
    expectEqual([at(last, 'project_id'), at(last, 'outcome')], [owner.projectId, 'done'], 'who deleted it')
    for (const actor of [consumer, actors.admin]) expectRefusal(await actor.api.get(`${keyPath(key)}/events`), 404)
  })
  await own('a key that gave out data keys goes only when they may be forgotten: 409 before', async () => {
    const key = await madeKey(scene)
    await grantKey(owner, key, consumer.projectId)
    const data = expectStatus(await consumer.api.post(`${keyPath(key)}/data-keys`), 201)
    const wrapped = stringAt(data.json, 'wrapped')
    const open = (actor: Actor) => actor.api.post(`${keyPath(key)}/unwrap`, { wrapped })
    expectRefusal(await owner.api.delete(keyPath(key)), 409)
    for (const word of ['', 'true', 'FORGET']) {
      expectRefusal(await owner.api.delete(`${keyPath(key)}?data_keys=${word}`), 400)
      expectStatus(await open(consumer), 200)
    }
    expectStatus(await owner.api.delete(`${keyPath(key)}?data_keys=forget`), 204)
    for (const actor of [owner, consumer]) expectRefusal(await open(actor), 404)
  })
  await own('an image that is sealed keeps its key, whatever may be forgotten', async () => {
    const { key } = await sealed(scene)
    expectRefusal(await owner.api.delete(`${keyPath(key)}?data_keys=forget`), 409)
  })
  for (const status of ['queued', 'active'] as const)
    await own(`a key that a ${status} image is encrypted with stays: 409, until the image is gone`, async () => {
      const { image, key } = status === 'active' ? await sealed(scene) : await sealedQueued(scene)
      expectEqual((await shownKey(owner, key)).images, 1, 'the images of the key')
      expectRefusal(await owner.api.delete(keyPath(key)), 409)
      expectStatus(await owner.api.delete(`/v2/images/${image}`), 204)
      await eventually(
        async () => (await owner.api.delete(keyPath(key))).status,
        (code) => code === 204,
        'the end of the key',
      )
    })
  await own('a key that a client marked its image with stays, too', async () => {
    const key = await madeKey(scene)
    const image = await scene.images.active({ __system__cmkid: key })
    expectEqual((await shownKey(owner, key)).images, 1, 'the images of the key')
    expectRefusal(await owner.api.delete(keyPath(key)), 409)
    expectStatus(await owner.api.delete(`/v2/images/${image}`), 204)
    expectStatus(await owner.api.delete(keyPath(key)), 204)
  })
  await own("another project's image that names a key does not hold it", async () => {
    const key = await madeKey(scene)
    await scene.images.active({ __system__cmkid: key }, consumer)
    expectEqual((await shownKey(owner, key)).images, 0, 'the images of the key')
    expectStatus(await owner.api.delete(keyPath(key)), 204)
  })
  await own('an image that is sealed while its key is deleted: one of the two is refused', async () => {
    for (let round = 0; round < 5; round++) {
      const key = await madeKey(scene)
      const image = await scene.images.queued()
      const [put, gone] = await Promise.all([
        owner.api.put(encryptionPath(image), { key_id: key }),
        owner.api.delete(keyPath(key)),
      ])
      expectStatus(put, 200, 404, 409)
      expectStatus(gone, 204, 409)
      expectEqual(put.status === 200, gone.status === 409, 'whether the image is sealed, or the key is gone')
    }
  })
  await own('a project has 100 keys at most: 413 beyond, and room again when one goes', async () => {
    const by = actors.stranger
    const room = 100 - (await walk(by.api, '/v2/keys?limit=1000', 'keys')).length
    const made: string[] = []
    for (let count = 0; count < room; count++) made.push(await madeKey(scene, by))
    expectRefusal(await by.api.post('/v2/keys', {}), 413)
    expectStatus(await by.api.delete(keyPath(made[0] ?? '')), 204)
    const answers = await Promise.all(Array.from({ length: 4 }, () => by.api.post('/v2/keys', {})))
    for (const { json } of answers.filter(({ status }) => status === 201))
      scene.atLast(() => by.api.delete(keyPath(stringAt(json, 'id'))))
    expectEqual(answers.map(({ status }) => status).sort(), [201, 413, 413, 413], 'four at once for one place')
  })
}

export const keysTurned: Group = {
  name: 'rotation and end of keys',
  own: true,
  async run(scene) {
    await runRotation(scene)
    await runEnd(scene)
  },
}
