import { ShareManyResultSchema } from '@vitrine/contract'
import type { Actor } from '../../actors.ts'
import type { Answer } from '../../client.ts'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectField, expectMembers, expectStatus } from '../../expect.ts'
import { dayS, expectRefusal, inSeconds, unique } from '../../extensions.ts'
import { at, type Json, listAt } from '../../json.ts'
import type { Group, Scene } from '../../suite.ts'
import { unknownProject } from '../members-matrix.ts'

type Body = { [key: string]: Json }

const shareMany = async (actor: Actor, body: Body): Promise<Answer> =>
  expectDocument(
    expectStatus(await actor.api.post('/v2/shares', { action: 'share', ...body }), 200),
    ShareManyResultSchema,
  )

/** The results as `image project result`, in any order. */
const outcomes = (answer: Answer): string[] =>
  listAt(answer.json, 'results')
    .map((row) => `${at(row, 'image_id')} ${at(row, 'project')} ${at(row, 'result')}`)
    .sort()

const pairs = (images: string[], projects: string[], result: string): string[] =>
  images.flatMap((image) => projects.map((project) => `${image} ${project} ${result}`)).sort()

const codes = (answer: Answer): Json[] => listAt(answer.json, 'results').map((row) => at(row, 'error', 'code') ?? null)

const runOutcomes = async ({ actors, images, own }: Scene) => {
  const { owner, consumer, other, stranger } = actors
  const two = async () => [await images.queued(), await images.queued()]
  const projects = [consumer.projectId, other.projectId]

  await own('every image is shared with every project, with a result for each pair', async () => {
    const both = await two()
    const answer = await shareMany(owner, { images: both, projects })
    expectField(answer, ['applied'], true)
    expectEqual(outcomes(answer), pairs(both, projects, 'shared'), 'the results')
    for (const image of both) {
      expectMembers(await owner.api.get(`/v2/images/${image}/members`), projects)
      expectField(await owner.api.get(`/v2/images/${image}/members`), ['members', 0, 'status'], 'pending')
    }
  })
  await own('what is shared already is unchanged, and keeps its answer', async () => {
    const image = await images.queued()
    await images.share(image, consumer, 'accepted')
    const answer = await shareMany(owner, { images: [image], projects })
    expectEqual(
      outcomes(answer),
      [...pairs([image], [consumer.projectId], 'unchanged'), ...pairs([image], [other.projectId], 'shared')].sort(),
      'the results',
    )
    expectField(await owner.api.get(`/v2/images/${image}/members/${consumer.projectId}`), ['status'], 'accepted')
  })
  await own('unshare ends shares; a second time nothing changes', async () => {
    const both = await two()
    await shareMany(owner, { images: both, projects })
    const first = await shareMany(owner, { action: 'unshare', images: both, projects })
    expectEqual(outcomes(first), pairs(both, projects, 'unshared'), 'the results')
    expectStatus(await consumer.api.get(`/v2/images/${both[0]}`), 404)
    const second = await shareMany(owner, { action: 'unshare', images: both, projects })
    expectEqual(outcomes(second), pairs(both, projects, 'unchanged'), 'the results')
  })
  await own('each pair fails for itself, with its error, and the others are done', async () => {
    const good = await images.queued()
    const privateOne = await images.queued({ visibility: 'private' })
    const foreign = await images.queued({}, stranger)
    await images.share(foreign, owner)
    const invisible = await images.queued({ visibility: 'private' }, stranger)
    const named = [good, privateOne, foreign, invisible, 'not-an-id']
    const answer = await shareMany(owner, { images: named, projects: [consumer.projectId] })
    expectField(answer, ['applied'], true)
    const found = new Map(listAt(answer.json, 'results').map((row) => [at(row, 'image_id'), at(row, 'error', 'code')]))
    expectEqual(
      named.map((image) => found.get(image)),
      [undefined, 'members_need_shared', 'members_by_owner', 'image_not_found', 'image_not_found'],
      'the errors',
    )
    expectMembers(await owner.api.get(`/v2/images/${good}/members`), [consumer.projectId])
  })
  await own('an image that is invisible fails as one that is not there', async () => {
    const invisible = await images.queued({ visibility: 'private' }, stranger)
    const absent = crypto.randomUUID()
    const tell = async (id: string) => (await shareMany(owner, { images: [id], projects })).text.replaceAll(id, 'ID')
    expectEqual(await tell(invisible), await tell(absent), 'the answer')
  })
  await own('a consumer shares nothing further', async () => {
    const image = await images.queued()
    await images.share(image, consumer, 'accepted')
    expectEqual(codes(await shareMany(consumer, { images: [image], projects: ['p'] })), ['members_by_owner'], 'errors')
    expectEqual(codes(await shareMany(stranger, { images: [image], projects: ['p'] })), ['image_not_found'], 'errors')
    expectMembers(await owner.api.get(`/v2/images/${image}/members`), [consumer.projectId])
  })
}

