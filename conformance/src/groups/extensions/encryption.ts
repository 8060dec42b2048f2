import { randomBytes } from 'node:crypto'
import { EncryptionSchema } from '@vitrine/contract'
import type { Actor } from '../../actors.ts'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectField, expectStatus, imageIds } from '../../expect.ts'
import { expectRefusal } from '../../extensions.ts'
import { at, type Json, objectAt, stringAt } from '../../json.ts'
import {
  changeKey,
  createKey,
  encryptionPath,
  expectKeyRefusal,
  grantKey,
  keyPath,
  madeKey,
  sealed,
  sealedQueued,
  shownKey,
} from '../../keys.ts'
import { eventually, type Group, type Scene } from '../../suite.ts'
import { qcow2 } from '../disk-images.ts'

const marks = ['__system__cmkid', '__system__encrypted']

const encryptionOf = async (actor: Actor, image: string): Promise<{ [name: string]: Json }> => {
  const answer = expectDocument(expectStatus(await actor.api.get(encryptionPath(image)), 200), EncryptionSchema)
  const { image_id, ...rest } = objectAt(answer.json)
  expectEqual(image_id, image, 'image_id')
  return rest
}

const marksOf = async (actor: Actor, image: string) => {
  const { json } = expectStatus(await actor.api.get(`/v2/images/${image}`), 200)
  return marks.map((name) => at(json, name))
}

const plain = { kind: 'none', key_id: null, key_project: null, key_state: 'not_needed', content: null }

