import type { Actor } from '../../actors.ts'
import { expectEqual, expectField, expectMembers, expectStatus, imageIds } from '../../expect.ts'
import { dayS, expectRefusal, inboxOf, inSeconds, published, ruled, unique } from '../../extensions.ts'
import { at, listAt, stringAt } from '../../json.ts'
import { eventually, type Group, type Scene, sleep } from '../../suite.ts'

const replace = async (actor: Actor, image: string, attribute: string, value: string) =>
  expectStatus(await actor.api.patch(`/v2/images/${image}`, [{ op: 'replace', path: `/${attribute}`, value }]), 200)

/** An administrator gives an image to another project. */
const runGiven = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, consumer, other, stranger, admin, nobody } = actors

  await own('an image given away: the old owner keeps nothing of it, the new owner has its shares', async () => {
    const image = await images.active()
    await images.share(image, consumer, 'accepted')
    await replace(admin, image, 'owner', stranger.projectId)
    for (const part of ['', '/shares', '/statistics', '/withdrawal', '/members', '/explain'])
      expectRefusal(await owner.api.get(`/v2/images/${image}${part}`), 404)
    const { json } = expectStatus(await stranger.api.get(`/v2/images/${image}/shares`), 200)
    expectEqual(
      listAt(json, 'shares').map((row) => `${at(row, 'project_id')} ${at(row, 'status')}`),
      [`${consumer.projectId} accepted`],
      'the shares',
    )
    const shown = await consumer.api.get(`/v2/images/${image}?include=membership`)
    expectField(expectStatus(shown, 200), ['membership', 'shared_by'], stranger.projectId)
    expectStatus(await stranger.api.post(`/v2/images/${image}/withdrawal`, {}), 200)
    expectStatus(await consumer.api.get(`/v2/images/${image}`), 404)
  })
  await own('an image given away: codes that the old owner gave out end', async () => {
    const image = await images.queued()
    const made = expectStatus(await owner.api.post('/v2/invitations', { image_id: image, uses: 9 }), 201)
    await replace(admin, image, 'owner', stranger.projectId)
    expectRefusal(await consumer.api.post('/v2/invitation-claims', { code: stringAt(made.json, 'code') }), 404, 410)
    expectMembers(await stranger.api.get(`/v2/images/${image}/members`), [])
  })
  await own('an image given away is announced no more under the name of the old owner', async () => {
    const image = await images.active()
    const { path, id } = await published(scene, image)
    expectStatus(await nobody.get(path), 200)
    await replace(admin, image, 'owner', stranger.projectId)
    for (const page of [path, `${path}.json`]) expectStatus(await nobody.get(page), 404)
    expectRefusal(await stranger.api.get(`/v2/listings/${id}`), 404)
    expectRefusal(await stranger.api.delete(`/v2/listings/${id}`), 404)
  })
  await own('an image given to its own consumer is its own, not shared with it', async () => {
    const image = await images.active()
    await images.share(image, consumer)
    await replace(admin, image, 'owner', consumer.projectId)
    expectEqual(imageIds(await consumer.api.get(`/v2/images?id=${image}`)), [image], 'the list')
    expectEqual((await inboxOf(consumer, 'all')).has(image), false, 'it waits in the inbox')
    const shown = expectStatus(await consumer.api.get(`/v2/images/${image}?include=membership`), 200)
    expectField(shown, ['membership'], undefined)
    await replace(admin, image, 'owner', owner.projectId)
    expectEqual((await inboxOf(consumer, 'all')).has(image), true, 'given back, it waits again')
  })
  await own('a block follows the owner: what is given to a blocked producer goes out of sight, and back', async () => {
    const image = await images.active()
    await images.share(image, other)
    await ruled(scene, other, { kind: 'block', producer: stranger.projectId })
    const sight = async () => [
      imageIds(await other.api.get(`/v2/images?id=${image}&member_status=all`)).length === 1,
      (await inboxOf(other, 'all')).has(image),
    ]
    expectEqual(await sight(), [true, true], 'list and inbox, of the owner that is not blocked')
    await replace(admin, image, 'owner', stranger.projectId)
    expectEqual(await sight(), [false, false], 'list and inbox, of the blocked owner')
    await replace(admin, image, 'owner', owner.projectId)
    expectEqual(await sight(), [true, true], 'list and inbox, given back')
  })
}