const runAtomic = async ({ actors, images, own }: Scene) => {
  const { owner, consumer, other, stranger } = actors
  const projects = [consumer.projectId, other.projectId]
  await own('atomic: one failure, and nothing is applied, but every pair is told', async () => {
    const good = await images.queued()
    const bad = await images.queued({ visibility: 'private' }, stranger)
    const answer = await shareMany(owner, { images: [good, bad], projects, atomic: true })
    expectField(answer, ['applied'], false)
    expectEqual(listAt(answer.json, 'results').length, 4, 'the number of results')
    expectMembers(await owner.api.get(`/v2/images/${good}/members`), [])
  })
  await own('atomic: without a failure all is applied', async () => {
    const both = [await images.queued(), await images.queued()]
    const answer = await shareMany(owner, { images: both, projects, atomic: true })
    expectField(answer, ['applied'], true)
    expectEqual(outcomes(answer), pairs(both, projects, 'shared'), 'the results')
    for (const image of both) expectMembers(await owner.api.get(`/v2/images/${image}/members`), projects)
  })
  await own('a dry run tells the same results and changes nothing', async () => {
    const good = await images.queued()
    const bad = await images.queued({ visibility: 'private' })
    await images.share(good, consumer)
    for (const atomic of [false, true]) {
      const body = { images: [good, bad], projects, atomic }
      const dry = await shareMany(owner, { ...body, dry_run: true })
      expectField(dry, ['applied'], false)
      expectMembers(await owner.api.get(`/v2/images/${good}/members`), [consumer.projectId])
      const real = await shareMany(owner, body)
      expectEqual(outcomes(dry), outcomes(real), `the results, atomic ${atomic}`)
      expectEqual(codes(dry), codes(real), `the errors, atomic ${atomic}`)
      await shareMany(owner, { action: 'unshare', images: [good], projects: [other.projectId] })
    }
  })
  await own('a dry run of unshare changes nothing', async () => {
    const image = await images.queued()
    await images.share(image, consumer)
    const answer = await shareMany(owner, { action: 'unshare', images: [image], projects, dry_run: true })
    expectField(answer, ['applied'], false)
    expectStatus(await consumer.api.get(`/v2/images/${image}`), 200)
  })
  await own('the quota of members holds for many at once: 128, and the rest fails', async () => {
    const many = Array.from({ length: 130 }, unknownProject)
    const image = await images.queued()
    const whole = await shareMany(owner, { images: [image], projects: many, atomic: true })
    expectField(whole, ['applied'], false)
    expectMembers(await owner.api.get(`/v2/images/${image}/members`), [])
    const each = await shareMany(owner, { images: [image], projects: many })
    expectEqual(codes(each).filter((code) => code === 'member_quota').length, 2, 'pairs beyond the quota')
    expectEqual(listAt((await owner.api.get(`/v2/images/${image}/members`)).json, 'members').length, 128, 'members')
  })
}