const runChoice = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, ownerReader, consumer, stranger, admin } = actors

  await own('an image is plain until it is said otherwise, and then names its key in its properties', async () => {
    const key = await madeKey(scene)
    const image = await images.queued()
    expectEqual(await encryptionOf(owner, image), plain, 'the encryption')
    const answer = await owner.api.put(encryptionPath(image), { key_id: key })
    const expected = { ...plain, kind: 'sealed', key_id: key, key_project: owner.projectId, key_state: 'granted' }
    expectEqual(
      expectDocument(expectStatus(answer, 200), EncryptionSchema).json,
      { image_id: image, ...expected },
      'it',
    )
    expectEqual(await encryptionOf(ownerReader, image), expected, 'the encryption')
    expectEqual(await marksOf(owner, image), [key, '1'], 'the properties')
    expectEqual(imageIds(await owner.api.get(`/v2/images?__system__cmkid=${key}`)), [image], 'the list by key')
  })
  await own('another key takes its place, and DELETE makes the image plain again', async () => {
    const { image, key } = await sealedQueued(scene)
    const next = await madeKey(scene)
    expectStatus(await owner.api.put(encryptionPath(image), { key_id: next }), 200)
    expectEqual(await marksOf(owner, image), [next, '1'], 'the properties')
    expectEqual((await shownKey(owner, key)).images, 0, 'the images of the key before')
    expectStatus(await owner.api.delete(encryptionPath(image)), 204)
    expectEqual(await marksOf(owner, image), [undefined, undefined], 'the properties')
    expectEqual(await encryptionOf(owner, image), plain, 'the encryption')
    expectStatus(await owner.api.delete(keyPath(next)), 204)
    expectStatus(await owner.api.upload(`/v2/images/${image}/file`, 'plain'), 204)
    expectEqual(expectStatus(await admin.api.get(`/v2/images/${image}/file`), 200).text, 'plain', 'the bytes')
  })
  await own('without a body or with an empty one, the default key is taken', async () => {
    const key = stringAt((await createKey(owner, { default: true })).json, 'id')
    for (const body of [undefined, {}]) {
      const image = await images.queued()
      expectField(expectStatus(await owner.api.put(encryptionPath(image), body), 200), ['key_id'], key)
      expectStatus(await owner.api.delete(`/v2/images/${image}`), 204)
    }
    expectStatus(await owner.api.delete(keyPath(key)), 204)
  })
  await own('the administrator has an image sealed under a key of its owner, and under none of its own', async () => {
    const key = await madeKey(scene)
    const image = await images.queued()
    const foreign = await madeKey(scene, admin)
    expectRefusal(await admin.api.put(encryptionPath(image), { key_id: foreign }), 404)
    expectStatus(await admin.api.put(encryptionPath(image), { key_id: key }), 200)
    expectEqual(await marksOf(owner, image), [key, '1'], 'the properties')
  })
  await own('a key of another project is 404, as one that is not there, also for who may use it', async () => {
    const foreign = await madeKey(scene, consumer)
    await grantKey(consumer, foreign, owner.projectId)
    const image = await images.queued()
    const tell = async (key: string) =>
      expectRefusal(await owner.api.put(encryptionPath(image), { key_id: key }), 404).replaceAll(key, 'ID')
    expectEqual(await tell(foreign), await tell(crypto.randomUUID()), 'the refusal')
    expectEqual(await encryptionOf(owner, image), plain, 'the encryption')
  })
  await own('a disabled key seals no image, and no bytes', async () => {
    const { image, key } = await sealedQueued(scene)
    await changeKey(owner, key, { status: 'disabled' })
    const another = await images.queued()
    expectKeyRefusal(await owner.api.put(encryptionPath(another), { key_id: key }), 'key_disabled')
    expectKeyRefusal(await owner.api.upload(`/v2/images/${image}/file`, 'bytes'), 'key_disabled')
    expectField(await owner.api.get(`/v2/images/${image}`), ['status'], 'queued')
    await changeKey(owner, key, { status: 'enabled' })
    expectStatus(await owner.api.upload(`/v2/images/${image}/file`, 'bytes'), 204)
  })
  await own('only the owner decides: a reader and a consumer are 403, a stranger 404', async () => {
    const { image, key } = await sealedQueued(scene)
    const open = await images.queued()
    await images.share(open, consumer)
    for (const json of [{ key_id: key }, {}]) {
      expectRefusal(await ownerReader.api.put(encryptionPath(open), json), 403)
      expectRefusal(await consumer.api.put(encryptionPath(open), json), 403)
      expectRefusal(await stranger.api.put(encryptionPath(open), json), 404)
    }
    expectRefusal(await consumer.api.delete(encryptionPath(open)), 403)
    expectRefusal(await stranger.api.delete(encryptionPath(image)), 404)
    expectRefusal(await stranger.api.get(encryptionPath(image)), 404)
    expectEqual(await marksOf(owner, image), [key, '1'], 'the properties')
    expectEqual(await encryptionOf(owner, open), plain, 'the encryption')
  })
  await own('an image that has its bytes stays as it is: 409', async () => {
    const key = await madeKey(scene)
    for (const { image } of [{ image: await images.active() }, await sealed(scene, { key })]) {
      const before = await encryptionOf(owner, image)
      expectRefusal(await owner.api.put(encryptionPath(image), { key_id: key }), 409)
      expectRefusal(await owner.api.delete(encryptionPath(image)), 409)
      expectEqual(await encryptionOf(owner, image), before, 'the encryption')
    }
  })
  const bodies: [what: string, body: Json][] = [
    ['a number as key', { key_id: 5 }],
    ['an empty key', { key_id: '' }],
    ['a key of 65 characters', { key_id: 'k'.repeat(65) }],
    ['null as key', { key_id: null }],
    ['an unknown key', { algorithm: 'aes' }],
    ['an array', []],
    ['a text', 'key'],
  ]
  for (const [what, body] of bodies)
    await own(`to seal with ${what} is 400, also for a stranger and for an image that is not there`, async () => {
      const image = await images.queued()
      for (const actor of [owner, stranger])
        for (const id of [image, crypto.randomUUID()]) expectRefusal(await actor.api.put(encryptionPath(id), body), 400)
    })
}

const runFixed = async (scene: Scene) => {
  const { actors, own } = scene
  const { owner, admin, consumer } = actors
  for (const [what, make] of [
    ['queued', sealedQueued],
    ['active', sealed],
  ] as const)
    await own(`what a sealed image says of its key cannot be changed while it is ${what}, by nobody: 403`, async () => {
      const { image, key } = await make(scene)
      for (const actor of [owner, admin])
        for (const name of marks)
          for (const operation of [
            { op: 'replace', path: `/${name}`, value: 'x' },
            { op: 'add', path: `/${name}`, value: '0' },
            { op: 'remove', path: `/${name}` },
          ])
            expectRefusal(await actor.api.patch(`/v2/images/${image}`, [operation]), 403)
      expectEqual(await marksOf(owner, image), [key, '1'], 'the properties')
      const rename = [{ op: 'replace', path: '/name', value: 'renamed' }]
      expectField(expectStatus(await owner.api.patch(`/v2/images/${image}`, rename), 200), ['name'], 'renamed')
    })
  await own('a sealed image keeps its owner: 409', async () => {
    const { image } = await sealed(scene)
    const give = [{ op: 'replace', path: '/owner', value: consumer.projectId }]
    expectRefusal(await admin.api.patch(`/v2/images/${image}`, give), 409)
    expectField(await owner.api.get(`/v2/images/${image}`), ['owner'], owner.projectId)
  })
  await own('an image whose owner has changed is not sealed under a key of the one before', async () => {
    const key = await madeKey(scene)
    const image = await scene.images.queued()
    const give = [{ op: 'replace', path: '/owner', value: consumer.projectId }]
    expectStatus(await admin.api.patch(`/v2/images/${image}`, give), 200)
    expectRefusal(await owner.api.put(encryptionPath(image), { key_id: key }), 404)
    expectRefusal(await admin.api.put(encryptionPath(image), { key_id: key }), 404)
  })
}

