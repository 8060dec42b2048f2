import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InboxAnswers, InboxItem } from '@vitrine/contract'
import { MemberStatus } from '@vitrine/contract/words'
import { imageDocument, imageId, memberDocument, scripted } from '../test/fake-fetch.ts'
import { asJson, canBootDocument, membershipDocument } from '../test/sharing-documents.ts'
import { UnexpectedResponseError } from './errors.ts'
import { type JsonValue, parseJson } from './json.ts'

const membership = asJson(membershipDocument({ key_state: 'missing' }))
const { can_boot, reasons } = canBootDocument()
const share: JsonValue = { kind: 'share', image: imageDocument(), membership, can_boot: asJson({ can_boot, reasons }) }
const invitation: Extract<InboxItem, { kind: 'invitation' }> = {
  kind: 'invitation',
  invitation: {
    id: 'i1',
    image: { name: 'debian-13', size: 10, disk_format: 'raw', os_hash_algo: null, os_hash_value: null },
    shared_by: 'producer',
    producer: null,
    shared_at: '2026-03-01T00:00:00Z',
    message: null,
    ends_at: null,
    expires_at: '2026-03-15T00:00:00Z',
  },
}

test('the inbox holds shares and invitations, page by page', async () => {
  const { images, requests } = scripted(
    {},
    { json: { items: [asJson(invitation), share], first: '/v2/inbox', next: '/v2/inbox?status=all&marker=M' } },
    { json: { items: [{ kind: 'share', image: imageDocument(), membership }], first: '/v2/inbox' } },
  )
  const items = await images.listInbox({ status: 'all' }, { pageSize: 2 }).toArray()
  assert.deepEqual(
    requests.map(({ path }) => path),
    ['/v2/inbox?status=all&limit=2', '/v2/inbox?status=all&marker=M'],
  )
  const [first, second, third] = items
  assert.ok(first?.kind === 'invitation' && second?.kind === 'share' && third?.kind === 'share')
  assert.deepEqual([first.invitation.image.name, first.invitation.producer], ['debian-13', null])
  assert.deepEqual(first.invitation.expiresAt, new Date('2026-03-15T00:00:00Z'))
  assert.deepEqual(
    [second.image.name, second.membership.status, second.membership.keyState],
    ['debian-13', 'pending', 'missing'],
  )
  assert.deepEqual([second.canBoot?.canBoot, second.canBoot?.reasons[1]?.rule], [false, 'key'])
  assert.equal(third.canBoot, null, 'a service that does not tell')
})

test('an image of the inbox can be answered', async () => {
  const { images, requests } = scripted(
    {},
    { json: { items: [share] } },
    { json: memberDocument({ status: 'accepted' }) },
  )
  const item = await images.listInbox().getElement(0)
  assert.ok(item?.kind === 'share')
  assert.equal((await item.image.updateMember('consumer', MemberStatus.ACCEPTED)).status, 'accepted')
  assert.equal(requests[1]?.path, `/v2/images/${imageId}/members/consumer`)
})

test('what is neither share nor invitation is not passed over', async () => {
  for (const item of [
    { kind: 'parcel' },
    { kind: 'share', image: imageDocument() },
    { ...share, can_boot: 'no' },
    'share',
    null,
  ]) {
    const { images } = scripted({}, { json: { items: [item] } })
    await assert.rejects(images.listInbox().toArray(), UnexpectedResponseError)
  }
})

test('many are answered at once', async () => {
  const answers: InboxAnswers = {
    results: [
      { image_id: imageId, invitation_id: null, result: 'blocked', error: null },
      { image_id: null, invitation_id: 'i1', result: 'failed', error: 'It has expired.' },
    ],
    blocked: ['producer'],
    more: false,
  }
  const { images, requests } = scripted({}, { json: asJson(answers) })
  const outcome = await images.answerInbox('block', { images: [imageId], invitations: ['i1'] })
  assert.deepEqual(outcome, {
    results: [
      { imageId, invitationId: null, result: 'blocked', error: null },
      { imageId: null, invitationId: 'i1', result: 'failed', error: 'It has expired.' },
    ],
    blocked: ['producer'],
    more: false,
  })
  await images.answerInbox('accepted')
  assert.deepEqual(
    requests.map(({ method, path, body }) => [method, path, parseJson(body)]),
    [
      ['POST', '/v2/inbox/answers', { answer: 'block', images: [imageId], invitations: ['i1'] }],
      ['POST', '/v2/inbox/answers', { answer: 'accepted' }],
    ],
  )
})
