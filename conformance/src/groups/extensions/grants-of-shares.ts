import type { Actor } from '../../actors.ts'
import { expectEqual, expectField, expectMembers, expectStatus } from '../../expect.ts'
import { expectRefusal, inSeconds } from '../../extensions.ts'
import { at, type Json, stringAt } from '../../json.ts'
import {
  encryptionPath,
  expectKeyRefusal,
  expectKeyState,
  expectNamed,
  grantGone,
  grantKey,
  grantPath,
  grantsOf,
  keyPath,
  madeKey,
  sealed,
  sealedQueued,
  stateOfShare,
  usesOf,
} from '../../keys.ts'
import { eventually, type Group, type Scene, sleep } from '../../suite.ts'
import { unknownProject } from '../members-matrix.ts'
import { outcomesOf, shareMany } from './ways-to-share.ts'

const member = (image: string, consumer: Actor) => `/v2/images/${image}/members/${consumer.projectId}`
const filePath = (image: string) => `/v2/images/${image}/file`

const sharedWithGrant = async (by: Actor, image: string, ...consumers: Actor[]) => {
  const projects = consumers.map(({ projectId }) => projectId)
  const outcomes = outcomesOf(await shareMany(by, { images: [image], projects, grant: true }))
  expectEqual(
    outcomes,
    consumers.map(() => 'shared'),
    'the outcomes',
  )
}

/** Work for a grant that is to stay: if it went, it would have gone by then, since others went meanwhile. */
const othersGone = async (scene: Scene) => {
  const { owner, other } = scene.actors
  const { image, key } = await sealed(scene)
  await sharedWithGrant(owner, image, other)
  expectStatus(await owner.api.delete(member(image, other)), 204)
  await grantGone(owner, key, other.projectId)
  await sleep(200)
}