const runClient = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, consumer, stranger, admin } = actors
  for (const property of ['__system__cmkid', 'cinder_encryption_key_id', 'os_encrypt_key_id']) {
    await own(`${property} of an own key: encrypted by the client, whose key the service knows`, async () => {
      const key = await madeKey(scene)
      const image = await images.active({ [property]: key })
      const expected = { ...plain, kind: 'client', key_id: key, key_project: owner.projectId, key_state: 'granted' }
      expectEqual(await encryptionOf(owner, image), expected, 'the encryption')
      expectEqual(await encryptionOf(admin, image), { ...expected, key_state: 'missing' }, 'for the administrator')
      expectStatus(await owner.api.delete(`/v2/images/${image}`), 204)
    })
    await own(`${property} of a key of another project tells nothing of it`, async () => {
      const foreign = await madeKey(scene, stranger)
      const seen: Json[] = []
      for (const key of [foreign, crypto.randomUUID()]) {
        const image = await images.active({ [property]: key })
        seen.push({ ...(await encryptionOf(owner, image)), key_id: '' })
      }
      expectEqual(seen[0], seen[1], 'the encryption')
      expectEqual(at(seen[0], 'key_project'), null, 'key_project')
    })
  }
  await own('__system__encrypted "1" alone: encrypted by the client, and nobody knows the key', async () => {
    const image = await images.active({ __system__encrypted: '1' })
    const { kind, key_id, key_project } = await encryptionOf(owner, image)
    expectEqual([kind, key_id, key_project], ['client', null, null], 'the encryption')
  })
  for (const text of ['a key', 'a/b', 'k'.repeat(65), 'ключ', '1.2', ' '])
    await own(
      `__system__cmkid ${JSON.stringify(text.slice(0, 9))} can be no key: encrypted, and none is named`,
      async () => {
        const image = await images.active({ __system__cmkid: text, cinder_encryption_key_id: await madeKey(scene) })
        const { kind, key_id, key_project, key_state } = await encryptionOf(owner, image)
        expectEqual([kind, key_id, key_project, key_state], ['client', null, null, 'missing'], 'the encryption')
      },
    )
  await own('the first property that is not empty names the key', async () => {
    const [first, second] = [await madeKey(scene), await madeKey(scene)]
    for (const [attributes, key] of [
      [{ __system__cmkid: first, cinder_encryption_key_id: second, os_encrypt_key_id: second }, first],
      [{ __system__cmkid: '', cinder_encryption_key_id: first, os_encrypt_key_id: second }, first],
      [{ cinder_encryption_key_id: '', os_encrypt_key_id: second }, second],
    ] as const)
      expectEqual((await encryptionOf(owner, await images.queued(attributes))).key_id, key, 'the key')
  })
  for (const attributes of [
    { __system__encrypted: '0' },
    { __system__encrypted: '' },
    { __system__cmkid: '' },
    { __system__cmkid: '', __system__encrypted: '0' },
    { cinder_encryption_key_id: '' },
  ])
    await own(`${JSON.stringify(attributes)} is not encrypted`, async () => {
      expectEqual(await encryptionOf(owner, await images.active(attributes)), plain, 'the encryption')
    })
  await own('the bytes of what a client encrypted are delivered as they are, whoever may read the image', async () => {
    const bytes = randomBytes(70_000)
    const image = await images.active({ __system__cmkid: crypto.randomUUID() }, owner, bytes)
    for (const { api } of [owner, admin])
      expectEqual(expectStatus(await api.get(`/v2/images/${image}/file`), 200).bytes.equals(bytes), true, 'the bytes')
  })
  await own('a client marks its image, changes the mark and takes it away, as any property', async () => {
    const image = await images.active()
    const mark = async (operation: Json) => expectStatus(await owner.api.patch(`/v2/images/${image}`, [operation]), 200)
    const key = crypto.randomUUID()
    await mark({ op: 'add', path: '/__system__cmkid', value: key })
    expectEqual((await encryptionOf(owner, image)).key_id, key, 'the key')
    await mark({ op: 'replace', path: '/__system__cmkid', value: '' })
    expectEqual((await encryptionOf(owner, image)).kind, 'none', 'the kind')
    await mark({ op: 'add', path: '/cinder_encryption_key_id', value: key })
    expectEqual((await encryptionOf(owner, image)).kind, 'client', 'the kind')
    await mark({ op: 'remove', path: '/cinder_encryption_key_id' })
    expectEqual(await encryptionOf(owner, image), plain, 'the encryption')
  })
  await own('bytes that are LUKS are told of, and hinder nothing', async () => {
    const luks = Buffer.concat([Buffer.from('LUKS\xba\xbe\x00\x02', 'latin1'), Buffer.alloc(50_000)])
    const image = await images.active({}, owner, luks)
    expectEqual(await encryptionOf(owner, image), { ...plain, content: 'luks' }, 'the encryption')
    await images.share(image, consumer)
    expectEqual((await encryptionOf(consumer, image)).content, 'luks', 'the content for the consumer')
    expectStatus(await consumer.api.get(`/v2/images/${image}/file`), 200)
  })
  await own('a qcow2 that is encrypted with LUKS is told of, one that is not is not', async () => {
    for (const [method, content] of [
      [0, null],
      [2, 'luks'],
    ] as const) {
      const disk = qcow2({ virtualSizeBytes: 1 << 30 })
      disk.writeUInt32BE(method, 32) // how its clusters are encrypted
      const image = await images.active({ disk_format: 'qcow2' }, owner, disk)
      expectEqual((await encryptionOf(owner, image)).content, content, `the content for method ${method}`)
    }
  })
}