/** The owner changes who can see an image, and changes it back. */
const runVisibility = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, consumer, nobody } = actors
  await own('terms survive a time as private', async () => {
    const image = await images.active()
    const ends = inSeconds(dayS)
    const body = { action: 'share', images: [image], projects: [consumer.projectId], message: 'm', ends_at: ends }
    expectStatus(await owner.api.post('/v2/shares', body), 200)
    await replace(owner, image, 'visibility', 'private')
    expectEqual((await inboxOf(consumer, 'all')).has(image), false, 'it waits while it is private')
    await replace(owner, image, 'visibility', 'shared')
    const shown = expectStatus(await consumer.api.get(`/v2/images/${image}?include=membership`), 200)
    expectField(shown, ['membership', 'message'], 'm')
    expectField(shown, ['membership', 'ends_at'], ends)
  })
  await own('a share ends at its date also while the image is private', async () => {
    const image = await images.active()
    const end = inSeconds(1)
    const body = { action: 'share', images: [image], projects: [consumer.projectId], ends_at: end }
    expectStatus(await owner.api.post('/v2/shares', body), 200)
    await replace(owner, image, 'visibility', 'private')
    await sleep(Date.parse(end) - Date.now() + 100)
    await replace(owner, image, 'visibility', 'shared')
    expectStatus(await consumer.api.get(`/v2/images/${image}`), 404)
    expectRefusal(
      await consumer.api.put(`/v2/images/${image}/members/${consumer.projectId}`, { status: 'accepted' }),
      404,
    )
    await eventually(
      async () => listAt((await owner.api.get(`/v2/images/${image}/members`)).json, 'members').length,
      (count) => count === 0,
      'the end of the row',
    )
  })
  await own('an announced deletion comes also while the image is private', async () => {
    const image = await images.active()
    await images.share(image, consumer)
    const body = { at: inSeconds(1), delete_image: true }
    expectStatus(await owner.api.post(`/v2/images/${image}/withdrawal`, body), 200)
    await replace(owner, image, 'visibility', 'private')
    await eventually(
      async () => (await owner.api.get(`/v2/images/${image}`)).status,
      (status) => status === 404,
      'the deletion',
    )
  })
  await own('a listing of a private image is nowhere: page, search, feed, producer; and comes back', async () => {
    const image = await images.active()
    const word = unique()
    const { path } = await published(scene, image, { title: `Title ${word}` })
    const producer = path.slice(0, path.lastIndexOf('/'))
    const places = async () => {
      const texts = await Promise.all(
        [`/catalogue.json?q=${word}`, `${producer}.json`, '/catalogue.atom', `${producer}.atom`].map(
          async (page) => expectStatus(await nobody.get(page), 200).text,
        ),
      )
      return [(await nobody.get(path)).status, ...texts.map((text) => text.includes(word))]
    }
    expectEqual(await places(), [200, true, true, true, true], 'while it is shared')
    await replace(owner, image, 'visibility', 'private')
    expectEqual(await places(), [404, false, false, false, false], 'while it is private')
    await replace(owner, image, 'visibility', 'shared')
    expectEqual(await places(), [200, true, true, true, true], 'when it is shared again')
  })
  await own('only an image that is shared and active can be asked for', async () => {
    for (const [make, expected] of [
      [() => images.active(), true],
      [() => images.queued(), false],
      [() => images.deactivated(), false],
      [() => images.active({ visibility: 'community' }), false],
      [() => images.active({ visibility: 'public' }), false],
    ] as const) {
      const { path } = await published(scene, await make())
      expectField(expectStatus(await nobody.get(`${path}.json`), 200), ['requestable'], expected)
      if (expected) continue
      const asked = { listing: path.replace('/catalogue/producers/', ''), email: `${unique()}@example.org` }
      const answer = await consumer.api.post('/v2/access-requests', asked)
      // A service without mail takes no requests at all.
      if (answer.status !== 503) expectRefusal(answer, 409)
    }
  })
}

/** What each side reads in the log of the image. */
const runLog = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, consumer, other } = actors
  await own(
    'the log of an image tells a consumer nothing of others, of listing, requests and invitations',
    async () => {
      const image = await images.active()
      await images.share(image, consumer)
      await published(scene, image)
      expectStatus(await owner.api.post('/v2/invitations', { image_id: image, message: 'secret words' }), 201)
      const body = { action: 'share', images: [image], projects: [other.projectId], message: 'secret words' }
      expectStatus(await owner.api.post('/v2/shares', body), 200)
      const path = `/v2/images/${image}/shares/${other.projectId}`
      expectStatus(await owner.api.send('PATCH', path, { json: { message: 'secret words again' } }), 200)
      expectStatus(
        await owner.api.post(`/v2/images/${image}/withdrawal`, { at: inSeconds(dayS), projects: [other.projectId] }),
        200,
      )
      for (const log of [`/v2/images/${image}/events?limit=1000`, '/v2/activity?limit=1000']) {
        const { text, json } = expectStatus(await consumer.api.get(log), 200)
        if (text.includes(other.projectId) || text.includes('secret words')) throw new Error(`${log} tells of another`)
        // The activity tells also of images of its own.
        const types = listAt(json, 'events')
          .filter((event) => at(event, 'image_id') === image)
          .map((event) => stringAt(event, 'type'))
        expectEqual(
          types.filter((type) => /^(listing|request|invitation)\./.test(type)),
          [],
          'the types',
        )
      }
    },
  )
}

export const changesOfImage: Group = {
  name: 'extensions when the image changes',
  own: true,
  async run(scene) {
    await runGiven(scene)
    await runVisibility(scene)
    await runLog(scene)
  },
}