const runEnds = async (scene: Scene) => {
  const { actors, own } = scene
  const { owner, consumer, other, admin } = actors
  const withdrawals: [what: string, end: (image: string) => Promise<unknown>][] = [
    ['DELETE of the member', (image) => owner.api.delete(member(image, consumer))],
    ['DELETE of the member by the administrator', (image) => admin.api.delete(member(image, consumer))],
    [
      'unshare of POST /v2/shares',
      (image) => owner.api.post('/v2/shares', { action: 'unshare', images: [image], projects: [consumer.projectId] }),
    ],
    [
      'DELETE of the batch call',
      (image) =>
        owner.api.send('DELETE', '/v1/cloudimages/members', {
          json: { images: [image], projects: [consumer.projectId] },
        }),
    ],
    ['a withdrawal', (image) => owner.api.post(`/v2/images/${image}/withdrawal`, {})],
    [
      'a withdrawal from this project',
      (image) => owner.api.post(`/v2/images/${image}/withdrawal`, { projects: [consumer.projectId] }),
    ],
    [
      'a withdrawal that deletes the image',
      (image) => owner.api.post(`/v2/images/${image}/withdrawal`, { delete_image: true }),
    ],
    ['DELETE of the image', (image) => owner.api.delete(`/v2/images/${image}`)],
    [
      'the end that was set',
      (image) =>
        owner.api.send('PATCH', `/v2/images/${image}/shares/${consumer.projectId}`, {
          json: { ends_at: inSeconds(1) },
        }),
    ],
  ]
  for (const [what, end] of withdrawals)
    for (const isAhead of [false, true])
      await own(
        `${what}: the share ends, and then its grant, which was made ${isAhead ? 'ahead' : 'with it'}`,
        async () => {
          const { image, key } = await sealed(scene)
          if (isAhead) {
            await grantKey(owner, key, consumer.projectId)
            expectStatus(await owner.api.post(`/v2/images/${image}/members`, { member: consumer.projectId }), 200)
          } else await sharedWithGrant(owner, image, consumer)
          expectStatus(await consumer.api.get(filePath(image)), 200)
          const done: unknown = await end(image)
          const status = typeof done === 'object' && done !== null && 'status' in done ? done.status : 0
          if (![200, 204].includes(Number(status))) throw new Error(`${what}: ${status}`)
          await eventually(
            async () => (await consumer.api.get(`/v2/images/${image}`)).status,
            (code) => code === 404,
            'the end of the share',
          )
          await grantGone(owner, key, consumer.projectId)
          expectRefusal(await consumer.api.post(`${keyPath(key)}/data-keys`), 404)
        },
      )
  await own('image first, then the grant: never a share that is there and cannot be opened', async () => {
    const { image } = await sealed(scene)
    await sharedWithGrant(owner, image, consumer)
    const seen: number[] = []
    let isOver = false
    const looking = (async () => {
      while (!isOver) seen.push((await consumer.api.get(filePath(image))).status)
    })()
    expectStatus(await owner.api.delete(member(image, consumer)), 204)
    await sleep(100)
    isOver = true
    await looking
    expectEqual(
      [...new Set(seen)].filter((status) => ![200, 404].includes(status)),
      [],
      'what downloads met',
    )
  })
  await own('of two images under one key, the grant stays until the last share ends', async () => {
    const { image: first, key } = await sealed(scene)
    const { image: second } = await sealed(scene, { key })
    await sharedWithGrant(owner, first, consumer, other)
    expectStatus(await owner.api.post(`/v2/images/${second}/members`, { member: consumer.projectId }), 200)
    expectEqual(await grantsOf(owner, key), { [consumer.projectId]: 2, [other.projectId]: 1 }, 'the grants')
    expectStatus(await owner.api.delete(member(first, consumer)), 204)
    expectStatus(await owner.api.delete(member(first, other)), 204)
    await grantGone(owner, key, other.projectId)
    expectEqual(await grantsOf(owner, key), { [consumer.projectId]: 1 }, 'the grants')
    expectStatus(await consumer.api.get(filePath(second)), 200)
    expectStatus(await owner.api.delete(`/v2/images/${second}`), 204)
    await grantGone(owner, key, consumer.projectId)
  })
  await own('a share that was rejected stands, and keeps its grant', async () => {
    const { image, key } = await sealed(scene)
    await sharedWithGrant(owner, image, consumer)
    expectStatus(await consumer.api.put(member(image, consumer), { status: 'rejected' }), 200)
    await othersGone(scene)
    expectEqual(await grantsOf(owner, key), { [consumer.projectId]: 1 }, 'the grants')
    expectStatus(await consumer.api.get(filePath(image)), 200)
  })
  await own('a grant by hand waits for a share, whatever else ends', async () => {
    const { image, key } = await sealed(scene)
    await grantKey(owner, key, consumer.projectId)
    await sharedWithGrant(owner, image, other)
    expectStatus(await owner.api.delete(member(image, other)), 204)
    await grantGone(owner, key, other.projectId)
    await othersGone(scene)
    expectEqual(await grantsOf(owner, key), { [consumer.projectId]: 0 }, 'the grants')
    expectStatus(await owner.api.post(`/v2/images/${image}/members`, { member: consumer.projectId }), 200)
    expectStatus(await owner.api.delete(member(image, consumer)), 204)
    await grantGone(owner, key, consumer.projectId)
  })
  await own('a client that takes its mark away needs the key no more: the grant ends, the share stands', async () => {
    const key = await madeKey(scene)
    const image = await scene.images.active({ __system__cmkid: key })
    await sharedWithGrant(owner, image, consumer)
    const unmark = [{ op: 'remove', path: '/__system__cmkid' }]
    expectStatus(await owner.api.patch(`/v2/images/${image}`, unmark), 200)
    await expectKeyState(scene, image, consumer, 'not_needed')
    await grantGone(owner, key, consumer.projectId)
    expectStatus(await consumer.api.get(filePath(image)), 200)
  })
  await own('an image that is sealed when it is shared already: the key is missing until it is granted', async () => {
    const key = await madeKey(scene)
    const image = await scene.images.queued()
    await scene.images.share(image, consumer)
    await expectKeyState(scene, image, consumer, 'not_needed')
    expectStatus(await owner.api.put(encryptionPath(image), { key_id: key }), 200)
    expectStatus(await owner.api.upload(filePath(image), 'bytes'), 204)
    await expectKeyState(scene, image, consumer, 'missing')
    expectKeyRefusal(await consumer.api.get(filePath(image)), 'key_not_held')
    await grantKey(owner, key, consumer.projectId)
    await expectKeyState(scene, image, consumer, 'granted')
    expectEqual(expectStatus(await consumer.api.get(filePath(image)), 200).text, 'bytes', 'the bytes')
    expectStatus(await owner.api.delete(member(image, consumer)), 204)
    await grantGone(owner, key, consumer.projectId)
  })
}

