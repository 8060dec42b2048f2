import { NoticeAddressesSchema, NoticeAddressSchema } from '@vitrine/contract'
import { defaultNoticeKinds } from '@vitrine/contract/words'
import type { Actor } from '../../actors.ts'
import { expectDocument } from '../../document.ts'
import { expectEqual, expectField, expectMatch, expectStatus, header } from '../../expect.ts'
import { change, expectPrivate, expectRefusal, expectWellFormed, pathOf, unique } from '../../extensions.ts'
import { at, type Json, listAt, objectAt, stringAt } from '../../json.ts'
import { eventually, type Group, type Scene } from '../../suite.ts'

export const addresses = '/v2/notice-addresses'

/** Adds a mailbox that goes with the group; the answer is that of the call. */
export const added = async (scene: Scene, actor: Actor, email: string, more: { [key: string]: Json } = {}) => {
  const answer = await actor.api.post(addresses, { email, ...more })
  if (answer.status < 300) {
    const id = stringAt(answer.json, 'id')
    scene.afterwards(() => actor.api.delete(`${addresses}/${id}`))
  }
  return answer
}

const runAddresses = async (scene: Scene) => {
  const { actors, own } = scene
  const { consumer, consumerReader, other } = actors
  await own('a mailbox is added unconfirmed, with the usual notices, changed and removed', async () => {
    const email = `${unique()}@example.org`
    const made = expectDocument(expectStatus(await added(scene, consumer, email), 201), NoticeAddressSchema)
    const { email: kept, state, kinds, mode } = objectAt(made.json)
    expectEqual([kept, state, mode], [email, 'unconfirmed', 'instant'], 'the address')
    expectEqual(kinds, [...defaultNoticeKinds], 'the kinds')
    const path = `${addresses}/${stringAt(made.json, 'id')}`
    const list = expectDocument(expectStatus(await consumerReader.api.get(addresses), 200), NoticeAddressesSchema)
    expectEqual(
      listAt(list.json, 'addresses').some((item) => at(item, 'email') === email),
      true,
      'it is listed',
    )
    const changed = await change(consumer.api, path, { kinds: ['share.created'], mode: 'daily' })
    expectDocument(expectStatus(changed, 200), NoticeAddressSchema)
    expectField(changed, ['kinds'], ['share.created'])
    expectField(changed, ['mode'], 'daily')
    expectField(changed, ['state'], 'unconfirmed')
    expectRefusal(await added(scene, consumer, email), 429)
    expectRefusal(await change(other.api, path, { mode: 'daily' }), 404)
    expectRefusal(await other.api.delete(path), 404)
    expectStatus(await consumer.api.delete(path), 204)
    expectRefusal(await consumer.api.delete(path), 404)
  })
  const refused: [what: string, body: Json][] = [
    ['nothing', {}],
    ['an array', []],
    ['a header in the mailbox', { email: 'a@example.org\r\nBcc: b@example.org' }],
    ['a display name', { email: 'A <a@example.org>' }],
    ['two mailboxes', { email: 'a@example.org, b@example.org' }],
    ['an unknown kind', { email: 'a@example.org', kinds: ['image.create'] }],
    ['a kind twice', { email: 'a@example.org', kinds: ['share.created', 'share.created'] }],
    ['an unknown mode', { email: 'a@example.org', mode: 'weekly' }],
    ['a state of its own', { email: 'a@example.org', state: 'confirmed' }],
  ]
  for (const [what, body] of refused)
    await own(`an address with ${what} is 400`, async () => {
      expectRefusal(await consumer.api.post(addresses, body), 400)
    })
}

const runFeeds = async (scene: Scene) => {
  const { actors, images, own } = scene
  // The former address of a project ends: it must be a project of this run.
  const { other: consumer, consumerReader, nobody } = actors
  scene.afterwards(() => consumer.api.delete('/v2/feeds'))
  const made = async () => pathOf(scene, stringAt(expectStatus(await consumer.api.post('/v2/feeds'), 201).json, 'url'))
  await own('the feed of a project is read by whoever has its address, and kept by nobody', async () => {
    const path = await made()
    expectMatch(path, /\/catalogue\/feeds\/[\w-]{40,}\.atom$/, 'the address')
    const image = await images.active({ name: 'in <the> feed & more' })
    await images.share(image, consumer)
    const answer = await eventually(
      async () => expectStatus(await nobody.get(path), 200),
      ({ text }) => text.includes(image),
      'the share in the feed',
    )
    expectMatch(header(answer, 'content-type'), /^application\/atom\+xml/, 'Content-Type')
    expectPrivate(answer)
    if (!expectWellFormed(answer).includes('entry')) throw new Error('the feed has no entry')
  })
  await own('a new address ends the former one, and DELETE ends it at all', async () => {
    const first = await made()
    const second = await made()
    expectStatus(await nobody.get(first), 404)
    expectStatus(await nobody.get(second), 200)
    expectStatus(await consumer.api.delete('/v2/feeds'), 204)
    expectStatus(await nobody.get(second), 404)
    expectStatus(await nobody.get(second.replace(/\/[\w-]+\.atom/, `/${'a'.repeat(43)}.atom`)), 404)
  })
  await own('a reader makes no address', async () => {
    expectRefusal(await consumerReader.api.post('/v2/feeds'), 403)
  })
}

export const noticeAddresses: Group = {
  name: 'addresses and feeds of notices',
  own: true,
  async run(scene) {
    const probe = await added(scene, scene.actors.other, `${unique()}@example.org`)
    if (probe.status === 503) await scene.skip('mailboxes are added', 'the service sends no mail')
    else await runAddresses(scene)
    await runFeeds(scene)
  },
}
