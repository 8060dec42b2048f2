import { InboxAnswersSchema, InboxSchema } from '@vitrine/contract'
import type { Actor } from '../../actors.ts'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectField, expectMatch, expectStatus, imageIds } from '../../expect.ts'
import { dayS, expectRefusal, inboxOf, inSeconds, walk } from '../../extensions.ts'
import { at, type Json, listAt, stringAt } from '../../json.ts'
import type { Group, Scene } from '../../suite.ts'

const answer = async (actor: Actor, body: { [key: string]: Json }) =>
  expectDocument(expectStatus(await actor.api.post('/v2/inbox/answers', body), 200), InboxAnswersSchema)

const waiting = async (actor: Actor, image: string, status?: string): Promise<boolean> =>
  (await inboxOf(actor, status)).has(image)

const runReading = async ({ actors, images, own }: Scene) => {
  const { owner, consumer, consumerReader, other } = actors
  await own('the inbox shows what waits: image, from whom, message, end', async () => {
    const image = await images.active({ name: 'for the inbox' })
    const ends = inSeconds(dayS)
    const terms = { images: [image], projects: [consumer.projectId], message: 'look', ends_at: ends }
    expectStatus(await owner.api.post('/v2/shares', { action: 'share', ...terms }), 200)
    for (const actor of [consumer, consumerReader]) {
      expectDocument(expectStatus(await actor.api.get('/v2/inbox'), 200), InboxSchema)
      const item = (await inboxOf(actor)).get(image)
      const shown = {
        name: at(item, 'image', 'name'),
        size: at(item, 'image', 'size'),
        shared_by: at(item, 'membership', 'shared_by'),
        message: at(item, 'membership', 'message'),
        ends_at: at(item, 'membership', 'ends_at'),
        status: at(item, 'membership', 'status'),
      }
      expectEqual(
        shown,
        {
          name: 'for the inbox',
          size: 10,
          shared_by: owner.projectId,
          message: 'look',
          ends_at: ends,
          status: 'pending',
        },
        'the item',
      )
      expectMatch(stringAt(item, 'image', 'os_hash_value'), /^[0-9a-f]{32,}$/, 'the hash')
    }
    expectEqual(await waiting(other, image), false, 'it waits for another project')
    expectEqual(await waiting(owner, image), false, 'it waits for its owner')
  })
  await own('newest share first; pages of one are the whole without gap or double', async () => {
    const several: string[] = []
    for (let count = 0; count < 5; count++) {
      const image = await images.queued()
      await images.share(image, other)
      several.unshift(image)
    }
    const ids = (items: Json[]) =>
      items
        .filter((item) => at(item, 'kind') === 'share')
        .map((item) => stringAt(item, 'image', 'id'))
        .filter((id) => several.includes(id))
    expectEqual(ids(await walk(other.api, '/v2/inbox?limit=100', 'items')), several, 'the order')
    expectEqual(ids(await walk(other.api, '/v2/inbox?limit=1', 'items')), several, 'the order, page by page')
    expectEqual(ids(await walk(other.api, '/v2/inbox?limit=2', 'items')), several, 'the order, by two')
  })
  await own('status picks pending, accepted, rejected or all', async () => {
    const made: Record<string, string> = {}
    for (const status of ['pending', 'accepted', 'rejected']) {
      const image = await images.queued()
      await images.share(image, consumer, status)
      made[status] = image
    }
    for (const asked of ['pending', 'accepted', 'rejected', 'all']) {
      const found = await inboxOf(consumer, asked)
      for (const [status, image] of Object.entries(made))
        expectEqual(found.has(image), asked === status || asked === 'all', `${status} in status=${asked}`)
    }
  })
  for (const query of ['status=new', 'status=PENDING', 'limit=-1', 'limit=x', 'marker=nobody'])
    await own(`an inbox asked with ${query} is 400`, async () => {
      expectRefusal(await consumer.api.get(`/v2/inbox?${query}`), 400)
    })
  await own('an image that became private leaves the inbox', async () => {
    const image = await images.queued()
    await images.share(image, consumer)
    expectEqual(await waiting(consumer, image), true, 'it waits')
    expectStatus(
      await owner.api.patch(`/v2/images/${image}`, [{ op: 'replace', path: '/visibility', value: 'private' }]),
      200,
    )
    expectEqual(await waiting(consumer, image, 'all'), false, 'it waits')
  })
}