const runRevoked = async (scene: Scene) => {
  const { actors, own } = scene
  const { owner, consumer, other } = actors
  const revoked = async () => {
    const made = await sealed(scene)
    await sharedWithGrant(owner, made.image, consumer)
    expectStatus(await owner.api.delete(grantPath(made.key, consumer.projectId)), 204)
    return made
  }
  await own('revoked by hand: the share stands and says so, and cannot be opened', async () => {
    const { image, key } = await revoked()
    await expectKeyState(scene, image, consumer, 'revoked')
    expectStatus(await consumer.api.get(`/v2/images/${image}`), 200)
    const message = expectKeyRefusal(await consumer.api.get(filePath(image)), 'key_not_held')
    expectNamed(message, key, owner.projectId, `vitrine key grant ${key} ${consumer.projectId}`)
    expectEqual(await grantsOf(owner, key), {}, 'the grants')
    expectField(await consumer.api.get(encryptionPath(image)), ['key_state'], 'revoked')
    await othersGone(scene)
    await expectKeyState(scene, image, consumer, 'revoked')
  })
  await own('granted again by hand, it opens; with the share, that grant ends', async () => {
    const { image, key, bytes } = await revoked()
    await grantKey(owner, key, consumer.projectId)
    await expectKeyState(scene, image, consumer, 'granted')
    const file = expectStatus(await consumer.api.get(filePath(image)), 200)
    expectEqual(file.bytes.equals(bytes), true, 'whether the bytes are the same')
    expectStatus(await owner.api.delete(member(image, consumer)), 204)
    await grantGone(owner, key, consumer.projectId)
  })
  await own('shared once more with a grant: it opens again', async () => {
    const { image, key } = await revoked()
    await shareMany(owner, { images: [image], projects: [consumer.projectId], grant: true })
    await expectKeyState(scene, image, consumer, 'granted')
    expectEqual(await grantsOf(owner, key), { [consumer.projectId]: 1 }, 'the grants')
    expectMembers(await owner.api.get(`/v2/images/${image}/members`), [consumer.projectId])
    expectStatus(await consumer.api.get(filePath(image)), 200)
  })
  await own('another image under that key is not shared without a new grant', async () => {
    const { key } = await revoked()
    const { image } = await sealed(scene, { key })
    const answer = await owner.api.post(`/v2/images/${image}/members`, { member: consumer.projectId })
    expectNamed(
      expectKeyRefusal(answer, 'key_not_granted'),
      key,
      consumer.projectId,
      owner.projectId,
      `vitrine key grant ${key} ${consumer.projectId}`,
      '--grant',
    )
  })
  await own('a share whose revoked grant ended with it begins anew, as if it had never been let', async () => {
    const { image, key } = await revoked()
    expectStatus(await owner.api.delete(member(image, consumer)), 204)
    const { image: second } = await sealed(scene, { key })
    await sharedWithGrant(owner, second, consumer, other)
    expectEqual(await stateOfShare(owner, second, consumer.projectId), 'granted', 'key_state of the share')
  })
  await own('to take back the grant of one consumer changes nothing for another', async () => {
    const { image, key } = await sealed(scene)
    await sharedWithGrant(owner, image, consumer, other)
    expectStatus(await owner.api.delete(grantPath(key, consumer.projectId)), 204)
    await expectKeyState(scene, image, consumer, 'revoked')
    await expectKeyState(scene, image, other, 'granted')
    expectStatus(await other.api.get(filePath(image)), 200)
    expectKeyRefusal(await consumer.api.get(filePath(image)), 'key_not_held')
  })
}

