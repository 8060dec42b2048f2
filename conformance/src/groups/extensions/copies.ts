import { randomBytes } from 'node:crypto'
import type { Actor } from '../../actors.ts'
import type { Answer } from '../../client.ts'
import { expectEqual, expectField, expectMatch, expectMembers, expectStatus, header, imageIds } from '../../expect.ts'
import { expectRefusal, unique } from '../../extensions.ts'
import { at, type Json, objectAt, stringAt } from '../../json.ts'
import {
  changeKey,
  encryptionPath,
  expectKeyRefusal,
  grantKey,
  grantPath,
  keyPath,
  madeKey,
  sealed,
  shownKey,
  usesOf,
} from '../../keys.ts'
import { eventually, type Group, type Scene } from '../../suite.ts'
import { qcow2 } from '../disk-images.ts'
import { shareMany } from './ways-to-share.ts'

type Body = { [key: string]: Json }

const copyPath = (image: string) => `/v2/images/${image}/copies`
const filePath = (image: string) => `/v2/images/${image}/file`

/** Begins a copy; it goes with the group. */
const begun = async (scene: Scene, by: Actor, image: string, body?: Body): Promise<Answer> => {
  const answer = expectStatus(await by.api.post(copyPath(image), body), 202)
  scene.images.remember(stringAt(answer.json, 'id'))
  return answer
}

const finished = async (by: Actor, id: string): Promise<Body> => {
  const done = await eventually(
    async () => objectAt(expectStatus(await by.api.get(`/v2/images/${id}`), 200).json),
    ({ status }) => status !== 'saving',
    'the end of copying',
  )
  expectEqual(done.status, 'active', 'the status of the copy')
  return done
}

/** The same, when it is done. */
const copied = async (scene: Scene, by: Actor, image: string, body?: Body) => {
  const id = stringAt((await begun(scene, by, image, body)).json, 'id')
  return { id, done: await finished(by, id) }
}

const sameBytes = async (by: Actor, image: string, bytes: Buffer) => {
  const file = expectStatus(await by.api.get(filePath(image)), 200)
  expectEqual(file.bytes.equals(bytes), true, `whether the bytes of ${image} are the same`)
}

const ofBytes = ['size', 'virtual_size', 'checksum', 'os_hash_algo', 'os_hash_value', 'disk_format', 'container_format']

const runPlain = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, consumer, stranger } = actors
  await own('a copy is begun at once: an image of the caller, that is saving and has a place', async () => {
    const image = await images.active({ name: 'first' }, owner, randomBytes(200_000))
    const answer = await begun(scene, owner, image)
    const id = stringAt(answer.json, 'id')
    expectEqual(id === image, false, 'whether it is the same image')
    expectEqual(at(answer.json, 'status'), 'saving', 'the status')
    expectField(answer, ['owner'], owner.projectId)
    expectField(answer, ['name'], 'first')
    expectField(expectStatus(await owner.api.get(`/v2/images/${id}`), 200), ['id'], id)
    await finished(owner, id)
  })
  await own('when it is done, bytes, checksums and formats are the same', async () => {
    const bytes = Buffer.concat([qcow2({ virtualSizeBytes: 1 << 30 }), randomBytes(100_001)])
    const image = await images.active({ disk_format: 'qcow2', min_disk: 3, min_ram: 4 }, owner, bytes)
    const { id, done } = await copied(scene, owner, image, { name: 'second' })
    const source = await images.read(image)
    for (const name of [...ofBytes, 'min_disk', 'min_ram']) expectEqual(done[name], source[name], name)
    expectEqual(done.name, 'second', 'the name')
    expectEqual(done.__system__cmkid, undefined, 'a key')
    await sameBytes(owner, id, bytes)
  })
  await own('tags and properties are copied, and not what was to become of the key', async () => {
    const key = await madeKey(scene)
    const image = await images.active({
      tags: ['b', 'a'],
      os_distro: 'debian',
      empty: '',
      cinder_encryption_key_id: key,
      cinder_encryption_key_deletion_policy: 'on_image_deletion',
    })
    const { done } = await copied(scene, owner, image)
    const source = await images.read(image)
    for (const name of ['tags', 'os_distro', 'empty', 'cinder_encryption_key_id'])
      expectEqual(done[name], source[name], name)
    expectEqual(done.cinder_encryption_key_deletion_policy, undefined, 'the policy')
  })
  await own('of what is shared with it, a project makes a copy of its own, which stays', async () => {
    const bytes = randomBytes(70_000)
    const image = await images.active({}, owner, bytes)
    await images.share(image, consumer)
    const { id, done } = await copied(scene, consumer, image)
    expectEqual(done.owner, consumer.projectId, 'the owner')
    expectStatus(await owner.api.delete(`/v2/images/${image}`), 204)
    await sameBytes(consumer, id, bytes)
    expectRefusal(await owner.api.get(`/v2/images/${id}`), 404)
  })
  await own('a copy is shared with nobody, whoever the image is shared with', async () => {
    const image = await images.active()
    await images.share(image, consumer, 'accepted')
    const { id, done } = await copied(scene, owner, image)
    expectRefusal(await consumer.api.get(`/v2/images/${id}`), 404)
    if (done.visibility === 'shared') expectMembers(await owner.api.get(`/v2/images/${id}/members`), [])
    else expectEqual(done.visibility, 'private', 'the visibility')
  })
  await own('a public image is copied by all; the copy is not public', async () => {
    const image = await images.active({ visibility: 'public', protected: true })
    const { done } = await copied(scene, stranger, image)
    if (done.visibility === 'public' || done.visibility === 'community') throw new Error(`it is ${done.visibility}`)
    expectEqual(done.protected, false, 'whether it is protected')
  })
  await own('an empty image is copied, too', async () => {
    const image = await images.active({}, owner, Buffer.alloc(0))
    expectEqual((await copied(scene, owner, image)).done.size, 0, 'the size')
  })
  await own('copies at once are each whole, or too many: 429 with a time to wait, and no image', async () => {
    const bytes = randomBytes(3_000_000)
    const image = await images.active({}, owner, bytes)
    const name = unique()
    const answers = await Promise.all(Array.from({ length: 6 }, () => owner.api.post(copyPath(image), { name })))
    const made: string[] = []
    for (const answer of answers) {
      if (answer.status === 202) made.push(images.remember(stringAt(answer.json, 'id')))
      else {
        expectRefusal(answer, 429)
        expectMatch(header(answer, 'retry-after'), /^[1-9]\d*$/, 'Retry-After')
      }
    }
    if (made.length === 0) throw new Error('none was made')
    expectEqual(imageIds(await owner.api.get(`/v2/images?name=${name}&limit=100`)).sort(), made.sort(), 'the copies')
    for (const id of made) {
      await finished(owner, id)
      await sameBytes(owner, id, bytes)
    }
  })
}

