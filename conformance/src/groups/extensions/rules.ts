import { RuleSchema, RulesSchema } from '@vitrine/contract'
import type { Actor } from '../../actors.ts'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectField, expectStatus, imageIds } from '../../expect.ts'
import { expectRefusal, handleOf, inboxOf, published, ruled } from '../../extensions.ts'
import { at, type Json, listAt, objectAt, stringAt } from '../../json.ts'
import { eventually, type Group, type Scene } from '../../suite.ts'

const ruleOf = async (actor: Actor, id: string): Promise<Json | undefined> => {
  const answer = expectDocument(expectStatus(await actor.api.get('/v2/rules'), 200), RulesSchema)
  return listAt(answer.json, 'rules').find((rule) => at(rule, 'id') === id)
}

const share = async (owner: Actor, image: string, consumer: Actor) =>
  expectStatus(await owner.api.post(`/v2/images/${image}/members`, { member: consumer.projectId }), 200)

const listed = async (actor: Actor, image: string, query = ''): Promise<boolean> =>
  imageIds(await actor.api.get(`/v2/images?id=${image}${query}`)).length > 0

const runLife = async (scene: Scene) => {
  const { actors, own } = scene
  const { owner, consumer, consumerReader, other } = actors
  await own('a rule is made, listed and taken back', async () => {
    const handle = await handleOf(owner)
    const made = await consumer.api.post('/v2/rules', { kind: 'accept', producer: `@${handle}` })
    expectDocument(expectStatus(made, 201), RuleSchema)
    const { kind, producer_id, producer, listing, mode, reported } = objectAt(made.json)
    expectEqual(
      { kind, producer_id, producer, listing, mode, reported },
      { kind: 'accept', producer_id: owner.projectId, producer: handle, listing: null, mode: 'enforce', reported: 0 },
      'the rule',
    )
    const id = stringAt(made.json, 'id')
    expectEqual(await ruleOf(consumerReader, id), made.json, 'the rule in the list')
    expectEqual(await ruleOf(other, id), undefined, 'the rule in the list of another')
    expectRefusal(await consumer.api.post('/v2/rules', { kind: 'accept', producer: owner.projectId }), 409)
    expectRefusal(await other.api.delete(`/v2/rules/${id}`), 404)
    expectStatus(await consumer.api.delete(`/v2/rules/${id}`), 204)
    expectRefusal(await consumer.api.delete(`/v2/rules/${id}`), 404)
  })
  const refused: [what: string, body: Json][] = [
    ['nothing', {}],
    ['an array', []],
    ['without a producer', { kind: 'block' }],
    ['an unknown kind', { kind: 'hide', producer: 'p' }],
    ['an unknown mode', { kind: 'block', producer: 'p', mode: 'dry' }],
    ['an unknown key', { kind: 'block', producer: 'p', image: 'i' }],
    ['an empty producer', { kind: 'block', producer: '' }],
    ['a producer with a line end', { kind: 'block', producer: 'a\nb' }],
    ['the own project', { kind: 'block', producer: consumer.projectId }],
    ['block with a listing', { kind: 'block', producer: 'p', listing: 'slug' }],
  ]
  for (const [what, body] of refused)
    await own(`a rule of ${what} is 400`, async () => {
      expectRefusal(await consumer.api.post('/v2/rules', body), 400)
    })
  await own('a rule about an unknown handle is refused', async () => {
    expectRefusal(await consumer.api.post('/v2/rules', { kind: 'block', producer: '@nobody-has-this-handle' }), 404)
  })
}

const runAccept = async (scene: Scene) => {
  const { actors, images, own } = scene
  // Whose rules are all taken away must be a project of this run.
  const { owner, other: consumer, stranger: other } = actors
  await own('accept: a new share is pending in the answer and accepted when it is asked for', async () => {
    await ruled(scene, consumer, { kind: 'accept', producer: owner.projectId })
    const [image, forOther] = [await images.active(), await images.active()]
    expectField(await share(owner, image, consumer), ['status'], 'pending')
    expectField(await owner.api.get(`/v2/images/${image}/members/${consumer.projectId}`), ['status'], 'accepted')
    expectEqual(await listed(consumer, image), true, 'it is in the default list')
    await share(owner, forOther, other)
    expectEqual(await listed(other, forOther), false, 'it is in the list of another project')
  })
  await own('accept of one listing leaves shares that did not come by it alone', async () => {
    await ruleEnded(consumer)
    const image = await images.active()
    const { path } = await published(scene, image)
    const slug = path.split('/').at(-1) ?? ''
    await ruled(scene, consumer, { kind: 'accept', producer: `@${await handleOf(owner)}`, listing: slug })
    await share(owner, image, consumer)
    expectField(await owner.api.get(`/v2/images/${image}/members/${consumer.projectId}`), ['status'], 'pending')
  })
}

