import type { Actor } from '../../actors.ts'
import type { Answer } from '../../client.ts'
import { expectEqual, expectStatus } from '../../expect.ts'
import { change, dayS, inSeconds, published, ruled } from '../../extensions.ts'
import { stringAt } from '../../json.ts'
import { madeKey } from '../../keys.ts'
import type { Group, Scene } from '../../suite.ts'

/** Calls that every client knows, and that change nothing. */
const calls = (
  image: string,
  { owner, consumer, stranger, admin }: Scene['actors'],
): [string, Actor, string, string][] => {
  const path = `/v2/images/${image}`
  const row = `${path}/members/${consumer.projectId}`
  const reads: [string, string][] = [
    ['GET', path],
    ['GET', `/v2/images?id=${image}`],
    ['GET', `/v2/images?id=${image}&member_status=all&visibility=shared`],
    ['GET', `${path}/members`],
    ['GET', row],
    ['GET', `${path}/file`],
    ['PUT', row],
    ['POST', `${path}/members`],
    ['HEAD', path],
  ]
  return [owner, consumer, stranger, admin].flatMap((actor) =>
    reads.map(([method, target]): [string, Actor, string, string] => [
      `${method} ${target.replace(image, 'ID').replace(consumer.projectId, 'PROJECT')} by ${actor.name}`,
      actor,
      method,
      target,
    ]),
  )
}

const send = (actor: Actor, method: string, path: string, member: string): Promise<Answer> => {
  // The status that is there already, and the member that is there already: neither changes anything.
  if (method === 'PUT') return actor.api.put(path, { status: 'accepted' })
  if (method === 'POST') return actor.api.post(path, { member })
  return actor.api.send(method, path)
}

/** An answer without what differs between any two: request id, date and when the row last changed. */
const stable = ({ status, headers, text }: Answer) => {
  const { date: _date, 'x-openstack-request-id': _request, 'keep-alive': _alive, ...rest } = headers
  return { status, headers: rest, text }
}

/** Uses everything that the extensions can do with an image that is shared with the consumer. */
const useAll = async (scene: Scene, image: string): Promise<void> => {
  const { owner, consumer, other } = scene.actors
  const path = `/v2/images/${image}`
  await published(scene, image, { description: 'Text' })
  expectStatus(
    await change(owner.api, `${path}/shares/${consumer.projectId}`, { message: 'm', ends_at: inSeconds(9 * dayS) }),
    200,
  )
  expectStatus(await owner.api.post('/v2/invitations', { image_id: image, message: 'i' }), 201)
  expectStatus(
    await owner.api.post('/v2/shares', { action: 'share', images: [image], projects: [consumer.projectId] }),
    200,
  )
  expectStatus(await consumer.api.post('/v2/inbox/answers', { answer: 'accepted', images: [image] }), 200)
  await ruled(scene, consumer, { kind: 'accept', producer: owner.projectId, mode: 'audit' })
  await ruled(scene, other, { kind: 'block', producer: owner.projectId })
  for (const part of ['shares', 'statistics', 'explain', 'withdrawal', 'events', 'encryption', 'can-boot'])
    expectStatus(await owner.api.get(`${path}/${part}`), 200)
  const copy = expectStatus(
    await owner.api.post(`${path}/copies`, { encrypt: true, key_id: await madeKey(scene) }),
    202,
  )
  scene.images.remember(stringAt(copy.json, 'id'))
  expectStatus(await owner.api.post(`${path}/withdrawal`, { at: inSeconds(20 * dayS), message: 'w' }), 200)
}

export const standardAnswers: Group = {
  name: 'standard answers beside extensions',
  own: true,
  async run(scene) {
    const { actors, images, own } = scene
    const image = await images.active()
    await images.share(image, actors.consumer, 'accepted')
    const member = actors.consumer.projectId
    const before = new Map<string, Awaited<ReturnType<typeof stable>>>()
    for (const [what, actor, method, path] of calls(image, actors))
      before.set(what, stable(await send(actor, method, path, member)))
    await useAll(scene, image)
    for (const [what, actor, method, path] of calls(image, actors))
      await own(`${what} is byte for byte the same after the extensions were used`, async () => {
        expectEqual(stable(await send(actor, method, path, member)), before.get(what), what)
      })
    await own('the schemas of image and member say nothing of extensions', async () => {
      for (const name of ['image', 'images', 'member', 'members']) {
        const { text } = expectStatus(await actors.owner.api.get(`/v2/schemas/${name}`), 200)
        if (/membership|ends_at|"message"|withdrawn|key_state|grant/.test(text))
          throw new Error(`${name} names an extension`)
      }
    })
    await own('a member that is shared with terms is answered like any other', async () => {
      const [plain, rich] = [await images.queued(), await images.queued()]
      await images.share(plain, actors.consumer)
      const body = { action: 'share', images: [rich], projects: [member], message: 'm', ends_at: inSeconds(dayS) }
      expectStatus(await actors.owner.api.post('/v2/shares', body), 200)
      const row = async (id: string) =>
        Object.keys((await actors.owner.api.get(`/v2/images/${id}/members/${member}`)).json ?? {})
      expectEqual(await row(rich), await row(plain), 'the keys, in order')
    })
  },
}