const runSealed = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, consumer, admin } = actors
  const sharedSealed = async () => {
    const made = await sealed(scene, { bytes: randomBytes(150_000) })
    await shareMany(owner, { images: [made.image], projects: [consumer.projectId], grant: true })
    return made
  }
  await own(
    'of a sealed image, a consumer with the key makes a copy under its own, and needs the other no more',
    async () => {
      const { image, key, bytes } = await sharedSealed()
      const mine = await madeKey(scene, consumer)
      const { id, done } = await copied(scene, consumer, image, { key_id: mine })
      expectEqual([done.__system__cmkid, done.__system__encrypted], [mine, '1'], 'what it says of its key')
      const source = await images.read(image)
      for (const name of ofBytes) expectEqual(done[name], source[name], name)
      expectEqual((await shownKey(consumer, mine)).images, 1, 'the images of the key')
      const uses = (await usesOf(owner, key)).filter((use) => at(use, 'type') === 'key.open')
      expectEqual(
        [at(uses[0], 'project_id'), at(uses[0], 'outcome')],
        [consumer.projectId, 'done'],
        'the use of the key',
      )
      expectStatus(await owner.api.delete(`/v2/images/${image}`), 204)
      await eventually(
        async () => (await owner.api.delete(keyPath(key))).status,
        (status) => status === 204 || status === 404,
        'the end of the key',
      )
      await sameBytes(consumer, id, bytes)
      expectKeyRefusal(await admin.api.get(filePath(id)), 'key_not_held')
    },
  )
  await own('without a key named, the copy of a sealed image is under the default key of the caller', async () => {
    const { image, bytes } = await sharedSealed()
    const mine = await madeKey(scene, consumer, { default: true })
    const { id, done } = await copied(scene, consumer, image)
    expectEqual(done.__system__cmkid, mine, 'the key')
    await sameBytes(consumer, id, bytes)
  })
  await own('a plain copy of a sealed image is plain, and says nothing of a key', async () => {
    const { image, bytes } = await sharedSealed()
    const { id, done } = await copied(scene, consumer, image, { encrypt: false })
    expectEqual([done.__system__cmkid, done.__system__encrypted], [undefined, undefined], 'what it says of a key')
    expectField(await consumer.api.get(encryptionPath(id)), ['kind'], 'none')
    await sameBytes(consumer, id, bytes)
    await sameBytes(admin, id, bytes)
  })
  await own(
    'a sealed copy of a plain image is under the key named, and under none unless it is to be sealed',
    async () => {
      const bytes = randomBytes(80_000)
      const image = await images.active({}, owner, bytes)
      const key = await madeKey(scene)
      const { id, done } = await copied(scene, owner, image, { encrypt: true, key_id: key })
      expectEqual(done.__system__cmkid, key, 'the key')
      await sameBytes(owner, id, bytes)
      expectKeyRefusal(await admin.api.get(filePath(id)), 'key_not_held')
      for (const body of [{ key_id: key }, { encrypt: false, key_id: key }])
        expectRefusal(await owner.api.post(copyPath(image), body), 400)
    },
  )
  await own('without the key there is no copy, plain or sealed: 403, and no image is made', async () => {
    const { image, key } = await sharedSealed()
    expectStatus(await owner.api.delete(grantPath(key, consumer.projectId)), 204)
    const count = async (by: Actor) =>
      (expectStatus(await by.api.get(`/v2/images?owner=${by.projectId}&limit=1000`), 200).text.match(/"id"/g) ?? [])
        .length
    const keysOf = async (by: Actor) => expectStatus(await by.api.get('/v2/keys?limit=1000'), 200).text
    for (const actor of [consumer, admin]) {
      const [before, keys] = [await count(actor), await keysOf(actor)]
      for (const body of [{}, { encrypt: false }, { encrypt: true }] satisfies Body[])
        expectKeyRefusal(await actor.api.post(copyPath(image), body), 'key_not_held')
      expectEqual(await count(actor), before, `the images of ${actor.name}`)
      expectEqual(await keysOf(actor), keys, `the keys of ${actor.name}`)
    }
  })
  await own('neither under a disabled key nor of what a disabled key sealed', async () => {
    const { image, key } = await sharedSealed()
    const mine = await madeKey(scene, consumer)
    await changeKey(consumer, mine, { status: 'disabled' })
    expectKeyRefusal(await consumer.api.post(copyPath(image), { key_id: mine }), 'key_disabled')
    await changeKey(owner, key, { status: 'disabled' })
    for (const actor of [owner, consumer])
      expectKeyRefusal(await actor.api.post(copyPath(image), { encrypt: false }), 'key_disabled')
  })
  await own('a key of another project is 404, as one that is not there, also for who may use it', async () => {
    const { image, key } = await sharedSealed()
    const foreign = await madeKey(scene, actors.other)
    await grantKey(actors.other, foreign, consumer.projectId)
    const tell = async (id: string) =>
      expectRefusal(await consumer.api.post(copyPath(image), { key_id: id }), 404).replaceAll(id, 'ID')
    const absent = await tell(crypto.randomUUID())
    for (const id of [key, foreign]) expectEqual(await tell(id), absent, 'the refusal')
  })
  await own('the copy of what a client encrypted has its bytes', async () => {
    const bytes = randomBytes(66_000)
    const image = await images.active({ __system__cmkid: crypto.randomUUID() }, owner, bytes)
    const { id } = await copied(scene, owner, image)
    await sameBytes(owner, id, bytes)
  })
}

