import type { Actor } from '../../actors.ts'
import type { Answer } from '../../client.ts'
import { expectEqual, expectField, expectMembers, expectStatus } from '../../expect.ts'
import { change, dayS, handleOf, inSeconds, published, unique } from '../../extensions.ts'
import { at, listAt, stringAt } from '../../json.ts'
import type { Group, Scene } from '../../suite.ts'

const rounds = 5

const statuses = (answers: Answer[]): number[] => answers.map(({ status }) => status).sort()

/** The same call several times at once. */
const atOnce = (times: number, send: (index: number) => Promise<Answer>): Promise<Answer[]> =>
  Promise.all(Array.from({ length: times }, (_, index) => send(index)))

const one = (first: number, others: number, times: number): number[] => [first, ...Array(times - 1).fill(others)]

/** Deletes what a race made, so that the next one has room. */
const removeAll = async (actor: Actor, path: string, key: string): Promise<void> => {
  const { json } = expectStatus(await actor.api.get(path), 200)
  for (const item of listAt(json, key)) expectStatus(await actor.api.delete(`${path}/${stringAt(item, 'id')}`), 204)
}

const runUnique = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, consumer, other, stranger } = actors

  await own('an image announced five times at once has one listing', async () => {
    await handleOf(owner)
    for (let round = 0; round < rounds; round++) {
      const image_id = await images.queued()
      const answers = await atOnce(5, (index) =>
        owner.api.post('/v2/listings', { image_id, title: `${unique()} ${index}` }),
      )
      for (const answer of answers)
        if (answer.status === 201) await owner.api.delete(`/v2/listings/${stringAt(answer.json, 'id')}`)
      expectEqual(statuses(answers), one(201, 409, 5), 'the answers')
    }
  })
  await own('one slug for five images at once: one has it, the others are refused', async () => {
    const several = await Promise.all(Array.from({ length: 5 }, () => images.queued()))
    const slug = unique()
    const answers = await atOnce(5, (index) =>
      owner.api.post('/v2/listings', { image_id: several[index] ?? '', title: 'One slug', slug }),
    )
    for (const answer of answers)
      if (answer.status === 201) await owner.api.delete(`/v2/listings/${stringAt(answer.json, 'id')}`)
    expectEqual(statuses(answers), one(201, 409, 5), 'the answers')
  })
  await own('images announced at once under one title get an address each', async () => {
    const several = await Promise.all(Array.from({ length: 5 }, () => images.queued()))
    const title = `Same ${unique()}`
    const made = await Promise.all(several.map((image) => published(scene, image, { title })))
    expectEqual(new Set(made.map(({ path }) => path)).size, 5, 'the number of addresses')
  })
  await own('a handle that three projects want at once goes to one', async () => {
    for (let round = 0; round < rounds; round++) {
      const handle = `conformance-${unique()}`
      const rivals = [consumer, other, stranger]
      const answers = await Promise.all(
        rivals.map((actor) => actor.api.put('/v2/producer', { handle, name: `Rival ${unique()}` })),
      )
      expectEqual(answers.filter(({ status }) => status < 300).length, 1, `the winners of ${statuses(answers)}`)
      for (const answer of answers) expectStatus(answer, 200, 201, 409)
    }
  })
  await own('look-alike handles wanted at once go to one', async () => {
    for (let round = 0; round < rounds; round++) {
      const handle = `conformance-o${unique()}`
      const forms = [handle, handle.replace('-o', '-0'), handle.replace('-o', 'o')]
      const answers = await Promise.all(
        [consumer, other, stranger].map((actor, index) =>
          actor.api.put('/v2/producer', { handle: forms[index] ?? handle, name: `Rival ${unique()}` }),
        ),
      )
      expectEqual(answers.filter(({ status }) => status < 300).length, 1, `the winners of ${statuses(answers)}`)
    }
  })
  await own('the same rule made five times at once is one rule', async () => {
    for (let round = 0; round < rounds; round++) {
      const body = { kind: 'block', producer: unique() }
      const answers = await atOnce(5, () => other.api.post('/v2/rules', body))
      expectEqual(statuses(answers), one(201, 409, 5), 'the answers')
    }
    await removeAll(other, '/v2/rules', 'rules')
  })
  await own('the same invitation by name made five times at once is one', async () => {
    const body = { image_id: await images.queued(), project: `${unique()}@example` }
    expectEqual(statuses(await atOnce(5, () => owner.api.post('/v2/invitations', body))), one(201, 409, 5), 'answers')
  })
}