/** What becomes of a key with the image that it was made for: as the image says, and never more. */
const runDeletion = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, stranger } = actors
  const isThere = async (by: Actor, key: string) => (await by.api.get(keyPath(key))).status === 200
  const deleted = async (key: string) =>
    eventually(
      () => isThere(owner, key),
      (there) => !there,
      'the end of the key',
    )
  for (const name of ['cinder_encryption_key', 'os_encrypt_key'])
    await own(`${name}_deletion_policy on_image_deletion: the key goes with the image`, async () => {
      const key = await madeKey(scene)
      const image = await images.active({ [`${name}_id`]: key, [`${name}_deletion_policy`]: 'on_image_deletion' })
      expectEqual(await isThere(owner, key), true, 'whether the key is there')
      expectStatus(await owner.api.delete(`/v2/images/${image}`), 204)
      await deleted(key)
    })
  await own(
    'a key stays if the policy says so, if another image needs it, or if it is of another project',
    async () => {
      const policy = { cinder_encryption_key_deletion_policy: 'on_image_deletion' }
      const kept = await madeKey(scene)
      const needed = await madeKey(scene)
      const foreign = await madeKey(scene, stranger)
      const ends = await madeKey(scene)
      const { image: still, bytes } = await sealed(scene, { key: needed })
      for (const attributes of [
        { cinder_encryption_key_id: kept, cinder_encryption_key_deletion_policy: 'do_not_delete' },
        { cinder_encryption_key_id: needed, ...policy },
        { cinder_encryption_key_id: foreign, ...policy },
        { cinder_encryption_key_id: ends, ...policy },
      ]) {
        const image = await images.active(attributes)
        expectStatus(await owner.api.delete(`/v2/images/${image}`), 204)
      }
      await deleted(ends)
      expectEqual([await isThere(owner, kept), await isThere(owner, needed)], [true, true], 'the own keys')
      expectEqual(await isThere(stranger, foreign), true, 'whether the key of the other project is there')
      const file = expectStatus(await owner.api.get(`/v2/images/${still}/file`), 200)
      expectEqual(file.bytes.equals(bytes), true, 'whether the bytes of the other image are the same')
    },
  )
  await own('a grant ends with the key that goes, and is no hindrance', async () => {
    const key = await madeKey(scene)
    await grantKey(owner, key, stranger.projectId)
    const image = await images.active({
      cinder_encryption_key_id: key,
      cinder_encryption_key_deletion_policy: 'on_image_deletion',
    })
    expectStatus(await owner.api.delete(`/v2/images/${image}`), 204)
    await deleted(key)
    expectRefusal(await stranger.api.post(`${keyPath(key)}/data-keys`), 404)
  })
}

export const encryption: Group = {
  name: 'encryption of images',
  own: true,
  async run(scene) {
    await runChoice(scene)
    await runFixed(scene)
    await runClient(scene)
    await runDeletion(scene)
  },
}