const runTerms = async ({ actors, images, own }: Scene) => {
  const { owner, consumer, stranger } = actors
  await own('message and end go to every share made', async () => {
    const image = await images.queued()
    const ends = inSeconds(30 * dayS)
    await shareMany(owner, { images: [image], projects: [consumer.projectId], message: 'Hello\nthere', ends_at: ends })
    const shares = await owner.api.get(`/v2/images/${image}/shares`)
    expectField(shares, ['shares', 0, 'message'], 'Hello\nthere')
    expectField(shares, ['shares', 0, 'ends_at'], ends)
  })
  await own('enumeration of projects: sharing by name answers the same whether the project exists', async () => {
    const image = await images.queued()
    const domain = stranger.projectName.replace(/^.*@/, '')
    const tell = async (name: string) => {
      const answer = await shareMany(owner, { images: [image], projects: [name] })
      expectEqual(outcomes(answer), [`${image} ${name} invited`], 'the results')
      return answer.text.replaceAll(name, 'NAME')
    }
    expectEqual(await tell(`${unique()}@${domain}`), await tell(stranger.projectName), 'the answer')
    expectStatus(await stranger.api.get(`/v2/images/${image}`), 404)
    expectMembers(await owner.api.get(`/v2/images/${image}/members`), [])
  })
  await own('who is invited by name finds it in the inbox and joins by accepting', async () => {
    const image = await images.active({ name: 'by name' })
    await shareMany(owner, { images: [image], projects: [consumer.projectName], message: 'for you' })
    const inbox = expectStatus(await consumer.api.get('/v2/inbox'), 200)
    if (inbox.text.includes(image))
      throw new Error('the inbox tells the id of the image before the invitation is claimed')
    const waiting = listAt(inbox.json, 'items').find((item) => at(item, 'invitation', 'message') === 'for you')
    const id = String(at(waiting, 'invitation', 'id'))
    const answered = await consumer.api.post('/v2/inbox/answers', { answer: 'accepted', invitations: [id] })
    expectField(expectStatus(answered, 200), ['results', 0, 'result'], 'accepted')
    expectField(await owner.api.get(`/v2/images/${image}/members/${consumer.projectId}`), ['status'], 'accepted')
  })
  await own('the same image or project named twice makes one share', async () => {
    const image = await images.queued()
    const twice = { images: [image, image], projects: [consumer.projectId, consumer.projectId] }
    expectEqual(
      outcomes(await shareMany(owner, { ...twice, atomic: true })),
      [`${image} ${consumer.projectId} shared`],
      'it',
    )
    expectMembers(await owner.api.get(`/v2/images/${image}/members`), [consumer.projectId])
  })
  await own('results stand in the order of the call, images first', async () => {
    const both = [await images.queued(), await images.queued()]
    for (const order of [both, both.toReversed()]) {
      const answer = await shareMany(owner, { images: order, projects: ['q', 'p'], dry_run: true })
      expectEqual(
        listAt(answer.json, 'results').map((row) => `${at(row, 'image_id')} ${at(row, 'project')}`),
        order.flatMap((image) => [`${image} q`, `${image} p`]),
        'the order',
      )
    }
  })
  await own('to unshare a name revokes its invitation, or ends the share that came of it', async () => {
    const [claimed, waiting] = [await images.queued(), await images.queued()]
    const named = { images: [claimed, waiting], projects: [consumer.projectName] }
    await shareMany(owner, named)
    const open = expectStatus(await owner.api.get(`/v2/invitations?image=${claimed}`), 200)
    const id = String(at(open.json, 'invitations', 0, 'id'))
    expectStatus(await consumer.api.post('/v2/invitation-claims', { invitation: id }), 200)
    const answer = await shareMany(owner, { action: 'unshare', ...named })
    expectEqual(outcomes(answer), pairs([claimed, waiting], [consumer.projectName], 'unshared'), 'the results')
    expectStatus(await consumer.api.get(`/v2/images/${claimed}`), 404)
    const states = await owner.api.get(`/v2/invitations?image=${waiting}`)
    expectField(states, ['invitations', 0, 'state'], 'revoked')
  })
}

