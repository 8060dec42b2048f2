import { WithdrawalSchema } from '@vitrine/contract'
import type { Actor } from '../../actors.ts'
import type { Answer } from '../../client.ts'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectField, expectStatus, imageIds } from '../../expect.ts'
import { change, dayS, expectRefusal, inSeconds, published } from '../../extensions.ts'
import { at, type Json, listAt, objectAt } from '../../json.ts'
import { eventually, type Group, type Scene } from '../../suite.ts'

const preview = async (actor: Actor, image: string): Promise<Answer> =>
  expectDocument(expectStatus(await actor.api.get(`/v2/images/${image}/withdrawal`), 200), WithdrawalSchema)

/** The answer is what the withdrawal touches, counted before it. */
const withdraw = async (actor: Actor, image: string, body: { [key: string]: Json } = {}): Promise<Answer> =>
  expectDocument(expectStatus(await actor.api.post(`/v2/images/${image}/withdrawal`, body), 200), WithdrawalSchema)

const membership = async (actor: Actor, image: string) => {
  const answer = expectStatus(await actor.api.get(`/v2/images/${image}?include=membership`), 200)
  const { status, ends_at, withdrawn } = objectAt(answer.json, 'membership')
  return { status, ends_at, withdrawn }
}

const gone = (actor: Actor, image: string) =>
  eventually(
    async () => (await actor.api.get(`/v2/images/${image}`)).status,
    (status) => status === 404,
    `the end of the image for ${actor.name}`,
  )

const runPreview = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, ownerReader, consumer, other, stranger } = actors
  const image = await images.active()
  await images.share(image, consumer, 'accepted')
  await images.share(image, other)
  await images.share(image, stranger, 'rejected')

  await own('the preview counts who is affected, and changes nothing', async () => {
    for (const actor of [owner, ownerReader]) {
      const { accepted, waiting, rejected, planned, listing } = objectAt((await preview(actor, image)).json)
      expectEqual([accepted, waiting, rejected, planned, listing], [1, 1, 1, null, null], 'the counts')
    }
    expectStatus(await consumer.api.get(`/v2/images/${image}`), 200)
  })
  await own('the preview names the listing', async () => {
    const { path } = await published(scene, image)
    expectField(await preview(owner, image), ['listing'], path)
  })
  await own('the preview counts invitations that can still be claimed', async () => {
    expectStatus(await owner.api.post('/v2/invitations', { image_id: image, uses: 3 }), 201)
    expectField(await preview(owner, image), ['invitations'], 1)
  })
  await own('only the owner sees it, only a member of its project may withdraw', async () => {
    const fourth = await images.active()
    await images.share(fourth, consumer)
    const path = `/v2/images/${fourth}/withdrawal`
    for (const actor of [consumer, stranger]) {
      const status = actor === consumer ? 403 : 404
      expectRefusal(await actor.api.get(path), status)
      expectRefusal(await actor.api.post(path, {}), status)
      expectRefusal(await actor.api.delete(path), status)
    }
    expectRefusal(await ownerReader.api.post(path, {}), 403)
    expectStatus(await consumer.api.get(`/v2/images/${fourth}`), 200)
  })
}

const runAtOnce = async ({ actors, images, own }: Scene) => {
  const { owner, consumer, other } = actors
  await own('at once: every share ends, the image stays', async () => {
    const image = await images.active()
    await images.share(image, consumer, 'accepted')
    await images.share(image, other)
    const told = await withdraw(owner, image)
    expectField(told, ['accepted'], 1)
    expectField(told, ['waiting'], 1)
    expectStatus(await consumer.api.get(`/v2/images/${image}`), 404)
    expectStatus(await other.api.get(`/v2/images/${image}/file`), 404)
    expectEqual(imageIds(await consumer.api.get(`/v2/images?id=${image}&member_status=all`)), [], 'listed')
    expectStatus(await owner.api.get(`/v2/images/${image}/file`), 200)
    expectField(await preview(owner, image), ['accepted'], 0)
  })
  await own('at once for some projects: the others keep it', async () => {
    const image = await images.active()
    await images.share(image, consumer, 'accepted')
    await images.share(image, other, 'accepted')
    await withdraw(owner, image, { projects: [other.projectId] })
    expectStatus(await other.api.get(`/v2/images/${image}`), 404)
    expectStatus(await consumer.api.get(`/v2/images/${image}`), 200)
  })
  await own('a project without a share is 404, and nothing is withdrawn', async () => {
    const image = await images.active()
    await images.share(image, consumer)
    const body = { projects: [consumer.projectId, other.projectId] }
    expectRefusal(await owner.api.post(`/v2/images/${image}/withdrawal`, body), 404)
    expectStatus(await consumer.api.get(`/v2/images/${image}`), 200)
  })
  await own('from all at once: codes that were given out end, too', async () => {
    const image = await images.active()
    const { json } = expectStatus(await owner.api.post('/v2/invitations', { image_id: image, uses: 5 }), 201)
    await withdraw(owner, image)
    expectRefusal(await consumer.api.post('/v2/invitation-claims', { code: at(json, 'code') ?? '' }), 410)
  })
  await own('an image that is not shared is withdrawn only by deleting it', async () => {
    const image = await images.active({ visibility: 'private' })
    expectRefusal(await owner.api.post(`/v2/images/${image}/withdrawal`, {}), 403)
    await withdraw(owner, image, { delete_image: true })
    await gone(owner, image)
  })
  await own('at once with delete_image: the image is gone for everybody', async () => {
    const image = await images.active()
    await images.share(image, consumer, 'accepted')
    await withdraw(owner, image, { delete_image: true })
    await gone(consumer, image)
    await gone(owner, image)
  })
  await own('a protected image is not deleted by a withdrawal', async () => {
    const image = await images.active({ protected: true })
    await images.share(image, consumer, 'accepted')
    expectRefusal(await owner.api.post(`/v2/images/${image}/withdrawal`, { delete_image: true }), 403)
    expectStatus(await consumer.api.get(`/v2/images/${image}`), 200)
  })
}