/** Takes every rule of a project away, for the next expectation. */
const ruleEnded = async (actor: Actor) => {
  const { json } = expectStatus(await actor.api.get('/v2/rules'), 200)
  for (const rule of listAt(json, 'rules'))
    expectStatus(await actor.api.delete(`/v2/rules/${stringAt(rule, 'id')}`), 204)
}

const runBlock = async (scene: Scene) => {
  const { actors, images, own } = scene
  // Whose rules are all taken away must be a project of this run.
  const { owner, other: consumer, stranger: other } = actors
  await own('a blocked producer: shares appear in no list and no inbox, yet can be used by id', async () => {
    await ruleEnded(consumer)
    const before = await images.active()
    await share(owner, before, consumer)
    const rule = await ruled(scene, consumer, { kind: 'block', producer: owner.projectId })
    const after = await images.active()
    await share(owner, after, consumer)
    for (const image of [before, after]) {
      for (const query of ['', '&member_status=all', '&member_status=pending', '&visibility=shared&member_status=all'])
        expectEqual(await listed(consumer, image, query), false, `it is in the list "${query}"`)
      expectEqual((await inboxOf(consumer, 'all')).has(image), false, 'it is in the inbox')
      expectStatus(await consumer.api.get(`/v2/images/${image}`), 200)
      expectStatus(await consumer.api.get(`/v2/images/${image}/file`), 200)
    }
    expectStatus(await consumer.api.delete(`/v2/rules/${rule}`), 204)
    for (const image of [before, after]) {
      expectEqual(await listed(consumer, image, '&member_status=all'), true, 'it is listed without the rule')
      expectEqual((await inboxOf(consumer)).has(image), true, 'it waits without the rule')
    }
  })
  await own('a blocked producer notices nothing: the same answers, byte for byte', async () => {
    await ruleEnded(consumer)
    const image = await images.active()
    await ruled(scene, consumer, { kind: 'block', producer: owner.projectId })
    const seen = async (actor: Actor) => {
      const made = await share(owner, image, actor)
      const row = await owner.api.get(`/v2/images/${image}/members/${actor.projectId}`)
      const shares = expectStatus(await owner.api.get(`/v2/images/${image}/shares`), 200)
      const terms = listAt(shares.json, 'shares').find((item) => at(item, 'project_id') === actor.projectId)
      return [made.text, row.text, JSON.stringify(terms)].map((text) =>
        text.replaceAll(actor.projectId, 'PROJECT').replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'TIME'),
      )
    }
    expectEqual(await seen(consumer), await seen(other), 'the answers')
    const log = expectStatus(await owner.api.get(`/v2/images/${image}/events`), 200)
    if (/block|rule/.test(log.text)) throw new Error('the log of the image tells of the rule')
  })
  await own('what was accepted before a block stays', async () => {
    await ruleEnded(consumer)
    const image = await images.active()
    await images.share(image, consumer, 'accepted')
    await ruled(scene, consumer, { kind: 'block', producer: owner.projectId })
    expectEqual(await listed(consumer, image), true, 'it is in the default list')
  })
  await own('block beats accept', async () => {
    await ruleEnded(consumer)
    await ruled(scene, consumer, { kind: 'accept', producer: owner.projectId })
    await ruled(scene, consumer, { kind: 'block', producer: owner.projectId })
    const image = await images.active()
    await share(owner, image, consumer)
    expectEqual(await listed(consumer, image, '&member_status=all'), false, 'it is listed')
  })
}

const runAudit = async (scene: Scene) => {
  const { actors, images, own } = scene
  const { owner, other: consumer } = actors
  for (const kind of ['accept', 'block'])
    await own(`a rule that only reports does nothing, and counts what it would do: ${kind}`, async () => {
      await ruleEnded(consumer)
      const rule = await ruled(scene, consumer, { kind, producer: owner.projectId, mode: 'audit' })
      const image = await images.active()
      await share(owner, image, consumer)
      expectEqual((await inboxOf(consumer)).has(image), true, 'it waits')
      await eventually(
        async () => at(await ruleOf(consumer, rule), 'reported') ?? null,
        (reported) => reported === 1,
        'the report',
      )
      const log = expectStatus(await owner.api.get(`/v2/images/${image}/events`), 200)
      if (log.text.includes('rule.report')) throw new Error('the owner is told of the rule')
    })
}

export const rules: Group = {
  name: 'rules of a project',
  own: true,
  async run(scene) {
    await runLife(scene)
    await runAccept(scene)
    await runBlock(scene)
    await runAudit(scene)
  },
}
