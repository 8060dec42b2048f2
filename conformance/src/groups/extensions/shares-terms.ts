import { MembershipSchema, ShareSchema, SharesSchema } from '@vitrine/contract'
import type { Actor } from '../../actors.ts'
import type { Answer } from '../../client.ts'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectField, expectMembers, expectStatus, imageIds } from '../../expect.ts'
import { change, dayS, expectRefusal, handleOf, inSeconds } from '../../extensions.ts'
import { at, type Json, listAt, objectAt } from '../../json.ts'
import { eventually, type Group, type Scene, sleep } from '../../suite.ts'

const share = (owner: Actor, image: string, consumer: Actor, terms: { [key: string]: Json } = {}): Promise<Answer> =>
  owner.api.post('/v2/shares', { action: 'share', images: [image], projects: [consumer.projectId], ...terms })

const runShares = async ({ actors, images, own }: Scene) => {
  const { owner, ownerReader, consumer, other, stranger, admin } = actors
  const image = await images.active()
  const path = `/v2/images/${image}`
  await images.share(image, consumer, 'accepted')
  await images.share(image, other)
  const row = `${path}/shares/${consumer.projectId}`

  await own('the owner sees every share with its terms', async () => {
    for (const actor of [owner, ownerReader, admin]) {
      const answer = expectDocument(expectStatus(await actor.api.get(`${path}/shares`), 200), SharesSchema)
      const rows = listAt(answer.json, 'shares')
      expectEqual(
        rows.map((item) => `${at(item, 'project_id')} ${at(item, 'status')}`).sort(),
        [`${consumer.projectId} accepted`, `${other.projectId} pending`].sort(),
        'the shares',
      )
      for (const item of rows) expectEqual(at(item, 'image_id'), image, 'image_id')
    }
  })
  await own('a consumer does not see the shares of others, a stranger nothing at all', async () => {
    expectRefusal(await consumer.api.get(`${path}/shares`), 403)
    expectRefusal(await stranger.api.get(`${path}/shares`), 404)
  })
  await own('message and end can be set, changed and taken away', async () => {
    const ends = inSeconds(dayS)
    const set = expectDocument(
      expectStatus(await change(owner.api, row, { message: 'mind', ends_at: ends }), 200),
      ShareSchema,
    )
    expectField(set, ['message'], 'mind')
    expectField(set, ['ends_at'], ends)
    const changed = expectStatus(await change(owner.api, row, { message: 'other words' }), 200)
    expectField(changed, ['message'], 'other words')
    expectField(changed, ['ends_at'], ends)
    const bare = expectStatus(await change(owner.api, row, { message: null, ends_at: null }), 200)
    expectField(bare, ['message'], null)
    expectField(bare, ['ends_at'], null)
    expectField(bare, ['status'], 'accepted')
  })
  const refused: [what: string, body: Json, status: number][] = [
    ['nothing', {}, 400],
    ['an array', [], 400],
    ['an unknown key', { status: 'accepted' }, 400],
    ['a number as message', { message: 5 }, 400],
    ['an end in the past', { ends_at: '2020-01-01T00:00:00Z' }, 400],
    ['an end with an offset', { ends_at: '2099-01-01T00:00:00+01:00' }, 400],
  ]
  for (const [what, body, status] of refused)
    await own(`a change of ${what} is ${status}`, async () => {
      expectRefusal(await change(owner.api, row, body), status)
    })
  await own('only the owner changes the terms', async () => {
    const body = { message: 'mine' }
    expectRefusal(await change(consumer.api, row, body), 403)
    expectRefusal(await change(other.api, row, body), 403, 404)
    expectRefusal(await change(ownerReader.api, row, body), 403)
    expectRefusal(await change(stranger.api, row, body), 404)
    expectRefusal(await change(owner.api, `${path}/shares/${stranger.projectId}`, body), 404)
  })
}