/** Whatever fails, it fails as a whole. */
const runWhole = async (scene: Scene) => {
  const { actors, own } = scene
  const { owner, consumer, other, admin } = actors
  const grantedThenNot = async (key: string) => {
    await othersGone(scene)
    expectEqual(await grantsOf(owner, key), {}, 'the grants')
  }
  await own('atomic with one pair that fails: no share, no grant', async () => {
    const { image, key } = await sealed(scene)
    const hidden = await scene.images.queued({ visibility: 'private' })
    const named = { images: [image, hidden], projects: [consumer.projectId, other.projectId] }
    const answer = await shareMany(owner, { ...named, atomic: true, grant: true })
    expectField(answer, ['applied'], false)
    const fails = 'members_need_shared'
    expectEqual(outcomesOf(answer), ['shared', 'shared', fails, fails], 'the outcomes')
    expectMembers(await owner.api.get(`/v2/images/${image}/members`), [])
    await grantedThenNot(key)
  })
  await own('not atomic: each pair for itself, with its own grant or none', async () => {
    const { image, key } = await sealed(scene)
    const hidden = await sealed(scene, { attributes: { visibility: 'private' } })
    const named = { images: [image, hidden.image], projects: [consumer.projectId] }
    const answer = await shareMany(owner, { ...named, grant: true })
    expectEqual(outcomesOf(answer), ['shared', 'members_need_shared'], 'the outcomes')
    expectEqual(await grantsOf(owner, key), { [consumer.projectId]: 1 }, 'the grants')
    await grantedThenNot(hidden.key)
  })
  await own('a share that the quota refuses grants nothing; one that was granted ahead waits on', async () => {
    const { image, key } = await sealedQueued(scene)
    const full = Array.from({ length: 128 }, unknownProject)
    await shareMany(owner, { images: [image], projects: full, grant: true })
    await grantKey(owner, key, other.projectId)
    const named = { images: [image], projects: [consumer.projectId, other.projectId], grant: true }
    expectEqual(outcomesOf(await shareMany(owner, named)), ['member_quota', 'member_quota'], 'the outcomes')
    await othersGone(scene)
    const { [consumer.projectId]: ofConsumer, [other.projectId]: ofOther } = await grantsOf(owner, key)
    expectEqual([ofConsumer, ofOther], [undefined, 0], 'the grants')
  })
  await own('the administrator shares what is granted, and grants nothing in the name of the owner', async () => {
    const { image, key } = await sealed(scene)
    const named = { images: [image], projects: [consumer.projectId] }
    expectEqual(outcomesOf(await shareMany(admin, { ...named, grant: true })), ['key_of_other'], 'the outcome')
    await grantedThenNot(key)
    await grantKey(owner, key, consumer.projectId)
    expectEqual(outcomesOf(await shareMany(admin, { ...named, grant: true })), ['shared'], 'the outcome')
  })
  await own('the same share with a grant five times at once is one share with one grant', async () => {
    for (let round = 0; round < 3; round++) {
      const { image, key } = await sealed(scene)
      const named = { images: [image], projects: [consumer.projectId], grant: true }
      const answers = await Promise.all(Array.from({ length: 5 }, () => shareMany(owner, named)))
      const expected = ['shared', ...Array(4).fill('unchanged')]
      expectEqual(answers.flatMap(outcomesOf).sort(), expected, 'the outcomes')
      await othersGone(scene)
      expectEqual(await grantsOf(owner, key), { [consumer.projectId]: 1 }, 'the grants')
      expectStatus(await consumer.api.get(filePath(image)), 200)
    }
  })
  await own('share with grant racing its end: in the end both are there, or neither', async () => {
    for (let round = 0; round < 8; round++) {
      const { image, key } = await sealed(scene)
      const named = { images: [image], projects: [consumer.projectId] }
      const share = () => owner.api.post('/v2/shares', { action: 'share', ...named, grant: true })
      const unshare = () => owner.api.post('/v2/shares', { action: 'unshare', ...named })
      for (const answer of await Promise.all([share(), unshare(), share(), unshare()])) expectStatus(answer, 200)
      const there = (await owner.api.get(member(image, consumer))).status === 200
      await eventually(
        async () => Object.hasOwn(await grantsOf(owner, key), consumer.projectId),
        (granted) => granted === there,
        `the grant is ${there ? 'there' : 'gone'} as the share is`,
      )
      if (there) expectStatus(await consumer.api.get(filePath(image)), 200)
    }
  })
  await own(
    'two images under one key, one shared while the other is withdrawn: the grant follows the shares',
    async () => {
      for (let round = 0; round < 8; round++) {
        const { image: first, key } = await sealed(scene)
        const { image: second } = await sealed(scene, { key })
        await sharedWithGrant(owner, first, consumer)
        const [shared] = await Promise.all([
          owner.api.post('/v2/shares', {
            action: 'share',
            images: [second],
            projects: [consumer.projectId],
            grant: true,
          }),
          owner.api.delete(member(first, consumer)),
        ])
        expectEqual(outcomesOf(shared), ['shared'], 'the outcome')
        await sleep(50)
        expectEqual(await grantsOf(owner, key), { [consumer.projectId]: 1 }, 'the grants')
        expectStatus(await consumer.api.get(filePath(second)), 200)
      }
    },
  )
  await own('a code for two grants to each who claims it, and to nobody before', async () => {
    const { image, key } = await sealed(scene)
    const made = await owner.api.post('/v2/invitations', { image_id: image, uses: 2, grant: true })
    expectField(expectStatus(made, 201), ['grant'], true)
    expectEqual(await grantsOf(owner, key), {}, 'the grants')
    const code = stringAt(made.json, 'code')
    for (const actor of [consumer, other]) {
      expectStatus(await actor.api.post('/v2/invitation-claims', { code }), 200)
      expectStatus(await actor.api.get(filePath(image)), 200)
    }
    expectEqual(await grantsOf(owner, key), { [consumer.projectId]: 1, [other.projectId]: 1 }, 'the grants')
  })
  await own('a project invited by name in POST /v2/shares is granted the key when it accepts', async () => {
    const { image, key } = await sealed(scene)
    const answer = await shareMany(owner, { images: [image], projects: [consumer.projectName], grant: true })
    expectEqual(outcomesOf(answer), ['invited'], 'the outcome')
    expectEqual(await grantsOf(owner, key), {}, 'the grants')
    const open = expectStatus(await owner.api.get(`/v2/invitations?image=${image}`), 200)
    const invitation = stringAt(open.json, 'invitations', 0, 'id')
    const answered = await consumer.api.post('/v2/inbox/answers', { answer: 'accepted', invitations: [invitation] })
    expectField(expectStatus(answered, 200), ['results', 0, 'result'], 'accepted')
    await expectKeyState(scene, image, consumer, 'granted')
  })
}