const runPlan = async ({ actors, images, own }: Scene) => {
  const { owner, consumer, other } = actors
  await own('on a date: consumers are told, keep it until then, and the plan is shown', async () => {
    const image = await images.active()
    await images.share(image, consumer, 'accepted')
    const when = inSeconds(7 * dayS)
    await withdraw(owner, image, { at: when, message: 'superseded' })
    expectEqual(await membership(consumer, image), { status: 'accepted', ends_at: when, withdrawn: true }, 'membership')
    expectStatus(await consumer.api.get(`/v2/images/${image}/file`), 200)
    expectField(await preview(owner, image), ['planned'], {
      at: when,
      delete_image: false,
      message: 'superseded',
      projects: null,
    })
  })
  await own('a share that ends earlier keeps its end', async () => {
    const image = await images.active()
    const early = inSeconds(dayS)
    const body = { action: 'share', images: [image], projects: [consumer.projectId], ends_at: early }
    expectStatus(await owner.api.post('/v2/shares', body), 200)
    await withdraw(owner, image, { at: inSeconds(7 * dayS) })
    expectEqual((await membership(consumer, image)).ends_at, early, 'ends_at')
  })
  await own('a share begun under the plan has its end', async () => {
    const image = await images.active()
    const when = inSeconds(7 * dayS)
    await images.share(image, other)
    await withdraw(owner, image, { at: when })
    await images.share(image, consumer)
    expectEqual((await membership(consumer, image)).ends_at, when, 'ends_at')
  })
  await own('an announced end cannot be put off by changing the terms of a share', async () => {
    const image = await images.active()
    const when = inSeconds(7 * dayS)
    await images.share(image, consumer)
    await withdraw(owner, image, { at: when })
    const path = `/v2/images/${image}/shares/${consumer.projectId}`
    for (const ends_at of [inSeconds(30 * dayS), null]) expectRefusal(await change(owner.api, path, { ends_at }), 409)
    expectEqual((await membership(consumer, image)).ends_at, when, 'ends_at')
  })
  await own('a second plan replaces the first', async () => {
    const image = await images.active()
    await images.share(image, consumer)
    await withdraw(owner, image, { at: inSeconds(7 * dayS) })
    const when = inSeconds(9 * dayS)
    await withdraw(owner, image, { at: when })
    expectField(await preview(owner, image), ['planned', 'at'], when)
    expectEqual((await membership(consumer, image)).ends_at, when, 'ends_at')
  })
  await own('DELETE takes the plan back, with the ends that the shares had before', async () => {
    const image = await images.active()
    const before = inSeconds(20 * dayS)
    await images.share(image, other, 'accepted')
    const body = { action: 'share', images: [image], projects: [consumer.projectId], ends_at: before }
    expectStatus(await owner.api.post('/v2/shares', body), 200)
    await withdraw(owner, image, { at: inSeconds(7 * dayS) })
    expectStatus(await owner.api.delete(`/v2/images/${image}/withdrawal`), 204)
    expectField(await preview(owner, image), ['planned'], null)
    expectEqual(await membership(consumer, image), { status: 'pending', ends_at: before, withdrawn: false }, 'consumer')
    expectEqual(await membership(other, image), { status: 'accepted', ends_at: null, withdrawn: false }, 'other')
  })
  await own('DELETE where nothing is planned is 404', async () => {
    const image = await images.active()
    expectRefusal(await owner.api.delete(`/v2/images/${image}/withdrawal`), 404)
  })
  await own('the date comes: shares end, and the image is deleted if that was said', async () => {
    const [kept, deleted] = [await images.active(), await images.active()]
    for (const image of [kept, deleted]) await images.share(image, consumer, 'accepted')
    const when = inSeconds(1)
    await withdraw(owner, kept, { at: when })
    await withdraw(owner, deleted, { at: when, delete_image: true })
    await gone(consumer, kept)
    await gone(consumer, deleted)
    await gone(owner, deleted)
    expectStatus(await owner.api.get(`/v2/images/${kept}`), 200)
    expectEqual(listAt((await owner.api.get(`/v2/images/${kept}/members`)).json, 'members'), [], 'the members')
  })
  const refused: [what: string, body: Json][] = [
    ['an array', []],
    ['a date in the past', { at: '2020-01-01T00:00:00Z' }],
    ['a date that is none', { at: 'soon' }],
    ['no project in a list', { projects: [] }],
    ['some projects together with delete_image', { projects: [consumer.projectId], delete_image: true }],
    ['an unknown key', { when: '2099-01-01T00:00:00Z' }],
    ['delete_image as text', { delete_image: 'yes' }],
  ]
  const image = await images.active()
  await images.share(image, consumer)
  for (const [what, body] of refused)
    await own(`a withdrawal of ${what} is 400`, async () => {
      expectRefusal(await owner.api.post(`/v2/images/${image}/withdrawal`, body), 400)
      expectStatus(await consumer.api.get(`/v2/images/${image}`), 200)
    })
}

export const withdrawal: Group = {
  name: 'withdrawal',
  own: true,
  async run(scene) {
    await runPreview(scene)
    await runAtOnce(scene)
    await runPlan(scene)
  },
}
