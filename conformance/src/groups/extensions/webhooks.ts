import { DeliveriesSchema, NoticeSchema, WebhookSchema, WebhooksSchema } from '@vitrine/contract'
import { defaultNoticeKinds } from '@vitrine/contract/words'
import type { Actor } from '../../actors.ts'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectField, expectMatch, expectStatus } from '../../expect.ts'
import { change, expectRefusal, unique, walk } from '../../extensions.ts'
import { at, type Json, listAt, objectAt, stringAt } from '../../json.ts'
import { type HookReceiver, signedBy } from '../../receivers.ts'
import { eventually, type Group, type Scene, sleep } from '../../suite.ts'

const webhooks = '/v2/webhooks'

const hooked = async (scene: Scene, actor: Actor, url: string, more: { [key: string]: Json } = {}) => {
  const answer = await actor.api.post(webhooks, { url, ...more })
  if (answer.status < 300) {
    const id = stringAt(answer.json, 'id')
    scene.afterwards(() => actor.api.delete(`${webhooks}/${id}`))
  }
  return answer
}

/** Every spelling of an address that no service should be made to call. */
const forbidden = [
  'http://127.0.0.2/',
  'http://127.1.1.1:8080/',
  'http://0.0.0.0/',
  'http://0/',
  'http://2130706434/',
  'http://0x7f000002/',
  'http://0x7f.0.0.2/',
  'http://0177.0.0.2/',
  'http://127.2/',
  'http://10.0.0.1/',
  'http://172.16.0.1/',
  'http://192.168.1.1/',
  'http://100.64.0.1/',
  'http://169.254.169.254/latest/meta-data/',
  'http://2852039166/',
  'http://0xa9fea9fe/',
  'http://0251.0376.0251.0376/',
  'http://[::]/',
  'http://[::1]/',
  'http://[0:0:0:0:0:0:0:1]/',
  'http://[::ffff:127.0.0.2]/',
  'http://[::ffff:7f00:2]/',
  'http://[::ffff:169.254.169.254]/',
  'http://[64:ff9b::7f00:2]/',
  'http://[64:ff9b::a9fe:a9fe]/',
  'http://[2002:7f00:2::]/',
  'http://[fe80::1]/',
  'http://[fc00::1]/',
  'http://[fd00:ec2::254]/',
  'http://[ff02::1]/',
  'http://224.0.0.1/',
  'http://255.255.255.255/',
  'http://198.18.0.1/',
  'http://\u2460\u2461\u2466.0.0.2/',
  'http://user:secret@example.org/',
  'http://example.org@169.254.169.254/',
  'http://example.org:22/',
  'http://example.org:25/',
  'https://example.org:6/',
  'ftp://example.org/',
  'file:///etc/passwd',
  'gopher://example.org/',
  'javascript:alert(1)',
  '//example.org/',
  'example.org',
  'http://',
  'http://exa mple.org/',
  'http://example.org/\r\nX-Header: 1',
  `http://example.org/${'a'.repeat(2000)}`,
]

const runWebhooks = async (scene: Scene) => {
  const { actors, own } = scene
  const { consumer, consumerReader, other } = actors
  await own('a webhook is added with a secret shown once, changed and removed', async () => {
    const made = expectDocument(
      expectStatus(await hooked(scene, consumer, 'https://hooks.example.org/x'), 201),
      WebhookSchema,
    )
    const secret = stringAt(made.json, 'secret')
    expectMatch(secret, /^whsec_[A-Za-z0-9+/]{32,}={0,2}$/, 'the secret')
    const { enabled, failing_since, kinds } = objectAt(made.json)
    expectEqual([enabled, failing_since], [true, null], 'the webhook')
    expectEqual(kinds, [...defaultNoticeKinds], 'the kinds')
    const path = `${webhooks}/${stringAt(made.json, 'id')}`
    const list = expectDocument(expectStatus(await consumerReader.api.get(webhooks), 200), WebhooksSchema)
    const changed = await change(consumer.api, path, { url: 'https://hooks.example.org/y', enabled: false })
    expectDocument(expectStatus(changed, 200), WebhookSchema)
    expectField(changed, ['enabled'], false)
    for (const { text } of [list, changed]) if (text.includes(secret)) throw new Error('the secret is told again')
    for (const method of ['test', 'replay'])
      expectRefusal(
        await other.api.post(`${path}/${method}`, method === 'replay' ? { since: '2026-01-01T00:00:00Z' } : undefined),
        404,
      )
    expectRefusal(await change(other.api, path, { enabled: true }), 404)
    expectRefusal(await other.api.delete(path), 404)
    expectStatus(await consumer.api.delete(path), 204)
  })
  for (const url of forbidden)
    await own(`a webhook to ${url.slice(0, 50).replaceAll(/[\r\n]/g, '?')} is refused`, async () => {
      expectRefusal(await hooked(scene, consumer, url), 400)
    })
  await own('neither is a webhook changed to such a target', async () => {
    const made = expectStatus(await hooked(scene, consumer, 'https://hooks.example.org/z'), 201)
    const path = `${webhooks}/${stringAt(made.json, 'id')}`
    for (const url of ['http://169.254.169.254/', 'http://[::1]/', 'ftp://example.org/'])
      expectRefusal(await change(consumer.api, path, { url }), 400)
    for (const body of [{}, [], { secret: 'mine' }, { enabled: 'no' }, { kinds: ['all'] }] satisfies Json[])
      expectRefusal(await change(consumer.api, path, body), 400)
    for (const body of [{}, { since: 'yesterday' }, { since: '2026-02-30T00:00:00Z' }, []] satisfies Json[])
      expectRefusal(await consumer.api.post(`${path}/replay`, body), 400)
  })
  await own('the answer for a forbidden target is the same whether anything listens there', async () => {
    const texts: string[] = []
    for (const url of ['http://10.0.0.1:9000/', 'http://192.168.0.1:443/', 'http://169.254.169.254/'])
      texts.push(expectRefusal(await hooked(scene, consumer, url), 400).replace(/\d+(\.\d+){3}(:\d+)?/g, 'ADDRESS'))
    expectEqual(new Set(texts).size, 1, 'the number of different answers')
  })
}