const runEnd = async ({ actors, images, own }: Scene) => {
  const { owner, consumer } = actors
  await own('a share ends at its date by itself, for show, list, download and answer alike', async () => {
    const image = await images.active()
    const path = `/v2/images/${image}`
    expectStatus(await share(owner, image, consumer, { ends_at: inSeconds(2) }), 200)
    expectStatus(await consumer.api.put(`${path}/members/${consumer.projectId}`, { status: 'accepted' }), 200)
    expectEqual(imageIds(await consumer.api.get(`/v2/images?id=${image}`)), [image], 'the images listed before')
    await eventually(
      async () => (await consumer.api.get(path)).status,
      (status) => status === 404,
      'the end of the share',
    )
    expectRefusal(await consumer.api.get(`${path}/file`), 404)
    expectRefusal(await consumer.api.put(`${path}/members/${consumer.projectId}`, { status: 'accepted' }), 404)
    // The list may lag by up to a second.
    await eventually(
      async () => imageIds(await consumer.api.get(`/v2/images?id=${image}&member_status=all`)).length,
      (count) => count === 0,
      'the end of the share in the list',
    )
    await eventually(
      async () => listAt((await owner.api.get(`${path}/members`)).json, 'members').length,
      (count) => count === 0,
      'the end of the row',
    )
    await images.share(image, consumer)
    expectField(await owner.api.get(`${path}/shares`), ['shares', 0, 'ends_at'], null)
  })
  await own('expiry racing accept: an answer at the end never brings the share back', async () => {
    const several = await Promise.all(Array.from({ length: 4 }, () => images.queued()))
    const end = inSeconds(2)
    const made = { action: 'share', images: several, projects: [consumer.projectId], ends_at: end }
    expectStatus(await owner.api.post('/v2/shares', made), 200)
    const until = Date.parse(end) + 300
    while (Date.now() < until) {
      await Promise.all(
        several.map(async (image) => {
          const path = `/v2/images/${image}/members/${consumer.projectId}`
          expectStatus(await consumer.api.put(path, { status: 'accepted' }), 200, 404)
        }),
      )
      await sleep(30)
    }
    await sleep(1500)
    for (const image of several) {
      expectStatus(await consumer.api.get(`/v2/images/${image}`), 404)
      expectMembers(await owner.api.get(`/v2/images/${image}/members`), [])
    }
  })
}

const runMembership = async ({ actors, images, own }: Scene) => {
  const { owner, ownerReader, consumer, consumerReader, stranger, admin } = actors
  const image = await images.active()
  const path = `/v2/images/${image}`
  const ends = inSeconds(dayS)
  expectStatus(await share(owner, image, consumer, { message: 'Take this', ends_at: ends }), 200)

  await own('include=membership tells a consumer of its share, on show and list', async () => {
    const handle = await handleOf(owner)
    for (const actor of [consumer, consumerReader]) {
      const shown = expectStatus(await actor.api.get(`${path}?include=membership`), 200)
      const listed = await actor.api.get(`/v2/images?id=${image}&member_status=all&include=membership`)
      expectEqual(imageIds(listed), [image], 'the images listed')
      const memberships = [at(shown.json, 'membership'), at(listed.json, 'images', 0, 'membership')]
      for (const membership of memberships) {
        expectDocument({ ...shown, json: membership }, MembershipSchema)
        const { shared_at: _at, ...rest } = objectAt(membership)
        expectEqual(
          rest,
          {
            status: 'pending',
            shared_by: owner.projectId,
            producer: handle,
            message: 'Take this',
            ends_at: ends,
            withdrawn: false,
            key_state: 'not_needed',
          },
          'the membership',
        )
      }
    }
  })
  await own('everyone else gets no membership, and without asking nobody does', async () => {
    for (const actor of [owner, ownerReader, admin]) {
      expectField(expectStatus(await actor.api.get(`${path}?include=membership`), 200), ['membership'], undefined)
      const listed = expectStatus(await actor.api.get(`/v2/images?id=${image}&include=membership`), 200)
      expectField(listed, ['images', 0, 'membership'], undefined)
    }
    expectField(expectStatus(await consumer.api.get(path), 200), ['membership'], undefined)
    const listed = await consumer.api.get(`/v2/images?id=${image}&member_status=all`)
    expectField(listed, ['images', 0, 'membership'], undefined)
    expectRefusal(await stranger.api.get(`${path}?include=membership`), 404)
  })
  await own('a public image without a share has no membership', async () => {
    const open = await images.active({ visibility: 'public' })
    const answer = expectStatus(await consumer.api.get(`/v2/images/${open}?include=membership`), 200)
    expectField(answer, ['membership'], undefined)
  })
  await own('the links of a list keep include', async () => {
    const answer = expectStatus(await consumer.api.get('/v2/images?limit=1&member_status=all&include=membership'), 200)
    for (const name of ['first', 'next']) {
      const link = at(answer.json, name)
      if (typeof link === 'string' && !link.includes('include=membership')) throw new Error(`${name} is ${link}`)
    }
  })
}

export const sharesTerms: Group = {
  name: 'terms and end of shares',
  own: true,
  async run(scene) {
    await runShares(scene)
    await runEnd(scene)
    await runMembership(scene)
  },
}