/** Which refusal comes first: what is wrong, what is not there, what is not allowed, what is full or there already. */
const runOrder = async (scene: Scene) => {
  const { actors, own } = scene
  const { owner, ownerReader, consumer, other, stranger, admin } = actors
  await own('a body that is wrong is 400 before all, and an image that is not seen 404 before its key', async () => {
    const { image } = await sealed(scene)
    const path = `/v2/images/${image}/members`
    for (const actor of [owner, consumer, stranger])
      for (const body of [{}, { member: '' }, { member: [] }] satisfies Json[])
        expectRefusal(await actor.api.post(path, body), 400)
    for (const actor of [consumer, stranger]) expectRefusal(await actor.api.post(path, { member: 'p' }), 404)
  })
  await own('who may not share is told that, and nothing of the key', async () => {
    const { image, key } = await sealed(scene)
    await grantKey(owner, key, consumer.projectId)
    const path = `/v2/images/${image}/members`
    expectStatus(await owner.api.post(path, { member: consumer.projectId }), 200)
    const before = await usesOf(owner, key)
    for (const actor of [consumer, ownerReader]) {
      const message = expectRefusal(await actor.api.post(path, { member: other.projectId }), 403)
      if (message.includes(key) || message.includes('encrypted')) throw new Error(`the refusal says: ${message}`)
    }
    expectEqual(await usesOf(owner, key), before, 'the log of the key')
  })
  await own('an image that is not shared is refused for that, before its key is asked for', async () => {
    const { image, key } = await sealed(scene, { attributes: { visibility: 'private' } })
    const before = await usesOf(owner, key)
    for (const actor of [owner, admin]) {
      const answer = await actor.api.post(`/v2/images/${image}/members`, { member: consumer.projectId })
      if (!/visibility/.test(expectRefusal(answer, 403))) throw new Error(`the refusal says: ${answer.text}`)
    }
    expectEqual(await usesOf(owner, key), before, 'the log of the key')
  })
  await own('the key comes before the quota and before what is there already; with it, 413 and 409', async () => {
    const { image, key } = await sealedQueued(scene)
    const path = `/v2/images/${image}/members`
    const first = unknownProject()
    const several = [first, ...Array.from({ length: 127 }, unknownProject)]
    await shareMany(owner, { images: [image], projects: several, grant: true })
    expectKeyRefusal(await owner.api.post(path, { member: consumer.projectId }), 'key_not_granted')
    await grantKey(owner, key, consumer.projectId)
    expectRefusal(await owner.api.post(path, { member: consumer.projectId }), 413)
    expectStatus(await owner.api.delete(`${path}/${several[1]}`), 204)
    expectRefusal(await owner.api.post(path, { member: first }), 409)
    expectStatus(await owner.api.delete(grantPath(key, first)), 204)
    expectKeyRefusal(await owner.api.post(path, { member: first }), 'key_not_granted')
  })
  await own('sharing with oneself needs no grant: the key is the own', async () => {
    const { image, key } = await sealed(scene)
    const answer = await owner.api.post(`/v2/images/${image}/members`, { member: owner.projectId })
    expectStatus(answer, 200)
    expectEqual(await grantsOf(owner, key), {}, 'the grants')
  })
}

