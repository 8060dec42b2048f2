import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemberStatus } from '@vitrine/contract/words'
import { imageDocument, imageId, memberDocument, scripted } from '../test/fake-fetch.ts'
import { ForbiddenError, InvalidArgumentError, NotFoundError, UnexpectedResponseError } from './errors.ts'

const shared = async (...script: Parameters<typeof scripted>[1][]) => {
  const cloud = scripted({}, { json: imageDocument() }, { json: memberDocument() }, ...script)
  const image = await cloud.images.getImage(imageId)
  const member = await image.getMember('edc89b490d7d4392898e19b2deb34797')
  return { image, member, requests: cloud.requests }
}

const path = `/v2/images/${imageId}/members/edc89b490d7d4392898e19b2deb34797`

test('a member has its ids, status and dates', async () => {
  const { member } = await shared()
  assert.equal(member.id, 'edc89b490d7d4392898e19b2deb34797')
  assert.equal(member.memberId, member.id)
  assert.equal(member.imageId, imageId)
  assert.equal(member.status, MemberStatus.PENDING)
  assert.deepEqual(member.createdAt, new Date('2016-09-01T02:05:14Z'))
  assert.deepEqual(member.updatedAt, member.createdAt)
  assert.equal(member.schema, '/v2/schemas/member')
  assert.deepEqual(JSON.parse(JSON.stringify(member)), memberDocument())
})

test('the consumer answers', async () => {
  const answer = memberDocument({ status: 'accepted', updated_at: '2016-09-02T00:00:00Z' })
  const { member, requests } = await shared({ json: answer })
  assert.equal(await member.updateStatus(MemberStatus.ACCEPTED), member)
  assert.deepEqual([requests[2]?.method, requests[2]?.path, requests[2]?.body], ['PUT', path, '{"status":"accepted"}'])
  assert.equal(member.status, 'accepted')
  assert.deepEqual(member.updatedAt, new Date('2016-09-02T00:00:00Z'))
})

test('updateMember answers in one call', async () => {
  const { image, requests } = await shared({ json: memberDocument({ status: 'rejected' }) })
  const member = await image.updateMember('edc89b490d7d4392898e19b2deb34797', MemberStatus.REJECTED)
  assert.equal(member.status, 'rejected')
  assert.equal(requests.length, 3)
})

test('a word that is no status is refused before any request', async () => {
  const { member, image, requests } = await shared()
  for (const status of ['ACCEPTED', 'maybe', '', null, 5, ['accepted']]) {
    // @ts-expect-error: callers in JavaScript
    await assert.rejects(member.updateStatus(status), InvalidArgumentError)
    // @ts-expect-error: callers in JavaScript
    await assert.rejects(image.updateMember('p', status), InvalidArgumentError)
  }
  assert.equal(requests.length, 2)
})

test('refusals have their classes', async () => {
  const forbidden = await shared({ status: 403 })
  await assert.rejects(forbidden.member.updateStatus('accepted'), ForbiddenError)
  assert.equal(forbidden.member.status, 'pending')
  const gone = await shared({ status: 404 })
  await assert.rejects(gone.member.updateStatus('accepted'), NotFoundError)
})

test('the owner ends the share', async () => {
  const { member, requests } = await shared({ status: 204 })
  await member.delete()
  assert.deepEqual([requests[2]?.method, requests[2]?.path, requests[2]?.body], ['DELETE', path, ''])
})

test('what is no member is not taken for one', async () => {
  for (const changes of [{ member_id: null }, { status: 'ACCEPTED' }, { created_at: 'x' }, { image_id: 5 }]) {
    const { images } = scripted({}, { json: imageDocument() }, { json: memberDocument(changes) })
    const image = await images.getImage(imageId)
    await assert.rejects(image.getMember('p'), UnexpectedResponseError)
  }
})

test('a numeric id is taken as text', async () => {
  const { images } = scripted({}, { json: imageDocument() }, { json: memberDocument({ member_id: 12345 }) })
  assert.equal((await (await images.getImage(imageId)).createMember(12345)).memberId, '12345')
})
