import { KeysSchema } from '@vitrine/contract'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectField, expectMatch, expectStatus, uuidForm } from '../../expect.ts'
import { change, expectRefusal, walk } from '../../extensions.ts'
import { at, type Json, stringAt } from '../../json.ts'
import {
  changeKey,
  createKey,
  encryptionPath,
  expectKeyRefusal,
  grantKey,
  grantPath,
  grantsOf,
  keyPath,
  madeKey,
  shownKey,
} from '../../keys.ts'
import type { Group, Scene } from '../../suite.ts'

const runMaking = async (scene: Scene) => {
  const { actors, own } = scene
  const { owner, ownerReader, stranger } = actors

  await own('a key is enabled, grantable, in its first version, and encrypts nothing yet', async () => {
    const answer = await createKey(owner, { name: 'Schlüssel of the night builds' })
    const id = stringAt(answer.json, 'id')
    scene.atLast(() => owner.api.delete(keyPath(id)))
    expectMatch(id, uuidForm, 'its id')
    const { created_at, updated_at, ...rest } = await shownKey(ownerReader, id)
    expectEqual(updated_at, created_at, 'updated_at')
    const expected = {
      id,
      name: 'Schlüssel of the night builds',
      project_id: owner.projectId,
      status: 'enabled',
      default: false,
      grantable: true,
      adopted: false,
      version: 1,
      rotating: false,
      images: 0,
    }
    expectEqual(rest, expected, 'the key')
    expectEqual(answer.json, { ...expected, created_at, updated_at }, 'the answer that made it')
  })
  await own('a key needs no name, and two may have the same', async () => {
    const key = await madeKey(scene)
    expectEqual((await shownKey(owner, key)).name, null, 'the name')
    const twins = [await madeKey(scene, owner, { name: 'twin' }), await madeKey(scene, owner, { name: 'twin' })]
    expectEqual(new Set(twins).size, 2, 'the ids')
  })
  await own('the list has the keys of the own project, oldest first, in pages', async () => {
    const made = [await madeKey(scene), await madeKey(scene), await madeKey(scene)]
    expectDocument(expectStatus(await ownerReader.api.get('/v2/keys'), 200), KeysSchema)
    for (const query of ['limit=1', 'limit=2', 'limit=1000']) {
      const keys = await walk(owner.api, `/v2/keys?${query}`, 'keys')
      const ids = keys.map((key) => stringAt(key, 'id'))
      expectEqual(
        ids.filter((id) => made.includes(id)),
        made,
        `the keys made, with ${query}`,
      )
      expectEqual(new Set(ids).size, ids.length, 'the number of different keys')
      const projects = new Set(keys.map((key) => at(key, 'project_id')))
      expectEqual([...projects], [owner.projectId], 'the projects of the keys')
    }
    const foreign = await walk(stranger.api, '/v2/keys', 'keys')
    expectEqual(
      foreign.filter((key) => made.includes(stringAt(key, 'id'))),
      [],
      "what a stranger's list has of them",
    )
  })
  for (const query of ['limit=-1', 'limit=x', 'marker=nobody'])
    await own(`keys asked with ${query} are 400`, async () => {
      expectRefusal(await owner.api.get(`/v2/keys?${query}`), 400)
    })
  await own('no document of a key holds its material', async () => {
    const key = await madeKey(scene)
    for (const path of [keyPath(key), '/v2/keys', `${keyPath(key)}/grants`, `${keyPath(key)}/events`]) {
      const { text } = expectStatus(await owner.api.get(path), 200)
      if (/material|secret|wrapped|plain|[A-Za-z0-9+/]{42,}={0,2}/.test(text)) throw new Error(`${path} tells ${text}`)
    }
  })
}

const refused: [what: string, body: Json][] = [
  ['a name of 256 characters', { name: 'n'.repeat(256) }],
  ['a name with a line end', { name: 'a\nb' }],
  ['a name that turns the writing', { name: 'a\u202eb' }],
  ['a name with an escape character', { name: 'a\u001b[31mb' }],
  ['a number as name', { name: 5 }],
  ['default as text', { default: 'true' }],
  ['grantable null', { grantable: null }],
  ['an unknown key', { algorithm: 'aes' }],
  ['an id of its own', { id: crypto.randomUUID() }],
  ['another project', { project_id: 'p' }],
  ['material', { material: 'AAAA' }],
]

const runBodies = async (scene: Scene) => {
  const { actors, own } = scene
  const { owner } = actors
  const key = await madeKey(scene, owner, { name: 'kept' })
  for (const [what, body] of refused) {
    await own(`a new key with ${what} is 400`, async () => {
      expectRefusal(await owner.api.post('/v2/keys', body), 400)
    })
    await own(`a change of a key with ${what} is 400, also of one that is not there`, async () => {
      expectRefusal(await change(owner.api, keyPath(key), body), 400)
      expectRefusal(await change(owner.api, keyPath(crypto.randomUUID()), body), 400)
    })
  }
  for (const [what, body] of [
    ['nothing', {}],
    ['an unknown status', { status: 'deleted' }],
    ['a status in capitals', { status: 'ENABLED' }],
    ['a version', { version: 7 }],
    ['status null', { status: null }],
  ] satisfies [string, Json][])
    await own(`a change of a key with ${what} is 400`, async () => {
      expectRefusal(await change(owner.api, keyPath(key), body), 400)
    })
  await own('a key is not made with a status', async () => {
    expectRefusal(await owner.api.post('/v2/keys', { status: 'disabled' }), 400)
  })
  await own('after all of these the key is as it was', async () => {
    const { name, status, version, default: isDefault, grantable } = await shownKey(owner, key)
    expectEqual([name, status, version, isDefault, grantable], ['kept', 'enabled', 1, false, true], 'the key')
  })
  await own('a secret that is none of the project is no key', async () => {
    expectRefusal(await owner.api.post('/v2/keys', { secret_id: crypto.randomUUID() }), 400, 403, 404)
  })
}