const runWire = async (scene: Scene) => {
  const { actors, own } = scene
  const { owner, consumer } = actors
  await own('members of encrypted images, and plain images, look as they always did', async () => {
    const { image } = await sealed(scene)
    const plain = await scene.images.active()
    await sharedWithGrant(owner, image, consumer)
    await sharedWithGrant(owner, plain, consumer)
    const shape = async (actor: Actor, path: (id: string) => string) => {
      const masked = async (id: string) =>
        expectStatus(await actor.api.get(path(id)), 200)
          .text.replaceAll(id, 'ID')
          .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'TIME')
      expectEqual(await masked(image), await masked(plain), `${path('ID')} for ${actor.name}`)
    }
    for (const actor of [owner, consumer]) {
      await shape(actor, (id) => `/v2/images/${id}/members`)
      await shape(actor, (id) => member(id, consumer))
    }
    const keysOf = async (id: string) => Object.keys(await scene.images.read(id))
    const more = ['__system__cmkid', '__system__encrypted']
    expectEqual(
      (await keysOf(image)).filter((name) => !more.includes(name)).sort(),
      (await keysOf(plain)).sort(),
      'the keys of the image',
    )
    expectEqual(at(await scene.images.read(plain), '__system__encrypted'), undefined, 'a mark on a plain image')
  })
}

export const grantsOfShares: Group = {
  name: 'grants and their shares',
  own: true,
  async run(scene) {
    await runEnds(scene)
    await runRevoked(scene)
    await runWhole(scene)
    await runOrder(scene)
    await runWire(scene)
  },
}
