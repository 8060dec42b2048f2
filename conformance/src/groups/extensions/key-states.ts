import type { Actor } from '../../actors.ts'
import { expectEqual, expectStatus } from '../../expect.ts'
import { at, type Json, listAt, stringAt } from '../../json.ts'
import {
  changeKey,
  encryptionPath,
  expectKeyState,
  grantKey,
  grantPath,
  madeKey,
  sealed,
  stateOfMembership,
  stateOfShare,
  usesLike,
  usesOf,
} from '../../keys.ts'
import type { Group, Scene } from '../../suite.ts'
import { shareMany } from './ways-to-share.ts'

type Body = { [name: string]: Json }

/** What `key_state` of an image is for a project that sees it. */
const stateFor = async (actor: Actor, image: string): Promise<Json | undefined> =>
  at(expectStatus(await actor.api.get(encryptionPath(image)), 200).json, 'key_state')

const become = async (scene: Scene, image: string, changes: Body) => {
  const patch = Object.entries(changes).map(([name, value]) =>
    value === null ? { op: 'remove', path: `/${name}` } : { op: 'add', path: `/${name}`, value },
  )
  expectStatus(await scene.actors.admin.api.patch(`/v2/images/${image}`, patch), 200)
}

/** Whoever sees an image is told of its key as it is now: by the image, and by the share. */
const runStates = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, ownerReader, consumer, stranger } = actors
  for (const visibility of ['community', 'public'])
    await own(`a sealed ${visibility} image: granted or missing, and revoked for all when disabled`, async () => {
      const { image, key } = await sealed(scene)
      await become(scene, image, { visibility })
      const expectStates = async (ofStranger: string, ofOwner: string) => {
        expectEqual(await stateFor(stranger, image), ofStranger, 'key_state for who is not let, or is')
        for (const actor of [owner, ownerReader])
          expectEqual(await stateFor(actor, image), ofOwner, `key_state for ${actor.name}`)
      }
      await expectStates('missing', 'granted')
      await grantKey(owner, key, stranger.projectId)
      await expectStates('granted', 'granted')
      await changeKey(owner, key, { status: 'disabled' })
      await expectStates('revoked', 'revoked')
      await changeKey(owner, key, { status: 'enabled' })
      await expectStates('granted', 'granted')
      expectStatus(await owner.api.delete(grantPath(key, stranger.projectId)), 204)
      // Nobody keeps in mind what was taken back where no share needed it.
      await expectStates('missing', 'granted')
    })
  await own('a share says of its key what is, as a client marks its image now', async () => {
    const key = await madeKey(scene)
    const image = await images.active()
    await images.share(image, consumer)
    const marks: [changes: Body, state: string][] = [
      [{ __system__cmkid: crypto.randomUUID() }, 'missing'],
      [{ __system__cmkid: key }, 'missing'],
      [{ __system__cmkid: 'not-a-key', __system__encrypted: '1' }, 'missing'],
      [{ __system__cmkid: null }, 'missing'],
      [{ __system__encrypted: null }, 'not_needed'],
      [{ cinder_encryption_key_id: key }, 'missing'],
    ]
    for (const [changes, state] of marks) {
      await become(scene, image, changes)
      await expectKeyState(scene, image, consumer, state)
    }
    await grantKey(owner, key, consumer.projectId)
    await expectKeyState(scene, image, consumer, 'granted')
    await changeKey(owner, key, { status: 'disabled' })
    await expectKeyState(scene, image, consumer, 'revoked')
  })
  await own('of two consumers, each has its own state', async () => {
    const { image, key } = await sealed(scene)
    const both = [consumer, actors.other]
    const projects = both.map(({ projectId }) => projectId)
    await shareMany(owner, { images: [image], projects, grant: true })
    expectStatus(await owner.api.delete(grantPath(key, consumer.projectId)), 204)
    expectEqual(await Promise.all(projects.map((id) => stateOfShare(owner, image, id))), ['revoked', 'granted'], 'it')
    expectEqual(
      await Promise.all(both.map((actor) => stateOfMembership(actor, image))),
      ['revoked', 'granted'],
      'what each is told',
    )
  })
}