const runDefault = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, other } = actors
  const defaults = async (by = owner) =>
    (await walk(by.api, '/v2/keys?limit=1000', 'keys'))
      .filter((key) => at(key, 'default') === true)
      .map((key) => stringAt(key, 'id'))
  const withoutDefault = async () => {
    for (const key of await defaults(other)) await changeKey(other, key, { default: false })
  }

  await own('names come and go', async () => {
    const key = await madeKey(scene)
    for (const name of ['first', 'second', null, '']) expectField(await changeKey(owner, key, { name }), ['name'], name)
  })
  await own('a project has one default key at most: the place moves', async () => {
    const first = await madeKey(scene, owner, { default: true })
    expectEqual(await defaults(), [first], 'the default')
    const second = await madeKey(scene, owner, { default: true })
    expectEqual(await defaults(), [second], 'the default')
    await changeKey(owner, first, { default: true })
    expectEqual(await defaults(), [first], 'the default')
    await changeKey(owner, first, { default: false })
    expectEqual(await defaults(), [], 'the default')
  })
  await own('two keys made default at once: one is, in the end', async () => {
    const both = [await madeKey(scene), await madeKey(scene)]
    for (let round = 0; round < 5; round++) {
      await Promise.all(both.map((key) => change(owner.api, keyPath(key), { default: true })))
      expectEqual((await defaults()).length, 1, 'the number of defaults')
    }
    for (const key of both) await changeKey(owner, key, { default: false })
  })
  await own('the first image that names no key makes the default key, and the next takes it', async () => {
    await withoutDefault()
    const made: Json[] = []
    for (let count = 0; count < 2; count++) {
      const image = await images.queued({}, other)
      const answer = expectStatus(await other.api.put(encryptionPath(image), {}), 200)
      made.push(stringAt(answer.json, 'key_id'))
    }
    scene.atLast(() => other.api.delete(keyPath(String(made[0]))))
    expectEqual(made, [made[0] ?? null, made[0] ?? null], 'the keys of the images')
    expectEqual(await defaults(other), [made[0]], 'the default')
    expectEqual((await shownKey(other, String(made[0]))).images, 2, 'the images of the key')
  })
  await own('five images at once make one default key', async () => {
    await withoutDefault()
    const several = await Promise.all(Array.from({ length: 5 }, () => images.queued({}, other)))
    const answers = await Promise.all(several.map((image) => other.api.put(encryptionPath(image), {})))
    const keys = answers.map((answer) => stringAt(expectStatus(answer, 200).json, 'key_id'))
    for (const key of new Set(keys)) scene.atLast(() => other.api.delete(keyPath(key)))
    expectEqual(await defaults(other), [...new Set(keys)], 'the default, and the keys of the images')
  })
  await own('a disabled default key seals nothing', async () => {
    await withoutDefault()
    const key = await madeKey(scene, other, { default: true })
    await changeKey(other, key, { status: 'disabled' })
    const image = await images.queued({}, other)
    expectKeyRefusal(await other.api.put(encryptionPath(image), {}), 'key_disabled')
    await withoutDefault()
  })
}

const runForEver = async (scene: Scene) => {
  const { actors, own } = scene
  const { owner, consumer } = actors
  await own('a key that may never be granted is granted to nobody, and stays so', async () => {
    const key = await madeKey(scene, owner, { grantable: false })
    expectKeyRefusal(await owner.api.put(grantPath(key, consumer.projectId)), 'key_never_granted')
    expectEqual(await grantsOf(owner, key), {}, 'the grants')
    expectRefusal(await change(owner.api, keyPath(key), { grantable: true }), 409)
    expectEqual((await shownKey(owner, key)).grantable, false, 'grantable')
    expectField(await changeKey(owner, key, { grantable: false, name: 'still' }), ['name'], 'still')
  })
  await own('a key that somebody may use cannot be marked as never granted: 409, until nobody may', async () => {
    const key = await madeKey(scene)
    await grantKey(owner, key, consumer.projectId)
    expectRefusal(await change(owner.api, keyPath(key), { grantable: false }), 409)
    expectEqual(await grantsOf(owner, key), { [consumer.projectId]: 0 }, 'the grants')
    expectStatus(await owner.api.delete(grantPath(key, consumer.projectId)), 204)
    expectField(await changeKey(owner, key, { grantable: false }), ['grantable'], false)
  })
}

export const keys: Group = {
  name: 'keys',
  own: true,
  async run(scene) {
    await runMaking(scene)
    await runBodies(scene)
    await runDefault(scene)
    await runForEver(scene)
  },
}