const runQuotas = async (scene: Scene) => {
  const { actors, own } = scene
  const { stranger } = actors
  await own('webhooks wanted at once stay within the quota: ten', async () => {
    await removeAll(stranger, '/v2/webhooks', 'webhooks')
    const answers = await atOnce(16, (index) =>
      stranger.api.post('/v2/webhooks', { url: `https://hooks.example.org/${index}` }),
    )
    const { json } = await stranger.api.get('/v2/webhooks')
    await removeAll(stranger, '/v2/webhooks', 'webhooks')
    expectEqual(statuses(answers), [...Array(10).fill(201), ...Array(6).fill(413)], 'the answers')
    expectEqual(listAt(json, 'webhooks').length, 10, 'the webhooks')
  })
}

const runShares = async ({ actors, images, own }: Scene) => {
  const { owner, consumer, other } = actors
  const shared = async () => {
    const image = await images.queued()
    await images.share(image, consumer)
    return image
  }
  await own('unshare racing accept: a member or none, and the answers fit', async () => {
    for (let round = 0; round < rounds; round++) {
      const image = await shared()
      const [answered, ended] = await Promise.all([
        consumer.api.post('/v2/inbox/answers', { answer: 'accepted', images: [image] }),
        owner.api.post('/v2/shares', { action: 'unshare', images: [image], projects: [consumer.projectId] }),
      ])
      expectStatus(answered, 200)
      expectField(expectStatus(ended, 200), ['results', 0, 'result'], 'unshared')
      expectStatus(await consumer.api.get(`/v2/images/${image}`), 404)
    }
  })
  await own('withdrawal racing a new share: the share is gone, or has the announced end', async () => {
    for (let round = 0; round < rounds; round++) {
      const image = await shared()
      const when = inSeconds(9 * dayS)
      const late = `late-${unique()}`
      const [planned, added] = await Promise.all([
        owner.api.post(`/v2/images/${image}/withdrawal`, { at: when }),
        owner.api.post(`/v2/images/${image}/members`, { member: late }),
      ])
      expectStatus(planned, 200)
      expectStatus(added, 200)
      const { json } = expectStatus(await owner.api.get(`/v2/images/${image}/shares`), 200)
      expectEqual(
        listAt(json, 'shares').map((row) => at(row, 'ends_at')),
        [when, when],
        'the ends',
      )
    }
  })
  await own('a change of terms racing the end of the share: 200 or 404, and no row comes back', async () => {
    for (let round = 0; round < rounds; round++) {
      const image = await shared()
      const [changed, removed] = await Promise.all([
        change(owner.api, `/v2/images/${image}/shares/${consumer.projectId}`, { message: 'm' }),
        owner.api.delete(`/v2/images/${image}/members/${consumer.projectId}`),
      ])
      expectStatus(changed, 200, 404)
      expectStatus(removed, 204)
      expectMembers(await owner.api.get(`/v2/images/${image}/members`), [])
    }
  })
  await own('plan racing cancel: either is told truly, and shares agree with the plan', async () => {
    for (let round = 0; round < rounds; round++) {
      const image = await shared()
      const path = `/v2/images/${image}/withdrawal`
      expectStatus(await owner.api.post(path, { at: inSeconds(5 * dayS) }), 200)
      const when = inSeconds(9 * dayS)
      const [planned, cancelled] = await Promise.all([owner.api.post(path, { at: when }), owner.api.delete(path)])
      expectStatus(planned, 200)
      expectStatus(cancelled, 204)
      const plan = at((await owner.api.get(path)).json, 'planned', 'at') ?? null
      const ends = at((await owner.api.get(`/v2/images/${image}/shares`)).json, 'shares', 0, 'ends_at')
      expectEqual(ends, plan, 'the end of the share')
    }
  })
  await own('a block racing a share of its producer: in the end it is out of sight', async () => {
    for (let round = 0; round < rounds; round++) {
      const image = await images.queued()
      await Promise.all([
        other.api.post('/v2/rules', { kind: 'block', producer: owner.projectId }),
        owner.api.post(`/v2/images/${image}/members`, { member: other.projectId }),
      ])
      const listed = await other.api.get(`/v2/images?id=${image}&member_status=all`)
      await removeAll(other, '/v2/rules', 'rules')
      expectField(expectStatus(listed, 200), ['images'], [])
    }
  })
  await own('claim racing deletion of the image: 200, 404 or 410, and nothing is left', async () => {
    for (let round = 0; round < rounds; round++) {
      const image = await images.queued()
      const { json } = expectStatus(await owner.api.post('/v2/invitations', { image_id: image }), 201)
      const [claimed, removed] = await Promise.all([
        consumer.api.post('/v2/invitation-claims', { code: stringAt(json, 'code') }),
        owner.api.delete(`/v2/images/${image}`),
      ])
      expectStatus(claimed, 200, 404, 410)
      expectStatus(removed, 204)
      expectStatus(await consumer.api.get(`/v2/images/${image}`), 404)
    }
  })
  await own('publishing racing deletion of the image: 201 or 404, and no page is left', async () => {
    for (let round = 0; round < rounds; round++) {
      const image = await images.queued()
      const [made, removed] = await Promise.all([
        owner.api.post('/v2/listings', { image_id: image, title: unique() }),
        owner.api.delete(`/v2/images/${image}`),
      ])
      expectStatus(made, 201, 404)
      expectStatus(removed, 204)
      if (made.status === 201) expectStatus(await actors.nobody.get(stringAt(made.json, 'path')), 404)
    }
  })
  await own('everything at once on one image: no call fails but as it may', async () => {
    const image = await shared()
    const path = `/v2/images/${image}`
    const member = consumer.projectId
    const calls: (() => Promise<Answer>)[] = [
      () => consumer.api.put(`${path}/members/${member}`, { status: 'accepted' }),
      () => consumer.api.post('/v2/inbox/answers', { answer: 'rejected', images: [image] }),
      () => change(owner.api, `${path}/shares/${member}`, { message: unique() }),
      () => owner.api.post('/v2/shares', { action: 'share', images: [image], projects: [member, unique()] }),
      () => owner.api.post(`${path}/withdrawal`, { at: inSeconds(dayS) }),
      () => owner.api.delete(`${path}/withdrawal`),
      () => owner.api.post('/v2/invitations', { image_id: image }),
      () => owner.api.patch(path, [{ op: 'replace', path: '/name', value: unique() }]),
      () => owner.api.put(`${path}/tags/${unique()}`),
      () => owner.api.get(`${path}/statistics`),
      () => consumer.api.get(`${path}?include=membership`),
      () => consumer.api.get('/v2/inbox?status=all'),
    ]
    for (let round = 0; round < rounds; round++) {
      const answers = await Promise.all([...calls, ...calls].map((call) => call()))
      for (const answer of answers) expectStatus(answer, 200, 201, 204, 404, 409)
    }
  })
}

export const extensionRaces: Group = {
  name: 'races about the extensions',
  own: true,
  async run(scene) {
    await runUnique(scene)
    await runQuotas(scene)
    await runShares(scene)
  },
}