const deliveries = (actor: Actor, query = ''): Promise<Json[]> =>
  walk(actor.api, `/v2/deliveries${query}`, 'deliveries')

const delivered = (actor: Actor, target: string, state: string) =>
  eventually(
    async () => (await deliveries(actor)).filter((item) => at(item, 'target') === target),
    (found) => found.some((item) => at(item, 'state') === state),
    `a delivery ${state} to ${target}`,
  )

const runHookCalls = async (scene: Scene, hooks: HookReceiver) => {
  const { actors, images, own } = scene
  const { consumer, owner, other } = actors
  await own('the test button posts a signed notice', async () => {
    const path = `/${unique()}`
    const made = expectStatus(await hooked(scene, consumer, hooks.url + path), 201)
    expectStatus(await consumer.api.post(`${webhooks}/${stringAt(made.json, 'id')}/test`), 202)
    const [call] = await eventually(
      async () => hooks.calls(path),
      (calls) => calls.length > 0,
      'the call',
    )
    if (call === undefined) throw new Error('there is no call')
    expectField({ ...made, json: call.json }, ['type'], 'test')
    const secret = stringAt(made.json, 'secret')
    expectEqual(signedBy(call, secret), true, 'the signature')
    expectEqual(signedBy({ ...call, body: `${call.body} ` }, secret), false, 'the signature of a forged body')
    const age = Date.now() / 1000 - Number(call.headers['webhook-timestamp'])
    if (!(Math.abs(age) < 60)) throw new Error(`the timestamp is ${age} seconds old`)
  })
  await own('a share is posted once to the consumer, and to nobody else', async () => {
    const [mine, others] = [`/${unique()}`, `/${unique()}`]
    const made = expectStatus(await hooked(scene, consumer, hooks.url + mine, { kinds: ['share.created'] }), 201)
    expectStatus(await hooked(scene, other, hooks.url + others), 201)
    const image = await images.active({ name: 'told' })
    await images.share(image, consumer)
    const calls = await eventually(
      async () => hooks.calls(mine),
      (all) => all.length > 0,
      'the call',
    )
    expectDocument({ ...made, json: calls[0]?.json }, NoticeSchema)
    const notice = calls[0]?.json
    expectEqual(at(notice, 'type'), 'share.created', 'type')
    const { image_id, image_name, project_id, owner_id } = objectAt(notice, 'data')
    expectEqual(
      [image_id, image_name, project_id, owner_id],
      [image, 'told', consumer.projectId, owner.projectId],
      'the notice',
    )
    const found = await delivered(consumer, hooks.url + mine, 'sent')
    expectEqual(found.length, 1, 'the deliveries')
    await sleep(500)
    expectEqual(hooks.calls(mine).length, 1, 'the calls')
    expectEqual(hooks.calls(others).length, 0, 'the calls of another project')
  })
  await own('notices of one image come in order', async () => {
    const path = `/${unique()}`
    expectStatus(await hooked(scene, owner, hooks.url + path, { kinds: ['share.answered'] }), 201)
    const image = await images.active()
    await images.share(image, consumer)
    const answers = ['accepted', 'rejected', 'accepted', 'rejected']
    for (const status of answers)
      expectStatus(await consumer.api.put(`/v2/images/${image}/members/${consumer.projectId}`, { status }), 200)
    const calls = await eventually(
      async () => hooks.calls(path),
      (all) => all.length >= 4,
      'four calls',
    )
    expectEqual(
      calls.map(({ json }) => at(json, 'data', 'detail', 'to')),
      answers,
      'the order',
    )
    expectEqual(new Set(calls.map(({ headers }) => headers['webhook-id'])).size, 4, 'the ids')
  })
  await own('a redirect is not followed, and its delivery shows that it failed', async () => {
    const [path, trap] = [`/${unique()}`, `/${unique()}`]
    hooks.answer(path, 302, { location: hooks.url + trap })
    const made = expectStatus(await hooked(scene, consumer, hooks.url + path), 201)
    expectStatus(await consumer.api.post(`${webhooks}/${stringAt(made.json, 'id')}/test`), 202)
    await eventually(
      async () => hooks.calls(path),
      (calls) => calls.length > 0,
      'the call',
    )
    const found = await eventually(
      async () => (await deliveries(consumer)).filter((item) => at(item, 'target') === hooks.url + path),
      (items) => typeof at(items[0], 'last_error') === 'string',
      'the error of the delivery',
    )
    expectEqual(hooks.calls(trap).length, 0, 'the calls of the target of the redirect')
    expectEqual(at(found[0], 'state') === 'sent', false, 'it is sent')
  })
  await own('410 turns a webhook off', async () => {
    const path = `/${unique()}`
    hooks.answer(path, 410)
    const made = expectStatus(await hooked(scene, consumer, hooks.url + path), 201)
    const id = stringAt(made.json, 'id')
    expectStatus(await consumer.api.post(`${webhooks}/${id}/test`), 202)
    await eventually(
      async () => listAt((await consumer.api.get(webhooks)).json, 'webhooks').find((item) => at(item, 'id') === id),
      (item) => at(item, 'enabled') === false,
      'the webhook is off',
    )
  })
  await own('replay posts again what happened, under the ids that it had', async () => {
    const path = `/${unique()}`
    const since = new Date(Date.now() - 1000).toISOString().replace(/\.\d+Z/, 'Z')
    const made = expectStatus(await hooked(scene, consumer, hooks.url + path, { kinds: ['share.created'] }), 201)
    const image = await images.active()
    await images.share(image, consumer)
    const ofImage = () => hooks.calls(path).filter(({ json }) => at(json, 'data', 'image_id') === image)
    await eventually(
      async () => ofImage(),
      (calls) => calls.length === 1,
      'the first call',
    )
    await delivered(consumer, hooks.url + path, 'sent')
    expectStatus(await consumer.api.post(`${webhooks}/${stringAt(made.json, 'id')}/replay`, { since }), 202)
    const calls = await eventually(
      async () => ofImage(),
      (all) => all.length === 2,
      'the second call',
    )
    expectEqual(calls[0]?.headers['webhook-id'], calls[1]?.headers['webhook-id'], 'webhook-id')
  })
  await own("deliveries are one's own, and can be sent again", async () => {
    const path = `/${unique()}`
    const made = expectStatus(await hooked(scene, consumer, hooks.url + path), 201)
    expectStatus(await consumer.api.post(`${webhooks}/${stringAt(made.json, 'id')}/test`), 202)
    const [item] = await delivered(consumer, hooks.url + path, 'sent')
    expectDocument(expectStatus(await consumer.api.get('/v2/deliveries'), 200), DeliveriesSchema)
    const id = stringAt(item, 'id')
    expectEqual(
      (await deliveries(other)).some((delivery) => at(delivery, 'id') === id),
      false,
      'another sees it',
    )
    expectRefusal(await other.api.post(`/v2/deliveries/${id}/resend`), 404)
    expectStatus(await consumer.api.post(`/v2/deliveries/${id}/resend`), 202)
    await eventually(
      async () => hooks.calls(path),
      (calls) => calls.length === 2,
      'the call again',
    )
    const failed = await deliveries(consumer, '?state=failed')
    expectEqual(
      failed.every((delivery) => at(delivery, 'state') === 'failed'),
      true,
      'state=failed',
    )
    for (const query of ['state=lost', 'limit=-1', 'marker=nobody'])
      expectRefusal(await consumer.api.get(`/v2/deliveries?${query}`), 400)
  })
}

export const webhookCalls: Group = {
  name: 'webhooks and deliveries',
  own: true,
  async run(scene) {
    await runWebhooks(scene)
    const { hooks } = scene.receivers
    if (hooks) await runHookCalls(scene, hooks)
    else await scene.skip('webhooks are called', 'no webhooks are received; see --webhooks')
  },
}