const runAnswers = async ({ actors, images, own }: Scene) => {
  const { owner, consumer, other, stranger } = actors
  const shared = async (count: number, to: Actor) => {
    const several: string[] = []
    for (let made = 0; made < count; made++) several.push(await images.queued())
    for (const image of several) await images.share(image, to)
    return several
  }
  for (const word of ['accepted', 'rejected', 'pending'] as const)
    await own(`several shares are answered ${word} in one call`, async () => {
      const several = await shared(2, consumer)
      const result = await answer(consumer, { answer: word, images: several })
      expectEqual(
        listAt(result.json, 'results')
          .map((row) => `${at(row, 'image_id')} ${at(row, 'result')}`)
          .sort(),
        several.map((image) => `${image} ${word}`).sort(),
        'the results',
      )
      for (const image of several)
        expectField(await owner.api.get(`/v2/images/${image}/members/${consumer.projectId}`), ['status'], word)
    })
  await own('an answer is the same when it is given again', async () => {
    const [image = ''] = await shared(1, consumer)
    const first = await answer(consumer, { answer: 'accepted', images: [image] })
    expectEqual((await answer(consumer, { answer: 'accepted', images: [image] })).json, first.json, 'the answer')
  })
  await own('accept without naming answers everything that waits', async () => {
    const several = await shared(3, other)
    for (let more: Json | undefined = true; more === true; )
      more = at((await answer(other, { answer: 'accepted' })).json, 'more')
    expectEqual((await inboxOf(other)).size, 0, 'shares that still wait')
    for (const image of several) expectEqual(imageIds(await other.api.get(`/v2/images?id=${image}`)), [image], 'listed')
  })
  await own('what is not shared with the caller fails as what is not there', async () => {
    const [foreign = ''] = await shared(1, other)
    const absent = crypto.randomUUID()
    const tell = async (image: string) =>
      (await answer(stranger, { answer: 'accepted', images: [image] })).text.replaceAll(image, 'ID')
    expectEqual(await tell(foreign), await tell(absent), 'the answer')
    expectField(await answer(stranger, { answer: 'accepted', images: [foreign] }), ['results', 0, 'result'], 'failed')
    expectField(await owner.api.get(`/v2/images/${foreign}/members/${other.projectId}`), ['status'], 'pending')
  })
  await own('one failure does not keep the others back', async () => {
    const [image = ''] = await shared(1, consumer)
    const result = await answer(consumer, { answer: 'accepted', images: [crypto.randomUUID(), image] })
    const found = listAt(result.json, 'results').find((row) => at(row, 'image_id') === image)
    expectEqual(at(found, 'result'), 'accepted', 'the result')
  })
  await own('block rejects, and the producer is blocked from then on', async () => {
    const [image = '', next = ''] = [...(await shared(1, other)), await images.queued()]
    const result = await answer(other, { answer: 'block', images: [image] })
    try {
      expectField(result, ['results', 0, 'result'], 'blocked')
      expectField(result, ['blocked'], [owner.projectId])
      await images.share(next, other)
      expectEqual(await waiting(other, next, 'all'), false, 'a share of a blocked producer waits')
    } finally {
      for (const rule of await walk(other.api, '/v2/rules', 'rules'))
        await other.api.delete(`/v2/rules/${stringAt(rule, 'id')}`)
    }
    expectEqual(await waiting(other, next), true, 'once the rule is gone, it waits')
  })
  const refused: [what: string, body: Json][] = [
    ['nothing', {}],
    ['an array', ['accepted']],
    ['an unknown answer', { answer: 'later' }],
    ['capitals', { answer: 'ACCEPTED', images: ['i'] }],
    ['no images in a list', { answer: 'accepted', images: [] }],
    ['block of everything', { answer: 'block' }],
    ['an unknown key', { answer: 'accepted', image: 'i' }],
    ['1001 images', { answer: 'accepted', images: Array.from({ length: 1001 }, (_, index) => `i${index}`) }],
  ]
  for (const [what, body] of refused)
    await own(`an answer of ${what} is 400`, async () => {
      expectRefusal(await consumer.api.post('/v2/inbox/answers', body), 400)
    })
}

export const inbox: Group = {
  name: 'inbox',
  own: true,
  async run(scene) {
    await runReading(scene)
    await runAnswers(scene)
  },
}
