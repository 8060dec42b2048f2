import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageId, scripted } from '../test/fake-fetch.ts'
import { addressDocument, asJson, deliveryDocument, webhookDocument } from '../test/sharing-documents.ts'
import { BadRequestError } from './errors.ts'
import { parseJson } from './json.ts'

type Cloud = ReturnType<typeof scripted>
const calls = ({ requests }: Cloud) =>
  requests.map(({ method, path, body }) => [method, path, body === '' ? '' : parseJson(body)])

test('mailboxes are added, changed and removed', async () => {
  const cloud = scripted(
    {},
    { status: 201, json: asJson(addressDocument()) },
    { json: { addresses: [asJson(addressDocument({ state: 'confirmed' }))] } },
    { json: asJson(addressDocument({ mode: 'daily', kinds: [] })) },
    { status: 204 },
  )
  const added = await cloud.images.addNoticeAddress({ email: 'ops@example.org', kinds: ['share.created'] })
  assert.equal(added.state, 'unconfirmed')
  const [address] = await cloud.images.listNoticeAddresses().toArray()
  assert.ok(address)
  assert.deepEqual([address.state, address.kinds, address.mode], ['confirmed', ['share.created'], 'instant'])
  assert.equal(await address.update({ mode: 'daily', kinds: [] }), address)
  assert.deepEqual([address.mode, address.kinds], ['daily', []])
  await address.delete()
  assert.deepEqual(calls(cloud), [
    ['POST', '/v2/notice-addresses', { email: 'ops@example.org', kinds: ['share.created'] }],
    ['GET', '/v2/notice-addresses', ''],
    ['PATCH', '/v2/notice-addresses/a1', { mode: 'daily', kinds: [] }],
    ['DELETE', '/v2/notice-addresses/a1', ''],
  ])
})

test('a webhook tells its secret once, and keeps it through changes', async () => {
  const cloud = scripted(
    {},
    { status: 201, json: asJson(webhookDocument({ secret: 'whsec_abc' })) },
    { json: asJson(webhookDocument({ enabled: false, failing_since: '2026-03-01T00:00:00Z' })) },
    { status: 202, json: asJson(deliveryDocument({ kind: 'webhook', notice: 'test', state: 'waiting' })) },
    { status: 202, json: { queued: 3 } },
    { status: 204 },
    { json: asJson(webhookDocument()) },
    { json: { webhooks: [asJson(webhookDocument())] } },
  )
  const webhook = await cloud.images.createWebhook({ url: 'https://hooks.example.org/vitrine' })
  assert.equal(webhook.secret, 'whsec_abc')
  await webhook.update({ enabled: false })
  assert.deepEqual(
    [webhook.enabled, webhook.failingSince, webhook.secret],
    [false, new Date('2026-03-01'), 'whsec_abc'],
  )
  assert.deepEqual((await webhook.test()).notice, 'test')
  assert.equal(await webhook.replay(new Date('2026-03-01T00:00:00Z')), 3)
  await webhook.delete()
  assert.equal((await cloud.images.getWebhook('w1')).secret, undefined)
  const [listed] = await cloud.images.listWebhooks().toArray()
  assert.deepEqual([listed?.url, listed?.secret], ['https://hooks.example.org/vitrine', undefined])
  assert.deepEqual(calls(cloud), [
    ['POST', '/v2/webhooks', { url: 'https://hooks.example.org/vitrine' }],
    ['PATCH', '/v2/webhooks/w1', { enabled: false }],
    ['POST', '/v2/webhooks/w1/test', ''],
    ['POST', '/v2/webhooks/w1/replay', { since: '2026-03-01T00:00:00.000Z' }],
    ['DELETE', '/v2/webhooks/w1', ''],
    ['GET', '/v2/webhooks/w1', ''],
    ['GET', '/v2/webhooks', ''],
  ])
})

test('an address that the service may not call is refused', async () => {
  const { images } = scripted({}, { status: 400 })
  await assert.rejects(images.createWebhook({ url: 'http://169.254.169.254/' }), BadRequestError)
})

test('what failed is found and sent again', async () => {
  const cloud = scripted(
    {},
    { json: { deliveries: [asJson(deliveryDocument())], first: '/v2/deliveries' } },
    { json: asJson(deliveryDocument({ state: 'waiting', finished_at: null, next_at: '2026-03-05T00:00:00Z' })) },
  )
  const delivery = await cloud.images.listDeliveries({ state: 'failed' }).getElement(0)
  assert.ok(delivery)
  assert.deepEqual([delivery.attempts, delivery.lastError, delivery.imageId], [9, '550 no such mailbox', imageId])
  await delivery.resend()
  assert.deepEqual([delivery.state, delivery.nextAt], ['waiting', new Date('2026-03-05T00:00:00Z')])
  assert.deepEqual(calls(cloud), [
    ['GET', '/v2/deliveries?state=failed', ''],
    ['POST', '/v2/deliveries/d1/resend', ''],
  ])
})

test('the feed has an address, until it is ended', async () => {
  const cloud = scripted(
    {},
    { status: 201, json: { url: 'https://x.example.org/catalogue/feeds/S.atom' } },
    { status: 204 },
  )
  assert.equal(await cloud.images.createFeed(), 'https://x.example.org/catalogue/feeds/S.atom')
  await cloud.images.deleteFeed()
  assert.deepEqual(calls(cloud), [
    ['POST', '/v2/feeds', ''],
    ['DELETE', '/v2/feeds', ''],
  ])
})