const bad: [what: string, body: Json][] = [
  ['an array', []],
  ['without an action', { action: null, images: ['i'], projects: ['p'] }],
  ['an unknown action', { action: 'give', images: ['i'], projects: ['p'] }],
  ['no image', { action: 'share', images: [], projects: ['p'] }],
  ['no project', { action: 'share', images: ['i'], projects: [] }],
  ['images as text', { action: 'share', images: 'i', projects: ['p'] }],
  ['a number as project', { action: 'share', images: ['i'], projects: [1] }],
  ['a project with a slash', { action: 'share', images: ['i'], projects: ['a/b'] }],
  ['a project with a line end', { action: 'share', images: ['i'], projects: ['a\r\nb'] }],
  ['a project of 256 characters', { action: 'share', images: ['i'], projects: ['p'.repeat(256)] }],
  ['an unknown key', { action: 'share', images: ['i'], projects: ['p'], status: 'accepted' }],
  ['dry_run as text', { action: 'share', images: ['i'], projects: ['p'], dry_run: 'true' }],
  ['unshare with a message', { action: 'unshare', images: ['i'], projects: ['p'], message: 'bye' }],
  ['an end that is no instant', { action: 'share', images: ['i'], projects: ['p'], ends_at: 'tomorrow' }],
  ['a day that does not exist', { action: 'share', images: ['i'], projects: ['p'], ends_at: '2099-02-30T00:00:00Z' }],
  ['an end in the past', { action: 'share', images: ['i'], projects: ['p'], ends_at: '2020-01-01T00:00:00Z' }],
  ['a message of 2001 characters', { action: 'share', images: ['i'], projects: ['p'], message: 'm'.repeat(2001) }],
  ['a message that turns the writing', { action: 'share', images: ['i'], projects: ['p'], message: 'a\u202eb' }],
  ['a message with an escape character', { action: 'share', images: ['i'], projects: ['p'], message: 'a\u001b[31m' }],
  [
    'more than 1000 pairs',
    {
      action: 'share',
      images: Array(40)
        .fill('i')
        .map((i, n) => `${i}${n}`),
      projects: Array(26)
        .fill('p')
        .map((p, n) => `${p}${n}`),
    },
  ],
]

const runBodies = async ({ actors, own }: Scene) => {
  for (const [what, body] of bad)
    await own(`a body that is ${what}: 400`, async () => {
      expectRefusal(await actors.owner.api.post('/v2/shares', body), 400)
    })
}

const runRaces = async ({ actors, images, own }: Scene) => {
  const { owner, consumer } = actors
  await own('mass shares at once: the same call ten times makes each share once', async () => {
    const both = [await images.queued(), await images.queued()]
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        shareMany(owner, { images: both, projects: [consumer.projectId], atomic: true }),
      ),
    )
    const made = answers.flatMap(outcomes).filter((row) => row.endsWith(' shared'))
    expectEqual(made.sort(), pairs(both, [consumer.projectId], 'shared'), 'the shares made')
  })
  await own('crossing batches never block one another: both answer, all is shared', async () => {
    const several = await Promise.all(Array.from({ length: 6 }, () => images.queued()))
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all(
        [several, several.toReversed(), several, several.toReversed()].map((order) =>
          shareMany(owner, { images: order, projects: [unknownProject(), unknownProject()], atomic: true }),
        ),
      )
      for (const answer of answers) expectField(answer, ['applied'], true)
    }
  })
}

export const sharesMany: Group = {
  name: 'shares of many images with many projects',
  own: true,
  async run(scene) {
    await runOutcomes(scene)
    await runAtomic(scene)
    await runTerms(scene)
    await runBodies(scene)
    await runRaces(scene)
  },
}