const bodies: [what: string, body: Json][] = [
  ['an array', []],
  ['a text', 'copy'],
  ['a name of 256 characters', { name: 'n'.repeat(256) }],
  ['a name with a line end', { name: 'a\nb' }],
  ['a number as name', { name: 5 }],
  ['encrypt as text', { encrypt: 'true' }],
  ['an empty key', { key_id: '' }],
  ['a key of 65 characters', { key_id: 'k'.repeat(65) }],
  ['an unknown key', { visibility: 'public' }],
]

const runRefused = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, ownerReader, consumer, consumerReader, stranger } = actors
  const image = await images.active()
  await images.share(image, consumer)
  for (const [what, body] of bodies)
    await own(`a copy with ${what} is 400, also for a stranger`, async () => {
      for (const actor of [owner, stranger]) expectRefusal(await actor.api.post(copyPath(image), body), 400)
    })
  await own('who does not see the image is 404, who may only look 403', async () => {
    expectRefusal(await stranger.api.post(copyPath(image), {}), 404)
    expectRefusal(await owner.api.post(copyPath(crypto.randomUUID()), {}), 404)
    for (const actor of [ownerReader, consumerReader]) expectRefusal(await actor.api.post(copyPath(image), {}), 403)
  })
  await own('what has no bytes, or whose bytes are locked, is not copied', async () => {
    expectRefusal(await owner.api.post(copyPath(await images.queued()), {}), 409)
    expectRefusal(await owner.api.post(copyPath(await images.deactivated()), {}), 403)
  })
}

export const copies: Group = {
  name: 'copies of images',
  own: true,
  async run(scene) {
    await runPlain(scene)
    await runSealed(scene)
    await runRefused(scene)
  },
}
