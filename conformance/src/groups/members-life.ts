import { memberStatuses } from '@vitrine/contract/words'
import { expectEqual, expectField, expectMatch, expectMembers, expectStatus, header, timeForm } from '../expect.ts'
import { at, listAt, objectAt, stringAt } from '../json.ts'
import { type Group, type Scene, sleep } from '../suite.ts'
import { unknownProject } from './members-matrix.ts'

// Times are told in whole seconds: a change is seen only after the second has passed.
const nextSecond = () => sleep(1100)

const runDocuments = async (scene: Scene) => {
  const { actors, images, check, own } = scene
  const { owner, consumer } = actors
  const image = await images.queued()
  const path = `/v2/images/${image}/members`
  const created = await owner.api.post(path, { member: consumer.projectId })
  await check('POST answers 200 with the whole membership and no Location', () => {
    expectStatus(created, 200)
    const { created_at: createdAt, updated_at: updatedAt, ...rest } = objectAt(created.json)
    expectEqual(
      rest,
      { member_id: consumer.projectId, image_id: image, status: 'pending', schema: '/v2/schemas/member' },
      'the membership without its times',
    )
    expectMatch(String(createdAt), timeForm, 'created_at')
    expectEqual(updatedAt, createdAt, 'updated_at of a new membership')
    expectEqual(header(created, 'location'), undefined, 'Location')
    expectMatch(header(created, 'content-type'), /^application\/json/, 'Content-Type')
  })
  await check('GET of one member is what POST answered', async () => {
    const answer = await consumer.api.get(`${path}/${consumer.projectId}`)
    expectEqual(answer.json, created.json, 'the membership')
  })
  await check('the list is members and schema, without pages', async () => {
    const answer = await owner.api.get(path)
    expectEqual(answer.json, { members: [objectAt(created.json)], schema: '/v2/schemas/members' }, 'the list')
  })
  await nextSecond()
  await check('a change of status moves updated_at and keeps created_at', async () => {
    const answer = await consumer.api.put(`${path}/${consumer.projectId}`, { status: 'accepted' })
    expectField(expectStatus(answer, 200), ['created_at'], at(created.json, 'created_at'))
    if (stringAt(answer.json, 'updated_at') <= stringAt(created.json, 'updated_at'))
      throw new Error(`updated_at is still ${stringAt(answer.json, 'updated_at')}`)
  })
  const before = await owner.api.get(`${path}/${consumer.projectId}`)
  await nextSecond()
  await check('the present status once more moves nothing', async () => {
    const answer = await consumer.api.put(`${path}/${consumer.projectId}`, { status: 'accepted' })
    expectEqual(expectStatus(answer, 200).json, before.json, 'the membership')
  })
  await own('the list is ordered by creation', async () => {
    const later = [unknownProject(), unknownProject()]
    for (const member of later) expectStatus(await owner.api.post(path, { member }), 200)
    const rows = listAt((await owner.api.get(path)).json, 'members')
    const times = rows.map((row) => stringAt(row, 'created_at'))
    expectEqual(times, [...times].sort(), 'created_at in the order of the list')
    expectEqual(at(rows[0], 'member_id'), consumer.projectId, 'the first member')
  })
  await check('sharing moves no updated_at of the image', async () => {
    const document = await images.read(image)
    expectEqual(document.updated_at, document.created_at, 'updated_at of the image')
  })
  await check('a membership that was removed starts anew as pending', async () => {
    expectStatus(await owner.api.delete(`${path}/${consumer.projectId}`), 204)
    const again = await owner.api.post(path, { member: consumer.projectId })
    expectField(expectStatus(again, 200), ['status'], 'pending')
  })
  await own('and with a new created_at', async () => {
    const again = await owner.api.get(`${path}/${consumer.projectId}`)
    if (stringAt(again.json, 'created_at') <= stringAt(created.json, 'created_at'))
      throw new Error(`created_at is still ${stringAt(again.json, 'created_at')}`)
    expectEqual(at(again.json, 'updated_at'), at(again.json, 'created_at'), 'updated_at')
  })
}

/** There is no last word: every status can follow every other. */
const runTransitions = async (scene: Scene) => {
  const { actors, images, check } = scene
  for (const actor of [actors.consumer, actors.admin]) {
    const image = await images.queued()
    const path = `/v2/images/${image}/members/${actors.consumer.projectId}`
    await images.share(image, actors.consumer)
    for (const from of memberStatuses)
      for (const to of memberStatuses)
        await check(`${actor.name} sets ${from}, then ${to}`, async () => {
          expectStatus(await actor.api.put(path, { status: from }), 200)
          expectField(expectStatus(await actor.api.put(path, { status: to }), 200), ['status'], to)
          expectField(await actors.owner.api.get(path), ['status'], to)
        })
  }
}