const runQuiet = async (scene: Scene) => {
  const { actors, own } = scene
  const { owner, ownerReader, consumer, consumerReader, admin } = actors
  await own('to look at states uses the key, and writes nothing into its log', async () => {
    const { image, key } = await sealed(scene)
    await shareMany(owner, { images: [image], projects: [consumer.projectId], grant: true })
    const before = await usesOf(owner, key)
    const path = `/v2/images/${image}`
    const looks: [actors: Actor[], path: string][] = [
      [[owner, ownerReader, admin], `${path}/shares`],
      [[owner, consumerReader, admin], encryptionPath(image)],
      [[consumer, consumerReader], `${path}?include=membership`],
      [[consumer], '/v2/images?include=membership&member_status=all&limit=1000'],
      [[consumer, consumerReader], '/v2/inbox?limit=1000'],
      [[owner, consumer], `${path}/explain`],
      [[owner], `${path}/explain?project=${consumer.projectId}`],
    ]
    for (const [several, address] of looks) for (const { api } of several) expectStatus(await api.get(address), 200)
    expectEqual(await usesOf(owner, key), before, 'the log of the key')
  })
  await own('the log says who was refused, and what was wrapped anew by the service itself', async () => {
    const { image, key } = await sealed(scene)
    expectStatus(await admin.api.get(`/v2/images/${image}/file`), 403)
    const [refused] = await usesLike(owner, key, 'key.open')
    expectEqual(
      [at(refused, 'project_id'), at(refused, 'outcome'), at(refused, 'image_id')],
      [admin.projectId, 'refused', image],
      'the use of the administrator',
    )
    expectStatus(await owner.api.post(`/v2/keys/${key}/rotate`), 202)
    const [anew] = await usesLike(owner, key, 'key.rewrap')
    expectEqual(
      ['project_id', 'user_id', 'request_id', 'image_id', 'version', 'outcome'].map((name) => at(anew, name)),
      [null, null, null, image, 2, 'done'],
      'what the service did',
    )
    const [turned] = await usesLike(owner, key, 'key.rotate')
    expectEqual([at(turned, 'project_id'), at(turned, 'version')], [owner.projectId, 2], 'the rotation')
  })
}

const runEdges = async (scene: Scene) => {
  const { actors, own } = scene
  const { owner, stranger, consumer, other } = actors
  await own('grants are listed oldest first', async () => {
    const key = await madeKey(scene)
    const projects = [stranger, consumer, other].map(({ projectId }) => projectId)
    const listed = async () =>
      listAt(expectStatus(await owner.api.get(`/v2/keys/${key}/grants`), 200).json, 'grants').map((row) =>
        stringAt(row, 'project_id'),
      )
    for (const project of projects) await grantKey(owner, key, project)
    // Instants are told in seconds, and kept more exactly.
    expectEqual(await listed(), projects, 'the projects')
    await grantKey(owner, key, projects[0] ?? '')
    expectEqual(await listed(), projects, 'the projects, one granted again')
  })
  await own('a key, or an event, of somebody else is no marker: 400', async () => {
    const [key, foreign] = [await madeKey(scene), await madeKey(scene, stranger)]
    const [event] = await usesOf(stranger, foreign)
    const [another] = await usesOf(owner, await madeKey(scene))
    for (const path of [
      `/v2/keys?marker=${foreign}`,
      `/v2/keys/${key}/events?marker=${at(event, 'id')}`,
      `/v2/keys/${key}/events?marker=${at(another, 'id')}`,
    ])
      expectStatus(await owner.api.get(path), 400)
  })
  await own('the key of another project is no secret to be had: 404, as one that is not there', async () => {
    const foreign = await madeKey(scene, stranger)
    await grantKey(stranger, foreign, owner.projectId)
    const tell = async (id: string) =>
      expectStatus(await owner.api.post('/v2/keys', { secret_id: id }), 404).text.replaceAll(id, 'ID')
    const absent = await tell(crypto.randomUUID())
    for (const id of [foreign, 'not-an-id', '../keys', foreign.toUpperCase()])
      expectEqual(await tell(id), absent, `the refusal of ${id}`)
    expectStatus(await stranger.api.get(`/v2/keys/${foreign}`), 200)
  })
  await own('a disabled key is not rotated, and goes when nothing needs it', async () => {
    const key = await madeKey(scene)
    await changeKey(owner, key, { status: 'disabled' })
    expectStatus(await owner.api.post(`/v2/keys/${key}/rotate`), 403)
    expectEqual(at((await owner.api.get(`/v2/keys/${key}`)).json, 'version'), 1, 'the version')
    expectStatus(await owner.api.delete(`/v2/keys/${key}`), 204)
  })
  await own('a copy that is begun while its key is deleted is under it, or is none', async () => {
    const source = await scene.images.active()
    for (let round = 0; round < 8; round++) {
      const key = await madeKey(scene)
      const [copy, gone] = await Promise.all([
        owner.api.post(`/v2/images/${source}/copies`, { encrypt: true, key_id: key }),
        owner.api.delete(`/v2/keys/${key}`),
      ])
      expectStatus(copy, 202, 404, 429)
      expectStatus(gone, 204, 409)
      expectEqual(copy.status === 202, gone.status === 409, 'whether there is a copy, or the key is gone')
      const named = listAt(expectStatus(await owner.api.get(`/v2/images?__system__cmkid=${key}`), 200).json, 'images')
      expectEqual(named.length, copy.status === 202 ? 1 : 0, 'the images that name the key')
      for (const image of named) scene.images.remember(stringAt(image, 'id'))
    }
  })
}

export const keyStates: Group = {
  name: 'what is said of keys',
  own: true,
  async run(scene) {
    await runStates(scene)
    await runQuiet(scene)
    await runEdges(scene)
  },
}