const runOwnProject = async (scene: Scene) => {
  const { actors, images, check } = scene
  const { owner } = actors
  const path = `/v2/images/${await images.queued()}/members`
  const self = `${path}/${owner.projectId}`
  await check('the owner may share with its own project, pending', async () => {
    expectField(expectStatus(await owner.api.post(path, { member: owner.projectId }), 200), ['status'], 'pending')
  })
  await check('but cannot answer for it, because it is the owner', async () => {
    expectStatus(await owner.api.put(self, { status: 'accepted' }), 403)
  })
  await check('and can remove it', async () => {
    expectStatus(await owner.api.delete(self), 204)
  })
  await check('a consumer cannot add itself to an image that it cannot see', async () => {
    expectStatus(await actors.stranger.api.post(path, { member: actors.stranger.projectId }), 404)
  })
}

const memberLimit = 128

const runQuota = async (scene: Scene) => {
  const { actors, images, check, own } = scene
  const { owner, consumer } = actors
  const path = `/v2/images/${await images.queued()}/members`
  const add = (member: string) => owner.api.post(path, { member })
  expectStatus(await add(consumer.projectId), 200)
  await check(`an image takes ${memberLimit} members`, async () => {
    for (let count = 1; count < memberLimit - 1; count++) expectStatus(await add(`quota-${count}`), 200)
  })
  await own('parallel requests for the last place: one gets it, the others 413', async () => {
    const answers = await Promise.all([1, 2, 3, 4].map((number) => add(`last-${number}`)))
    expectEqual(answers.map(({ status }) => status).sort(), [200, 413, 413, 413], 'the answers')
  })
  // Takes the last place where the race above was left out.
  await add('filler')
  await check(`member ${memberLimit + 1} is refused with 413`, async () => {
    expectStatus(await add('one-too-many'), 413)
  })
  await check('on a full image a duplicate is 413 as well, not 409', async () => {
    expectStatus(await add(consumer.projectId), 413)
  })
  await check('a body that is wrong is 400 also on a full image', async () => {
    expectStatus(await owner.api.post(path, {}), 400)
  })
  await check('a removed member makes room', async () => {
    expectStatus(await owner.api.delete(`${path}/${consumer.projectId}`), 204)
    expectStatus(await add('one-too-many'), 200)
    expectStatus(await add(consumer.projectId), 413)
  })
  await check('the list shows them all at once', async () => {
    expectEqual(listAt((await owner.api.get(path)).json, 'members').length, memberLimit, 'the number of members')
  })
}

const runEnd = async (scene: Scene) => {
  const { actors, images, check } = scene
  const { owner, consumer, other } = actors
  const image = await images.active()
  const path = `/v2/images/${image}/members`
  await images.share(image, consumer, 'accepted')
  await images.share(image, other)
  await check('removing a member takes its access at once', async () => {
    expectStatus(await consumer.api.get(`/v2/images/${image}/file`), 200)
    expectStatus(await owner.api.delete(`${path}/${consumer.projectId}`), 204)
    expectStatus(await consumer.api.get(`/v2/images/${image}`), 404)
    expectStatus(await consumer.api.get(`/v2/images/${image}/file`), 404)
    expectStatus(await consumer.api.get(path), 404)
    expectMembers(await owner.api.get(path), [other.projectId])
  })
  await check('removing it again is 404', async () => {
    expectStatus(await owner.api.delete(`${path}/${consumer.projectId}`), 404)
  })
  await check('the answer to DELETE is empty', async () => {
    const answer = expectStatus(await owner.api.delete(`${path}/${other.projectId}`), 204)
    expectEqual(answer.bytes.length, 0, 'the length of the body')
  })
  await check('deleting the image takes the access of its members', async () => {
    await images.share(image, consumer, 'accepted')
    expectStatus(await owner.api.delete(`/v2/images/${image}`), 204)
    expectStatus(await consumer.api.get(`/v2/images/${image}`), 404)
    expectStatus(await consumer.api.get(`${path}/${consumer.projectId}`), 404)
    expectStatus(await consumer.api.put(`${path}/${consumer.projectId}`, { status: 'rejected' }), 404)
  })
}

export const membersLife: Group = {
  name: 'life of a membership',
  async run(scene) {
    await runDocuments(scene)
    await runTransitions(scene)
    await runOwnProject(scene)
    await runQuota(scene)
    await runEnd(scene)
  },
}
